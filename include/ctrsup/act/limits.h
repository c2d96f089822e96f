/* The stack file's `limits` on this host: spec_limits -> settings of a cgroup. */
#pragma once

#include <ctrsup/base/diag.h>
#include <ctrsup/kernel/cgroup_limit.h>
#include <ctrsup/spec/spec.h>

/* Complains, at the key's place, about every limit of the container that this host cannot enforce. For `plan` and `apply`, before
 * anything is touched; needs cgroup_tree_make() before. */
void limits_check(struct cgroup_tree *t, const struct spec *s, const struct spec_container *c, struct diag_list *list);

/* What a group has that was just made: the kernel's defaults. */
extern const struct spec_limits limits_of_new_group;

/* Brings the group's limits from `now` to `want`; only what differs is written, and each limit is read back. now:
 * &limits_of_new_group after cgroup_create() said 1, what was applied last for a running container, NULL when that is not known
 * (everything is looked at). A failure stops there: *ret_key is the key below the container ("limits.memory_low", a static
 * string), and the words begin with it. Live on a running container. */
int limits_apply(struct cgroup_tree *t, const char *group, const struct spec_limits *now, const struct spec_limits *want,
                 const char **ret_key, struct err *err);

/* What of the group's limits is not as limits_apply() left it; fn's non-zero value ends it and is returned. Reads cgroup files only. What
 * cannot be read is passed over: it cannot be set either, and that was said when it was tried. all: also those that are as the kernel
 * made them, but for the I/O weight, which asks every disk; that takes several times as long. */
typedef int limits_drift_fn(void *userdata, const char *key, const struct cgroup_drift *drift);
int limits_compare(struct cgroup_tree *t, const char *group, const struct spec_limits *want, bool all, limits_drift_fn *fn, void *userdata);

/* An OOM kill must end the whole container and the kernel does not do it here: the supervisor calls cgroup_kill() on the
 * leaf when cgroup_watch tells of an OOM and cgroup_read_oom_kills() has grown. */
bool limits_oom_group_is_ours(const struct cgroup_tree *t, const struct spec_limits *l);
