/* A cgroup for one command that joins a container for a moment, inside its leaf: charged to the container, ended with it, and ended
 * alone with all it started. One for each, as one that has seen cgroup.kill is no place for another (kernel/cgroup.h).
 *
 *     <root>/<stack>/<container>.<n>/payload.<gen>/probe.<number>
 */
#pragma once

#include <ctrsup/kernel/cgroup.h>

/* -EEXIST: take another number. *ret_fd: for CLONE_INTO_CGROUP. */
int cgroup_probe_make(struct cgroup_tree *t, const char *group, uint64_t generation, uint64_t number, int *ret_fd, struct err *err);
/* Ends every process in it and removes it. -EBUSY: they are not gone yet; 0 when it is not there. */
int cgroup_probe_end(struct cgroup_tree *t, const char *group, uint64_t generation, uint64_t number, struct err *err);
/* The same for all there are of the leaf. */
int cgroup_probe_end_all(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err);
