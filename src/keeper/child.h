/* The processes of a launch, between clone and exec.
 *
 * The *preparer* is a plain clone of the keeper: host root in the host's namespaces. It opens what the host has (layers, binds,
 * volumes), mounts the overlay, makes /dev, joins what is shared, enters the container's user namespace and clones the
 * *payload* process as its sibling: a child of the keeper, born in the container's new namespaces, which builds the root
 * with the container's privileges and becomes the command. A layer on a hanging file system hangs one preparer, nobody else.
 *
 * Rules for every function here: no malloc, no stdio, no lock; every string was ready before the clone; return 0 or -errno,
 * with child->detail for what errno does not tell. child_run() reports the first failure in one write and exits.
 */
#pragma once

#include <ctrsup/kernel/exec.h>
#include <ctrsup/keeper/protocol.h>
#include <ctrsup/keeper/recipe.h>

#include <stdbool.h>
#include <sys/types.h>

enum { CHILD_GROUPS_MAX = 64 };

enum child_place { PLACE_KEEPER, PLACE_HOST, PLACE_OWN, PLACE_ELSEWHERE };

struct child_stream {
        int fd;
        bool own;
};

struct child {
        const struct recipe_view *recipe;
        const int *fds;               /* as the recipe numbers them */
        int host_mounts, own_mounts;  /* mount namespaces: the host's, the keeper's small one */
        int init;                     /* ctrsup-init in a sealed memfd */
        int report;                   /* write end */
        uint32_t stage, op, detail;   /* where it is, for the report */

        /* the preparer's */
        enum child_place place;       /* the mount namespace it is in */

        /* the payload's */
        int root;                     /* O_PATH of what is or becomes / */
        int dev, null;                /* the container's /dev, and its null once one was needed: source of masks */
        int mask;                     /* an empty read-only directory, once one was needed */
        struct child_stream stream[3];
        const char *groups[CHILD_GROUPS_MAX];
        size_t n_groups;
        const void *filter;           /* mapped; NULL: none */
        size_t filter_size;
        uint32_t filter_op;           /* to blame when the kernel does not want it */

        int slot[RECIPE_SLOTS_MAX];   /* mounts; those not filled are not looked at */
};

/* The preparer's whole life. Needs recipe, fds, host_mounts, own_mounts, init and report. */
_Noreturn void child_run(struct child *c);

/* One operation each; the tables in child.c name them. */
int prepare_cgroup(struct child *c, const struct recipe_op *op);
int prepare_oom_score(struct child *c, const struct recipe_op *op);
int prepare_layer(struct child *c, const struct recipe_op *op);
int prepare_upper(struct child *c, const struct recipe_op *op);
int prepare_bind(struct child *c, const struct recipe_op *op);
int prepare_peer_shm(struct child *c, const struct recipe_op *op);
int prepare_overlay(struct child *c, const struct recipe_op *op);
int prepare_dev(struct child *c, const struct recipe_op *op);
int prepare_device(struct child *c, const struct recipe_op *op);
int prepare_join(struct child *c, const struct recipe_op *op);
int prepare_time(struct child *c, const struct recipe_op *op);
int prepare_user(struct child *c, const struct recipe_op *op);
int prepare_stream(struct child *c, const struct recipe_op *op);
int prepare_mount(struct child *c, const struct recipe_op *op);
int prepare_spawn(struct child *c, const struct recipe_op *op); /* returns twice: 1 in the payload */
int prepare_rlimit(struct child *c, const struct recipe_op *op);
int payload_rlimit(struct child *c, const struct recipe_op *op);
int payload_mount(struct child *c, const struct recipe_op *op);
int payload_root(struct child *c, const struct recipe_op *op);
int payload_seed(struct child *c, const struct recipe_op *op);
int payload_attach(struct child *c, const struct recipe_op *op);
int payload_readonly(struct child *c, const struct recipe_op *op);
int payload_mask(struct child *c, const struct recipe_op *op);
int payload_seal(struct child *c, const struct recipe_op *op);
int payload_pivot(struct child *c, const struct recipe_op *op);
int payload_hostname(struct child *c, const struct recipe_op *op);
int payload_domainname(struct child *c, const struct recipe_op *op);
int payload_loopback(struct child *c, const struct recipe_op *op);
int payload_sysctl(struct child *c, const struct recipe_op *op);
int payload_session(struct child *c, const struct recipe_op *op);
int payload_pty(struct child *c, const struct recipe_op *op);
int payload_stream(struct child *c, const struct recipe_op *op);
int payload_group(struct child *c, const struct recipe_op *op);
int payload_seccomp(struct child *c, const struct recipe_op *op);
int payload_identity(struct child *c, const struct recipe_op *op);
int payload_umask(struct child *c, const struct recipe_op *op);
int payload_chdir(struct child *c, const struct recipe_op *op);
int payload_command(struct child *c, const struct recipe_op *op);

/* Shared by the two. */
int child_arm(void); /* die with the keeper, nobody reads our memory; again after every change of ids. Ends with execve */
int child_report(const struct child *c, enum exec_report_kind kind, int32_t pid, uint32_t error);
int child_enter(struct child *c, enum child_place place);      /* the preparer's mount namespace */
int child_mount(const struct recipe_op *op, const char *uid, const char *gid);
uint64_t child_mount_attr(const struct recipe_op *op);          /* the flags as MOUNT_ATTR_* */
