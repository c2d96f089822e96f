/* What the cgroup files share and nobody else sees. */
#pragma once

#include <ctrsup/kernel/cgroup.h>

#include <limits.h>

struct cgroup_tree {
        struct cgroup_where where;
        char *root;                                /* "/ctrsup" */
        char *prefix;                              /* "" on a host */
        int root_fds[CGROUP_HIERARCHY_MAX];        /* of the root in each hierarchy; -EBADF before cgroup_tree_make() */
        unsigned made_above[CGROUP_HIERARCHY_MAX]; /* how many directories above the root we made */
        bool cpuset_clones;                        /* v1: below our root new cpusets come filled (cgroup.clone_children) */
        /* Controllers of v2 that could not be turned on: errno and where. */
        int refused[_CGROUP_CONTROLLER_MAX];
        char *refused_at[_CGROUP_CONTROLLER_MAX];
};

/* "payload.<gen>" of v2, "payload" of v1; a group has at most a stack's and a container's name of 255 bytes each. */
#define CGROUP_V1_LEAF "payload"
enum { CGROUP_PATH_MAX = 2 * NAME_MAX + 64 };

/* -EINVAL: not "<stack>/<container>.<n>". */
int cgroup_group_check(const char *group, struct err *err);
void cgroup_leaf_path(char buf[CGROUP_PATH_MAX], const char *group, uint64_t generation);
static inline bool cgroup_is_v1(const struct cgroup_tree *t, enum cgroup_controller c) {
        return t->where.controllers[c] > CGROUP_UNIFIED;
}
/* The file system path of a group in a hierarchy, for words: cut rather than refused. */
void cgroup_describe(const struct cgroup_tree *t, int hierarchy, const char *path, char *buf, size_t size);

/* Whole small files. write: 0 or -errno. read: the length, NUL-terminated, one line break at the end taken off; or -errno. */
int cgroup_file_write(int dir_fd, const char *path, const char *text);
int cgroup_file_read(int dir_fd, const char *path, char *buf, size_t size);
int cgroup_file_read_u64(int dir_fd, const char *path, uint64_t *ret); /* "max" is UINT64_MAX */
/* The value of a line "key value" in a text. -ENODATA: none. */
int cgroup_text_field(const char *text, const char *key, uint64_t *ret);

/* One directory of a hierarchy, made when it is missing; a v1 cpuset's empty cpus and mems are filled from the parent's, for
 * without them nothing can be attached. Returns its fd or -errno. ret_made may be NULL. */
int cgroup_make_dir(const struct cgroup_tree *t, int hierarchy, int parent_fd, const char *name, bool *ret_made);
static inline bool cgroup_needs_fill(const struct cgroup_tree *t, int hierarchy) {
        return hierarchy != CGROUP_UNIFIED && hierarchy == t->where.controllers[CGROUP_CPUSET] && !t->cpuset_clones;
}
/* Turns on, for the children of dir, the v2 controllers that can be; others are noted in t->refused. */
int cgroup_enable(struct cgroup_tree *t, int dir_fd, const char *words, struct err *err);
/* rmdir of everything below and of name itself; 0 also when it is not there; -EBUSY. */
int cgroup_remove_below(int parent_fd, const char *name);
