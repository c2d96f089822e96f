/* Cells of step.c's table: what has happened to it. */
#include "cells.h"

#include <string.h>

void fact_came_up(struct move *m) {
        if (m->i->hook == HOOK_PRE_START)
                move_hook_is_up(m);
        else
                move_is_up(m, m->now->mono_usec, m->now->real_usec, m->i->policy.ready_when_started || m->i->ready_early);
}

/* The start was overtaken by a stop: now there is somebody to stop. A leaf that was killed meanwhile is being emptied already. */
void fact_came_up_unwanted(struct move *m) {
        struct instance *i = m->i;

        if (!i->launching)
                return;
        if (hook_is_contained(i->hook)) {
                move_hook_is_up(m);
                if (i->hook == HOOK_PRE_START && !i->killed)
                        move_kill_leaf(m);
                return;
        }
        move_is_up(m, m->now->mono_usec, m->now->real_usec, false);
        if (!i->killed)
                move_ask_to_end(m);
}

void fact_did_not_start(struct move *m) {
        if (!m->i->launching)
                return;
        if (m->i->hook == HOOK_POST_STOP)
                move_hook_is_over(m, false, m->e->populated);
        else
                move_end_unstarted(m, m->e->populated);
}

void fact_exited(struct move *m) {
        if (!m->i->launching && !m->i->alive)
                return;
        if (hook_is_contained(m->i->hook)) {
                move_hook_is_over(m, exit_is_success(&m->e->exit), m->e->populated);
                return;
        }
        m->i->ran = true; /* also when nobody has read that it began */
        move_end(m, m->e->exit, m->e->populated);
}

void fact_early_ready(struct move *m) {
        if (m->i->hook == HOOK_NONE)
                m->i->ready_early = true;
}

void fact_ready(struct move *m) {
        struct instance *i = m->i;

        if (i->hook == HOOK_POST_START) {
                i->ready_early = true;
                i->unhealthy_early = false;
        } else
                i->phase = PHASE_READY;
        if (i->populated)
                i->deadline_usec = USEC_INFINITY; /* that of its readiness */
}

void fact_post_start_hooked(struct move *m) {
        struct instance *i = m->i;

        if (i->hook != HOOK_POST_START)
                return;
        if (m->e->failed) {
                (void)snprintf(i->message, sizeof(i->message), "%s", m->e->message ? m->e->message : "");
                move_give_up(m, CAUSE_POST_START);
                return;
        }
        if (++i->hooks_ended < i->policy.hooks[HOOK_POST_START])
                return;
        i->hook = HOOK_NONE;
        if (i->ready_early)
                fact_ready(m);
        if (i->unhealthy_early)
                i->phase = PHASE_UNHEALTHY;
        i->unhealthy_early = false;
}

/* How it went changes nothing: the signal comes next. */
void fact_pre_stop_hooked(struct move *m) {
        struct instance *i = m->i;

        if (i->hook != HOOK_PRE_STOP || ++i->hooks_ended < i->policy.hooks[HOOK_PRE_STOP])
                return;
        i->hook = HOOK_NONE;
        if (i->alive && !i->killed)
                m->step.effects |= EFFECT_SIGNAL;
}

void fact_unhealthy(struct move *m) {
        if (m->i->policy.unhealthy_restarts && m->i->desire == DESIRE_RUN && !m->i->leaving)
                move_give_up(m, CAUSE_UNHEALTHY);
        else
                m->i->phase = PHASE_UNHEALTHY;
}

static void put_off(struct move *m, uint64_t limit_usec) {
        struct instance *i = m->i;
        uint64_t until = move_later(m->now->mono_usec, m->e->extend_usec < EXTEND_MAX_USEC ? m->e->extend_usec : EXTEND_MAX_USEC);

        if (until > limit_usec)
                until = limit_usec;
        if (until > i->deadline_usec)
                i->deadline_usec = until;
}

void fact_gets_ready_later(struct move *m) {
        if (move_gets_ready(m->i))
                put_off(m, USEC_INFINITY);
}

/* What is past its grace period is so for good, and what has ended needs no time. */
void fact_ends_later(struct move *m) {
        if (!m->i->killed && !m->i->launching && m->i->populated && !hook_is_contained(m->i->hook))
                put_off(m, m->i->stop_limit_usec);
}

/* It was never ready: without the restart its readiness.timeout decides. Or it was but for its hooks: then it is unhealthy after them. */
void fact_unhealthy_from_the_start(struct move *m) {
        if (m->i->policy.unhealthy_restarts && !m->i->leaving)
                move_give_up(m, CAUSE_UNHEALTHY);
        else
                m->i->unhealthy_early = m->i->ready_early;
}

void fact_hit_by_oom(struct move *m) {
        m->i->oom = true;
}

/* The keeper's word on how it ended is on its way, or the keeper is gone and nobody will ever say. */
void fact_await_exit(struct move *m) {
        uint64_t until = move_later(m->now->mono_usec, EXIT_WAIT_USEC);

        m->i->populated = false;
        if (until < m->i->deadline_usec)
                m->i->deadline_usec = until;
}

void fact_emptied(struct move *m) {
        struct instance *i = m->i;

        i->populated = false;
        if (i->alive)
                fact_await_exit(m);
        else if (!i->launching && i->hook == HOOK_PRE_START && i->phase == PHASE_STOPPING)
                move_end_unstarted(m, false); /* between two of them */
        else if (!i->launching && hook_is_contained(i->hook))
                move_next_hook(m);
        else if (!i->launching)
                move_settle(m);
}

void fact_start_emptied(struct move *m) {
        if (!m->i->launching) /* a pre_start hook's leaf */
                fact_emptied(m);
}

void fact_exit_overdue(struct move *m) {
        m->i->deadline_usec = USEC_INFINITY;
        if (!m->i->populated)
                move_end_unseen(m);
}

void fact_readiness_overdue(struct move *m) {
        if (!m->i->populated)
                fact_exit_overdue(m);
        else
                move_give_up(m, m->i->policy.type == TYPE_JOB ? CAUSE_MAX_RUNTIME : CAUSE_NOT_READY);
}

/* Of the launch, of a pre_start hook, or of what that left behind. */
void fact_start_overdue(struct move *m) {
        struct instance *i = m->i;

        if (i->launching)
                i->phase = PHASE_STOPPING;
        if (i->alive && !i->populated)
                move_end_unseen(m);
        else
                move_kill_leaf(m);
}

void fact_grace_over(struct move *m) {
        if (m->i->alive && !m->i->populated)
                move_end_unseen(m);
        else
                move_kill_leaf(m);
}

void fact_try_again(struct move *m) {
        m->i->restarts++;
        move_launch(m);
}
