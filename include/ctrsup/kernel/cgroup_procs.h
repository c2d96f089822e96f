/* Which processes live in a leaf: for a supervisor that finds one populated and knows nothing else of it. */
#pragma once

#include <ctrsup/kernel/cgroup.h>

#include <stddef.h>

/* Of the leaf and of what the payload made below it; free() *ret. What comes and goes meanwhile may be in it or not. */
int cgroup_read_procs(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t **ret, size_t *ret_n, struct err *err);
