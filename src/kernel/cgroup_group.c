/* See cgroup.h. Here: groups and their leaves. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

int cgroup_group_check(const char *group, struct err *err) {
        const char *slash = strchr(group, '/');

        if (!slash || slash == group || slash[1] == '\0' || strchr(slash + 1, '/') || group[0] == '.' || slash[1] == '.' ||
            slash - group > NAME_MAX || strlen(slash + 1) > NAME_MAX)
                return err_set(err, EINVAL, "\"%s\" is no name of a container's cgroup", group);
        return 0;
}

void cgroup_leaf_path(char buf[CGROUP_PATH_MAX], const char *group, uint64_t generation) {
        (void)snprintf(buf, CGROUP_PATH_MAX, "%s/payload.%" PRIu64, group, generation);
}

/* Words for a failure on `path` below the root. */
static int complain(const struct cgroup_tree *t, int hierarchy, const char *path, int code, const char *verb, struct err *err) {
        char words[ERR_TEXT_MAX];

        cgroup_describe(t, hierarchy, path, words, sizeof(words));
        return err_sys(err, code, "%s %s", verb, words);
}

/* v2's leaf must be new: a directory that has seen cgroup.kill kills its next process at birth. */
static int make_leaf(struct cgroup_tree *t, int group_fd, const char *group, uint64_t generation, struct err *err) {
        char path[CGROUP_PATH_MAX];

        cgroup_leaf_path(path, group, generation);
        if (mkdirat(group_fd, path + strlen(group) + 1, 0755) < 0)
                return complain(t, CGROUP_UNIFIED, path, errno, "make the cgroup", err);
        return 0;
}

/* Where a directory needs nothing but to be made: two calls, as the stack's is there for all but its first container. */
static int make_bare(struct cgroup_tree *t, int hierarchy, const char *stack, const char *group, bool *ret_made,
                     struct err *err) {
        const int root_fd = t->root_fds[hierarchy];
        char leaf[CGROUP_PATH_MAX];
        int r = mkdirat(root_fd, group, 0755);

        if (r < 0 && errno == ENOENT) {
                if (mkdirat(root_fd, stack, 0755) < 0 && errno != EEXIST)
                        return complain(t, hierarchy, stack, errno, "make the cgroup", err);
                r = mkdirat(root_fd, group, 0755);
        }
        if (r < 0 && errno != EEXIST)
                return complain(t, hierarchy, group, errno, "make the cgroup", err);
        *ret_made = r >= 0;
        (void)snprintf(leaf, sizeof(leaf), "%s/" CGROUP_V1_LEAF, group);
        if (mkdirat(root_fd, leaf, 0755) < 0 && errno != EEXIST)
                return complain(t, hierarchy, leaf, errno, "make the cgroup", err);
        return 0;
}

static int make_group(struct cgroup_tree *t, int hierarchy, const char *group, uint64_t generation, bool *ret_made,
                      struct err *err) {
        char stack[NAME_MAX + 1];
        const char *slash = strchr(group, '/');

        (void)snprintf(stack, sizeof(stack), "%.*s", (int)(slash - group), group);
        if (hierarchy != CGROUP_UNIFIED && !cgroup_needs_fill(t, hierarchy))
                return make_bare(t, hierarchy, stack, group, ret_made, err);

        _cleanup_fd_ int stack_fd = cgroup_make_dir(t, hierarchy, t->root_fds[hierarchy], stack, NULL);
        if (stack_fd < 0)
                return complain(t, hierarchy, stack, -stack_fd, "make the cgroup", err);
        if (hierarchy == CGROUP_UNIFIED) {
                char words[ERR_TEXT_MAX];

                cgroup_describe(t, hierarchy, stack, words, sizeof(words));
                int r = cgroup_enable(t, stack_fd, words, err);
                if (r < 0)
                        return r;
        }
        _cleanup_fd_ int group_fd = cgroup_make_dir(t, hierarchy, stack_fd, slash + 1, ret_made);
        if (group_fd < 0)
                return complain(t, hierarchy, group, -group_fd, "make the cgroup", err);
        if (hierarchy == CGROUP_UNIFIED)
                return make_leaf(t, group_fd, group, generation, err);

        _cleanup_fd_ int leaf_fd = cgroup_make_dir(t, hierarchy, group_fd, CGROUP_V1_LEAF, NULL);
        return leaf_fd < 0 ? complain(t, hierarchy, group, -leaf_fd, "make the leaf of", err) : 0;
}

int cgroup_create(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        int r = cgroup_group_check(group, err);
        bool all_new = true;

        if (r < 0)
                return r;
        for (size_t i = 0; i < t->where.n_hierarchies; i++) {
                bool made;

                r = make_group(t, (int)i, group, generation, &made, err);
                if (r < 0)
                        return r;
                all_new = all_new && made;
        }
        return all_new;
}

