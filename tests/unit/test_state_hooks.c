/* Hooks in the life of an instance, told event by event; then random lives, with supervisors that die, against a model of keeper and
 * kernel. */
#include "unit.h"

#include <ctrsup/state/step.h>

#include <signal.h>
#include <stdio.h>

struct life {
        struct instance i;
        struct now now;
        struct step last;
};

static struct life begin(uint32_t pre_start, uint32_t post_start, uint32_t pre_stop, uint32_t post_stop) {
        struct policy p = {
                .restart = RESTART_ON_FAILURE,
                .stop_signal = SIGTERM,
                .stop_grace_usec = 10 * USEC_PER_SEC,
                .restart_policy = { .delay_usec = 100000, .max_delay_usec = 60 * USEC_PER_SEC, .window_usec = 10 * USEC_PER_SEC },
                .ready_when_started = true,
                .ready_timeout_usec = USEC_INFINITY,
                .max_runtime_usec = USEC_INFINITY,
                .hooks = { [HOOK_PRE_START] = pre_start,
                           [HOOK_POST_START] = post_start,
                           [HOOK_PRE_STOP] = pre_stop,
                           [HOOK_POST_STOP] = post_stop },
        };
        struct life l = { .now = { .mono_usec = 1000, .real_usec = 1000000000, .random = 1024 } };

        instance_init(&l.i, "shop", "api", 1, &p);
        return l;
}

static unsigned post(struct life *l, struct event e) {
        l->last = step(&l->i, &e, &l->now);
        return l->last.effects;
}
static unsigned post_kind(struct life *l, enum event_kind kind) {
        return post(l, (struct event){ .kind = kind, .grace_usec = USEC_INFINITY });
}
static unsigned post_started(struct life *l) {
        return post(l, (struct event){ .kind = EVENT_STARTED, .pid = 42, .timeout_usec = 5 * USEC_PER_SEC });
}
static unsigned post_exit(struct life *l, int code, bool populated) {
        return post(l, (struct event){ .kind = EVENT_EXITED,
                                       .exit = { .reason = EXIT_EXITED, .code = code },
                                       .populated = populated,
                                       .message = code ? "pre_start[0]: exited with status 1" : NULL });
}
static unsigned post_hooked(struct life *l, bool failed) {
        return post(l, (struct event){ .kind = EVENT_HOOKED,
                                       .failed = failed,
                                       .message = failed ? "post_start[0]: exit status 1" : NULL });
}

/* Each in a container of its own, one after the other, then the command; what one leaves behind is gone before the next. */
static void pre_start(void **state _unused_) {
        struct life l = begin(2, 0, 0, 0);

        assert_int_equal(post_kind(&l, EVENT_START), EFFECT_LAUNCH | EFFECT_REPORT);
        assert_int_equal(l.i.hook, HOOK_PRE_START);
        assert_int_equal(post_started(&l), 0);
        assert_int_equal(l.i.phase, PHASE_STARTING);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 5 * USEC_PER_SEC);
        assert_int_equal(post_kind(&l, EVENT_READY), 0); /* not what it is to say of itself */
        assert_int_equal(post_exit(&l, 0, false), EFFECT_CLEANUP | EFFECT_LAUNCH);
        assert_false(l.last.ended);
        assert_int_equal(l.i.generation, 2);
        assert_int_equal(l.i.hooks_ended, 1);
        post_started(&l);
        assert_int_equal(post_exit(&l, 0, true), EFFECT_KILL);
        assert_int_equal(post_kind(&l, EVENT_EMPTY), EFFECT_CLEANUP | EFFECT_LAUNCH);
        assert_int_equal(l.i.hook, HOOK_NONE);
        assert_false(l.i.killed);
        assert_int_equal(post_started(&l), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(l.i.generation, 3);
}

