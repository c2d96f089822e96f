/* The life of an instance, told event by event; then random lives against a model of keeper and kernel. */
#include "unit.h"

#include <ctrsup/state/step.h>

#include <signal.h>
#include <stdio.h>

static struct now clock_at(uint64_t usec) {
        return (struct now){ .mono_usec = usec, .real_usec = usec + 1000000000, .random = 1024 };
}

struct life {
        struct instance i;
        struct now now;
        struct step last;
};

static struct life begin(enum spec_type type, enum spec_restart restart) {
        struct policy p = {
                .type = type,
                .restart = restart,
                .stop_signal = SIGTERM,
                .stop_grace_usec = 10 * USEC_PER_SEC,
                .restart_policy = { .delay_usec = 100000, .max_delay_usec = 60 * USEC_PER_SEC, .window_usec = 10 * USEC_PER_SEC },
                .ready_when_started = type == TYPE_SERVICE,
                .ready_timeout_usec = USEC_INFINITY,
                .max_runtime_usec = USEC_INFINITY,
        };
        struct life l = { .now = clock_at(1000) };

        instance_init(&l.i, "shop", "api", 1, &p);
        return l;
}

static unsigned post(struct life *l, struct event e) {
        if (e.kind == EVENT_STOP && e.grace_usec == 0 && e.signal == 0)
                e.grace_usec = USEC_INFINITY;
        l->last = step(&l->i, &e, &l->now);
        return l->last.effects;
}

static unsigned post_kind(struct life *l, enum event_kind kind) {
        return post(l, (struct event){ .kind = kind });
}
static unsigned post_exit(struct life *l, int code, bool populated) {
        return post(l, (struct event){
                               .kind = EVENT_EXITED, .exit = { .reason = EXIT_EXITED, .code = code }, .populated = populated });
}
static unsigned post_killed(struct life *l, int sig) {
        return post(l, (struct event){ .kind = EVENT_EXITED, .exit = { .reason = EXIT_KILLED, .code = -1, .signal = sig } });
}
static void pass(struct life *l, uint64_t usec) {
        l->now = clock_at(l->now.mono_usec + usec);
}

static struct life running(enum spec_type type, enum spec_restart restart) {
        struct life l = begin(type, restart);

        assert_int_equal(post_kind(&l, EVENT_START), EFFECT_LAUNCH | EFFECT_REPORT);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 42 }), EFFECT_REPORT);
        return l;
}

static void up_and_ready(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

        assert_int_equal(post_kind(&l, EVENT_START), EFFECT_LAUNCH | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STARTING);
        assert_int_equal(l.i.generation, 1);
        assert_int_equal(l.i.deadline_usec, 1000 + LAUNCH_TIMEOUT_USEC);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 42 }), EFFECT_REPORT);
        assert_int_equal(l.last.from, PHASE_STARTING);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(l.i.pid, 42);
        assert_int_equal(l.i.started_real_usec, 1000001000);
        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);
        assert_int_equal(post_kind(&l, EVENT_UNHEALTHY), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_UNHEALTHY);
        assert_int_equal(post_kind(&l, EVENT_READY), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(post_kind(&l, EVENT_START), 0); /* it is up already */
}

/* READY=1 may be read before the keeper's answer; what waits for it must not wait for ever. */
static void early_ready_counts(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

        l.i.policy.ready_when_started = false;
        post_kind(&l, EVENT_START);
        post_kind(&l, EVENT_READY);
        assert_int_equal(l.i.phase, PHASE_STARTING);
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 1 });
        assert_int_equal(l.i.phase, PHASE_READY);
        post_killed(&l, SIGKILL);
        pass(&l, USEC_PER_SEC);
        post_kind(&l, EVENT_TIMER);
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 1 });
        assert_int_equal(l.i.phase, PHASE_RUNNING); /* the next start has to say it again */
}

/* Restart policy x how it ended: what becomes of a service and of a job. */
static void ends_by_policy(void **state _unused_) {
        static const struct {
                enum spec_type type;
                enum spec_restart restart;
                int code;
                enum phase phase;
        } cases[] = {
                { TYPE_SERVICE, RESTART_NO, 0, PHASE_COMPLETED },
                { TYPE_SERVICE, RESTART_NO, 1, PHASE_FAILED },
                { TYPE_SERVICE, RESTART_ON_FAILURE, 0, PHASE_COMPLETED },
                { TYPE_SERVICE, RESTART_ON_FAILURE, 1, PHASE_BACKOFF },
                { TYPE_SERVICE, RESTART_ALWAYS, 0, PHASE_BACKOFF },
                { TYPE_SERVICE, RESTART_ALWAYS, 1, PHASE_BACKOFF },
                { TYPE_JOB, RESTART_NO, 0, PHASE_COMPLETED },
                { TYPE_JOB, RESTART_NO, 1, PHASE_FAILED },
                { TYPE_JOB, RESTART_ON_FAILURE, 0, PHASE_COMPLETED },
                { TYPE_JOB, RESTART_ON_FAILURE, 1, PHASE_BACKOFF },
                { TYPE_JOB, RESTART_ALWAYS, 0, PHASE_COMPLETED },
                { TYPE_JOB, RESTART_ALWAYS, 1, PHASE_BACKOFF },
        };

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                struct life l = running(cases[n].type, cases[n].restart);

                pass(&l, 5000);
                assert_int_equal(post_exit(&l, cases[n].code, false), EFFECT_CLEANUP | EFFECT_REPORT);
                assert_int_equal(l.i.phase, cases[n].phase);
                assert_true(l.last.ended);
                assert_int_equal(l.last.uptime_usec, 5000);
                assert_int_equal(l.i.last_exit.code, cases[n].code);
                assert_int_equal(l.i.pid, 0);
                assert_true(instance_is_down(&l.i));
                assert_string_equal(l.i.message, cases[n].code ? "exited with status 1" : "");
                if (cases[n].phase == PHASE_BACKOFF) {
                        assert_int_equal(l.i.deadline_usec, 6000 + 100000);
                } else
                        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);
        }
}

