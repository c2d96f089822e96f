/* The table and its cells; what holds is in step.h. A cell changes the instance and asks for effects; step() notes the change of
 * phase. Cells that say `ignored` are events that cannot come there, or come too late to matter; why is said at the row.
 */
#include <ctrsup/state/step.h>

#include <ctrsup/base/enumtab.h>
#include <ctrsup/state/backoff.h>

#include <assert.h>
#include <signal.h>
#include <string.h>

struct move {
        struct instance *i;
        const struct event *e;
        const struct now *now;
        struct step step;
};

static uint64_t later(uint64_t from, uint64_t usec) {
        uint64_t sum;

        return __builtin_add_overflow(from, usec, &sum) ? USEC_INFINITY : sum;
}

/* ---- ways out */

static void rest(struct move *m, enum phase phase) {
        m->i->phase = phase;
        m->i->waiting = m->i->leaving = false;
        m->i->deadline_usec = USEC_INFINITY;
}

/* false: there are none. */
static bool begin_hooks(struct instance *i, enum spec_hook_kind kind) {
        i->hook = i->policy.hooks[kind] > 0 ? kind : HOOK_NONE;
        i->hooks_ended = 0;
        return i->hook != HOOK_NONE;
}

/* Its hook that is next has a container of its own; without one it is its own turn. */
static void launch_next(struct move *m) {
        struct instance *i = m->i;

        i->generation++;
        i->launching = i->unnamed = true;
        i->killed = i->oom = false;
        i->kills = 0;
        i->deadline_usec = later(m->now->mono_usec, LAUNCH_TIMEOUT_USEC);
        m->step.effects |= EFFECT_LAUNCH;
}

static void launch(struct move *m) {
        struct instance *i = m->i;

        if (i->blocked) { /* RESUME will say that its turn has come */
                rest(m, PHASE_PENDING);
                i->again = i->killed = false;
                i->waiting = true;
                return;
        }
        rest(m, PHASE_STARTING);
        i->again = i->ready_early = false;
        i->cause = CAUSE_NONE;
        (void)begin_hooks(i, HOOK_PRE_START);
        launch_next(m);
}

/* It ended and nobody asked for that. A job restarts only to succeed: once it has, even `always` lets it be. */
static void follow_policy(struct move *m) {
        struct instance *i = m->i;
        const struct policy *p = &i->policy;
        bool good = exit_is_success(&i->last_exit) && i->cause == CAUSE_NONE;

        if (p->restart == RESTART_NO || (good && (p->restart == RESTART_ON_FAILURE || p->type == TYPE_JOB))) {
                rest(m, good ? PHASE_COMPLETED : PHASE_FAILED);
                return;
        }
        if (!backoff_may_restart(&p->restart_policy, i->attempts)) {
                rest(m, PHASE_FAILED);
                m->step.effects |= EFFECT_START_LIMIT;
                return;
        }
        i->attempts++;
        uint64_t delay = backoff_delay(&p->restart_policy, i->attempts, m->now->random);
        if (i->last_exit.reason == EXIT_NOT_STARTED && delay < START_RETRY_USEC)
                delay = START_RETRY_USEC; /* it may fail before anything else happens: with no delay declared, again and again at once */
        rest(m, PHASE_BACKOFF);
        i->deadline_usec = later(m->now->mono_usec, delay);
}

/* Nothing of it is left: what now? */
static void settle(struct move *m) {
        struct instance *i = m->i;

        m->step.effects |= EFFECT_CLEANUP;
        i->hook = HOOK_NONE;
        if (i->ran) { /* whatever comes next comes after its post_stop hooks */
                i->ran = false;
                if (begin_hooks(i, HOOK_POST_STOP)) {
                        rest(m, PHASE_STOPPING);
                        launch_next(m);
                        return;
                }
        }
        switch (i->desire) {
        case DESIRE_GONE:
                m->step.effects |= EFFECT_FORGET;
                rest(m, PHASE_STOPPED);
                break;
        case DESIRE_STOPPED:
        case DESIRE_HELD:
                rest(m, PHASE_STOPPED);
                break;
        case DESIRE_RUN:
        case _DESIRE_MAX:
                if (i->again)
                        launch(m);
                else
                        follow_policy(m);
                break;
        }
}

static void kill_leaf(struct move *m) {
        struct instance *i = m->i;
        uint64_t wait = KILL_RETRY_USEC << (i->kills < 5 ? i->kills : 5);

        i->killed = true;
        i->kills++;
        i->deadline_usec = later(m->now->mono_usec, wait < KILL_RETRY_MAX_USEC ? wait : KILL_RETRY_MAX_USEC);
        m->step.effects |= EFFECT_KILL;
        if (i->kills == STUCK_KILLS + 1)
                m->step.effects |= EFFECT_STUCK;
}

