/* Changes -> actions, with their order. Shared by plan.c and actions.c only. */
#pragma once

#include <ctrsup/plan/plan.h>

/* Fills p->actions from p->changes. 0, -ELOOP, -ENOMEM. */
int plan_make_actions(struct plan *p, const struct plan_input *in);
/* The change of a container, NULL: there is none. */
const struct plan_change *plan_change_of(const struct plan *p, const struct plan_input *in, const char *container);
/* What one instance of a container that is declared needs, beside keys that change in place. */
enum plan_need { NEED_NOTHING, NEED_START, NEED_REPLACE };
/* i: NULL: it is not there. *ret_reason (may be NULL): why, where no key says it. */
enum plan_need plan_need(struct plan *p, const struct plan_input *in, const struct plan_change *c, const struct spec_container *declared,
                         const struct instance *i, const char **ret_reason);
const struct instance *plan_instance(const struct plan_input *in, const char *container, uint32_t replica); /* NULL: none */
/* It is not down, or on its way up. */
static inline bool plan_instance_is_alive(const struct instance *i) {
        bool rests = i->policy.scheduled && !i->waiting; /* its time has not come */

        return !instance_is_down(i) || i->phase == PHASE_BACKOFF || (i->phase == PHASE_PENDING && !rests);
}
/* Some instance of c is: it shares namespaces with whom it follows. */
bool plan_is_alive(const struct plan_input *in, const char *container);