static void backoff_doubles_and_is_forgotten(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);
        uint64_t delay = 100000;

        for (uint64_t n = 1; n <= 4; n++) {
                post_exit(&l, 1, false);
                assert_int_equal(l.i.deadline_usec - l.now.mono_usec, delay);
                pass(&l, delay - 1);
                assert_int_equal(post_kind(&l, EVENT_TIMER), 0); /* too early */
                pass(&l, 1);
                assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_LAUNCH | EFFECT_REPORT);
                assert_int_equal(l.i.restarts, n);
                assert_int_equal(l.i.generation, n + 1);
                post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 1 });
                delay *= 2;
        }
        pass(&l, 10 * USEC_PER_SEC);
        post_exit(&l, 1, false);
        assert_int_equal(l.i.deadline_usec - l.now.mono_usec, 100000);
        assert_int_equal(l.i.restarts, 4);
        assert_int_equal(post_kind(&l, EVENT_START), EFFECT_LAUNCH | EFFECT_REPORT); /* an operator need not wait */
        assert_int_equal(l.i.restarts, 0);
}

static void attempts_are_counted_out(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);

        l.i.policy.restart_policy.max_attempts = 2;
        for (int n = 0; n < 2; n++) {
                post_exit(&l, 1, false);
                assert_int_equal(l.i.phase, PHASE_BACKOFF);
                pass(&l, USEC_PER_SEC);
                post_kind(&l, EVENT_TIMER);
                post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 1 });
        }
        assert_int_equal(post_exit(&l, 1, false), EFFECT_CLEANUP | EFFECT_REPORT | EFFECT_START_LIMIT);
        assert_int_equal(l.i.phase, PHASE_FAILED);
        assert_int_equal(post_kind(&l, EVENT_START), EFFECT_LAUNCH | EFFECT_REPORT);
        assert_int_equal(l.i.attempts, 0);
        assert_string_equal(l.i.message, "");
}

/* A command that is not there is tried again as the policy says, and its words are kept. */
static void failed_starts_follow_the_policy(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

        post_kind(&l, EVENT_START);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_START_FAILED, .message = "no such command" }),
                         EFFECT_CLEANUP | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
        assert_int_equal(l.i.last_exit.reason, EXIT_NOT_STARTED);
        assert_string_equal(l.i.message, "no such command");
        assert_int_equal(l.last.uptime_usec, 0);

        l = begin(TYPE_JOB, RESTART_NO);
        post_kind(&l, EVENT_START);
        post(&l, (struct event){ .kind = EVENT_START_FAILED });
        assert_int_equal(l.i.phase, PHASE_FAILED);
        assert_string_equal(l.i.message, "did not start");
}

static void stop_by_signal_then_kill(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);

        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_SIGNAL | EFFECT_REPORT);
        assert_int_equal(l.i.stop_signal, SIGTERM);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 10 * USEC_PER_SEC);
        pass(&l, 10 * USEC_PER_SEC);
        assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_KILL);
        assert_int_equal(post_killed(&l, SIGKILL), EFFECT_CLEANUP | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        assert_int_equal(l.i.desire, DESIRE_STOPPED);
        assert_string_equal(l.i.message, ""); /* it was asked for: no failure */
        assert_int_equal(l.i.last_exit.signal, SIGKILL);
}

/* --signal and --timeout; a second stop makes it sharper, never slower. */
static void stop_overrides(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);

        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STOP, .signal = SIGINT, .grace_usec = 30 * USEC_PER_SEC }),
                         EFFECT_SIGNAL | EFFECT_REPORT);
        assert_int_equal(l.i.stop_signal, SIGINT);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 30 * USEC_PER_SEC);
        pass(&l, 1000);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STOP, .signal = SIGQUIT, .grace_usec = USEC_PER_SEC }),
                         EFFECT_SIGNAL);
        assert_int_equal(l.i.stop_signal, SIGQUIT);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + USEC_PER_SEC);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STOP, .grace_usec = 60 * USEC_PER_SEC, .signal = 0 }), 0);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + USEC_PER_SEC);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        l.i.policy.stop_grace_usec = 0;
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_KILL | EFFECT_REPORT);
}

/* The leaf must be empty before the end counts; it is killed again, ever more rarely, and said to be stuck once. */
static void leftovers_are_killed_first(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);
        uint64_t wait = KILL_RETRY_USEC;
        int stuck = 0;

        assert_int_equal(post_exit(&l, 1, true), EFFECT_KILL | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        for (int n = 0; n < 12; n++) {
                assert_int_equal(l.i.deadline_usec - l.now.mono_usec, wait < KILL_RETRY_MAX_USEC ? wait : KILL_RETRY_MAX_USEC);
                pass(&l, wait);
                unsigned effects = post_kind(&l, EVENT_TIMER);
                assert_true(effects & EFFECT_KILL);
                assert_false(effects & EFFECT_LAUNCH);
                stuck += !!(effects & EFFECT_STUCK);
                wait *= 2;
        }
        assert_int_equal(stuck, 1);
        assert_int_equal(post_kind(&l, EVENT_EMPTY), EFFECT_CLEANUP | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_BACKOFF); /* it had ended by itself */
        assert_string_equal(l.i.message, "exited with status 1");
}

/* The leaf is empty and the keeper says nothing: first patience, then the truth, which is "unknown". */
static void unseen_exits_are_unknown(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ON_FAILURE);

        assert_int_equal(post_kind(&l, EVENT_EMPTY), 0);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + EXIT_WAIT_USEC);
        pass(&l, EXIT_WAIT_USEC);
        post_kind(&l, EVENT_TIMER);
        assert_int_equal(l.i.last_exit.reason, EXIT_UNKNOWN);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);

        l = running(TYPE_SERVICE, RESTART_ON_FAILURE);
        post_kind(&l, EVENT_EMPTY);
        post_exit(&l, 0, false); /* it was only late */
        assert_int_equal(l.i.phase, PHASE_COMPLETED);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_STOP);
        post_kind(&l, EVENT_EMPTY);
        pass(&l, EXIT_WAIT_USEC);
        post_kind(&l, EVENT_TIMER);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
}