/* The main process is gone, or never came. What it leaves in the leaf is killed before anything else happens. */
static void end(struct move *m, struct exit_info how, bool populated) {
        struct instance *i = m->i;
        bool asked_for = (i->phase == PHASE_STOPPING || i->leaving) && (i->desire != DESIRE_RUN || i->again);

        if (i->oom && !i->killed && how.reason == EXIT_KILLED && how.signal == SIGKILL)
                how.reason = EXIT_OOM;
        m->step.ended = true;
        if (i->alive && how.reason != EXIT_NOT_STARTED && m->now->mono_usec > i->started_usec) /* not of a hook */
                m->step.uptime_usec = m->now->mono_usec - i->started_usec;
        i->attempts = backoff_attempts_after(&i->policy.restart_policy, i->attempts, m->step.uptime_usec);
        i->last_exit = how;
        i->launching = i->alive = i->leaving = false;
        i->populated = populated;
        i->pid = 0;
        i->started_real_usec = 0;
        i->hook = HOOK_NONE;
        if (!asked_for && how.reason == EXIT_NOT_STARTED && m->e->message)
                (void)snprintf(i->message, sizeof(i->message), "%s", m->e->message);
        else if (!asked_for && i->cause != CAUSE_POST_START && (i->cause != CAUSE_NONE || !exit_is_success(&how))) {
                char words[NUM_TEXT_MAX];

                (void)snprintf(i->message, sizeof(i->message), "%s", instance_end_words(i, words));
        }

        if (!populated)
                settle(m);
        else {
                i->phase = PHASE_STOPPING;
                if (!i->killed)
                        kill_leaf(m);
        }
}

static void end_unstarted(struct move *m, bool populated) {
        end(m, (struct exit_info){ .reason = EXIT_NOT_STARTED, .code = -1 }, populated);
}

/* ---- hooks in containers of their own */

/* The one before has ended, and nothing of it is left. */
static void next_hook(struct move *m) {
        struct instance *i = m->i;
        bool more = i->hooks_ended < i->policy.hooks[i->hook];

        if (i->hook == HOOK_POST_STOP && !more) {
                settle(m);
                return;
        }
        if (!more)
                i->hook = HOOK_NONE;
        m->step.effects |= EFFECT_CLEANUP;
        launch_next(m);
}

static bool is_contained(enum spec_hook_kind hook) {
        return hook == HOOK_PRE_START || hook == HOOK_POST_STOP;
}

static void hook_is_up(struct move *m) {
        struct instance *i = m->i;

        i->launching = false;
        i->alive = i->populated = true;
        i->pid = m->e->pid;
        if (!i->killed)
                i->deadline_usec = later(m->now->mono_usec, m->e->timeout_usec);
}

/* A pre_start hook that failed is a start that failed; how a post_stop hook ends changes nothing. */
static void hook_is_over(struct move *m, bool good, bool populated) {
        struct instance *i = m->i;

        if (i->hook == HOOK_PRE_START && (!good || i->phase != PHASE_STARTING)) {
                end_unstarted(m, populated);
                return;
        }
        i->launching = i->alive = false;
        i->populated = populated;
        i->pid = 0;
        i->hooks_ended++;
        if (populated)
                kill_leaf(m);
        else
                next_hook(m);
}

static void end_unseen(struct move *m) {
        if (is_contained(m->i->hook))
                hook_is_over(m, false, false);
        else
                end(m, (struct exit_info){ .reason = EXIT_UNKNOWN, .code = -1 }, false);
}

/* ---- down */

/* What the leaf holds is asked to end, with as long as it may take, its pre_stop hooks included. */
static void ask_to_end(struct move *m) {
        struct instance *i = m->i;

        if (i->stop_grace_usec == 0) {
                kill_leaf(m);
                return;
        }
        i->deadline_usec = later(m->now->mono_usec, i->stop_grace_usec);
        i->stop_limit_usec = m->now->mono_usec;
        for (int n = 0; n < STOP_EXTEND_MAX; n++)
                i->stop_limit_usec = later(i->stop_limit_usec, i->stop_grace_usec);
        if (!begin_hooks(i, HOOK_PRE_STOP))
                m->step.effects |= EFFECT_SIGNAL;
}

/* Down it goes; a launch that is out is awaited first, under its own deadline. */
static void go_down(struct move *m) {
        struct instance *i = m->i;

        i->phase = PHASE_STOPPING;
        i->leaving = i->killed = false;
        i->kills = 0;
        if (i->launching)
                return;
        if (i->hook == HOOK_PRE_START) /* what is to be stopped has not begun */
                kill_leaf(m);
        else
                ask_to_end(m);
}