/* One that fails, or does not end, is a start that failed, for the restart policy; the next start has them all again. */
static void pre_start_fails(void **state _unused_) {
        struct life l = begin(2, 0, 0, 1);

        post_kind(&l, EVENT_START);
        post_started(&l);
        post_exit(&l, 0, false);
        post_started(&l);
        assert_int_equal(post_exit(&l, 1, false), EFFECT_CLEANUP | EFFECT_REPORT);
        assert_true(l.last.ended);
        assert_int_equal(l.i.phase, PHASE_BACKOFF); /* and no post_stop: nothing had begun */
        assert_int_equal(l.i.last_exit.reason, EXIT_NOT_STARTED);
        assert_string_equal(l.i.message, "pre_start[0]: exited with status 1");
        assert_int_equal(l.i.attempts, 1);
        l.now.mono_usec = l.i.deadline_usec;
        assert_true(post_kind(&l, EVENT_TIMER) & EFFECT_LAUNCH);
        assert_int_equal(l.i.hooks_ended, 0);
        post_started(&l);
        l.now.mono_usec = l.i.deadline_usec + 3600 * USEC_PER_SEC;
        assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_KILL);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_EXITED, .exit = { .reason = EXIT_KILLED, .signal = SIGKILL } }),
                         EFFECT_CLEANUP | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
        assert_int_equal(l.i.attempts, 2); /* however long it took: it was never up */
        l.now.mono_usec = l.i.deadline_usec;
        post_kind(&l, EVENT_TIMER);
        assert_true(post(&l, (struct event){ .kind = EVENT_START_FAILED, .message = "no such command" }) & EFFECT_CLEANUP);
        assert_string_equal(l.i.message, "no such command");
}

/* The operator beats it: no signal, no grace, nothing of it is waited for. */
static void stop_beats_pre_start(void **state _unused_) {
        struct life l = begin(1, 0, 1, 1);

        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_KILL | EFFECT_REPORT);
        post_exit(&l, 137, false);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_kind(&l, EVENT_RESTART), EFFECT_KILL | EFFECT_REPORT);
        assert_true(post_exit(&l, 137, false) & EFFECT_LAUNCH);
        assert_int_equal(l.i.hooks_ended, 0);
        assert_int_equal(post_kind(&l, EVENT_REMOVE), EFFECT_REPORT); /* its answer is awaited */
        assert_int_equal(post_started(&l), EFFECT_KILL);
        assert_true(post_exit(&l, 137, false) & EFFECT_FORGET);

        /* between two of them */
        l = begin(2, 0, 0, 0);
        post_kind(&l, EVENT_START);
        post_started(&l);
        post_exit(&l, 0, true);
        post_kind(&l, EVENT_STOP);
        assert_int_equal(post_kind(&l, EVENT_EMPTY), EFFECT_CLEANUP | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
}

/* Ready is who has said so and whose hooks are over, in either order. */
static void post_start(void **state _unused_) {
        struct life l = begin(0, 2, 0, 0);

        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(l.i.phase, PHASE_RUNNING);
        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);
        assert_int_equal(post_hooked(&l, false), 0);
        assert_int_equal(post_hooked(&l, false), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_READY);

        l = begin(0, 1, 0, 0);
        l.i.policy.ready_when_started = false;
        l.i.policy.ready_timeout_usec = USEC_PER_SEC;
        post_kind(&l, EVENT_START);
        post_started(&l);
        struct life later = l;
        assert_int_equal(post_kind(&l, EVENT_READY), 0);
        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);
        assert_int_equal(post_hooked(&l, false), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(post_hooked(&later, false), 0);
        assert_int_equal(later.i.phase, PHASE_RUNNING);
        assert_int_equal(post_kind(&later, EVENT_READY), EFFECT_REPORT);
}

/* One that failed is not begun again, also where there is no time for a pre_stop. */
static void failed_without_grace(void **state _unused_) {
        struct life l = begin(0, 1, 1, 0);

        l.i.policy.stop_grace_usec = 0;
        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_hooked(&l, true), EFFECT_KILL | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        assert_int_equal(l.i.hook, HOOK_NONE);
}