static void oom_is_a_reason(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);

        post_kind(&l, EVENT_OOM);
        post_killed(&l, SIGKILL);
        assert_int_equal(l.i.last_exit.reason, EXIT_OOM);
        assert_string_equal(l.i.message, "killed for memory (SIGKILL)");
        pass(&l, USEC_PER_SEC);
        post_kind(&l, EVENT_TIMER);
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 1 });
        post_killed(&l, SIGKILL); /* the next start was not hit */
        assert_int_equal(l.i.last_exit.reason, EXIT_KILLED);

        l = running(TYPE_SERVICE, RESTART_ALWAYS); /* a child was hit, the main process ended by itself later */
        post_kind(&l, EVENT_OOM);
        post_exit(&l, 3, false);
        assert_int_equal(l.i.last_exit.reason, EXIT_EXITED);
}

/* Stop, remove, restart and start during a start and during a stop: the last one decides. */
static void last_intent_wins(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

        post_kind(&l, EVENT_START);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_REPORT); /* nobody to signal yet */
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 9 }), EFFECT_SIGNAL);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 10 * USEC_PER_SEC);
        post_killed(&l, SIGTERM);
        assert_int_equal(l.i.phase, PHASE_STOPPED);

        l = begin(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_START);
        post_kind(&l, EVENT_REMOVE);
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_START_FAILED, .message = "x" }),
                         EFFECT_CLEANUP | EFFECT_FORGET | EFFECT_REPORT);
        assert_string_equal(l.i.message, "");

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_STOP);
        assert_int_equal(post_kind(&l, EVENT_RESTART), 0);
        assert_int_equal(post_killed(&l, SIGTERM), EFFECT_CLEANUP | EFFECT_LAUNCH | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STARTING);
        assert_int_equal(l.i.desire, DESIRE_RUN);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_RESTART);
        post_kind(&l, EVENT_STOP);
        post_killed(&l, SIGTERM);
        assert_int_equal(l.i.phase, PHASE_STOPPED);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_REMOVE);
        post_kind(&l, EVENT_STOP); /* what is removed is not kept because it was stopped, too */
        assert_true(post_killed(&l, SIGTERM) & EFFECT_FORGET);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_REMOVE);
        post_kind(&l, EVENT_START); /* applied again at once */
        assert_true(post_killed(&l, SIGTERM) & EFFECT_LAUNCH);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_exit(&l, 1, false);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);
        assert_int_equal(post_kind(&l, EVENT_REMOVE), EFFECT_FORGET);
}

/* A layer on a file system that hangs: the launch is killed, then the policy decides. */
static void launch_that_hangs(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_NO);

        post_kind(&l, EVENT_START);
        pass(&l, LAUNCH_TIMEOUT_USEC);
        assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_KILL | EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        post_kind(&l, EVENT_EMPTY); /* not enough: a launch is out */
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        post(&l, (struct event){ .kind = EVENT_START_FAILED, .message = "took too long" });
        assert_int_equal(l.i.phase, PHASE_FAILED);
        assert_string_equal(l.i.message, "took too long");
}

static void adopted_as_it_runs(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

        l.i.generation = 7;
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_ADOPTED, .pid = 5, .started_usec = 10, .started_real_usec = 20 }),
                         EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(l.i.generation, 7);
        assert_int_equal(l.i.started_real_usec, 20);
        post_exit(&l, 1, false);
        assert_int_equal(l.last.uptime_usec, 990);
        l = begin(TYPE_JOB, RESTART_NO);
        post(&l, (struct event){ .kind = EVENT_ADOPTED, .pid = 5 });
        assert_int_equal(l.i.phase, PHASE_RUNNING);
}

/* A new supervisor, of the same boot: what was counted, wished and waited for goes on. */
static struct life recalled(const struct life *before) {
        struct life l = begin(before->i.policy.type, before->i.policy.restart);

        l.now = before->now;
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_RECALLED, .was = &before->i }), 0);
        return l;
}

static void adopt_again(struct life *l, const struct life *before) {
        post(l, (struct event){ .kind = EVENT_ADOPTED,
                                .pid = before->i.pid,
                                .started_usec = before->i.started_usec,
                                .starting = before->i.launching,
                                .was = &before->i });
}

/* A stop that waited for the start's answer, which nobody heard: what came up meanwhile is signalled now. */
static void recalled_as_its_start_was_overtaken(void **state _unused_) {
        for (int killed = 0; killed < 2; killed++) {
                struct life before = begin(TYPE_SERVICE, RESTART_ALWAYS), after;

                post_kind(&before, EVENT_START);
                assert_false(post_kind(&before, EVENT_RESTART) & EFFECT_SIGNAL);
                assert_true(before.i.launching);
                before.i.killed = killed;
                after = recalled(&before);
                enum effect effects =
                        post(&after, (struct event){ .kind = EVENT_ADOPTED, .pid = 5, .started_usec = 10, .was = &before.i });
                assert_int_equal(after.i.phase, PHASE_STOPPING);
                assert_true(after.i.again);
                assert_int_equal((effects & EFFECT_SIGNAL) != 0, !killed);
                assert_int_equal(after.i.deadline_usec,
                                 killed ? before.i.deadline_usec : after.now.mono_usec + after.i.stop_grace_usec);
        }
}

/* An end is told once, whoever finds what it left behind. */
static void recalled_with_only_left_overs(void **state _unused_) {
        struct life before = running(TYPE_SERVICE, RESTART_ALWAYS), after;

        post_kind(&before, EVENT_OOM);
        post(&before, (struct event){ .kind = EVENT_EXITED,
                                      .exit = { .reason = EXIT_KILLED, .code = -1, .signal = SIGKILL },
                                      .populated = true });
        assert_int_equal(before.i.phase, PHASE_STOPPING);
        after = recalled(&before);
        post(&after, (struct event){ .kind = EVENT_ADOPTED, .ended = true, .was = &before.i });
        assert_false(after.last.ended);
        assert_int_equal(after.i.phase, PHASE_STOPPING);
        assert_int_equal(after.i.deadline_usec, before.i.deadline_usec);
        assert_int_equal(after.i.pid, 0);
        assert_true(post_kind(&after, EVENT_EMPTY) & EFFECT_CLEANUP);
        assert_false(after.last.ended);
        assert_int_equal(after.i.phase, PHASE_BACKOFF);
        assert_int_equal(after.i.last_exit.reason, EXIT_OOM);
        assert_int_equal(after.i.attempts, 1);
}

