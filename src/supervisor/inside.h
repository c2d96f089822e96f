/* A command of ours inside a running container, for a probe, a hook or a reload: through the keeper as `ctrsup exec`, in a cgroup of its
 * own within the container's leaf, with nothing of ours open but /dev/null and where its output goes. It is ended as a whole at its
 * timeout, and so is what it leaves behind. One may outlive its outcome: until the keeper tells its end, *slot has it.
 */
#pragma once

#include "manager.h"

#include <ctrsup/act/log.h>
#include <ctrsup/kernel/cgroup_probe.h>

enum { INSIDE_OUTPUT_MAX = 4096, INSIDE_HOW_MAX = ERR_TEXT_MAX };

struct inside;

struct inside_outcome {
        bool known;       /* false: the keeper is gone or has no room, the container is ending: nothing can be said of the command */
        bool good;        /* it exited with status 0 */
        const char *how;  /* "exit status 3", "did not end within 5s", "execute x: no such command" */
        const char *said; /* what it said, fit for a terminal; "" when that went to the container's log */
};

struct inside_command {
        struct member *member;
        enum cgroup_probe_kind kind;
        const struct spec_strings *argv;
        const char *user, *working_dir; /* NULL: the container's */
        const struct spec_pairs *environment; /* on top of the container's; NULL: none */
        const struct act_log_ends *log; /* where its output goes; NULL: it is kept for the outcome */
        uint64_t timeout_usec;
        /* Once, unless it is left before; userdata: of the command. */
        void (*done)(const struct inside_outcome *o, void *userdata);
        void *userdata;
};

/* *slot: NULL again when nothing of it is left; it must not move before. -EAGAIN: the keeper has no room now. */
int inside_begin(const struct inside_command *c, struct inside **slot, struct err *err);
/* Nobody wants to hear of it any more: it is ended, and forgotten when it has. Takes NULL. */
void inside_leave(struct inside *x);
/* Takes it when it is about one of these. */
bool inside_keeper_event(struct manager *m, struct keeper_event *e);
/* The keeper is gone: nobody will tell how they end. */
void inside_lost(struct manager *m);
/* At the end of the supervisor. */
void inside_done(struct manager *m);
