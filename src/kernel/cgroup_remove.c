/* See cgroup.h. Here: what walks directories, to remove or to list. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

/* A payload with a delegated subtree may have nested as deep as it likes: one fd a level, so there is an end to it. */
enum { DEPTH_MAX = 256 };

static void close_dirp(DIR **d) {
        if (*d)
                (void)closedir(*d);
}

static DIR *open_dir(int parent_fd, const char *name) {
        _cleanup_fd_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);

        if (d)
                (void)take_fd(&fd);
        return d;
}

static bool is_child(const struct dirent *e) {
        return e->d_type == DT_DIR && strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int remove_at(int parent_fd, const char *name, unsigned depth) {
        int result = 0;

        /* Most often it is empty: then this is all. */
        if (unlinkat(parent_fd, name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY && errno != ENOTEMPTY)
                return -errno;
        if (depth >= DEPTH_MAX)
                return -ELOOP;

        _cleanup_(close_dirp) DIR *d = open_dir(parent_fd, name);
        if (!d)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; (e = readdir(d));)
                if (is_child(e)) {
                        int r = remove_at(dirfd(d), e->d_name, depth + 1);

                        if (r < 0)
                                result = r;
                }
        if (result < 0)
                return result;
        if (unlinkat(parent_fd, name, AT_REMOVEDIR) >= 0 || errno == ENOENT)
                return 0;
        return errno == ENOTEMPTY ? -EBUSY : -errno;
}

int cgroup_remove_below(int parent_fd, const char *name) {
        return remove_at(parent_fd, name, 0);
}

static int complain(const struct cgroup_tree *t, int hierarchy, const char *path, int code, struct err *err) {
        char words[ERR_TEXT_MAX];

        cgroup_describe(t, hierarchy, path, words, sizeof(words));
        return err_sys(err, code, "remove the cgroup %s", words);
}

int cgroup_remove_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        char path[CGROUP_PATH_MAX];
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        cgroup_leaf_path(path, group, generation);
        r = cgroup_remove_below(t->root_fds[CGROUP_UNIFIED], path);
        return r < 0 ? complain(t, CGROUP_UNIFIED, path, -r, err) : 0;
}

/* Not while the stack has other containers: the last one takes it along. */
static int remove_stack(const struct cgroup_tree *t, int hierarchy, const char *stack, int result, struct err *err) {
        if (unlinkat(t->root_fds[hierarchy], stack, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == EBUSY || errno == ENOTEMPTY)
                return result;
        return complain(t, hierarchy, stack, errno, err);
}

int cgroup_remove(struct cgroup_tree *t, const char *group, struct err *err) {
        char stack[NAME_MAX + 1];
        int result = cgroup_group_check(group, err);

        if (result < 0)
                return result;
        (void)snprintf(stack, sizeof(stack), "%.*s", (int)(strchr(group, '/') - group), group);
        for (size_t i = 0; i < t->where.n_hierarchies; i++) {
                int r = cgroup_remove_below(t->root_fds[i], group);

                if (r < 0)
                        result = complain(t, (int)i, group, -r, err);
                else
                        result = remove_stack(t, (int)i, stack, result, err);
        }
        return result;
}

struct walk {
        struct cgroup_tree *t;
        cgroup_leaf_fn *fn;
        void *userdata;
        struct err *err;
};

static int visit_leaf(const struct walk *w, const char *stack, const char *container, const char *leaf) {
        char group[CGROUP_PATH_MAX];
        uint64_t generation;

        if (strncmp(leaf, "payload.", strlen("payload.")) != 0 || num_parse_u64(leaf + strlen("payload."), &generation) < 0)
                return 0; /* not ours */
        (void)snprintf(group, sizeof(group), "%s/%s", stack, container);
        int populated = cgroup_is_populated(w->t, group, generation, w->err);
        return populated < 0 ? populated : w->fn(w->userdata, group, generation, populated);
}

int cgroup_each_leaf(struct cgroup_tree *t, cgroup_leaf_fn *fn, void *userdata, struct err *err) {
        const struct walk w = { t, fn, userdata, err };
        _cleanup_(close_dirp) DIR *root = open_dir(t->root_fds[CGROUP_UNIFIED], ".");

        if (!root)
                return err_sys(err, errno, "list the cgroup %s", t->root);
        for (struct dirent *s; (s = readdir(root));) {
                _cleanup_(close_dirp) DIR *stack = is_child(s) ? open_dir(dirfd(root), s->d_name) : NULL;

                if (!stack && is_child(s) && errno != ENOENT)
                        return err_sys(err, errno, "list the cgroup %s/%s", t->root, s->d_name);
                for (struct dirent *c; stack && (c = readdir(stack));) {
                        _cleanup_(close_dirp) DIR *group = is_child(c) ? open_dir(dirfd(stack), c->d_name) : NULL;

                        if (!group && is_child(c) && errno != ENOENT)
                                return err_sys(err, errno, "list the cgroup %s/%s/%s", t->root, s->d_name, c->d_name);
                        for (struct dirent *l; group && (l = readdir(group));) {
                                int r = is_child(l) ? visit_leaf(&w, s->d_name, c->d_name, l->d_name) : 0;

                                if (r != 0)
                                        return r;
                        }
                }
        }
        return 0;
}