static void recalled_in_each_phase(void **state _unused_) {
        struct life before = running(TYPE_SERVICE, RESTART_ALWAYS), after;

        /* backing off: the same deadline, the same counts, whatever the wall clock did meanwhile */
        post_exit(&before, 3, false);
        before.i.restarts = 7;
        uint64_t deadline = before.i.deadline_usec;
        before.now.real_usec += UINT64_C(315360000) * USEC_PER_SEC;
        after = recalled(&before);
        assert_int_equal(after.i.phase, PHASE_BACKOFF);
        assert_int_equal(after.i.deadline_usec, deadline);
        assert_int_equal(after.i.attempts, 1);
        assert_int_equal(after.i.restarts, 7);
        assert_int_equal(after.i.last_exit.code, 3);
        assert_string_equal(after.i.message, "exited with status 3");
        pass(&after, USEC_PER_SEC);
        assert_true(post_kind(&after, EVENT_TIMER) & EFFECT_LAUNCH);
        assert_int_equal(after.i.restarts, 8);

        /* what ended for good stays that */
        before = running(TYPE_JOB, RESTART_NO);
        post_exit(&before, 0, false);
        assert_int_equal(recalled(&before).i.phase, PHASE_COMPLETED);
        before = running(TYPE_SERVICE, RESTART_NO);
        post_exit(&before, 1, false);
        assert_int_equal(recalled(&before).i.phase, PHASE_FAILED);

        /* an operator's stop is remembered, a plan's is not */
        before = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&before, EVENT_STOP);
        post_killed(&before, SIGTERM);
        after = recalled(&before);
        assert_int_equal(after.i.phase, PHASE_STOPPED);
        assert_int_equal(after.i.desire, DESIRE_STOPPED);
        before = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&before, EVENT_HOLD);
        post_killed(&before, SIGTERM);
        assert_int_equal(before.i.phase, PHASE_STOPPED);
        after = recalled(&before);
        assert_int_equal(after.i.phase, PHASE_PENDING);
        assert_int_equal(after.i.desire, DESIRE_RUN);

        /* a launch that came to nothing is made again, and counts on */
        before = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_exit(&before, 1, false);
        pass(&before, USEC_PER_SEC);
        post_kind(&before, EVENT_TIMER);
        assert_int_equal(before.i.restarts, 1);
        after = recalled(&before);
        assert_int_equal(after.i.phase, PHASE_PENDING);
        assert_true(post_kind(&after, EVENT_RESUME) & EFFECT_LAUNCH);
        assert_int_equal(after.i.restarts, 1);
        assert_int_equal(after.i.attempts, 1);

        /* of what ran only the keeper or the cgroup can tell */
        before = running(TYPE_SERVICE, RESTART_ALWAYS);
        after = recalled(&before);
        assert_int_equal(after.i.phase, PHASE_PENDING);
        assert_true(instance_is_down(&after.i));
        adopt_again(&after, &before);
        assert_int_equal(after.i.phase, PHASE_READY);
        assert_int_equal(after.i.pid, 42);
}

static void a_stop_under_way_goes_on(void **state _unused_) {
        struct life before = running(TYPE_SERVICE, RESTART_ALWAYS), after;

        pass(&before, USEC_PER_SEC);
        post_kind(&before, EVENT_STOP);
        uint64_t deadline = before.i.deadline_usec;
        pass(&before, 4 * USEC_PER_SEC);
        after = recalled(&before);
        adopt_again(&after, &before);
        assert_int_equal(after.i.phase, PHASE_STOPPING);
        assert_false(after.last.effects & EFFECT_SIGNAL); /* it got its signal */
        assert_int_equal(after.i.deadline_usec, deadline);
        pass(&after, 6 * USEC_PER_SEC);
        assert_int_equal(post_kind(&after, EVENT_TIMER), EFFECT_KILL);

        /* decided and not begun: now it begins */
        before = running(TYPE_SERVICE, RESTART_ALWAYS);
        before.i.desire = DESIRE_STOPPED;
        after = recalled(&before);
        adopt_again(&after, &before);
        assert_int_equal(after.i.phase, PHASE_STOPPING);
        assert_true(after.last.effects & EFFECT_SIGNAL);

        /* half of a restart: the other half comes */
        before = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&before, EVENT_RESTART);
        after = recalled(&before);
        adopt_again(&after, &before);
        assert_int_equal(after.i.phase, PHASE_STOPPING);
        assert_true(post_killed(&after, SIGTERM) & EFFECT_LAUNCH);

        /* a launch that is still out is waited for, and stopped when it was to be */
        before = begin(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&before, EVENT_START);
        after = recalled(&before);
        adopt_again(&after, &before);
        assert_int_equal(after.i.phase, PHASE_STARTING);
        assert_true(after.i.launching);
        post(&after, (struct event){ .kind = EVENT_STARTED, .pid = 43 });
        assert_int_equal(after.i.phase, PHASE_READY);
        post_kind(&before, EVENT_STOP);
        after = recalled(&before);
        adopt_again(&after, &before);
        assert_int_equal(after.i.phase, PHASE_STOPPING);
        assert_true(post(&after, (struct event){ .kind = EVENT_STARTED, .pid = 43 }) & EFFECT_SIGNAL);
}

