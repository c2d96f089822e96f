/* Which processes live in a leaf: for a supervisor that finds one populated and knows nothing else of it, and of who says that it is in
 * one. */
#pragma once

#include <ctrsup/kernel/cgroup.h>

#include <stddef.h>

/* Of the leaf and of what the payload made below it; free() *ret. What comes and goes meanwhile may be in it or not. */
int cgroup_read_procs(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t **ret, size_t *ret_n, struct err *err);
/* Does the process live in the leaf or below it? 1, 0; -ESRCH: there is none, or it is not for us to see. */
int cgroup_holds(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t pid);
/* The same of a process that has ended: was the leaf, and nothing below it, its cgroup then? -EOPNOTSUPP: the kernel (before 6.15) does
 * not tell. */
int cgroup_held(struct cgroup_tree *t, const char *group, uint64_t generation, int pidfd);
