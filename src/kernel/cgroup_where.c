/* See cgroup_where.h. */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/cgroup_where.h>

#include <assert.h>
#include <string.h>

static const struct {
        const char *name, *v1_name;
} controllers[_CGROUP_CONTROLLER_MAX] = {
        [CGROUP_CPU] = { "cpu", "cpu" },    [CGROUP_CPUSET] = { "cpuset", "cpuset" }, [CGROUP_MEMORY] = { "memory", "memory" },
        [CGROUP_PIDS] = { "pids", "pids" }, [CGROUP_IO] = { "io", "blkio" },          [CGROUP_HUGETLB] = { "hugetlb", "hugetlb" },
};
static_assert(ARRAY_SIZE(controllers) == _CGROUP_CONTROLLER_MAX, "a name for every controller");

const char *cgroup_controller_name(enum cgroup_controller c) {
        return c >= 0 && c < _CGROUP_CONTROLLER_MAX ? controllers[c].name : "?";
}

const char *cgroup_controller_v1_name(enum cgroup_controller c) {
        return c >= 0 && c < _CGROUP_CONTROLLER_MAX ? controllers[c].v1_name : "?";
}

/* A piece of a text that is not ours to write to. */
struct piece {
        const char *at;
        size_t len;
};

static bool piece_is(struct piece p, const char *word) {
        return p.len == strlen(word) && memcmp(p.at, word, p.len) == 0;
}

/* Takes what is before the separator off `rest`; false when nothing is left. */
static bool take_piece(struct piece *rest, char separator, struct piece *ret) {
        if (!rest->at)
                return false;

        const char *end = memchr(rest->at, separator, rest->len);
        ret->at = rest->at;
        if (end) {
                ret->len = (size_t)(end - rest->at);
                rest->at = end + 1;
                rest->len -= ret->len + 1;
        } else {
                ret->len = rest->len;
                *rest = (struct piece){ 0 };
        }
        return true;
}

static struct piece piece_of(const char *text) {
        return (struct piece){ text, strlen(text) };
}

static bool piece_has_word(struct piece list, char separator, const char *word) {
        for (struct piece item; take_piece(&list, separator, &item);)
                if (piece_is(item, word))
                        return true;
        return false;
}

/* The kernel writes blanks, tabs, line breaks and backslashes of a path as \ooo. */
static char *unescape(struct piece p) {
        char *out = malloc(p.len + 1);
        size_t n = 0;

        if (!out)
                return NULL;
        for (size_t i = 0; i < p.len; i++)
                if (p.at[i] == '\\' && p.len - i > 3 && p.at[i + 1] >= '0' && p.at[i + 1] <= '3' && p.at[i + 2] >= '0' &&
                    p.at[i + 2] <= '7' && p.at[i + 3] >= '0' && p.at[i + 3] <= '7') {
                        out[n++] = (char)(((p.at[i + 1] - '0') << 6) | ((p.at[i + 2] - '0') << 3) | (p.at[i + 3] - '0'));
                        i += 3;
                } else
                        out[n++] = p.at[i];
        out[n] = '\0';
        return out;
}

struct mount_line {
        struct piece root, mount, type, options; /* options: the super block's */
};

/* proc_pid_mountinfo(5): id parent major:minor ROOT MOUNT options [optional fields] - TYPE source OPTIONS */
static int parse_mount_line(struct piece line, struct mount_line *ret) {
        struct piece word, ignored;

        for (int i = 0; i < 3; i++)
                if (!take_piece(&line, ' ', &ignored))
                        return -EBADMSG;
        if (!take_piece(&line, ' ', &ret->root) || !take_piece(&line, ' ', &ret->mount) || ret->mount.len == 0 ||
            ret->mount.at[0] != '/')
                return -EBADMSG;
        do
                if (!take_piece(&line, ' ', &word))
                        return -EBADMSG;
        while (!piece_is(word, "-"));
        if (!take_piece(&line, ' ', &ret->type) || !take_piece(&line, ' ', &ignored) || !take_piece(&line, ' ', &ret->options))
                return -EBADMSG;
        return 0;
}

static void hierarchy_done(struct cgroup_hierarchy *h) {
        free(h->mount);
        free(h->root);
        free(h->self);
        *h = (struct cgroup_hierarchy){ 0 };
}

void cgroup_where_done(struct cgroup_where *where) {
        for (size_t i = 0; i < CGROUP_HIERARCHY_MAX; i++)
                hierarchy_done(&where->hierarchies[i]);
        where->n_hierarchies = 0;
}

static int hierarchy_fill(struct cgroup_hierarchy *h, const struct mount_line *m, struct err *err) {
        h->mount = unescape(m->mount);
        h->root = unescape(m->root);
        return h->mount && h->root ? 0 : err_oom(err);
}

/* Which of our controllers a v1 mount carries, as bits; 0: another hierarchy (name=systemd, devices, freezer). */
static unsigned v1_controllers(const struct mount_line *m) {
        unsigned set = 0;

        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (piece_has_word(m->options, ',', controllers[c].v1_name))
                        set |= 1u << c;
        return set;
}

/* The same hierarchy may be mounted many times (containers bind parts of it): the mount that shows most of it is ours. */
static bool shows_more(const struct mount_line *m, const struct cgroup_hierarchy *than) {
        return !than->mount || m->root.len < strlen(than->root);
}