/* What does not keep to its declaration goes down as if it had failed by itself, whatever its exit status says. */
static void gives_up(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ON_FAILURE);

        /* not ready in time */
        l.i.policy.ready_when_started = false;
        l.i.policy.ready_timeout_usec = 5 * USEC_PER_SEC;
        post_kind(&l, EVENT_START);
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 42 });
        assert_int_equal(l.i.phase, PHASE_RUNNING);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 5 * USEC_PER_SEC);
        pass(&l, 5 * USEC_PER_SEC);
        assert_true(post_kind(&l, EVENT_TIMER) & EFFECT_SIGNAL);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        post_exit(&l, 0, false);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
        assert_string_equal(l.i.message, "not ready within 5s");
        assert_int_equal(l.i.attempts, 1);
        pass(&l, USEC_PER_SEC);
        post_kind(&l, EVENT_TIMER);
        assert_int_equal(l.i.cause, CAUSE_NONE);

        /* ready in time: the deadline is gone */
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 43 });
        post_kind(&l, EVENT_READY);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);

        /* unhealthy, with and without a restart */
        post_kind(&l, EVENT_UNHEALTHY);
        assert_int_equal(l.i.phase, PHASE_UNHEALTHY);
        struct life declared = l; /* anew, while it is unhealthy */
        declared.i.policy.unhealthy_restarts = true;
        assert_true(post_kind(&declared, EVENT_UNHEALTHY) & EFFECT_SIGNAL);
        post_kind(&l, EVENT_READY);
        l.i.policy.unhealthy_restarts = true;
        assert_true(post_kind(&l, EVENT_UNHEALTHY) & EFFECT_SIGNAL);
        /* an operator's stop meanwhile is the last word */
        post_kind(&l, EVENT_STOP);
        post_killed(&l, SIGTERM);
        assert_int_equal(l.i.phase, PHASE_STOPPED);

        /* a job that takes too long */
        l = begin(TYPE_JOB, RESTART_NO);
        l.i.policy.max_runtime_usec = 60 * USEC_PER_SEC;
        post_kind(&l, EVENT_START);
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 42 });
        pass(&l, 60 * USEC_PER_SEC);
        assert_true(post_kind(&l, EVENT_TIMER) & EFFECT_SIGNAL);
        struct life after = recalled(&l);
        after.i.policy = l.i.policy;
        adopt_again(&after, &l);
        post_exit(&after, 0, false);
        assert_int_equal(after.i.phase, PHASE_FAILED);
        assert_string_equal(after.i.message, "still running after 1m");
}

static unsigned extend(struct life *l, uint64_t usec) {
        return post(l, (struct event){ .kind = EVENT_EXTEND, .extend_usec = usec });
}

/* It needs more time, and says so before the time is up: counted from then on, never less than it had, and kept by a new supervisor. */
static void asks_for_time_to_get_ready(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS), after;

        l.i.policy.ready_when_started = false;
        l.i.policy.ready_timeout_usec = 5 * USEC_PER_SEC;
        post_kind(&l, EVENT_START);
        uint64_t deadline = l.i.deadline_usec;
        assert_int_equal(extend(&l, 200 * USEC_PER_SEC), 0);
        assert_int_equal(l.i.deadline_usec, deadline); /* that of the launch */
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 42 });
        deadline = l.i.deadline_usec;
        assert_int_equal(extend(&l, USEC_PER_SEC), 0);
        assert_int_equal(l.i.deadline_usec, deadline);
        pass(&l, 4 * USEC_PER_SEC);
        extend(&l, 60 * USEC_PER_SEC);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 60 * USEC_PER_SEC);
        after = recalled(&l);
        after.i.policy = l.i.policy;
        adopt_again(&after, &l);
        assert_int_equal(after.i.phase, PHASE_RUNNING);
        assert_int_equal(after.i.deadline_usec, l.i.deadline_usec);
        extend(&l, UINT64_MAX);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + EXTEND_MAX_USEC);
        post_kind(&l, EVENT_READY);
        extend(&l, USEC_PER_SEC);
        assert_int_equal(l.i.deadline_usec, USEC_INFINITY);

        /* a job's time is its operator's matter; without a limit there is nothing to put off */
        l = begin(TYPE_JOB, RESTART_NO);
        l.i.policy.max_runtime_usec = 60 * USEC_PER_SEC;
        post_kind(&l, EVENT_START);
        post(&l, (struct event){ .kind = EVENT_STARTED, .pid = 42 });
        deadline = l.i.deadline_usec;
        extend(&l, 600 * USEC_PER_SEC);
        assert_int_equal(l.i.deadline_usec, deadline);
}

/* On its way down it may ask, too, but not for ever, and not for more than somebody who decides has said. */
static void asks_for_time_to_end(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS), after;
        uint64_t grace = l.i.policy.stop_grace_usec, begun = l.now.mono_usec;

        post_kind(&l, EVENT_STOP);
        extend(&l, 1);
        assert_int_equal(l.i.deadline_usec, begun + grace);
        extend(&l, 3 * grace);
        assert_int_equal(l.i.deadline_usec, begun + 3 * grace);
        after = recalled(&l);
        adopt_again(&after, &l);
        assert_int_equal(after.i.deadline_usec, begun + 3 * grace);
        pass(&l, 2 * grace);
        extend(&l, 500 * grace);
        assert_int_equal(l.i.deadline_usec, begun + STOP_EXTEND_MAX * grace);
        after.now = l.now;
        extend(&after, 500 * grace);
        assert_int_equal(after.i.deadline_usec, l.i.deadline_usec);
        post(&l, (struct event){ .kind = EVENT_STOP, .grace_usec = USEC_PER_SEC });
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + USEC_PER_SEC);
        extend(&l, grace);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + USEC_PER_SEC);
        pass(&l, USEC_PER_SEC);
        assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_KILL);
        uint64_t deadline = l.i.deadline_usec;
        extend(&l, 500 * grace);
        assert_int_equal(l.i.deadline_usec, deadline); /* too late */
}

/* Whom it depends on is not there: every way to a launch leads to waiting, and its turn to the launch; what is counted stays. */
static void blocked(void **state _unused_) {
        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

        l.i.blocked = true;
        assert_int_equal(post_kind(&l, EVENT_START), 0);
        assert_int_equal(l.i.phase, PHASE_PENDING);
        assert_true(l.i.waiting);
        l.i.blocked = false;
        assert_true(post_kind(&l, EVENT_RESUME) & EFFECT_LAUNCH);
        assert_false(l.i.waiting);

        /* a restart by the policy */
        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_exit(&l, 1, false);
        l.i.blocked = true;
        pass(&l, USEC_PER_SEC);
        assert_int_equal(post_kind(&l, EVENT_TIMER), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_PENDING);
        assert_int_equal(l.i.restarts, 1);
        l.i.blocked = false;
        assert_true(post_kind(&l, EVENT_RESUME) & EFFECT_LAUNCH);
        assert_int_equal(l.i.restarts, 1);
        assert_int_equal(l.i.attempts, 1);

        /* a restart by an operator; a stop ends the wait */
        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        l.i.blocked = true;
        post_kind(&l, EVENT_RESTART);
        assert_false(post_killed(&l, SIGTERM) & EFFECT_LAUNCH);
        assert_true(l.i.waiting);
        post_kind(&l, EVENT_STOP);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        assert_false(l.i.waiting);
        assert_int_equal(l.i.desire, DESIRE_STOPPED);
}

