/* Cells of step.c's table: what somebody wants. */
#include "cells.h"

void intent_start_now(struct move *m) {
        move_want_run(m);
        move_launch(m);
}

void intent_resume(struct move *m) {
        move_launch(m);
}

void intent_start_when_down(struct move *m) {
        move_want_run(m);
        m->i->again = true;
}

void intent_restart_now(struct move *m) {
        move_want_run(m);
        m->i->again = true;
        move_leave(m);
}

void intent_stay_up(struct move *m) {
        m->i->desire = DESIRE_RUN;
        m->i->leaving = m->i->again = false;
}

/* It has ended as it has, or waits: that goes on. */
void intent_want(struct move *m) {
        m->i->desire = DESIRE_RUN;
}

void intent_want_stopped(struct move *m) {
        m->i->desire = DESIRE_RUN;
        move_rest(m, PHASE_PENDING);
}

/* A stop that was asked for goes on; what comes after it is no end by itself, for the restart policy to look at. */
void intent_want_when_down(struct move *m) {
        if (m->i->desire != DESIRE_RUN)
                m->i->desire = DESIRE_HELD;
}

/* Nobody needs it any more. */
void intent_go_on_leaving(struct move *m) {
        if (m->i->leaving && !m->i->needed)
                move_go_down(m);
}

void intent_stop_up(struct move *m) {
        m->i->desire = DESIRE_STOPPED;
        m->i->again = false;
        move_leave(m);
}

void intent_stop_down(struct move *m) {
        m->i->desire = DESIRE_STOPPED;
        move_rest(m, PHASE_STOPPED);
}

/* Nothing of it runs. A job has done what it was to: that is not to be forgotten, or it would be done again. One that has a schedule
 * has done it for this time, and there are to be no others. */
void intent_stop_completed(struct move *m) {
        if (m->i->policy.type == TYPE_JOB && !m->i->policy.scheduled)
                m->i->desire = DESIRE_STOPPED;
        else
                intent_stop_down(m);
}

/* A second stop may be sharper: another signal, a shorter wait. It never makes the wait longer. */
void intent_stop_again(struct move *m) {
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
        if (m->e->grace_usec != USEC_INFINITY && move_later(m->now->mono_usec, m->e->grace_usec) < i->deadline_usec)
                i->deadline_usec = move_later(m->now->mono_usec, m->e->grace_usec);
        if (m->e->grace_usec != USEC_INFINITY && i->deadline_usec < i->stop_limit_usec)
                i->stop_limit_usec = i->deadline_usec; /* how long it may take was said by somebody who decides */
}

void intent_hold_up(struct move *m) {
        m->i->desire = DESIRE_HELD;
        m->i->again = false;
        move_leave(m);
}

/* On its way down already: only what comes after changes, and only when that would be a start. */
void intent_hold_when_down(struct move *m) {
        m->i->again = false;
        if (m->i->desire == DESIRE_RUN)
                m->i->desire = DESIRE_HELD;
}

void intent_hold_down(struct move *m) {
        m->i->desire = DESIRE_HELD;
        move_rest(m, PHASE_STOPPED);
}

void intent_remove_up(struct move *m) {
        m->i->desire = DESIRE_GONE;
        m->i->again = false;
        move_leave(m);
}

void intent_remove_down(struct move *m) {
        m->i->desire = DESIRE_GONE;
        move_rest(m, PHASE_STOPPED);
        m->step.effects |= EFFECT_FORGET;
}

void intent_remove_when_down(struct move *m) {
        m->i->desire = DESIRE_GONE;
        m->i->again = false;
}