/* Somebody wants it down: when who depends on it is. */
static void leave(struct move *m) {
        struct instance *i = m->i;

        i->stop_signal = m->e->kind == EVENT_STOP && m->e->signal ? m->e->signal : i->policy.stop_signal;
        i->stop_grace_usec =
                m->e->kind == EVENT_STOP && m->e->grace_usec != USEC_INFINITY ? m->e->grace_usec : i->policy.stop_grace_usec;
        if (i->needed && phase_is_up(i->phase))
                i->leaving = true;
        else
                go_down(m);
}

/* Nobody asked for it: it did not keep to its declaration. It goes as the policy says, as if it had ended badly by itself. */
static void give_up(struct move *m, enum stop_cause cause) {
        struct instance *i = m->i;

        i->cause = cause;
        i->stop_signal = i->policy.stop_signal;
        i->stop_grace_usec = i->policy.stop_grace_usec;
        go_down(m);
}

/* Somebody wants it up: the restart policy's memory starts anew. */
static void want_run(struct move *m) {
        m->i->desire = DESIRE_RUN;
        m->i->attempts = 0;
        m->i->restarts = 0;
        m->i->message[0] = '\0';
}

/* ---- cells */

static void ignored(struct move *m) {
        (void)m;
}

static void start_now(struct move *m) {
        want_run(m);
        launch(m);
}

static void resume(struct move *m) {
        launch(m);
}

static void start_when_down(struct move *m) {
        want_run(m);
        m->i->again = true;
}

static void restart_now(struct move *m) {
        want_run(m);
        m->i->again = true;
        leave(m);
}

static void stay_up(struct move *m) {
        m->i->desire = DESIRE_RUN;
        m->i->leaving = m->i->again = false;
}

/* It has ended as it has, or waits: that goes on. */
static void want(struct move *m) {
        m->i->desire = DESIRE_RUN;
}

static void want_stopped(struct move *m) {
        m->i->desire = DESIRE_RUN;
        rest(m, PHASE_PENDING);
}

/* A stop that was asked for goes on; what comes after it is no end by itself, for the restart policy to look at. */
static void want_when_down(struct move *m) {
        if (m->i->desire != DESIRE_RUN)
                m->i->desire = DESIRE_HELD;
}

/* Nobody needs it any more. */
static void go_on_leaving(struct move *m) {
        if (m->i->leaving && !m->i->needed)
                go_down(m);
}

static void stop_up(struct move *m) {
        m->i->desire = DESIRE_STOPPED;
        m->i->again = false;
        leave(m);
}

static void stop_down(struct move *m) {
        m->i->desire = DESIRE_STOPPED;
        rest(m, PHASE_STOPPED);
}

/* Nothing of it runs. A job has done what it was to: that is not to be forgotten, or it would be done again. One that has a schedule
 * has done it for this time, and there are to be no others. */
static void stop_completed(struct move *m) {
        if (m->i->policy.type == TYPE_JOB && !m->i->policy.scheduled)
                m->i->desire = DESIRE_STOPPED;
        else
                stop_down(m);
}

/* A second stop may be sharper: another signal, a shorter wait. It never makes the wait longer. */
static void stop_again(struct move *m) {
        struct instance *i = m->i;

        if (i->desire != DESIRE_GONE) /* what was removed is forgotten, stopped or not */
                i->desire = DESIRE_STOPPED;
        i->again = false;
        if (i->killed)
                return;
        if (m->e->grace_usec != USEC_INFINITY)
                i->stop_grace_usec = m->e->grace_usec;
        if (m->e->signal)
                i->stop_signal = m->e->signal;
        if (i->launching)
                return;
        if (m->e->signal) {
                m->step.effects |= EFFECT_SIGNAL;
                if (i->hook == HOOK_PRE_STOP) /* not waited for any more */
                        i->hook = HOOK_NONE;
        }
        if (m->e->grace_usec != USEC_INFINITY && later(m->now->mono_usec, m->e->grace_usec) < i->deadline_usec)
                i->deadline_usec = later(m->now->mono_usec, m->e->grace_usec);
        if (m->e->grace_usec != USEC_INFINITY && i->deadline_usec < i->stop_limit_usec)
                i->stop_limit_usec = i->deadline_usec; /* how long it may take was said by somebody who decides */
}

static void hold_up(struct move *m) {
        m->i->desire = DESIRE_HELD;
        m->i->again = false;
        leave(m);
}