/* Who depends on it is on its way down: it goes when that is over, as it was told, unless it is told otherwise. */
static void needed(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);

        l.i.needed = true;
        assert_int_equal(post(&l, (struct event){ .kind = EVENT_STOP, .signal = SIGUSR1, .grace_usec = 3 * USEC_PER_SEC }), 0);
        assert_int_equal(l.i.phase, PHASE_READY);
        assert_int_equal(l.i.desire, DESIRE_STOPPED);
        assert_int_equal(post_kind(&l, EVENT_RESUME), 0);
        l.i.needed = false;
        assert_true(post_kind(&l, EVENT_RESUME) & EFFECT_SIGNAL);
        assert_int_equal(l.i.stop_signal, SIGUSR1);
        assert_int_equal(l.i.deadline_usec, l.now.mono_usec + 3 * USEC_PER_SEC);
        post_killed(&l, SIGUSR1);
        assert_int_equal(l.i.phase, PHASE_STOPPED);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        l.i.needed = true;
        post_kind(&l, EVENT_STOP);
        post_kind(&l, EVENT_START);
        l.i.needed = false;
        assert_int_equal(post_kind(&l, EVENT_RESUME), 0);
        assert_int_equal(l.i.phase, PHASE_READY);

        /* it ends by itself meanwhile: that is what was wanted */
        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        l.i.needed = true;
        post_kind(&l, EVENT_STOP);
        post_exit(&l, 1, false);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        l = running(TYPE_SERVICE, RESTART_NO);
        l.i.needed = true;
        post_kind(&l, EVENT_RESTART);
        assert_true(post_exit(&l, 1, false) & EFFECT_LAUNCH);

        /* a supervisor that died meanwhile */
        struct life before = running(TYPE_SERVICE, RESTART_ALWAYS);
        before.i.needed = true;
        post_kind(&before, EVENT_RESTART);
        assert_true(before.i.leaving && before.i.again);
        l = recalled(&before);
        adopt_again(&l, &before);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        assert_true(l.i.again);
}

/* Down for a plan or a shutdown: no policy brings it back, a start does; what was down for its own reasons keeps them. */
static void held(void **state _unused_) {
        struct life l = running(TYPE_SERVICE, RESTART_ALWAYS);

        assert_true(post_kind(&l, EVENT_HOLD) & EFFECT_SIGNAL);
        assert_int_equal(l.i.phase, PHASE_STOPPING);
        post_exit(&l, 0, false);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        assert_int_equal(l.i.desire, DESIRE_HELD);
        assert_true(post_kind(&l, EVENT_START) & EFFECT_LAUNCH);
        assert_int_equal(l.i.desire, DESIRE_RUN);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_exit(&l, 1, false);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
        post_kind(&l, EVENT_HOLD);
        assert_int_equal(l.i.phase, PHASE_STOPPED);

        l = running(TYPE_JOB, RESTART_NO);
        post_exit(&l, 0, false);
        post_kind(&l, EVENT_HOLD);
        assert_int_equal(l.i.phase, PHASE_COMPLETED);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_STOP);
        post_kind(&l, EVENT_HOLD);
        post_killed(&l, SIGTERM);
        assert_int_equal(l.i.desire, DESIRE_STOPPED);
        post_kind(&l, EVENT_HOLD);
        assert_int_equal(l.i.desire, DESIRE_STOPPED);

        l = running(TYPE_SERVICE, RESTART_ALWAYS);
        post_kind(&l, EVENT_RESTART);
        post_kind(&l, EVENT_HOLD);
        post_killed(&l, SIGTERM);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
}

/* What a job has done is done: a stop does not forget it, and who wants it again has it as it is. A service is to run. */
static void stopped_when_completed(void **state _unused_) {
        struct life l = running(TYPE_JOB, RESTART_NO);

        post_exit(&l, 0, false);
        assert_int_equal(post_kind(&l, EVENT_STOP), 0);
        assert_int_equal(l.i.phase, PHASE_COMPLETED);
        assert_int_equal(l.i.desire, DESIRE_STOPPED);
        struct life after = recalled(&l);
        assert_int_equal(after.i.phase, PHASE_COMPLETED);
        assert_int_equal(after.i.desire, DESIRE_STOPPED);
        assert_int_equal(post_kind(&l, EVENT_WANTED), 0);
        assert_int_equal(l.i.phase, PHASE_COMPLETED);
        assert_int_equal(l.i.desire, DESIRE_RUN);

        l = running(TYPE_JOB, RESTART_NO);
        post_exit(&l, 1, false);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
        l = running(TYPE_SERVICE, RESTART_NO);
        post_exit(&l, 0, false);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_STOPPED);
}

/* Wanted, and not to be started for that. */
static void wanted(void **state _unused_) {
        struct life l = running(TYPE_JOB, RESTART_ON_FAILURE);

        post_kind(&l, EVENT_STOP);
        assert_int_equal(post_kind(&l, EVENT_WANTED), 0); /* the stop goes on */
        post_killed(&l, SIGTERM);
        assert_int_equal(l.i.phase, PHASE_STOPPED); /* and is no failure */
        assert_int_equal(l.i.desire, DESIRE_HELD);
        assert_int_equal(post_kind(&l, EVENT_WANTED), EFFECT_REPORT);
        assert_int_equal(l.i.phase, PHASE_PENDING);
        assert_int_equal(l.i.desire, DESIRE_RUN);
        assert_false(l.i.waiting);

        l = running(TYPE_JOB, RESTART_ON_FAILURE);
        assert_int_equal(post_kind(&l, EVENT_WANTED), 0);
        assert_int_equal(l.i.phase, PHASE_RUNNING);
        post_exit(&l, 1, false);
        assert_int_equal(post_kind(&l, EVENT_WANTED), 0);
        assert_int_equal(l.i.phase, PHASE_BACKOFF);
}

