/* Cells of step.c's table: what a new supervisor knows from records, and finds. */
#include "cells.h"

#include <string.h>

void fact_recalled(struct move *m) {
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
                move_rest(m, was->phase);
        else if (stopped)
                move_rest(m, PHASE_STOPPED);
        else if (was->phase == PHASE_BACKOFF)
                move_wait_on(m, was->deadline_usec);
        else if (i->policy.scheduled) /* its time had come; there is no plan to say so */
                i->waiting = was->phase == PHASE_STARTING || (was->phase == PHASE_PENDING && was->waiting) ||
                             (was->phase == PHASE_STOPPING && was->again);
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
        bool over = !was || was->hook != HOOK_POST_START ||
                    was->hooks_ended >= i->policy.hooks[HOOK_POST_START]; /* there may be fewer now */
        bool ready = i->phase == PHASE_RUNNING && i->ready_early && over, unhealthy = was && was->unhealthy_early;
        i->hook = !was || (was->hook == HOOK_POST_START && over) ? HOOK_NONE : was->hook;
        i->hooks_ended = was ? was->hooks_ended : 0;
        i->ran = was ? was->ran : i->ran;
        i->ready_early = was && was->ready_early;
        i->unhealthy_early = unhealthy && !over;
        if (over && unhealthy && phase_is_up(i->phase))
                move_rest(m, PHASE_UNHEALTHY);
        else if (ready)
                move_rest(m, PHASE_READY);
}

/* A stop under way goes on; one that was decided and not begun begins; a restart's second half is still to come. */
void fact_adopted(struct move *m) {
        struct instance *i = m->i;
        const struct instance *was = m->e->was;

        i->waiting = false;
        if (m->e->ended) {
                move_rest(m, was->phase);
                i->populated = true;
                i->deadline_usec = was->deadline_usec;
        } else if (m->e->starting) {
                move_rest(m, PHASE_STARTING);
                i->launching = true;
                i->deadline_usec = move_later(m->now->mono_usec, LAUNCH_TIMEOUT_USEC);
        } else if (was && hook_is_contained(was->hook)) {
                move_rest(m, PHASE_STARTING);
                move_hook_is_up(m);
                i->killed = was->killed;
                i->kills = was->kills;
                if (!was->launching)
                        i->deadline_usec = was->deadline_usec;
        } else {
                move_rest(m, PHASE_RUNNING);
                move_is_up(m, m->e->started_usec, m->e->started_real_usec,
                           i->policy.ready_when_started || (was && was->ready_early));
                if (was && (was->phase == PHASE_READY || was->phase == PHASE_UNHEALTHY)) /* it was told of this very start */
                        move_rest(m, was->phase);
                else if (was && was->phase == PHASE_RUNNING && move_gets_ready(i) && was->deadline_usec != USEC_INFINITY &&
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
                if (was->launching && !m->e->starting && !m->e->ended &&
                    !was->killed) { /* its answer was awaited, and nobody has heard it */
                        if (was->hook == HOOK_PRE_START)
                                move_kill_leaf(m);
                        else if (was->hook == HOOK_NONE)
                                move_ask_to_end(m);
                        else
                                move_hook_is_up(m);
                }
        } else if (i->desire != DESIRE_RUN || (was && was->leaving)) {
                i->again = was && was->again;
                move_leave(m);
        }
}