static int take_mount(struct cgroup_where *w, const struct mount_line *m, struct err *err) {
        struct cgroup_hierarchy *h = NULL;
        unsigned set = 0;

        if (piece_is(m->type, "cgroup2"))
                h = &w->hierarchies[CGROUP_UNIFIED];
        else if (piece_is(m->type, "cgroup") && (set = v1_controllers(m)) != 0) {
                for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                        if (set & (1u << c) && w->controllers[c] > CGROUP_UNIFIED)
                                h = &w->hierarchies[w->controllers[c]];
                if (!h) /* a controller is in one hierarchy only, so there are never more of them than controllers */
                        h = &w->hierarchies[w->n_hierarchies++];
        } else
                return 0;

        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (set & (1u << c))
                        w->controllers[c] = (int)(h - w->hierarchies);
        if (!shows_more(m, h))
                return 0;
        hierarchy_done(h);
        return hierarchy_fill(h, m, err);
}

static int take_mounts(struct cgroup_where *w, const char *mountinfo, struct err *err) {
        struct piece rest = piece_of(mountinfo), line;

        while (take_piece(&rest, '\n', &line)) {
                struct mount_line m;

                if (line.len == 0)
                        continue;
                if (parse_mount_line(line, &m) < 0)
                        return err_set(err, EBADMSG, "read the mount table: a line that is none: %.*s",
                                       (int)(line.len > 80 ? 80 : line.len), line.at);
                int r = take_mount(w, &m, err);
                if (r < 0)
                        return r;
        }
        if (w->hierarchies[CGROUP_UNIFIED].mount)
                return 0;
        (void)err_set(err, EOPNOTSUPP, "no cgroup2 file system is mounted");
        return err_hint(
                err, "mount it at /sys/fs/cgroup (pure v2) or /sys/fs/cgroup/unified (hybrid); containers are ended through it");
}

/* proc_pid_cgroup(5): id:controllers:path; v2 is 0::path. */
static bool take_cgroup_line(struct piece *rest, struct piece *ret_names, struct piece *ret_path) {
        struct piece line, id;

        while (take_piece(rest, '\n', &line))
                if (take_piece(&line, ':', &id) && take_piece(&line, ':', ret_names) && line.at && line.len > 0 &&
                    line.at[0] == '/') {
                        *ret_path = line; /* may hold colons itself */
                        if (ret_names->len == 0 && !piece_is(id, "0"))
                                continue;
                        return true;
                }
        return false;
}

static int take_selves(struct cgroup_where *w, const char *self_cgroup, struct err *err) {
        struct piece rest = piece_of(self_cgroup), names, path;

        while (take_cgroup_line(&rest, &names, &path)) {
                int index = names.len == 0 ? CGROUP_UNIFIED : CGROUP_NOWHERE;

                for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                        if (w->controllers[c] > CGROUP_UNIFIED && piece_has_word(names, ',', controllers[c].v1_name))
                                index = w->controllers[c];
                if (index == CGROUP_NOWHERE || w->hierarchies[index].self)
                        continue;
                w->hierarchies[index].self = strndup(path.at, path.len);
                if (!w->hierarchies[index].self)
                        return err_oom(err);
        }
        for (size_t i = 0; i < w->n_hierarchies; i++)
                if (!w->hierarchies[i].self && !(w->hierarchies[i].self = strdup("/")))
                        return err_oom(err);
        return 0;
}

int cgroup_where_parse(struct cgroup_where *ret, const char *mountinfo, const char *self_cgroup, const char *v2_controllers,
                       struct err *err) {
        _cleanup_cgroup_where_ struct cgroup_where w = { .n_hierarchies = 1 };
        int r;

        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                w.controllers[c] = CGROUP_NOWHERE;
        r = take_mounts(&w, mountinfo, err);
        if (r < 0)
                return r;

        struct piece available = { v2_controllers, strcspn(v2_controllers, "\n") };
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (w.controllers[c] == CGROUP_NOWHERE && piece_has_word(available, ' ', controllers[c].name))
                        w.controllers[c] = CGROUP_UNIFIED;
        r = take_selves(&w, self_cgroup, err);
        if (r < 0)
                return r;
        *ret = w;
        w = CGROUP_WHERE_NULL;
        return 0;
}

int cgroup_where_find_unified(const char *mountinfo, char **ret_mount, struct err *err) {
        _cleanup_cgroup_where_ struct cgroup_where w = CGROUP_WHERE_NULL;
        int r = cgroup_where_parse(&w, mountinfo, "", "", err);

        if (r < 0)
                return r;
        *ret_mount = take_ptr(w.hierarchies[CGROUP_UNIFIED].mount);
        return 0;
}

int cgroup_where_self_unified(const char *self_cgroup, char **ret_path, struct err *err) {
        struct piece rest = piece_of(self_cgroup), names, path;

        while (take_cgroup_line(&rest, &names, &path))
                if (names.len == 0) {
                        *ret_path = strndup(path.at, path.len);
                        return *ret_path ? 0 : err_oom(err);
                }
        return err_set(err, ENODATA, "the process has no cgroup v2 path");
}

int cgroup_hierarchy_locate(const struct cgroup_hierarchy *h, const char *path, char **ret, struct err *err) {
        size_t root = strcmp(h->root, "/") == 0 ? 0 : strlen(h->root);

        if (path[0] != '/' || strncmp(path, h->root, root) != 0 || (path[root] != '/' && path[root] != '\0')) {
                (void)err_set(err, ERANGE, "the cgroup %s is not below %s, the part of its hierarchy that is mounted at %s", path,
                              h->root, h->mount);
                return err_hint(err, "mount the whole hierarchy, or give a cgroup.root below %s", h->root);
        }
        path += root;
        if (asprintf(ret, "%s%s", h->mount, strcmp(path, "/") == 0 ? "" : path) < 0)
                return err_oom(err);
        return 0;
}