/* Of a job with a schedule nothing but its run's own record says that its time had come. */
static void scheduled(void **state _unused_) {
        struct life l = running(TYPE_JOB, RESTART_NO), after;

        l.i.policy.scheduled = true;
        post_exit(&l, 0, false);
        assert_int_equal(post_kind(&l, EVENT_STOP), EFFECT_REPORT); /* no others are to be */
        assert_int_equal(l.i.phase, PHASE_STOPPED);

        static const enum phase due[] = { PHASE_STARTING, PHASE_PENDING };
        for (size_t n = 0; n < ARRAY_SIZE(due); n++) {
                struct instance was = { .stack = "shop", .phase = due[n], .waiting = true, .deadline_usec = USEC_INFINITY };

                after = begin(TYPE_JOB, RESTART_NO);
                after.i.policy.scheduled = true;
                post(&after, (struct event){ .kind = EVENT_RECALLED, .was = &was });
                assert_int_equal(after.i.phase, PHASE_PENDING);
                assert_true(after.i.waiting);
                assert_true(post_kind(&after, EVENT_RESUME) & EFFECT_LAUNCH);
        }
        struct instance rests = { .stack = "shop", .phase = PHASE_PENDING, .deadline_usec = USEC_INFINITY };
        after = begin(TYPE_JOB, RESTART_NO);
        after.i.policy.scheduled = true;
        post(&after, (struct event){ .kind = EVENT_RECALLED, .was = &rests });
        assert_false(after.i.waiting);
        /* what is found to run has begun */
        rests.waiting = true;
        post(&after, (struct event){ .kind = EVENT_RECALLED, .was = &rests });
        post(&after, (struct event){ .kind = EVENT_ADOPTED, .pid = 5, .was = &rests });
        assert_false(after.i.waiting);
        assert_int_equal(after.i.phase, PHASE_RUNNING);
}

static void words(void **state _unused_) {
        assert_string_equal(event_kind_name(EVENT_START_FAILED), "start_failed");
        assert_string_equal(event_kind_name(EVENT_TIMER), "timer");
        assert_string_equal(effect_name(EFFECT_SIGNAL), "signal");
        assert_string_equal(effect_name(EFFECT_FORGET), "forget");
}

/* ---- random lives */

struct world {
        struct life l;
        bool launching, alive; /* of the main process, in truth */
        unsigned tasks;        /* others in the leaf */
        bool exit_due;         /* the keeper has not told yet */
        bool empty_due;
        unsigned launches, ends;
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
                assert_true(i->desire == DESIRE_RUN || i->leaving);
                assert_true(i->alive);
        }
        if (i->phase == PHASE_STARTING)
                assert_true(i->launching && i->desire == DESIRE_RUN);
        if (i->phase != PHASE_STARTING && i->phase != PHASE_STOPPING && !phase_is_up(i->phase)) {
                assert_true(instance_is_down(i));
                assert_int_equal(i->pid, 0);
        }
        if (i->desire == DESIRE_STOPPED)
                assert_true(i->leaving || i->phase == PHASE_STOPPING || i->phase == PHASE_STOPPED ||
                            (i->phase == PHASE_COMPLETED && i->policy.type == TYPE_JOB));
}

static void kill_all(struct world *w) {
        if (w->alive || w->launching)
                w->exit_due = true;
        else if (w->tasks)
                w->empty_due = true;
        w->alive = false;
        w->tasks = 0;
}

static void happen(struct world *w, struct event e) {
        w->l.i.blocked = roll(w, 6) == 0;
        w->l.i.needed = roll(w, 6) == 0;
        if (w->forgotten)
                return;
        unsigned effects = post(&w->l, e);

        if (effects & EFFECT_SIGNAL) {
                assert_true(w->l.i.alive);
                if (w->alive && roll(w, 2)) /* it obeys */
                        w->alive = false, w->exit_due = true;
        }
        if (effects & EFFECT_KILL)
                kill_all(w);
        if (effects & EFFECT_CLEANUP)
                assert_false(leaf_is_populated(w));
        if (effects & EFFECT_LAUNCH) {
                assert_false(leaf_is_populated(w) || w->exit_due); /* never two */
                assert_false(w->l.i.blocked);
                assert_int_equal(w->l.i.desire, DESIRE_RUN);
                w->launching = true;
                w->empty_due = false;
                w->launches++;
        }
        if (effects & EFFECT_FORGET) {
                assert_false(leaf_is_populated(w));
                assert_int_equal(w->l.i.desire, DESIRE_GONE);
                w->forgotten = true;
        }
        w->ends += w->l.last.ended;
        assert_in_range(w->ends, w->launches - w->l.i.launching - w->l.i.alive, w->launches);
        invariants(w);
}

/* The keeper and the kernel go on by one. */
static void go_on(struct world *w) {
        if (w->l.i.waiting || w->l.i.leaving) {
                happen(w, (struct event){ .kind = EVENT_RESUME });
                return;
        }
        if (w->launching) {
                bool killed = w->exit_due;

                w->launching = false;
                if (killed || roll(w, 4) == 0) {
                        w->exit_due = false;
                        happen(w, (struct event){ .kind = EVENT_START_FAILED, .message = "no", .populated = false });
                } else {
                        w->alive = true;
                        w->tasks = roll(w, 3);
                        happen(w, (struct event){ .kind = EVENT_STARTED, .pid = 3 });
                }
        } else if (w->exit_due) {
                w->exit_due = false;
                if (!w->tasks && roll(w, 3) == 0)
                        happen(w, (struct event){ .kind = EVENT_EMPTY }); /* the cgroup's event overtakes the keeper's */
                if (w->tasks || roll(w, 8))
                        happen(w, (struct event){ .kind = EVENT_EXITED,
                                                  .exit = { .reason = EXIT_EXITED, .code = (int)roll(w, 2) },
                                                  .populated = w->tasks > 0 });
                else
                        w->empty_due = true; /* the keeper died and took its knowledge along */
        } else if (w->empty_due) {
                w->empty_due = false;
                happen(w, (struct event){ .kind = EVENT_EMPTY });
        } else if (w->alive && roll(w, 6) == 0) {
                w->alive = false;
                w->exit_due = true;
        }
}

