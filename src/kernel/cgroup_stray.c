/* See cgroup_stray.h. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/cgroup_stray.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum { PROC_CGROUP_SIZE = 16384 };

static bool has_word(const char *list, size_t len, const char *word) {
        size_t n = strlen(word);

        for (const char *at = list; at < list + len; at += strcspn(at, ",:") + 1)
                if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == ':'))
                        return true;
        return false;
}

/* The hierarchy of a line "4:memory:/path", of "0::/path" the unified one; CGROUP_NOWHERE: one that we do not use. */
static int hierarchy_of(const struct cgroup_tree *t, const char *controllers, size_t len) {
        if (len == 0)
                return CGROUP_UNIFIED;
        for (int c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (t->where.controllers[c] > CGROUP_UNIFIED &&
                    has_word(controllers, len, cgroup_controller_v1_name((enum cgroup_controller)c)))
                        return t->where.controllers[c];
        return CGROUP_NOWHERE;
}

static bool is_in(const char *path, const char *leaf) {
        size_t n = strlen(leaf);

        return strncmp(path, leaf, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* 1: this line tells that it is elsewhere. */
static int check_line(const struct cgroup_tree *t, char *line, const char *group, uint64_t generation, struct cgroup_drift *ret) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        char leaf[PATH_MAX], below[CGROUP_PATH_MAX];

        if (!path)
                return 0;
        int hierarchy = hierarchy_of(t, controllers + 1, (size_t)(path - controllers - 1));
        if (hierarchy == CGROUP_NOWHERE)
                return 0;
        path++;
        cgroup_leaf_path(below, group, generation);
        if (hierarchy != CGROUP_UNIFIED)
                (void)snprintf(below, sizeof(below), "%s/" CGROUP_V1_LEAF, group);
        (void)snprintf(leaf, sizeof(leaf), "%s/%s", strcmp(t->root, "/") == 0 ? "" : t->root, below);
        if (is_in(path, leaf))
                return 0;
        (void)snprintf(ret->file, sizeof(ret->file), "%s cgroup", hierarchy == CGROUP_UNIFIED ? "v2" : "v1");
        (void)snprintf(ret->wanted, sizeof(ret->wanted), "%s", leaf);
        (void)snprintf(ret->is, sizeof(ret->is), "%s", path);
        return 1;
}

int cgroup_find_stray(struct cgroup_tree *t, pid_t pid, const char *group, uint64_t generation, struct cgroup_drift *ret,
                      struct err *err) {
        char path[PATH_MAX], text[PROC_CGROUP_SIZE], *save = NULL;
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        (void)snprintf(path, sizeof(path), "%s/proc/%d/cgroup", t->prefix, (int)pid);
        r = cgroup_file_read(AT_FDCWD, path, text, sizeof(text));
        if (r < 0)
                return err_sys(err, r == -ENOENT ? ESRCH : -r, "read %s", path);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                if (check_line(t, line, group, generation, ret) > 0)
                        return 1;
        return 0;
}
