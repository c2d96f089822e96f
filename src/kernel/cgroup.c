/* See cgroup.h. Here: the tree's root in every hierarchy. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <string.h>

/* A whole file of /proc: it says 0 bytes and gives more. */
static int read_proc(const char *path, char **ret, struct err *err) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        if (!f)
                return err_sys(err, errno, "open %s", path);
        if (getdelim(&text, &size, '\0', f) < 0) {
                if (ferror(f))
                        return err_sys(err, errno, "read %s", path);
                free(text);
                text = strdup(""); /* an empty file */
                if (!text)
                        return err_oom(err);
        }
        *ret = take_ptr(text);
        return 0;
}

void cgroup_describe(const struct cgroup_tree *t, int hierarchy, const char *path, char *buf, size_t size) {
        const struct cgroup_hierarchy *h = &t->where.hierarchies[hierarchy];
        _cleanup_free_ char *located = NULL;

        if (cgroup_hierarchy_locate(h, t->root, &located, NULL) < 0)
                (void)snprintf(buf, size, "%s", h->mount);
        else
                (void)snprintf(buf, size, "%s%s%s", located, *path ? "/" : "", path);
}

/* What v2 offers below the mount. */
static int read_controllers(const char *prefix, const char *mountinfo, char **ret, struct err *err) {
        _cleanup_free_ char *mount = NULL, *path = NULL, *text = NULL;
        int r;

        r = cgroup_where_find_unified(mountinfo, &mount, err);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s%s/cgroup.controllers", prefix, mount) < 0)
                return err_oom(err);
        r = read_proc(path, &text, err);
        if (r < 0)
                return r;
        *ret = take_ptr(text);
        return 0;
}

static int open_hierarchy(const struct cgroup_tree *t, int hierarchy, const char *path, char **ret_path, struct err *err) {
        _cleanup_free_ char *located = NULL;
        int r = cgroup_hierarchy_locate(&t->where.hierarchies[hierarchy], path, &located, err);

        if (r < 0)
                return r;
        if (asprintf(ret_path, "%s%s", t->prefix, located) < 0)
                return err_oom(err);
        return 0;
}

/* Whether processes sit in the v2 group itself, so that its children can have no controllers. The hierarchy's root may. */
static bool holds_processes(const struct cgroup_tree *t, const char *path) {
        _cleanup_free_ char *dir = NULL;
        char text[16];

        if (strcmp(path, "/") == 0 || open_hierarchy(t, CGROUP_UNIFIED, path, &dir, NULL) < 0)
                return false;
        _cleanup_fd_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && cgroup_file_read(fd, "cgroup.procs", text, sizeof(text)) > 0;
}

static int choose_root(struct cgroup_tree *t, const char *root, const char *auto_name, struct err *err) {
        if (root && strcmp(root, "auto") != 0) {
                size_t len = strlen(root);

                if (root[0] != '/' || len < 2 || root[len - 1] == '/' || strstr(root, "//") || strstr(root, "/../") ||
                    strstr(root, "/./"))
                        return err_set(err, EINVAL, "\"%s\" is no path of a cgroup to keep containers in, like /ctrsup", root);
                t->root = strdup(root);
                return t->root ? 0 : err_oom(err);
        }

        _cleanup_free_ char *base = strdup(t->where.hierarchies[CGROUP_UNIFIED].self);
        if (!base)
                return err_oom(err);
        while (holds_processes(t, base)) {
                char *slash = strrchr(base, '/');
                slash[slash == base] = '\0';
        }
        if (asprintf(&t->root, "%s/%s", strcmp(base, "/") == 0 ? "" : base, auto_name) < 0) {
                t->root = NULL;
                return err_oom(err);
        }
        return 0;
}

struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *t) {
        if (!t)
                return NULL;
        cgroup_where_done(&t->where);
        free(t->root);
        free(t->prefix);
        for (size_t i = 0; i < CGROUP_HIERARCHY_MAX; i++)
                (void)close_fd(t->root_fds[i]);
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                free(t->refused_at[c]);
        free(t);
        return NULL;
}

int cgroup_tree_open(struct cgroup_tree **ret, const char *root, const char *auto_name, const struct cgroup_source *source,
                     struct err *err) {
        _cleanup_free_ char *mountinfo = NULL, *self_cgroup = NULL, *v2_controllers = NULL;
        _cleanup_cgroup_tree_ struct cgroup_tree *t = calloc(1, sizeof(*t));
        int r = 0;

        if (!t)
                return err_oom(err);
        for (size_t i = 0; i < CGROUP_HIERARCHY_MAX; i++)
                t->root_fds[i] = -EBADF;
        t->prefix = strdup(source && source->prefix ? source->prefix : "");
        if (!t->prefix)
                return err_oom(err);
        if (!source || !source->mountinfo)
                r = read_proc("/proc/self/mountinfo", &mountinfo, err);
        if (r >= 0 && (!source || !source->self_cgroup))
                r = read_proc("/proc/self/cgroup", &self_cgroup, err);
        if (r < 0)
                return r;

        const char *mounts = mountinfo ? mountinfo : source->mountinfo, *self = self_cgroup ? self_cgroup : source->self_cgroup;
        r = read_controllers(t->prefix, mounts, &v2_controllers, err);
        if (r >= 0)
                r = cgroup_where_parse(&t->where, mounts, self, v2_controllers, err);
        if (r >= 0)
                r = choose_root(t, root, auto_name, err);
        if (r < 0)
                return r;
        *ret = take_ptr(t);
        return 0;
}

