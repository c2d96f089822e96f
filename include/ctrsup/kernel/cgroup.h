/* The supervisor's cgroups: one face, cgroup v2 or hybrid behind it.
 *
 *     <root>/keeper                                   the keeper's own leaf (v2 only)
 *     <root>/<stack>/<container>.<n>                  a group: carries the limits, holds no process
 *     <root>/<stack>/<container>.<n>/payload.<gen>    a leaf: the container's processes, and its cgroup namespace's root
 *
 * A group is named by "<stack>/<container>.<n>". The v2 leaf is new for every start (a cgroup that has seen cgroup.kill
 * kills what is cloned into it, on 6.18 and Debian's 6.1.176; so kill leaves, never groups). On v1 hierarchies the leaf is
 * called "payload" and stays over restarts: nothing kills it, and a removed v1 memory group lingers while page cache is
 * charged to it. The payload can neither see nor change its limits: they are on the group, above its namespace's root.
 *
 * No function here writes a pid to cgroup.procs but cgroup_adopt(): that waits 8 to 16 ms for RCU. A payload is cloned into
 * the v2 leaf (CLONE_INTO_CGROUP) and writes "0" to the v1 `tasks` fds itself.
 *
 * Everything is opened relative to the root's directory fds, without following symbolic links. Nothing here is kept in
 * memory about groups: a supervisor that starts anew sees what there is.
 */
#pragma once

#include <ctrsup/kernel/cgroup_where.h>

#include <stdint.h>
#include <sys/types.h>

struct cgroup_tree;

/* What a test puts in place of the host. NULL members: the host's own. */
struct cgroup_source {
        const char *mountinfo, *self_cgroup;
        const char *prefix; /* put before every mount point; "" or NULL on a host */
};

/* Finds the hierarchies and names the root. root: an absolute cgroup path ("/system.slice/ctrsup-payload.service"), or NULL or
 * "auto": <auto_name> below this process's own v2 group; when that group cannot have children with controllers (it holds
 * processes and is not the hierarchy's root), below the nearest group above that can. Makes nothing yet. */
int cgroup_tree_open(struct cgroup_tree **ret, const char *root, const char *auto_name, const struct cgroup_source *source,
                     struct err *err);
struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *t); /* returns NULL; takes NULL; removes no cgroup */
static inline void cgroup_tree_freep(struct cgroup_tree **t) {
        *t = cgroup_tree_free(*t);
}
#define _cleanup_cgroup_tree_ _cleanup_(cgroup_tree_freep)

const char *cgroup_tree_root(const struct cgroup_tree *t); /* "/ctrsup" */
const struct cgroup_where *cgroup_tree_where(const struct cgroup_tree *t);

/* Makes the root in every hierarchy and turns the controllers on down to it. A controller that cannot be turned on is not an
 * error here: limits that need it are, with the reason. Root on v2 must hold no process (move the keeper to its leaf first:
 * cgroup_adopt()). Idempotent. */
int cgroup_tree_make(struct cgroup_tree *t, struct err *err);
/* Removes the root and what is empty below it. -EBUSY: processes are left, or the kernel is not done; try again. */
int cgroup_tree_remove(struct cgroup_tree *t, struct err *err);

/* Moves a process into <root>/<leaf> of v2 ("keeper"), making both. Slow: never on the way of a launch. */
int cgroup_adopt(struct cgroup_tree *t, const char *leaf, pid_t pid, struct err *err);

/* Makes the group and its leaf of that generation; the group may be there already, the leaf must not (-EEXIST). Returns 1 when
 * the group is new and so has no limits, 0 when it was there, in one hierarchy at least. */
int cgroup_create(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err);
/* The v2 leaf's directory fd (O_RDONLY), for CLONE_INTO_CGROUP. */
int cgroup_open_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, int *ret_fd, struct err *err);
/* `tasks` of the v1 leaves, write-only, at most CGROUP_HIERARCHY_MAX; the child writes "0" to each. None on pure v2. */
int cgroup_open_tasks(struct cgroup_tree *t, const char *group, int fds[CGROUP_HIERARCHY_MAX], size_t *ret_n, struct err *err);

/* Ends every process of the leaf (cgroup.kill); 0 when it is gone already. */
int cgroup_kill(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err);
/* Asks for it; "frozen" in the leaf's cgroup.events tells when it is so. */
int cgroup_freeze(struct cgroup_tree *t, const char *group, uint64_t generation, bool freeze, struct err *err);
/* 1: processes live in the leaf or below, 0: none or no such leaf. */
int cgroup_is_populated(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err);
/* The leaf's cgroup.events, to poll for POLLPRI (EPOLLPRI) and read on with cgroup_events_populated(). Many containers:
 * kernel/cgroup_watch.h. */
int cgroup_open_events(struct cgroup_tree *t, const char *group, uint64_t generation, int *ret_fd, struct err *err);
int cgroup_events_populated(int fd, struct err *err);

/* Bottom-up rmdir of the v2 leaf with what the payload made in it. -EBUSY: try again later; 0 when it is gone. */
int cgroup_remove_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err);
/* The group with all its leaves, in all hierarchies, and the stack's when it is empty then. -EBUSY and 0 as above. */
int cgroup_remove(struct cgroup_tree *t, const char *group, struct err *err);

/* Calls fn for every leaf there is (adoption after a start). fn's non-zero value ends the walk and is returned. */
typedef int cgroup_leaf_fn(void *userdata, const char *group, uint64_t generation, bool populated);
int cgroup_each_leaf(struct cgroup_tree *t, cgroup_leaf_fn *fn, void *userdata, struct err *err);