/* On its way down already: only what comes after changes, and only when that would be a start. */
static void hold_when_down(struct move *m) {
        m->i->again = false;
        if (m->i->desire == DESIRE_RUN)
                m->i->desire = DESIRE_HELD;
}

static void hold_down(struct move *m) {
        m->i->desire = DESIRE_HELD;
        rest(m, PHASE_STOPPED);
}

static void remove_up(struct move *m) {
        m->i->desire = DESIRE_GONE;
        m->i->again = false;
        leave(m);
}

static void remove_down(struct move *m) {
        m->i->desire = DESIRE_GONE;
        rest(m, PHASE_STOPPED);
        m->step.effects |= EFFECT_FORGET;
}

static void remove_when_down(struct move *m) {
        m->i->desire = DESIRE_GONE;
        m->i->again = false;
}

static void is_up(struct move *m, uint64_t started_usec, uint64_t started_real_usec, bool ready) {
        struct instance *i = m->i;

        i->launching = false;
        i->alive = i->populated = true;
        i->pid = m->e->pid;
        i->started_usec = started_usec;
        i->started_real_usec = started_real_usec;
        i->ran = true;
        if (i->phase == PHASE_STOPPING)
                return;
        i->ready_early = begin_hooks(i, HOOK_POST_START) && ready;
        i->unhealthy_early = false;
        rest(m, ready && !i->ready_early ? PHASE_READY : PHASE_RUNNING);
        if (!ready)
                i->deadline_usec = later(started_usec, i->policy.type == TYPE_JOB ? i->policy.max_runtime_usec : i->policy.ready_timeout_usec);
}

static void wait_on(struct move *m, uint64_t deadline_usec) {
        rest(m, PHASE_BACKOFF);
        m->i->deadline_usec = deadline_usec;
}

static void recall(struct move *m) {
        struct instance *i = m->i;
        const struct instance *was = m->e->was;
        bool stopped = was->desire == DESIRE_STOPPED || was->desire == DESIRE_GONE;

        *i = (struct instance){ .policy = i->policy,
                                .replica = i->replica,
                                .phase = PHASE_PENDING,
                                .desire = was->desire,
                                .outdated = i->outdated,
                                .generation = i->generation > was->generation ? i->generation : was->generation,
                                .revision = was->revision,
                                .kept = was->kept,
                                .attempts = was->attempts,
                                .restarts = was->restarts,
                                .last_exit = was->last_exit,
                                .cause = was->cause,
                                .deadline_usec = USEC_INFINITY };
        (void)strcpy(i->stack, was->stack);
        (void)strcpy(i->container, was->container);
        memcpy(i->id, was->id, sizeof(i->id));
        (void)strcpy(i->message, was->message);
        if (was->desire == DESIRE_HELD) /* what it was held for is gone with who held it */
                i->desire = DESIRE_RUN;
        if (was->phase == PHASE_COMPLETED || was->phase == PHASE_FAILED)
                rest(m, was->phase);
        else if (stopped)
                rest(m, PHASE_STOPPED);
        else if (was->phase == PHASE_BACKOFF)
                wait_on(m, was->deadline_usec);
        else if (i->policy.scheduled) /* its time had come; there is no plan to say so */
                i->waiting = was->phase == PHASE_STARTING || (was->phase == PHASE_PENDING && was->waiting) ||
                             (was->phase == PHASE_STOPPING && was->again);
}

/* Its deadline is the one of its readiness. */
static bool gets_ready(const struct instance *i) {
        return i->phase == PHASE_RUNNING && i->policy.type != TYPE_JOB && i->populated;
}

/* Whose turn it was is on record: those that have ended are over, and the one under way is adopted if it has a container of its own, else
 * begun anew. Nobody knows of a start without a record whether its post_start hooks ran: it goes without. */
static void adopt_hooks(struct move *m) {
        struct instance *i = m->i;
        const struct instance *was = m->e->was;

        if (was && was->phase == PHASE_STARTING && was->hook == HOOK_NONE) { /* if it has come up nobody had heard it */
                i->ready_early = i->ready_early || (m->e->starting && was->ready_early);
                return;
        }
        bool over = !was || was->hook != HOOK_POST_START || was->hooks_ended >= i->policy.hooks[HOOK_POST_START]; /* there may be fewer now */
        bool ready = i->phase == PHASE_RUNNING && i->ready_early && over, unhealthy = was && was->unhealthy_early;
        i->hook = !was || (was->hook == HOOK_POST_START && over) ? HOOK_NONE : was->hook;
        i->hooks_ended = was ? was->hooks_ended : 0;
        i->ran = was ? was->ran : i->ran;
        i->ready_early = was && was->ready_early;
        i->unhealthy_early = unhealthy && !over;
        if (over && unhealthy && phase_is_up(i->phase))
                rest(m, PHASE_UNHEALTHY);
        else if (ready)
                rest(m, PHASE_READY);
}

