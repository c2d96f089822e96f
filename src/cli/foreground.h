/* Supervising a stack without a daemon: ctrsupd as our child, spoken to over its own control socket like any daemon.
 *
 * The lifeline is a SOCK_SEQPACKET pair: the supervisor sends "ready" when it serves, or words when it cannot; when our end
 * closes, however we end, it stops everything in order, leaves nothing, and exits. The child has a session of its own, so that the
 * terminal's Ctrl-C comes to us alone: the first stops the stack in order, the second kills.
 */
#pragma once

#include "watch.h"

struct foreground {
        const char *stack;
        json_t *document;       /* borrowed */
        bool prune;
        /* Prints the plan of the Apply; an exit code ends all. */
        int (*plan)(void *userdata, struct watch *w, const json_t *reply);
        void *userdata;
};

/* Until the stack has ended by itself or is stopped: the exit code. */
int foreground_apply(struct cli *c, const struct foreground *f);
