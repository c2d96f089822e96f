#include "move.h"

#include <ctrsup/state/backoff.h>

#include <signal.h>
#include <string.h>

uint64_t move_later(uint64_t from, uint64_t usec) {
        uint64_t sum;

        return __builtin_add_overflow(from, usec, &sum) ? USEC_INFINITY : sum;
}

/* ---- ways out */

void move_rest(struct move *m, enum phase phase) {
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
        i->deadline_usec = move_later(m->now->mono_usec, LAUNCH_TIMEOUT_USEC);
        m->step.effects |= EFFECT_LAUNCH;
}

void move_launch(struct move *m) {
        struct instance *i = m->i;

        if (i->blocked) { /* RESUME will say that its turn has come */
                move_rest(m, PHASE_PENDING);
                i->again = i->killed = false;
                i->waiting = true;
                return;
        }
        move_rest(m, PHASE_STARTING);
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
                move_rest(m, good ? PHASE_COMPLETED : PHASE_FAILED);
                return;
        }
        if (!backoff_may_restart(&p->restart_policy, i->attempts)) {
                move_rest(m, PHASE_FAILED);
                m->step.effects |= EFFECT_START_LIMIT;
                return;
        }
        i->attempts++;
        uint64_t delay = backoff_delay(&p->restart_policy, i->attempts, m->now->random);
        if (i->last_exit.reason == EXIT_NOT_STARTED && delay < START_RETRY_USEC)
                delay = START_RETRY_USEC; /* it may fail before anything else happens: with no delay declared, again and again at once */
        move_rest(m, PHASE_BACKOFF);
        i->deadline_usec = move_later(m->now->mono_usec, delay);
}

/* Nothing of it is left: what now? */
void move_settle(struct move *m) {
        struct instance *i = m->i;

        m->step.effects |= EFFECT_CLEANUP;
        i->hook = HOOK_NONE;
        if (i->ran) { /* whatever comes next comes after its post_stop hooks */
                i->ran = false;
                if (begin_hooks(i, HOOK_POST_STOP)) {
                        move_rest(m, PHASE_STOPPING);
                        launch_next(m);
                        return;
                }
        }
        switch (i->desire) {
        case DESIRE_GONE:
                m->step.effects |= EFFECT_FORGET;
                move_rest(m, PHASE_STOPPED);
                break;
        case DESIRE_STOPPED:
        case DESIRE_HELD:
                move_rest(m, PHASE_STOPPED);
                break;
        case DESIRE_RUN:
        case _DESIRE_MAX:
                if (i->again)
                        move_launch(m);
                else
                        follow_policy(m);
                break;
        }
}

void move_kill_leaf(struct move *m) {
        struct instance *i = m->i;
        uint64_t wait = KILL_RETRY_USEC << (i->kills < 5 ? i->kills : 5);

        i->killed = true;
        i->kills++;
        i->deadline_usec = move_later(m->now->mono_usec, wait < KILL_RETRY_MAX_USEC ? wait : KILL_RETRY_MAX_USEC);
        m->step.effects |= EFFECT_KILL;
        if (i->kills == STUCK_KILLS + 1)
                m->step.effects |= EFFECT_STUCK;
}

/* The main process is gone, or never came. What it leaves in the leaf is killed before anything else happens. */
void move_end(struct move *m, struct exit_info how, bool populated) {
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
                move_settle(m);
        else {
                i->phase = PHASE_STOPPING;
                if (!i->killed)
                        move_kill_leaf(m);
        }
}

void move_end_unstarted(struct move *m, bool populated) {
        move_end(m, (struct exit_info){ .reason = EXIT_NOT_STARTED, .code = -1 }, populated);
}

/* ---- hooks in containers of their own */

/* The one before has ended, and nothing of it is left. */
void move_next_hook(struct move *m) {
        struct instance *i = m->i;
        bool more = i->hooks_ended < i->policy.hooks[i->hook];

        if (i->hook == HOOK_POST_STOP && !more) {
                move_settle(m);
                return;
        }
        if (!more)
                i->hook = HOOK_NONE;
        m->step.effects |= EFFECT_CLEANUP;
        launch_next(m);
}

bool hook_is_contained(enum spec_hook_kind hook) {
        return hook == HOOK_PRE_START || hook == HOOK_POST_STOP;
}