/* A stop under way goes on; one that was decided and not begun begins; a restart's second half is still to come. */
static void adopt(struct move *m) {
        struct instance *i = m->i;
        const struct instance *was = m->e->was;

        i->waiting = false;
        if (m->e->ended) {
                rest(m, was->phase);
                i->populated = true;
                i->deadline_usec = was->deadline_usec;
        } else if (m->e->starting) {
                rest(m, PHASE_STARTING);
                i->launching = true;
                i->deadline_usec = later(m->now->mono_usec, LAUNCH_TIMEOUT_USEC);
        } else if (was && is_contained(was->hook)) {
                rest(m, PHASE_STARTING);
                hook_is_up(m);
                i->killed = was->killed;
                i->kills = was->kills;
                if (!was->launching)
                        i->deadline_usec = was->deadline_usec;
        } else {
                rest(m, PHASE_RUNNING);
                is_up(m, m->e->started_usec, m->e->started_real_usec, i->policy.ready_when_started || (was && was->ready_early));
                if (was && (was->phase == PHASE_READY || was->phase == PHASE_UNHEALTHY)) /* it was told of this very start */
                        rest(m, was->phase);
                else if (was && was->phase == PHASE_RUNNING && gets_ready(i) && was->deadline_usec != USEC_INFINITY &&
                         was->deadline_usec > i->deadline_usec)
                        i->deadline_usec = was->deadline_usec; /* it had asked for more time */
        }
        adopt_hooks(m);
        i->oom = was && was->oom;
        if (was && was->phase == PHASE_STOPPING) {
                i->phase = PHASE_STOPPING;
                i->again = was->again;
                i->killed = was->killed;
                i->kills = was->kills;
                i->cause = was->cause;
                i->stop_signal = was->stop_signal;
                i->stop_grace_usec = was->stop_grace_usec;
                i->stop_limit_usec = was->stop_limit_usec;
                i->deadline_usec = was->deadline_usec;
                if (was->launching && !m->e->starting && !m->e->ended && !was->killed) { /* its answer was awaited, and nobody has heard it */
                        if (was->hook == HOOK_PRE_START)
                                kill_leaf(m);
                        else if (was->hook == HOOK_NONE)
                                ask_to_end(m);
                        else
                                hook_is_up(m);
                }
        } else if (i->desire != DESIRE_RUN || (was && was->leaving)) {
                i->again = was && was->again;
                leave(m);
        }
}

static void came_up(struct move *m) {
        if (m->i->hook == HOOK_PRE_START)
                hook_is_up(m);
        else
                is_up(m, m->now->mono_usec, m->now->real_usec, m->i->policy.ready_when_started || m->i->ready_early);
}

/* The start was overtaken by a stop: now there is somebody to stop. A leaf that was killed meanwhile is being emptied already. */
static void came_up_unwanted(struct move *m) {
        struct instance *i = m->i;

        if (!i->launching)
                return;
        if (is_contained(i->hook)) {
                hook_is_up(m);
                if (i->hook == HOOK_PRE_START && !i->killed)
                        kill_leaf(m);
                return;
        }
        is_up(m, m->now->mono_usec, m->now->real_usec, false);
        if (!i->killed)
                ask_to_end(m);
}

static void did_not_start(struct move *m) {
        if (!m->i->launching)
                return;
        if (m->i->hook == HOOK_POST_STOP)
                hook_is_over(m, false, m->e->populated);
        else
                end_unstarted(m, m->e->populated);
}

static void exited(struct move *m) {
        if (!m->i->launching && !m->i->alive)
                return;
        if (is_contained(m->i->hook)) {
                hook_is_over(m, exit_is_success(&m->e->exit), m->e->populated);
                return;
        }
        m->i->ran = true; /* also when nobody has read that it began */
        end(m, m->e->exit, m->e->populated);
}

static void early_ready(struct move *m) {
        if (m->i->hook == HOOK_NONE)
                m->i->ready_early = true;
}

static void ready(struct move *m) {
        struct instance *i = m->i;

        if (i->hook == HOOK_POST_START) {
                i->ready_early = true;
                i->unhealthy_early = false;
        } else
                i->phase = PHASE_READY;
        if (i->populated)
                i->deadline_usec = USEC_INFINITY; /* that of its readiness */
}

