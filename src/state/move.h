/* How an instance moves: what the cells of step.c's table are made of. A cell changes the instance and asks for effects. */
#pragma once

#include <ctrsup/state/step.h>

struct move {
        struct instance *i;
        const struct event *e;
        const struct now *now;
        struct step step;
};

uint64_t move_later(uint64_t from, uint64_t usec); /* USEC_INFINITY: it does not fit */

/* ---- where it comes to */
void move_rest(struct move *m, enum phase phase);          /* no wait, no deadline */
void move_wait_on(struct move *m, uint64_t deadline_usec); /* for its next try */
/* Its main process runs; ready: that is all there was to wait for. */
void move_is_up(struct move *m, uint64_t started_usec, uint64_t started_real_usec, bool ready);
bool move_gets_ready(const struct instance *i); /* its deadline is the one of its readiness */

/* ---- up */
void move_want_run(struct move *m);
void move_launch(struct move *m); /* or it waits for its turn */

/* ---- down */
void move_leave(struct move *m);   /* as soon as nobody needs it */
void move_go_down(struct move *m); /* now */
void move_ask_to_end(struct move *m);
void move_give_up(struct move *m, enum stop_cause cause);
void move_kill_leaf(struct move *m);

/* ---- it is over; populated: not all of its processes yet */
void move_end(struct move *m, struct exit_info how, bool populated);
void move_end_unstarted(struct move *m, bool populated);
void move_end_unseen(struct move *m);
void move_settle(struct move *m); /* all of it is down: again, or for good */

/* ---- hooks in containers of their own: pre_start, post_stop */
bool hook_is_contained(enum spec_hook_kind hook);
void move_next_hook(struct move *m);
void move_hook_is_up(struct move *m);
void move_hook_is_over(struct move *m, bool good, bool populated);