/* Health that fails meanwhile does not take back that it has said it is ready. */
static void unhealthy_before_hooks_end(void **state _unused_) {
        struct life l = begin(0, 1, 0, 0);

        l.i.policy.ready_when_started = false;
        l.i.policy.ready_timeout_usec = USEC_PER_SEC;
        post_kind(&l, EVENT_START);
        post_started(&l);
        struct life never = l;
        post_kind(&l, EVENT_READY);
        assert_int_equal(post_kind(&l, EVENT_UNHEALTHY), 0);
        assert_int_equal(l.i.phase, PHASE_RUNNING);
        struct life again = l, next = l;
        assert_int_equal(post_hooked(&l, false), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_UNHEALTHY);
        assert_int_equal(post_kind(&l, EVENT_READY), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_READY);

        post_kind(&again, EVENT_READY);
        post_hooked(&again, false);
        assert_int_equal(again.i.phase, PHASE_READY);

        post_kind(&never, EVENT_UNHEALTHY);
        post_hooked(&never, false);
        assert_int_equal(never.i.phase, PHASE_RUNNING);
        assert_int_not_equal(never.i.deadline_usec, USEC_INFINITY);

        /* a supervisor that comes after it knows that too, and one that finds no hooks declared */
        const struct instance was = next.i;
        for (uint32_t hooks = 0; hooks < 2; hooks++) {
                l = begin(0, hooks, 0, 0);
                post(&l, (struct event){ .kind = EVENT_RECALLED, .was = &was });
                post(&l, (struct event){ .kind = EVENT_ADOPTED, .pid = 42, .was = &was });
                assert_int_equal(l.i.phase, hooks ? PHASE_RUNNING : PHASE_UNHEALTHY);
                if (hooks)
                        post_hooked(&l, false);
                assert_int_equal(l.i.phase, PHASE_UNHEALTHY);
                assert_false(l.i.unhealthy_early);
        }
}

/* One that fails stops the container, and that has failed, however it ends. */
static void post_start_fails(void **state _unused_) {
        struct life l = begin(0, 2, 0, 0);

        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_hooked(&l, true), EFFECT_SIGNAL | EFFECT_REPORT);
        assert_int_equal(l.i.cause, CAUSE_POST_START);
        post_exit(&l, 0, false);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
        assert_string_equal(l.i.message, "post_start[0]: exit status 1");
        assert_int_equal(l.i.hook, HOOK_NONE);

        /* a stop beats it */
        l = begin(0, 1, 0, 0);
        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_SIGNAL | EFFECT_REPORT);
        assert_int_equal(l.i.hook, HOOK_NONE);
        assert_int_equal(post_hooked(&l, true), 0);
}

/* The signal comes after them, and the kill when it was to come without them. */
static void pre_stop(void **state _unused_) {
        struct life l = begin(0, 0, 2, 0);

        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_REPORT);
        assert_int_equal(l.i.hook, HOOK_PRE_STOP);
        uint64_t until = l.i.deadline_usec;
        assert_int_equal(until, l.now.mono_usec + 10 * USEC_PER_SEC);
        l.now.mono_usec += USEC_PER_SEC;
        assert_int_equal(post_hooked(&l, true), 0);
        struct life again = l, late = l, gone = l;
        assert_int_equal(post_hooked(&l, false), EFFECT_SIGNAL);
        assert_int_equal(l.i.deadline_usec, until);

        /* a sharper stop waits for none */
        assert_int_equal(post(&again, (struct event){ .kind = EVENT_STOP, .signal = SIGINT, .grace_usec = USEC_INFINITY }),
                         EFFECT_SIGNAL);
        assert_int_equal(post_hooked(&again, false), 0);
        /* the grace period is over */
        late.now.mono_usec = until;
        assert_int_equal(post_kind(&late, EVENT_TIMER), EFFECT_KILL);
        assert_int_equal(post_hooked(&late, false), 0);
        /* it ends by itself meanwhile */
        assert_int_equal(post_exit(&gone, 0, false), EFFECT_CLEANUP | EFFECT_REPORT);
        assert_int_equal(gone.i.hook, HOOK_NONE);

        /* no grace, no hooks */
        l = begin(0, 0, 1, 0);
        l.i.policy.stop_grace_usec = 0;
        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_KILL | EFFECT_REPORT);
}