static void post_start_hooked(struct move *m) {
        struct instance *i = m->i;

        if (i->hook != HOOK_POST_START)
                return;
        if (m->e->failed) {
                (void)snprintf(i->message, sizeof(i->message), "%s", m->e->message ? m->e->message : "");
                give_up(m, CAUSE_POST_START);
                return;
        }
        if (++i->hooks_ended < i->policy.hooks[HOOK_POST_START])
                return;
        i->hook = HOOK_NONE;
        if (i->ready_early)
                ready(m);
        if (i->unhealthy_early)
                i->phase = PHASE_UNHEALTHY;
        i->unhealthy_early = false;
}

/* How it went changes nothing: the signal comes next. */
static void pre_stop_hooked(struct move *m) {
        struct instance *i = m->i;

        if (i->hook != HOOK_PRE_STOP || ++i->hooks_ended < i->policy.hooks[HOOK_PRE_STOP])
                return;
        i->hook = HOOK_NONE;
        if (i->alive && !i->killed)
                m->step.effects |= EFFECT_SIGNAL;
}

static void unhealthy(struct move *m) {
        if (m->i->policy.unhealthy_restarts && m->i->desire == DESIRE_RUN && !m->i->leaving)
                give_up(m, CAUSE_UNHEALTHY);
        else
                m->i->phase = PHASE_UNHEALTHY;
}

static void put_off(struct move *m, uint64_t limit_usec) {
        struct instance *i = m->i;
        uint64_t until = later(m->now->mono_usec, m->e->extend_usec < EXTEND_MAX_USEC ? m->e->extend_usec : EXTEND_MAX_USEC);

        if (until > limit_usec)
                until = limit_usec;
        if (until > i->deadline_usec)
                i->deadline_usec = until;
}

static void gets_ready_later(struct move *m) {
        if (gets_ready(m->i))
                put_off(m, USEC_INFINITY);
}

/* What is past its grace period is so for good, and what has ended needs no time. */
static void ends_later(struct move *m) {
        if (!m->i->killed && !m->i->launching && m->i->populated && !is_contained(m->i->hook))
                put_off(m, m->i->stop_limit_usec);
}

/* It was never ready: without the restart its readiness.timeout decides. Or it was but for its hooks: then it is unhealthy after them. */
static void unhealthy_from_the_start(struct move *m) {
        if (m->i->policy.unhealthy_restarts && !m->i->leaving)
                give_up(m, CAUSE_UNHEALTHY);
        else
                m->i->unhealthy_early = m->i->ready_early;
}

static void hit_by_oom(struct move *m) {
        m->i->oom = true;
}

/* The keeper's word on how it ended is on its way, or the keeper is gone and nobody will ever say. */
static void await_exit(struct move *m) {
        uint64_t until = later(m->now->mono_usec, EXIT_WAIT_USEC);

        m->i->populated = false;
        if (until < m->i->deadline_usec)
                m->i->deadline_usec = until;
}

static void emptied(struct move *m) {
        struct instance *i = m->i;

        i->populated = false;
        if (i->alive)
                await_exit(m);
        else if (!i->launching && i->hook == HOOK_PRE_START && i->phase == PHASE_STOPPING)
                end_unstarted(m, false); /* between two of them */
        else if (!i->launching && is_contained(i->hook))
                next_hook(m);
        else if (!i->launching)
                settle(m);
}

static void start_emptied(struct move *m) {
        if (!m->i->launching) /* a pre_start hook's leaf */
                emptied(m);
}

static void exit_overdue(struct move *m) {
        m->i->deadline_usec = USEC_INFINITY;
        if (!m->i->populated)
                end_unseen(m);
}

static void readiness_overdue(struct move *m) {
        if (!m->i->populated)
                exit_overdue(m);
        else
                give_up(m, m->i->policy.type == TYPE_JOB ? CAUSE_MAX_RUNTIME : CAUSE_NOT_READY);
}

/* Of the launch, of a pre_start hook, or of what that left behind. */
static void start_overdue(struct move *m) {
        struct instance *i = m->i;

        if (i->launching)
                i->phase = PHASE_STOPPING;
        if (i->alive && !i->populated)
                end_unseen(m);
        else
                kill_leaf(m);
}

static void grace_over(struct move *m) {
        if (m->i->alive && !m->i->populated)
                end_unseen(m);
        else
                kill_leaf(m);
}

static void try_again(struct move *m) {
        m->i->restarts++;
        launch(m);
}