const char *cgroup_tree_root(const struct cgroup_tree *t) {
        return t->root;
}

const struct cgroup_where *cgroup_tree_where(const struct cgroup_tree *t) {
        return &t->where;
}

static void refuse(struct cgroup_tree *t, enum cgroup_controller c, int code, const char *at) {
        if (t->refused[c])
                return;
        t->refused[c] = code;
        t->refused_at[c] = strdup(at); /* NULL when memory is out: then the words are without the place */
}

static bool has_word(const char *list, const char *word) {
        size_t len = strlen(word);

        for (const char *at = list; (at = strstr(at, word)); at += len)
                if ((at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
                        return true;
        return false;
}

int cgroup_enable(struct cgroup_tree *t, int dir_fd, const char *words, struct err *err) {
        char on[512];
        int r = cgroup_file_read(dir_fd, "cgroup.subtree_control", on, sizeof(on));

        if (r < 0)
                return err_sys(err, -r, "read %s/cgroup.subtree_control", words);
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++) {
                char plus[32];

                if (t->where.controllers[c] != CGROUP_UNIFIED || t->refused[c] || has_word(on, cgroup_controller_name(c)))
                        continue;
                (void)snprintf(plus, sizeof(plus), "+%s", cgroup_controller_name(c));
                r = cgroup_file_write(dir_fd, "cgroup.subtree_control", plus);
                if (r < 0)
                        refuse(t, c, -r, words);
        }
        return 0;
}

static int make_root(struct cgroup_tree *t, int hierarchy, struct err *err) {
        const struct cgroup_hierarchy *h = &t->where.hierarchies[hierarchy];
        _cleanup_free_ char *path = NULL;
        int r = open_hierarchy(t, hierarchy, t->root, &path, err);

        if (r < 0)
                return r;
        size_t done = strlen(t->prefix) + strlen(h->mount);
        char *at = path + done, end = *at;

        *at = '\0';
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_sys(err, errno, "open %s", path);
        *at = end;
        while (*at == '/') {
                char *name = at + 1;
                bool made, last;

                if (hierarchy == CGROUP_UNIFIED) {
                        *at = '\0';
                        r = cgroup_enable(t, fd, path, err);
                        *at = '/';
                        if (r < 0)
                                return r;
                }
                at = strchrnul(name, '/');
                last = *at == '\0';
                *at = '\0';
                int next = cgroup_make_dir(t, hierarchy, fd, name, &made);
                if (next < 0)
                        return err_sys(err, -next, "make the cgroup %s", path);
                (void)close_fd(fd);
                fd = next;
                if (!last) {
                        t->made_above[hierarchy] += made;
                        *at = '/';
                }
        }
        if (hierarchy == CGROUP_UNIFIED) {
                r = cgroup_enable(t, fd, path, err);
                if (r < 0)
                        return r;
        }
        if (cgroup_needs_fill(t, hierarchy))
                t->cpuset_clones = cgroup_file_write(fd, "cgroup.clone_children", "1") >= 0;
        (void)close_fd(t->root_fds[hierarchy]);
        t->root_fds[hierarchy] = take_fd(&fd);
        return 0;
}

int cgroup_tree_make(struct cgroup_tree *t, struct err *err) {
        t->cpuset_clones = false;
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++) { /* what was refused once may be free now */
                t->refused[c] = 0;
                free(take_ptr(t->refused_at[c]));
        }
        for (size_t i = 0; i < t->where.n_hierarchies; i++) {
                int r = make_root(t, (int)i, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int remove_root(struct cgroup_tree *t, int hierarchy, struct err *err) {
        _cleanup_free_ char *path = NULL;
        int r = open_hierarchy(t, hierarchy, t->root, &path, err);

        if (r < 0)
                return r;
        for (unsigned i = 0; i <= t->made_above[hierarchy]; i++) {
                char *slash = strrchr(path, '/');

                *slash = '\0';
                _cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", path);
                /* Below the root all is ours; above it only the empty directories that we made. */
                r = i == 0 ? cgroup_remove_below(fd, slash + 1) : unlinkat(fd, slash + 1, AT_REMOVEDIR) < 0 ? -errno : 0;
                if (i > 0 && r < 0)
                        break; /* somebody else's groups came below: it is theirs now */
                if (r < 0) {
                        *slash = '/';
                        return err_sys(err, -r, "remove the cgroup %s", path);
                }
        }
        t->made_above[hierarchy] = 0;
        t->root_fds[hierarchy] = close_fd(t->root_fds[hierarchy]);
        return 0;
}

int cgroup_tree_remove(struct cgroup_tree *t, struct err *err) {
        int result = 0;

        for (size_t i = 0; i < t->where.n_hierarchies; i++) {
                int r = remove_root(t, (int)i, err);

                if (r < 0)
                        result = r;
        }
        return result;
}
