/* The instances of a container among those of a plan's input: found by halves, in the input's order. Shared by plan.c and actions.c. */
#pragma once

#include <ctrsup/plan/plan.h>

struct instances {
        const struct instance *const *items;
        size_t n;
};

/* Sorted for in->sorted, which plan_instances_of() needs; free() it. -ENOMEM. */
int plan_sort_instances(const struct plan_input *in, const struct instance ***ret);
struct instances plan_instances_of(const struct plan_input *in, const char *container);
