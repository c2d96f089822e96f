#include <ctrsup/kernel/cgroup_probe.h>

#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static const char *const prefixes[] = { [CGROUP_PROBE] = "probe.", [CGROUP_HOOK] = "hook." };
static_assert(ARRAY_SIZE(prefixes) == _CGROUP_PROBE_KIND_MAX, "a prefix for every kind");

static void probe_path(char buf[CGROUP_PATH_MAX + 32], const struct cgroup_probe *p) {
        cgroup_leaf_path(buf, p->group, p->generation);
        size_t len = strlen(buf);
        (void)snprintf(buf + len, CGROUP_PATH_MAX + 32 - len, "/%s%016" PRIx64, prefixes[p->kind], p->number);
}

static int complain(const struct cgroup_tree *t, const char *path, int code, const char *verb, struct err *err) {
        char words[ERR_TEXT_MAX];

        cgroup_describe(t, CGROUP_UNIFIED, path, words, sizeof(words));
        return err_sys(err, code, "%s %s", verb, words);
}

int cgroup_probe_make(struct cgroup_tree *t, const struct cgroup_probe *p, int *ret_fd, struct err *err) {
        char path[CGROUP_PATH_MAX + 32];
        int r = cgroup_group_check(p->group, err);

        if (r < 0)
                return r;
        probe_path(path, p);
        if (mkdirat(t->root_fds[CGROUP_UNIFIED], path, 0755) < 0)
                return complain(t, path, errno, "make the cgroup", err);
        *ret_fd = openat(t->root_fds[CGROUP_UNIFIED], path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (*ret_fd < 0) {
                int code = errno;

                (void)unlinkat(t->root_fds[CGROUP_UNIFIED], path, AT_REMOVEDIR);
                return complain(t, path, code, "open the cgroup", err);
        }
        return 0;
}

/* path: of a probe's cgroup, below dir. */
static int end_at(int dir, const char *path) {
        char file[CGROUP_PATH_MAX + 64];

        if (unlinkat(dir, path, AT_REMOVEDIR) == 0 || errno == ENOENT) /* as a rule it is empty */
                return 0;
        (void)snprintf(file, sizeof(file), "%s/cgroup.kill", path);
        int r = cgroup_file_write(dir, file, "1");
        return r < 0 && r != -ENOENT ? r : cgroup_remove_below(dir, path);
}

int cgroup_probe_end(struct cgroup_tree *t, const struct cgroup_probe *p, struct err *err) {
        char path[CGROUP_PATH_MAX + 32];
        int r = cgroup_group_check(p->group, err);

        if (r < 0)
                return r;
        probe_path(path, p);
        r = end_at(t->root_fds[CGROUP_UNIFIED], path);
        return r < 0 ? complain(t, path, -r, "end what runs in", err) : 0;
}

static void close_dirp(DIR **d) {
        if (*d)
                (void)closedir(*d);
}

int cgroup_probe_end_all(struct cgroup_tree *t, const struct cgroup_probe *p, struct err *err) {
        const char *prefix = prefixes[p->kind];
        _cleanup_(close_dirp) DIR *dir = NULL;
        int fd, result = cgroup_open_leaf(t, p->group, p->generation, &fd, err);

        if (result < 0)
                return result == -ENOENT ? 0 : result;
        dir = fdopendir(fd);
        if (!dir) {
                close_fd(fd);
                return err_oom(err);
        }
        for (struct dirent *e; (e = readdir(dir));) {
                if (e->d_type != DT_DIR || strncmp(e->d_name, prefix, strlen(prefix)) != 0)
                        continue;
                int r = end_at(dirfd(dir), e->d_name);
                if (r < 0)
                        result = complain(t, e->d_name, -r, "end what runs in", err);
        }
        return result;
}
