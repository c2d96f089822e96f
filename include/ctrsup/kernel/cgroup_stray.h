/* Is a process where it was put? */
#pragma once

#include <ctrsup/kernel/cgroup_limit.h>

/* In the leaf of that generation or below, in every hierarchy? 1: it is elsewhere: *ret says in which hierarchy, where it was to be and
 * where it is. 0: it is in its place. -ESRCH: it is gone. */
int cgroup_find_stray(struct cgroup_tree *t, pid_t pid, const char *group, uint64_t generation, struct cgroup_drift *ret, struct err *err);
