/* A cgroup for one command that joins a container for a moment, inside its leaf: charged to the container, ended with it, and ended
 * alone with all it started. One for each, as one that has seen cgroup.kill is no place for another (kernel/cgroup.h).
 *
 *     <root>/<stack>/<container>.<n>/payload.<gen>/probe.<number>
 */
#pragma once

#include <ctrsup/kernel/cgroup.h>

enum cgroup_probe_kind {
        CGROUP_PROBE, /* of a health check */
        CGROUP_HOOK,  /* hook.<number>: not to be ended with the probes */
        _CGROUP_PROBE_KIND_MAX,
};

struct cgroup_probe {
        enum cgroup_probe_kind kind;
        const char *group;
        uint64_t generation, number;
};

/* -EEXIST: take another number. *ret_fd: for CLONE_INTO_CGROUP. */
int cgroup_probe_make(struct cgroup_tree *t, const struct cgroup_probe *p, int *ret_fd, struct err *err);
/* Ends every process in it and removes it. -EBUSY: they are not gone yet; 0 when it is not there. */
int cgroup_probe_end(struct cgroup_tree *t, const struct cgroup_probe *p, struct err *err);
/* The same for all there are of that kind in the leaf; p->number is not used. */
int cgroup_probe_end_all(struct cgroup_tree *t, const struct cgroup_probe *p, struct err *err);
