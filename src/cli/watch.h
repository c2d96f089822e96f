/* Watching work: one loop over the daemon's replies, signals and the spinner's clock, with the picture of cli/progress.
 *
 * The screen belongs to the watch while it lasts: what else is to be printed goes through watch_note() and watch_print(), which
 * take the picture away first. Ctrl-C ends the watching; the work is the daemon's and goes on.
 */
#pragma once

#include "daemon.h"
#include "progress.h"

#include <poll.h>
#include <signal.h>

struct watch {
        const struct cli *cli;
        enum progress_mode mode;    /* never PROGRESS_AUTO */
        struct progress progress;
        struct progress_style style;
        int signal_fd;
        sigset_t before;            /* the signal mask to be restored */
        bool drawn;
};

/* SIGINT, SIGTERM, SIGHUP and SIGWINCH come to watch_wait() from now on. -errno. */
int watch_init(struct watch *w, const struct cli *c, struct err *err);
/* Leaves the last picture on the screen. */
void watch_done(struct watch *w);
#define _cleanup_watch_ _cleanup_(watch_done)

/* poll(), with the spinner going: 0 some fds are ready (see revents), -ETIMEDOUT, else the signal that came. timeout_usec:
 * UINT64_MAX: none. */
int watch_wait(struct watch *w, struct pollfd *fds, size_t n, uint64_t timeout_usec);
void watch_transition(struct watch *w, const json_t *transition);
void watch_draw(struct watch *w);
void watch_note(struct watch *w, const struct buf *text);       /* stderr */
int watch_print(struct watch *w, const struct buf *text);       /* stdout; an exit code */
uint64_t watch_now(void); /* CLOCK_MONOTONIC, usec */

struct watch_work {
        const char *asked;      /* "ready", "stopped": for the last line */
        const char *goes_on;    /* what goes on after Ctrl-C: "the apply of shop goes on" */
        /* A reply that is neither a transition nor a result; an exit code ends the watching. NULL: there are none. */
        int (*take)(void *userdata, struct watch *w, const json_t *reply);
        void *userdata;
};

/* Until the last reply: the exit code of the result (kept in *ret when ret is not NULL: a new reference), or of what went wrong. */
int watch_until_done(struct watch *w, struct control_client *client, const struct watch_work *work, json_t **ret);
/* The whole of start, stop, restart, remove: sends the call (parameters are taken), watches, prints the result. */
int watch_call(struct cli *c, struct control_client *client, const char *method, json_t *parameters, const char *asked);
