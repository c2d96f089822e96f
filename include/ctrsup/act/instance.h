/* What the host holds for one instance: some of it for the instance's whole life (group, user namespace), some for one start
 * (leaf, pidfd, log pipes). The functions are the steps of launch and end; who calls them when is the supervisor's matter.
 */
#pragma once

#include <ctrsup/act/host.h>
#include <ctrsup/act/recipe_make.h>
#include <ctrsup/spec/spec.h>

enum { ACT_GROUP_MAX = KEEPER_LABEL_MAX, ACT_ID_TEXT_SIZE = 2 * KEEPER_ID_SIZE + 1 };

/* Between the group and the hook in the keeper's label of a hook's container: "shop/web.1+pre_start[0]". */
#define ACT_HOOK_MARK "+"

/* Where the payload's stdout and stderr go. */
enum act_log { ACT_LOG_NONE, ACT_LOG_JOURNALD, ACT_LOG_FILE, ACT_LOG_DIRECT, ACT_LOG_CALLER, _ACT_LOG_MAX };

struct act_instance {
        char group[ACT_GROUP_MAX];  /* "<stack>/<container>.<n>": cgroup group and keeper label */
        const char *stack;          /* borrowed from whoever owns this */
        uint32_t replica;
        uint64_t cookie;            /* unique while the supervisor lives: of the cgroup watch */
        /* for the instance's life */
        bool grouped;               /* the cgroup group is there */
        const struct spec_limits *limits; /* what the group carries; NULL: nothing known. Borrowed from its generation */
        int userns_fd;              /* -EBADF: none yet, or not its own */
        uint32_t root_uid, root_gid;
        /* for one start */
        uint64_t leaf;              /* generation of the leaf, set before act_launch() */
        bool leafed;                /* it is there */
        uint8_t id[KEEPER_ID_SIZE];
        char id_text[ACT_ID_TEXT_SIZE];
        int pidfd;                  /* -EBADF: not running */
        enum act_log log;
        bool log_held, log_added;   /* the keeper, the logger has the pipes' read ends */
        bool log_asked;             /* the keeper was asked for them */
        bool log_lost[2];           /* that one it does not have, nor do we */
        int log_fds[2];             /* of ours, stdout and stderr: what a new keeper gets. -EBADF: none */
        bool notifies;              /* it has a notify socket: act/notify.h */
        int notify_fd;              /* that; -EBADF: none, or it was lost */
        bool ephemeral;             /* there is an upper of this start to throw away */
        struct recipe_plan *plan;   /* the words for a failure of this start */
        uint32_t command_op;        /* its operation that runs the command */
        uint64_t oom_kills;         /* the group's count when it started */
        uint64_t memory_peak;       /* what was left of earlier runs' then: only what is above it is this one's */
};

#define ACT_INSTANCE_NULL ((struct act_instance){ .userns_fd = -EBADF, .pidfd = -EBADF, .log_fds = { -EBADF, -EBADF }, .notify_fd = -EBADF })

/* Frees memory and closes fds; touches nothing on the host. */
void act_instance_done(struct act_instance *i);

struct act_launch {
        const struct spec *spec;
        const struct spec_container *container;
        const struct act_instance *peers[_NS_MAX]; /* by namespace: whose is shared; they run */
        const int *streams;                        /* stdin, stdout, stderr of a caller in place of logging; NULL: as declared */
        const struct spec_hook *hook;              /* in place of its command, for a moment; NULL: that */
        const char *hook_key;                      /* "pre_start[0]" */
        const struct spec_pair *environment;       /* on top of the container's */
        size_t n_environment;
};

/* A new start gets a name of its own: id and id_text. Before act_launch(). */
int act_new_id(struct act_instance *i, struct err *err);
void act_set_id(struct act_instance *i, const uint8_t id[KEEPER_ID_SIZE]);
/* Prepares everything and asks the keeper to start it; the answer comes as the keeper's event. On failure nothing of this start is
 * left (the group and the user namespace stay for the next try), and *ret_mark is the line to blame, line 0: none. */
int act_launch(struct act_host *h, struct act_instance *i, const struct act_launch *l, struct mark *ret_mark, struct err *err);
/* One that an earlier supervisor started, as pid: its user namespace is found again (for execs, followers and restarts). root_uid and
 * root_gid are as recorded; 0 with a private user namespace: not recorded, they are looked up. */
int act_adopt(struct act_host *h, struct act_instance *i, const struct spec_container *c, pid_t pid, struct err *err);
/* A running instance's limits follow an edited file. *ret_mark as above. */
int act_update(struct act_host *h, struct act_instance *i, const struct spec *s, const struct spec_container *c, struct mark *ret_mark, struct err *err);

/* To the main process. -ESRCH: it is gone. */
int act_signal(const struct act_instance *i, int signal, struct err *err);
/* SIGKILL to all of the leaf. */
int act_kill(struct act_host *h, struct act_instance *i, struct err *err);
/* 1: tasks live in the leaf. */
int act_is_populated(struct act_host *h, const struct act_instance *i);
/* After the last task went: gives back what the start held, but for its log pipes. -EBUSY: the leaf is not free yet, call again. */
int act_finish(struct act_host *h, struct act_instance *i, const char *container, struct err *err);
/* The instance goes for good: its group. -EBUSY as above. */
int act_forget(struct act_host *h, struct act_instance *i, struct err *err);
