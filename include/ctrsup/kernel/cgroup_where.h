/* Where each controller is bound on a host: to cgroup v2, to a v1 hierarchy of its own or with others, or nowhere.
 *
 * The readers take texts (/proc/self/mountinfo, /proc/self/cgroup, the v2 root's cgroup.controllers), so that tests and
 * fuzzers need no host. Invariant of a table: there is always a v2 hierarchy (it tracks, kills and freezes); v1 ones
 * carry the limits of the controllers that v2 does not have. On pure v2 all controllers point at hierarchy 0.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stddef.h>

enum cgroup_controller {
        CGROUP_CPU,
        CGROUP_CPUSET,
        CGROUP_MEMORY,
        CGROUP_PIDS,
        CGROUP_IO, /* blkio on v1 */
        CGROUP_HUGETLB,
        _CGROUP_CONTROLLER_MAX,
        _CGROUP_CONTROLLER_INVALID = -EINVAL,
};

enum { CGROUP_HIERARCHY_MAX = 1 + _CGROUP_CONTROLLER_MAX };

/* One mounted hierarchy. Of a bind-mounted subtree `root` says which part of the hierarchy is seen at `mount`. */
struct cgroup_hierarchy {
        char *mount; /* /sys/fs/cgroup/memory, without the prefix of a test */
        char *root;  /* "/" or the path below which the mount shows */
        char *self;  /* this process's path in it */
};

enum { CGROUP_UNIFIED = 0, CGROUP_NOWHERE = -1 };

struct cgroup_where {
        struct cgroup_hierarchy hierarchies[CGROUP_HIERARCHY_MAX]; /* [0] is v2 */
        size_t n_hierarchies;
        int controllers[_CGROUP_CONTROLLER_MAX]; /* index of a hierarchy, or CGROUP_NOWHERE */
};

#define CGROUP_WHERE_NULL ((struct cgroup_where){ 0 })

/* Texts need not end with NUL at their length: they are C strings. -EOPNOTSUPP: no cgroup2 is mounted; -EBADMSG: a line that
 * no kernel writes; -ENOMEM. */
int cgroup_where_parse(struct cgroup_where *ret, const char *mountinfo, const char *self_cgroup, const char *v2_controllers,
                       struct err *err);
void cgroup_where_done(struct cgroup_where *where);
/* The mount point of cgroup2 in a mountinfo text (to read its cgroup.controllers first), malloc'ed. -EOPNOTSUPP: none. */
int cgroup_where_find_unified(const char *mountinfo, char **ret_mount, struct err *err);
/* The path that a text of /proc/PID/cgroup gives for v2, malloc'ed. -ENODATA: none. */
int cgroup_where_self_unified(const char *self_cgroup, char **ret_path, struct err *err);

/* The file system path of the group `path` ("/ctrsup/shop"), malloc'ed; -ERANGE when the mount does not show it. */
int cgroup_hierarchy_locate(const struct cgroup_hierarchy *h, const char *path, char **ret, struct err *err);

const char *cgroup_controller_name(enum cgroup_controller c);    /* v2's name: "io" */
const char *cgroup_controller_v1_name(enum cgroup_controller c); /* "blkio" */

#define _cleanup_cgroup_where_ _cleanup_(cgroup_where_done)
