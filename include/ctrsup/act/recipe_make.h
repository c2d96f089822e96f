/* From what a stack file says to what the keeper does, and from what went wrong there back to words about the stack file.
 *
 * recipe_make() is pure: all it needs is in its arguments, the fds are only numbers to it. Beside each operation it keeps the
 * words and the key for it, so that recipe_explain() can say `start shop/web: mount overlay (layer 2 of 3, /srv/app):
 * Invalid argument` and point at the line.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/keeper/protocol.h>
#include <ctrsup/keeper/recipe.h>
#include <ctrsup/spec/spec.h>

/* Where a container that has something to say finds its notify socket: a place that every container has, whatever its image and its
 * volumes are. */
#define RECIPE_NOTIFY_DIR "/dev/ctrsup"
#define RECIPE_NOTIFY_SOCKET RECIPE_NOTIFY_DIR "/notify"

struct recipe_stream {
        int fd;   /* -EBADF only where a terminal takes its place (exec) */
        bool own; /* a pipe of ours: the container's user becomes its owner. Never for a caller's file */
};

/* What is behind one of the container's devices. */
struct recipe_device {
        mode_t mode; /* with its type */
        unsigned major, minor;
};

struct recipe_input {
        const struct spec *spec; /* borrowed by the plan: its file and marks */
        const struct spec_container *container;
        unsigned replica; /* from 1 */
        uint8_t id[KEEPER_ID_SIZE];
        uint32_t root_uid, root_gid; /* host ids of the container's root; 0 with namespaces.user: host */
        int userns_fd;               /* the container's own or, with user: container:X, X's; -EBADF with user: host */
        int filter_fd;               /* the filter of system calls; -EBADF: none */
        int cgroup_fd, kill_fd;      /* the fresh leaf on the v2 tree, and its cgroup.kill (-EBADF: none) */
        const int *tasks_fds;        /* `tasks` of the same leaf in each v1 hierarchy */
        size_t n_tasks_fds;
        const char *upper_dir;          /* of modes ephemeral and persistent: an existing directory that gets upper/ and work/ */
        const char *const *volume_dirs; /* one for each of container->volumes: the host directory of a named volume, else NULL */
        const struct recipe_device *devices; /* one for each of container->devices */
        const char *notify_dir;         /* host directory with the notify socket; NULL: it has none */
        struct recipe_stream stdio[3];
        int peer_pidfds[_NS_MAX]; /* by namespace: of the container whose namespace is shared; -EBADF: not shared */
        const struct spec_hook *hook; /* runs in place of the container's command; NULL: that does */
        const char *hook_key;         /* "pre_start[0]" */
        const struct spec_pair *environment; /* on top of the container's */
        size_t n_environment;
        unsigned n_thermal_cpus;  /* how many cpuN/thermal_throttle the host has in a row: moby hides them */
};

struct recipe_exec_input {
        const struct spec *spec;
        const struct spec_container *container;
        unsigned replica;
        uint8_t id[KEEPER_ID_SIZE];  /* of the container's instance: for its environment */
        uint32_t root_uid, root_gid; /* as above */
        int pidfd;                   /* of the running container */
        int filter_fd;               /* as above */
        int cgroup_fd;               /* its leaf */
        const int *tasks_fds;
        size_t n_tasks_fds;
        const char *const *argv; /* NULL-terminated */
        const struct spec_pair *environment; /* on top of the container's */
        size_t n_environment;
        const char *user, *working_dir; /* NULL: the container's */
        struct recipe_stream stdio[3];
        int pty_socket; /* -EBADF: no terminal; else a pty is opened inside and its master sent here, stdio is not used */
        unsigned rows, columns;
};

struct recipe_plan; /* the recipe with the words for each operation */

/* -EINVAL for what validation must have refused. *ret borrows in->spec, not the rest. */
int recipe_make(const struct recipe_input *in, struct recipe_plan **ret, struct err *err);
int recipe_make_exec(const struct recipe_exec_input *in, struct recipe_plan **ret, struct err *err);
struct recipe_plan *recipe_plan_free(struct recipe_plan *p); /* returns NULL; takes NULL */
static inline void recipe_plan_freep(struct recipe_plan **p) { *p = recipe_plan_free(*p); }
#define _cleanup_recipe_plan_ _cleanup_(recipe_plan_freep)

/* For keeper_client_launch(); afterwards recipe_plan_sent() drops it and keeps the words. */
const struct recipe *recipe_plan_recipe(const struct recipe_plan *p);
void recipe_plan_sent(struct recipe_plan *p);
const char *recipe_plan_label(const struct recipe_plan *p); /* "shop/web.1" */

/* Fills err (text without the place, hint when there is a known cure) and *ret_mark (may be NULL; line 0: no key is to blame)
 * and returns -errno. A plan of NULL: one made by an earlier supervisor; then the words are the operation's number. */
int recipe_explain(const struct recipe_plan *plan, const struct keeper_failure *failure, struct mark *ret_mark, struct err *err);