/* Opens a file or directory of the v2 leaf. */
static int open_in_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, const char *file, int flags, int *ret_fd,
                        struct err *err) {
        char path[CGROUP_PATH_MAX + 32];
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        cgroup_leaf_path(path, group, generation);
        if (file)
                (void)strcat(strcat(path, "/"), file);
        *ret_fd = openat(t->root_fds[CGROUP_UNIFIED], path, flags | O_NOFOLLOW | O_CLOEXEC);
        return *ret_fd < 0 ? complain(t, CGROUP_UNIFIED, path, errno, "open the cgroup", err) : 0;
}

int cgroup_open_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, int *ret_fd, struct err *err) {
        return open_in_leaf(t, group, generation, NULL, O_RDONLY | O_DIRECTORY, ret_fd, err);
}

int cgroup_open_tasks(struct cgroup_tree *t, const char *group, int fds[CGROUP_HIERARCHY_MAX], size_t *ret_n, struct err *err) {
        char path[CGROUP_PATH_MAX];
        size_t n = 0;
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "%s/" CGROUP_V1_LEAF "/tasks", group);
        for (size_t i = CGROUP_UNIFIED + 1; i < t->where.n_hierarchies; i++) {
                fds[n] = openat(t->root_fds[i], path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
                if (fds[n] < 0) {
                        r = complain(t, (int)i, path, errno, "open", err);
                        while (n > 0)
                                fds[n - 1] = close_fd(fds[n - 1]), n--;
                        return r;
                }
                n++;
        }
        *ret_n = n;
        return 0;
}

/* Writes to a file of the v2 leaf. */
static int write_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, const char *file, const char *text,
                      const char *verb, struct err *err) {
        char path[CGROUP_PATH_MAX + 32];
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        cgroup_leaf_path(path, group, generation);
        r = cgroup_file_write(t->root_fds[CGROUP_UNIFIED], strcat(strcat(path, "/"), file), text);
        return r < 0 && r != -ENOENT ? complain(t, CGROUP_UNIFIED, path, -r, verb, err) : r;
}

int cgroup_kill(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        int r = write_leaf(t, group, generation, "cgroup.kill", "1", "end all processes by", err);

        return r == -ENOENT ? 0 : r;
}

int cgroup_freeze(struct cgroup_tree *t, const char *group, uint64_t generation, bool freeze, struct err *err) {
        int r = write_leaf(t, group, generation, "cgroup.freeze", freeze ? "1" : "0", freeze ? "freeze by" : "thaw by", err);

        return r == -ENOENT ? complain(t, CGROUP_UNIFIED, group, ENOENT, "freeze or thaw a container of", err) : r;
}

int cgroup_open_events(struct cgroup_tree *t, const char *group, uint64_t generation, int *ret_fd, struct err *err) {
        return open_in_leaf(t, group, generation, "cgroup.events", O_RDONLY, ret_fd, err);
}

int cgroup_events_populated(int fd, struct err *err) {
        char text[256];
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        uint64_t populated;

        if (n < 0 && errno == ENODEV)
                return 0; /* kernfs: the directory is gone, and so were its processes */
        if (n < 0)
                return err_sys(err, errno, "read cgroup.events");
        text[n] = '\0';
        int r = cgroup_text_field(text, "populated", &populated);
        return r < 0 ? err_set(err, -r, "cgroup.events does not say \"populated\"") : populated != 0;
}

int cgroup_is_populated(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;
        struct err inner = { 0 };
        int r = cgroup_open_events(t, group, generation, &fd, &inner);

        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                if (err)
                        *err = inner;
                return r;
        }
        return cgroup_events_populated(fd, err);
}

int cgroup_adopt(struct cgroup_tree *t, const char *leaf, pid_t pid, struct err *err) {
        char path[PATH_MAX], digits[16];
        _cleanup_free_ char *root = NULL;
        int r;

        /* The root may hold this very process, so that no controller can be turned on yet: only the directories are made here. */
        r = cgroup_hierarchy_locate(&t->where.hierarchies[CGROUP_UNIFIED], t->root, &root, err);
        if (r < 0)
                return r;
        if (snprintf(path, sizeof(path), "%s%s/%s/cgroup.procs", t->prefix, root, leaf) >= (int)sizeof(path))
                return err_set(err, ENAMETOOLONG, "the cgroup root %s is too long", t->root);
        size_t start = strlen(t->prefix) + strlen(t->where.hierarchies[CGROUP_UNIFIED].mount);
        for (char *slash = strchr(path + start + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return err_sys(err, errno, "make the cgroup %s", path);
                *slash = '/';
        }
        (void)snprintf(digits, sizeof(digits), "%d", (int)pid);
        r = cgroup_file_write(AT_FDCWD, path, digits);
        return r < 0 ? err_sys(err, -r, "move process %d by %s", (int)pid, path) : 0;
}