/* After every end, before whatever is next; how they end changes nothing of how it did. */
static void post_stop(void **state _unused_) {
        struct life l = begin(0, 0, 0, 2);

        post_kind(&l, EVENT_START);
        post_started(&l);
        assert_int_equal(post_exit(&l, 3, false), EFFECT_CLEANUP | EFFECT_LAUNCH | EFFECT_REPORT);
        assert_true(l.last.ended);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        assert_int_equal(l.i.hook, HOOK_POST_STOP);
        assert_int_equal(post_started(&l), 0);
        assert_int_equal(post_kind(&l, EVENT_STOP), 0); /* waits for it */
        assert_int_equal(post_exit(&l, 1, true), EFFECT_KILL);
        assert_int_equal(post_kind(&l, EVENT_EMPTY), EFFECT_CLEANUP | EFFECT_LAUNCH);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_START_FAILED, .message = "no" }), EFFECT_CLEANUP | EFFECT_REPORT);
        assert_false(l.last.ended);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        assert_int_equal(l.i.last_exit.code, 3);
        assert_string_equal(l.i.message, "exited with status 3");

        l = begin(0, 0, 0, 1); /* one that hangs */
        post_kind(&l, EVENT_START);
        post_started(&l);
        post_exit(&l, 1, false);
        post_started(&l);
        l.now.mono_usec = l.i.deadline_usec;
        assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_KILL);
        post_exit(&l, 137, false);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
        assert_int_equal(l.i.attempts, 1);

        l = begin(0, 0, 0, 1); /* removed */
        post_kind(&l, EVENT_START);
        post_started(&l);
        post_kind(&l, EVENT_REMOVE);
        assert_int_equal(post_exit(&l, 0, false), EFFECT_CLEANUP | EFFECT_LAUNCH);
        post_started(&l);
        assert_true(post_exit(&l, 0, false) & EFFECT_FORGET);
}

/* By the next supervisor, to which another declaration is known. */
static void declared_away(void **state _unused_) {
        for (int early = 0; early < 2; early++) {
                struct life l = begin(0, 2, 0, 0);

                l.i.policy.ready_when_started = early;
                post_kind(&l, EVENT_START);
                post_started(&l);
                post_hooked(&l, false);
                const struct instance was = l.i;
                l = begin(0, 1, 0, 0);
                l.i.policy.ready_when_started = early;
                post(&l, (struct event){ .kind = EVENT_RECALLED, .was = &was });
                post(&l, (struct event){ .kind = EVENT_ADOPTED, .pid = 42, .was = &was });
                assert_int_equal(l.i.hook, HOOK_NONE);
                assert_int_equal(l.i.phase, early ? PHASE_READY : PHASE_RUNNING);
        }
}

/* ---- random lives */

struct world {
        struct life l;
        bool launching, alive; /* of the process that was asked for last, in truth */
        unsigned tasks;        /* others in the leaf */
        bool exit_due;         /* the keeper has not told yet */
        bool empty_due;
        unsigned pre, owed; /* pre_start hooks launched for this start; post_stop hooks that are yet to be */
        unsigned starts, ends;
        bool forgotten;
        uint64_t seed;
};

static unsigned roll(struct world *w, unsigned sides) {
        w->seed = w->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(w->seed >> 33) % sides;
}

static bool leaf_is_populated(const struct world *w) {
        return w->launching || w->alive || w->tasks > 0;
}

static void invariants(const struct world *w) {
        const struct instance *i = &w->l.i;

        if (i->phase == PHASE_STOPPING || i->phase == PHASE_STARTING || i->phase == PHASE_BACKOFF)
                assert_true(i->deadline_usec != USEC_INFINITY);
        if (phase_is_up(i->phase)) {
                assert_true(i->alive && i->ran);
                assert_true(i->hook == HOOK_NONE || (i->hook == HOOK_POST_START && i->phase == PHASE_RUNNING));
        }
        if (i->phase == PHASE_STARTING)
                assert_true((i->launching && i->hook == HOOK_NONE) || i->hook == HOOK_PRE_START);
        if (i->hook == HOOK_PRE_STOP)
                assert_true(i->phase == PHASE_STOPPING && i->alive);
        if (i->phase != PHASE_STARTING && i->phase != PHASE_STOPPING && !phase_is_up(i->phase)) {
                assert_true(instance_is_down(i));
                assert_int_equal(i->hook, HOOK_NONE);
                assert_int_equal(w->owed, 0);
                assert_int_equal(w->ends, w->starts);
        }
}

static void kill_all(struct world *w) {
        if (w->alive || w->launching)
                w->exit_due = true;
        else if (w->tasks)
                w->empty_due = true;
        w->alive = false;
        w->tasks = 0;
}

/* In order, each the number of times that was declared, and never beside anything else. */
static void on_launch(struct world *w) {
        const struct instance *i = &w->l.i;

        assert_false(leaf_is_populated(w) || w->exit_due);
        if (i->hook == HOOK_POST_STOP) {
                assert_true(w->owed > 0);
                w->owed--;
        } else {
                assert_int_equal(w->owed, 0);
                if (w->l.last.from != PHASE_STARTING) {
                        assert_int_equal(i->desire, DESIRE_RUN);
                        w->starts++;
                        w->pre = 0;
                }
                assert_int_equal(i->desire, DESIRE_RUN);
                if (i->hook == HOOK_PRE_START)
                        w->pre++;
                else
                        assert_int_equal(w->pre, i->policy.hooks[HOOK_PRE_START]);
        }
        w->launching = true;
        w->empty_due = false;
}