static void timer(struct world *w) {
        if (w->l.i.deadline_usec == USEC_INFINITY)
                return;
        if (w->l.now.mono_usec < w->l.i.deadline_usec)
                pass(&w->l, w->l.i.deadline_usec - w->l.now.mono_usec);
        happen(w, (struct event){ .kind = EVENT_TIMER });
}

/* 20,000 lives of 60 random events each; then a last word, and with the world going on the life must settle as that word says. */
static void random_lives(void **state _unused_) {
        static const enum event_kind intents[] = {
                EVENT_START, EVENT_STOP, EVENT_RESTART, EVENT_REPLACE, EVENT_REMOVE, EVENT_WANTED, EVENT_HOLD
        };

        for (uint64_t seed = 1; seed <= 20000; seed++) {
                struct world w = { .seed = seed };

                w.l = begin(roll(&w, 2) ? TYPE_SERVICE : TYPE_JOB, (enum spec_restart)roll(&w, _RESTART_MAX));
                w.l.i.policy.restart_policy.max_attempts = roll(&w, 4);
                if (roll(&w, 8) == 0)
                        w.l.i.policy.stop_grace_usec = 0;
                for (int n = 0; n < 60 && !w.forgotten; n++) {
                        pass(&w.l, roll(&w, 2000000));
                        switch (roll(&w, 6)) {
                        case 0:
                                happen(&w, (struct event){ .kind = intents[roll(&w, ARRAY_SIZE(intents))],
                                                           .grace_usec = roll(&w, 2) ? USEC_INFINITY : roll(&w, 9000000),
                                                           .signal = roll(&w, 2) ? SIGINT : 0 });
                                break;
                        case 1:
                                timer(&w);
                                break;
                        case 2: /* noise that belongs to no launch */
                                happen(&w, (struct event){ .kind = roll(&w, 2)   ? EVENT_OOM
                                                                   : roll(&w, 2) ? EVENT_READY
                                                                   : roll(&w, 2) ? EVENT_EXTEND
                                                                                 : EVENT_UNHEALTHY,
                                                           .extend_usec = roll(&w, 100) * USEC_PER_SEC });
                                break;
                        default:
                                go_on(&w);
                                break;
                        }
                }
                enum event_kind last = intents[roll(&w, ARRAY_SIZE(intents) - 2)]; /* none that leaves it as it is */
                happen(&w, (struct event){ .kind = last, .grace_usec = USEC_INFINITY });
                for (int n = 0; n < 400 && !w.forgotten; n++) {
                        if (w.l.i.desire == DESIRE_STOPPED && phase_is_settled(w.l.i.phase) && instance_is_down(&w.l.i))
                                break;
                        go_on(&w);
                        if (!w.launching && !w.exit_due && !w.empty_due && !phase_is_up(w.l.i.phase))
                                timer(&w);
                }
                if (w.forgotten) {
                        assert_false(leaf_is_populated(&w));
                        continue;
                }
                if (last == EVENT_STOP)
                        assert_true(w.l.i.phase == PHASE_STOPPED || (w.l.i.phase == PHASE_COMPLETED && w.l.i.policy.type == TYPE_JOB));
                else if (last == EVENT_REMOVE)
                        assert_true(w.forgotten);
                else
                        assert_int_equal(w.l.i.desire, DESIRE_RUN);
        }
}

/* Every event in every phase an instance can get into: the table has no hole, and what holds goes on to hold. */
static void every_pair(void **state _unused_) {
        for (int p = 0; p < _PHASE_MAX; p++)
                for (int k = 0; k < _EVENT_MAX; k++) {
                        struct life l = begin(TYPE_SERVICE, RESTART_ALWAYS);

                        l.i.phase = (enum phase)p;
                        if (p == PHASE_STARTING || p == PHASE_STOPPING)
                                l.i.launching = true, l.i.deadline_usec = l.now.mono_usec;
                        if (p == PHASE_BACKOFF)
                                l.i.deadline_usec = l.now.mono_usec;
                        if (p == PHASE_STOPPED)
                                l.i.desire = DESIRE_STOPPED;
                        if (phase_is_up((enum phase)p))
                                l.i.alive = l.i.populated = true;
                        struct instance was = l.i;
                        unsigned effects =
                                post(&l, (struct event){ .kind = (enum event_kind)k, .grace_usec = USEC_INFINITY, .was = &was });
                        assert_int_equal(!!(effects & EFFECT_REPORT), k != EVENT_RECALLED && l.i.phase != (enum phase)p);
                        assert_true(l.i.phase >= 0 && l.i.phase < _PHASE_MAX);
                        if (effects & EFFECT_LAUNCH)
                                assert_int_equal(l.i.phase, PHASE_STARTING);
                }
}

unit_main(cmocka_unit_test(up_and_ready), cmocka_unit_test(early_ready_counts), cmocka_unit_test(ends_by_policy),
          cmocka_unit_test(backoff_doubles_and_is_forgotten), cmocka_unit_test(attempts_are_counted_out),
          cmocka_unit_test(failed_starts_follow_the_policy), cmocka_unit_test(stop_by_signal_then_kill),
          cmocka_unit_test(stop_overrides), cmocka_unit_test(leftovers_are_killed_first),
          cmocka_unit_test(unseen_exits_are_unknown), cmocka_unit_test(oom_is_a_reason), cmocka_unit_test(last_intent_wins),
          cmocka_unit_test(launch_that_hangs), cmocka_unit_test(adopted_as_it_runs),
          cmocka_unit_test(recalled_as_its_start_was_overtaken), cmocka_unit_test(recalled_with_only_left_overs),
          cmocka_unit_test(recalled_in_each_phase), cmocka_unit_test(a_stop_under_way_goes_on), cmocka_unit_test(gives_up), cmocka_unit_test(asks_for_time_to_get_ready), cmocka_unit_test(asks_for_time_to_end), cmocka_unit_test(blocked), cmocka_unit_test(needed), cmocka_unit_test(held), cmocka_unit_test(stopped_when_completed), cmocka_unit_test(wanted), cmocka_unit_test(scheduled), cmocka_unit_test(words), cmocka_unit_test(random_lives),
          cmocka_unit_test(every_pair));