void move_hook_is_up(struct move *m) {
        struct instance *i = m->i;

        i->launching = false;
        i->alive = i->populated = true;
        i->pid = m->e->pid;
        if (!i->killed)
                i->deadline_usec = move_later(m->now->mono_usec, m->e->timeout_usec);
}

/* A pre_start hook that failed is a start that failed; how a post_stop hook ends changes nothing. */
void move_hook_is_over(struct move *m, bool good, bool populated) {
        struct instance *i = m->i;

        if (i->hook == HOOK_PRE_START && (!good || i->phase != PHASE_STARTING)) {
                move_end_unstarted(m, populated);
                return;
        }
        i->launching = i->alive = false;
        i->populated = populated;
        i->pid = 0;
        i->hooks_ended++;
        if (populated)
                move_kill_leaf(m);
        else
                move_next_hook(m);
}

void move_end_unseen(struct move *m) {
        if (hook_is_contained(m->i->hook))
                move_hook_is_over(m, false, false);
        else
                move_end(m, (struct exit_info){ .reason = EXIT_UNKNOWN, .code = -1 }, false);
}

/* ---- down */

/* What the leaf holds is asked to end, with as long as it may take, its pre_stop hooks included. */
void move_ask_to_end(struct move *m) {
        struct instance *i = m->i;

        if (i->stop_grace_usec == 0) {
                i->hook = HOOK_NONE; /* a post_start is over with it */
                move_kill_leaf(m);
                return;
        }
        i->deadline_usec = move_later(m->now->mono_usec, i->stop_grace_usec);
        i->stop_limit_usec = m->now->mono_usec;
        for (int n = 0; n < STOP_EXTEND_MAX; n++)
                i->stop_limit_usec = move_later(i->stop_limit_usec, i->stop_grace_usec);
        if (!begin_hooks(i, HOOK_PRE_STOP))
                m->step.effects |= EFFECT_SIGNAL;
}

/* Down it goes; a launch that is out is awaited first, under its own deadline. */
void move_go_down(struct move *m) {
        struct instance *i = m->i;

        i->phase = PHASE_STOPPING;
        i->leaving = i->killed = false;
        i->kills = 0;
        if (i->launching)
                return;
        if (i->hook == HOOK_PRE_START) /* what is to be stopped has not begun */
                move_kill_leaf(m);
        else
                move_ask_to_end(m);
}

/* Somebody wants it down: when who depends on it is. */
void move_leave(struct move *m) {
        struct instance *i = m->i;

        i->stop_signal = m->e->kind == EVENT_STOP && m->e->signal ? m->e->signal : i->policy.stop_signal;
        i->stop_grace_usec =
                m->e->kind == EVENT_STOP && m->e->grace_usec != USEC_INFINITY ? m->e->grace_usec : i->policy.stop_grace_usec;
        if (i->needed && phase_is_up(i->phase))
                i->leaving = true;
        else
                move_go_down(m);
}

/* Nobody asked for it: it did not keep to its declaration. It goes as the policy says, as if it had ended badly by itself. */
void move_give_up(struct move *m, enum stop_cause cause) {
        struct instance *i = m->i;

        i->cause = cause;
        i->stop_signal = i->policy.stop_signal;
        i->stop_grace_usec = i->policy.stop_grace_usec;
        move_go_down(m);
}

/* Somebody wants it up: the restart policy's memory starts anew. */
void move_want_run(struct move *m) {
        m->i->desire = DESIRE_RUN;
        m->i->attempts = 0;
        m->i->restarts = 0;
        m->i->message[0] = '\0';
}

void move_is_up(struct move *m, uint64_t started_usec, uint64_t started_real_usec, bool ready) {
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
        move_rest(m, ready && !i->ready_early ? PHASE_READY : PHASE_RUNNING);
        if (!ready)
                i->deadline_usec = move_later(started_usec, i->policy.type == TYPE_JOB ? i->policy.max_runtime_usec
                                                                                       : i->policy.ready_timeout_usec);
}

void move_wait_on(struct move *m, uint64_t deadline_usec) {
        move_rest(m, PHASE_BACKOFF);
        m->i->deadline_usec = deadline_usec;
}

/* Its deadline is the one of its readiness. */
bool move_gets_ready(const struct instance *i) {
        return i->phase == PHASE_RUNNING && i->policy.type != TYPE_JOB && i->populated;
}