static void happen(struct world *w, struct event e) {
        bool main_ends = e.kind == EVENT_EXITED && w->l.i.hook != HOOK_PRE_START && w->l.i.hook != HOOK_POST_STOP &&
                         (w->l.i.launching || w->l.i.alive);

        if (w->forgotten)
                return;
        if (main_ends)
                w->owed = w->l.i.policy.hooks[HOOK_POST_STOP];
        unsigned effects = post(&w->l, e);
        if (w->l.last.ended && w->l.i.last_exit.reason == EXIT_UNKNOWN && !main_ends)
                w->owed = w->l.i.policy.hooks[HOOK_POST_STOP];
        w->ends += w->l.last.ended;
        if (effects & EFFECT_SIGNAL) {
                assert_true(w->l.i.alive && w->l.i.hook != HOOK_PRE_START && w->l.i.hook != HOOK_PRE_STOP);
                if (w->alive && roll(w, 2))
                        w->alive = false, w->exit_due = true;
        }
        if (effects & EFFECT_KILL)
                kill_all(w);
        if (effects & EFFECT_CLEANUP)
                assert_false(leaf_is_populated(w));
        if (effects & EFFECT_LAUNCH)
                on_launch(w);
        if (effects & EFFECT_FORGET) {
                assert_false(leaf_is_populated(w));
                w->forgotten = true;
        }
        invariants(w);
}

/* The next supervisor finds what there is: supervisor/adopt_member.c. */
static void reborn(struct world *w) {
        const struct instance was = w->l.i;
        bool is_over = was.pid == 0 && !was.launching && (was.phase == PHASE_STOPPING || was.hook == HOOK_PRE_START);
        bool lost = w->launching && roll(w, 4) == 0; /* it was on record, and had not been sent */
        struct event found = {
                .kind = EVENT_ADOPTED, .pid = 3, .timeout_usec = 5 * USEC_PER_SEC, .started_usec = was.started_usec, .was = &was
        };
        struct event empty = { .kind = EVENT_EMPTY };

        instance_init(&w->l.i, "shop", "api", 1, &was.policy);
        assert_int_equal(post(&w->l, (struct event){ .kind = EVENT_RECALLED, .was = &was }), 0);
        if (lost) {
                w->launching = w->exit_due = false;
                if (was.hook != HOOK_POST_STOP) {
                        w->starts--; /* it is made anew, from its first hook on */
                        return;
                }
                w->owed++;
                found.ended = true;
                post(&w->l, found);
                happen(w, empty);
        } else if (w->launching || w->alive || w->exit_due) {
                found.starting = w->launching;
                happen(w, found);
        } else if (was.pid > 0) { /* it ended, and nobody saw how */
                happen(w, found);
                happen(w, (struct event){ .kind = EVENT_EXITED, .exit = EXIT_INFO_UNKNOWN, .populated = w->tasks > 0 });
                w->empty_due = w->empty_due && w->tasks > 0;
        } else if (is_over) {
                found.ended = true;
                post(&w->l, found);
                w->empty_due = w->tasks == 0;
                if (w->empty_due) {
                        w->empty_due = false;
                        happen(w, empty);
                }
        }
}

