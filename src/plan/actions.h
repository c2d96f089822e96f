/* Changes -> actions, with their order. Shared by plan.c and actions.c only. */
#pragma once

#include <ctrsup/plan/plan.h>

/* Fills p->actions from p->changes. 0, -ELOOP, -ENOMEM. */
int plan_make_actions(struct plan *p, const struct plan_input *in);
/* Some instance of c is not down (or on its way up): it shares namespaces with whom it follows. */
bool plan_is_alive(const struct plan_input *in, const char *container);