/* clang-format off */
static void (*const actions[_PHASE_MAX][_EVENT_MAX])(struct move *m) = {
/* Nothing runs and nothing was asked of the keeper, so no answer can come. RECALLED and, here and in the phases that are down,
 * ADOPTED: by a supervisor that has just begun. */
[PHASE_PENDING] = {
        [EVENT_START] = start_now,               [EVENT_STOP] = stop_down,                [EVENT_RESTART] = start_now,
        [EVENT_REPLACE] = start_now,             [EVENT_REMOVE] = remove_down,            [EVENT_ADOPTED] = adopt,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = ignored,                   [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,                 [EVENT_TIMER] = ignored,
        [EVENT_HOLD] = hold_down,                [EVENT_RECALLED] = recall,       [EVENT_RESUME] = resume,
        [EVENT_WANTED] = want,                   [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
/* START: it does. EXITED: the keeper may tell of the end before anybody read that it began. EMPTY: the leaf is empty until the
 * clone, and after a failed one; the keeper's answer says which. */
[PHASE_STARTING] = {
        [EVENT_START] = stay_up,                 [EVENT_STOP] = stop_up,                  [EVENT_RESTART] = restart_now,
        [EVENT_REPLACE] = restart_now,           [EVENT_REMOVE] = remove_up,              [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = came_up,               [EVENT_START_FAILED] = did_not_start,    [EVENT_READY] = early_ready,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = hit_by_oom,                [EVENT_EXITED] = exited,
        [EVENT_EMPTY] = start_emptied,           [EVENT_TIMER] = start_overdue,
        [EVENT_HOLD] = hold_up,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = ignored,
        [EVENT_WANTED] = stay_up,                [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
/* UNHEALTHY: what was never ready cannot stop being it. STARTED, START_FAILED: were answered. EXTEND: here somebody waits for it, and on
 * its way down; nowhere else. */
[PHASE_RUNNING] = {
        [EVENT_START] = stay_up,                 [EVENT_STOP] = stop_up,                  [EVENT_RESTART] = restart_now,
        [EVENT_REPLACE] = restart_now,           [EVENT_REMOVE] = remove_up,              [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ready,
        [EVENT_UNHEALTHY] = unhealthy_from_the_start,           [EVENT_OOM] = hit_by_oom,                [EVENT_EXITED] = exited,
        [EVENT_EMPTY] = await_exit,              [EVENT_TIMER] = readiness_overdue,
        [EVENT_HOLD] = hold_up,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = go_on_leaving,
        [EVENT_WANTED] = stay_up,                [EVENT_EXTEND] = gets_ready_later,
        [EVENT_HOOKED] = post_start_hooked,
},
[PHASE_READY] = {
        [EVENT_START] = stay_up,                 [EVENT_STOP] = stop_up,                  [EVENT_RESTART] = restart_now,
        [EVENT_REPLACE] = restart_now,           [EVENT_REMOVE] = remove_up,              [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = unhealthy,           [EVENT_OOM] = hit_by_oom,                [EVENT_EXITED] = exited,
        [EVENT_EMPTY] = await_exit,              [EVENT_TIMER] = exit_overdue,
        [EVENT_HOLD] = hold_up,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = go_on_leaving,
        [EVENT_WANTED] = stay_up,                [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
/* UNHEALTHY: still; what is to happen then may have been declared anew. */
[PHASE_UNHEALTHY] = {
        [EVENT_START] = stay_up,                 [EVENT_STOP] = stop_up,                  [EVENT_RESTART] = restart_now,
        [EVENT_REPLACE] = restart_now,           [EVENT_REMOVE] = remove_up,              [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ready,
        [EVENT_UNHEALTHY] = unhealthy,           [EVENT_OOM] = hit_by_oom,                [EVENT_EXITED] = exited,
        [EVENT_EMPTY] = await_exit,              [EVENT_TIMER] = exit_overdue,
        [EVENT_HOLD] = hold_up,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = go_on_leaving,
        [EVENT_WANTED] = stay_up,                [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
/* The way down has three parts: (a launch is out ->) the main process lives -> the leaf empties. Intents only change what comes
 * after. READY, UNHEALTHY: nobody waits for that any more. */
[PHASE_STOPPING] = {
        [EVENT_START] = start_when_down,         [EVENT_STOP] = stop_again,               [EVENT_RESTART] = start_when_down,
        [EVENT_REPLACE] = start_when_down,       [EVENT_REMOVE] = remove_when_down,       [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = came_up_unwanted,      [EVENT_START_FAILED] = did_not_start,    [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = hit_by_oom,                [EVENT_EXITED] = exited,
        [EVENT_EMPTY] = emptied,                 [EVENT_TIMER] = grace_over,
        [EVENT_HOLD] = hold_when_down,           [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = ignored,
        [EVENT_WANTED] = want_when_down,         [EVENT_EXTEND] = ends_later,
        [EVENT_HOOKED] = pre_stop_hooked,
},
/* Down, in four shades. Nothing runs, nothing is outstanding: only intents count, and in BACKOFF the timer. STOP of what ended by
 * itself notes the operator's wish, so that no plan and no reboot takes it for an accident. */
[PHASE_STOPPED] = {
        [EVENT_START] = start_now,               [EVENT_STOP] = stop_down,                [EVENT_RESTART] = start_now,
        [EVENT_REPLACE] = start_now,             [EVENT_REMOVE] = remove_down,            [EVENT_ADOPTED] = adopt,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = ignored,                   [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,                 [EVENT_TIMER] = ignored,
        [EVENT_HOLD] = ignored,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = ignored,
        [EVENT_WANTED] = want_stopped,           [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
[PHASE_COMPLETED] = {
        [EVENT_START] = start_now,               [EVENT_STOP] = stop_completed,           [EVENT_RESTART] = start_now,
        [EVENT_REPLACE] = start_now,             [EVENT_REMOVE] = remove_down,            [EVENT_ADOPTED] = adopt,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = ignored,                   [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,                 [EVENT_TIMER] = ignored,
        [EVENT_HOLD] = ignored,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = ignored,
        [EVENT_WANTED] = want,                   [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
[PHASE_FAILED] = {
        [EVENT_START] = start_now,               [EVENT_STOP] = stop_down,                [EVENT_RESTART] = start_now,
        [EVENT_REPLACE] = start_now,             [EVENT_REMOVE] = remove_down,            [EVENT_ADOPTED] = adopt,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = ignored,                   [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,                 [EVENT_TIMER] = ignored,
        [EVENT_HOLD] = ignored,                  [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = ignored,
        [EVENT_WANTED] = want,                   [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
[PHASE_BACKOFF] = {
        [EVENT_START] = start_now,               [EVENT_STOP] = stop_down,                [EVENT_RESTART] = start_now,
        [EVENT_REPLACE] = start_now,             [EVENT_REMOVE] = remove_down,            [EVENT_ADOPTED] = adopt,
        [EVENT_STARTED] = ignored,               [EVENT_START_FAILED] = ignored,          [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,             [EVENT_OOM] = ignored,                   [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,                 [EVENT_TIMER] = try_again,
        [EVENT_HOLD] = hold_down,                [EVENT_RECALLED] = ignored,      [EVENT_RESUME] = ignored,
        [EVENT_WANTED] = want,                   [EVENT_EXTEND] = ignored,
        [EVENT_HOOKED] = ignored,
},
};
/* clang-format on */

struct step step(struct instance *i, const struct event *e, const struct now *now) {
        struct move m = { .i = i, .e = e, .now = now, .step.from = i->phase };

        assert(i->phase >= 0 && i->phase < _PHASE_MAX && e->kind < _EVENT_MAX);
        if (e->kind == EVENT_TIMER && now->mono_usec < i->deadline_usec)
                return m.step; /* of an earlier deadline */
        actions[i->phase][e->kind](&m);
        if (i->phase != m.step.from && e->kind != EVENT_RECALLED) /* it was said when it happened */
                m.step.effects |= EFFECT_REPORT;
        return m.step;
}

static const char *const kinds[] = {
        [EVENT_START] = "start",     [EVENT_STOP] = "stop",
        [EVENT_RESTART] = "restart", [EVENT_REPLACE] = "replace",
        [EVENT_REMOVE] = "remove",   [EVENT_ADOPTED] = "adopted",
        [EVENT_STARTED] = "started", [EVENT_START_FAILED] = "start_failed",
        [EVENT_READY] = "ready",     [EVENT_OOM] = "oom",
        [EVENT_EXITED] = "exited",   [EVENT_UNHEALTHY] = "unhealthy",
        [EVENT_EMPTY] = "empty",     [EVENT_TIMER] = "timer",
        [EVENT_HOLD] = "hold",       [EVENT_RECALLED] = "recalled",
        [EVENT_RESUME] = "resume",   [EVENT_WANTED] = "wanted",
        [EVENT_EXTEND] = "extend",   [EVENT_HOOKED] = "hooked",
};
static_assert(ARRAY_SIZE(kinds) == _EVENT_MAX, "a word for every event");

const char *event_kind_name(enum event_kind k) {
        return enumtab_name(kinds, _EVENT_MAX, (int)k);
}

const char *effect_name(enum effect e) {
        static const char *const names[] = { "signal", "kill", "cleanup", "launch", "report", "stuck", "start-limit", "forget" };

        return enumtab_name(names, ARRAY_SIZE(names), __builtin_ctz(e));
}