/* The keeper and the kernel go on by one, or whoever runs the hooks inside. */
static void go_on(struct world *w) {
        const struct instance *i = &w->l.i;

        if (i->leaving || (i->phase == PHASE_PENDING && i->desire == DESIRE_RUN))
                happen(w, (struct event){ .kind = EVENT_RESUME });
        else if (w->launching) {
                bool killed = w->exit_due;

                w->launching = false;
                if (killed || roll(w, 4) == 0) {
                        w->exit_due = false;
                        happen(w, (struct event){ .kind = EVENT_START_FAILED, .message = "no", .populated = false });
                } else {
                        w->alive = true;
                        w->tasks = roll(w, 3);
                        happen(w, (struct event){ .kind = EVENT_STARTED, .pid = 3, .timeout_usec = 5 * USEC_PER_SEC });
                }
        } else if (w->exit_due) {
                w->exit_due = false;
                if (!w->tasks && roll(w, 3) == 0)
                        happen(w, (struct event){ .kind = EVENT_EMPTY });
                if (w->tasks || roll(w, 8))
                        happen(w, (struct event){ .kind = EVENT_EXITED,
                                                  .exit = { .reason = EXIT_EXITED, .code = roll(w, 4) ? 0 : 1 },
                                                  .populated = w->tasks > 0 });
                else
                        w->empty_due = true; /* the keeper died and took its knowledge along */
        } else if (w->empty_due) {
                w->empty_due = false;
                happen(w, (struct event){ .kind = EVENT_EMPTY });
        } else if ((i->hook == HOOK_POST_START || i->hook == HOOK_PRE_STOP) && roll(w, 2))
                happen(w, (struct event){ .kind = EVENT_HOOKED, .failed = roll(w, 3) == 0 });
        else if (w->alive && roll(w, 3) == 0) {
                w->alive = false;
                w->exit_due = true;
        }
}

static void timer(struct world *w) {
        if (w->l.i.deadline_usec == USEC_INFINITY)
                return;
        if (w->l.now.mono_usec < w->l.i.deadline_usec)
                w->l.now.mono_usec = w->l.i.deadline_usec;
        happen(w, (struct event){ .kind = EVENT_TIMER });
}

static void any_event(struct world *w) {
        static const enum event_kind intents[] = {
                EVENT_START, EVENT_STOP, EVENT_RESTART, EVENT_REPLACE, EVENT_REMOVE, EVENT_HOLD
        };

        switch (roll(w, 16)) {
        case 0:
        case 1:
                happen(w, (struct event){ .kind = intents[roll(w, ARRAY_SIZE(intents))],
                                          .grace_usec = roll(w, 2) ? USEC_INFINITY : roll(w, 9000000),
                                          .signal = roll(w, 2) ? SIGINT : 0 });
                break;
        case 2:
        case 3:
                timer(w);
                break;
        case 4: /* noise */
                happen(w, (struct event){ .kind = roll(w, 2) ? EVENT_READY : EVENT_UNHEALTHY });
                break;
        case 5:
                if (!w->forgotten)
                        reborn(w);
                break;
        default:
                go_on(w);
                break;
        }
}

/* 20,000 lives of 80 random events each; then a last word, and with the world going on the life settles as that word says. */
static void random_lives(void **state _unused_) {
        for (uint64_t seed = 1; seed <= 20000; seed++) {
                struct world w = { .seed = seed };

                w.l = begin(roll(&w, 3), roll(&w, 3), roll(&w, 3), roll(&w, 3));
                w.l.i.policy.restart = (enum spec_restart)roll(&w, _RESTART_MAX);
                w.l.i.policy.ready_when_started = roll(&w, 2);
                if (!w.l.i.policy.ready_when_started)
                        w.l.i.policy.ready_timeout_usec = 20 * USEC_PER_SEC;
                w.l.i.policy.unhealthy_restarts = roll(&w, 2);
                if (roll(&w, 8) == 0)
                        w.l.i.policy.stop_grace_usec = 0;
                for (int n = 0; n < 80 && !w.forgotten; n++) {
                        w.l.now.mono_usec += roll(&w, 2000000);
                        any_event(&w);
                }
                bool removed = roll(&w, 2);
                happen(&w, (struct event){ .kind = removed ? EVENT_REMOVE : EVENT_STOP, .grace_usec = USEC_INFINITY });
                for (int n = 0; n < 400 && !w.forgotten && w.l.i.phase != PHASE_STOPPED; n++) {
                        go_on(&w);
                        if (!w.launching && !w.exit_due && !w.empty_due)
                                timer(&w);
                }
                assert_true(w.forgotten || !removed);
                assert_true(w.forgotten || w.l.i.phase == PHASE_STOPPED);
                assert_false(leaf_is_populated(&w));
                assert_int_equal(w.owed, 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pre_start),  cmocka_unit_test(pre_start_fails),  cmocka_unit_test(stop_beats_pre_start),
                cmocka_unit_test(post_start), cmocka_unit_test(post_start_fails), cmocka_unit_test(pre_stop),
                cmocka_unit_test(post_stop),  cmocka_unit_test(declared_away),    cmocka_unit_test(failed_without_grace), cmocka_unit_test(unhealthy_before_hooks_end),    cmocka_unit_test(random_lives),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
