#include <ctrsup/act/drift.h>

#include "recipe_plan.h"

#include <ctrsup/act/limits.h>
#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/cgroup_stray.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/mountinfo.h>

#include <fcntl.h>
#include <string.h>

enum { MOUNTINFO_MAX = 1024 * 1024 }; /* a container that mounts more than that is not looked at */

struct seen {
        act_drift_fn *fn;
        void *userdata;
};

static int see_limit(void *userdata, const char *key, const struct cgroup_drift *drift) {
        const struct seen *s = userdata;

        (void)key;
        return s->fn(s->userdata,
                     &(struct act_drift){ .what = drift->file, .declared = drift->wanted, .is = drift->is, .heals = true });
}

int act_drift_limits(struct act_host *h, const struct act_instance *i, const struct spec_limits *limits, bool all,
                     act_drift_fn *fn, void *userdata) {
        struct seen s = { fn, userdata };

        return limits_compare(h->cgroups, i->group, limits, all, see_limit, &s);
}

static int check_oom_score(const struct spec_container *c, pid_t pid, act_drift_fn *fn, void *userdata) {
        char path[64], is[32] = "", wanted[32];

        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, is, sizeof(is) - 1);
        if (n <= 0)
                return 0;
        is[strcspn(is, "\n")] = '\0';
        (void)snprintf(wanted, sizeof(wanted), "%lld", (long long)c->oom_score_adj);
        return strcmp(is, wanted) == 0 ? 0 : fn(userdata, &(struct act_drift){ "oom_score_adj", wanted, is, false });
}

/* ---- mounts ---- */

struct looking {
        const char *mountinfo;
        act_drift_fn *fn;
        void *userdata;
};

static const char *name_in(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* A link of the layers may have led elsewhere: then the name must do. */
static bool find_by_name(const char *mountinfo, const char *target, struct mountinfo_line *ret) {
        struct mountinfo_line line;
        bool found = false;

        while (mountinfo_next(&mountinfo, &line))
                if (strcmp(name_in(line.point), name_in(target)) == 0) {
                        *ret = line;
                        found = true;
                }
        return found;
}

static int check_mount(const struct looking *l, const char *target, bool read_only, bool by_name) {
        struct mountinfo_line line;
        char what[PATH_MAX + 16];

        bool found = mountinfo_find(l->mountinfo, target, &line) || (by_name && find_by_name(l->mountinfo, target, &line));
        if (found && (!read_only || line.read_only))
                return 0;
        (void)snprintf(what, sizeof(what), "mount %s", target);
        return l->fn(l->userdata,
                     &(struct act_drift){ what, read_only ? "read-only" : "mounted", found ? "writable" : "not mounted", false });
}

static int check_mounts(const struct looking *l, const struct spec_container *c) {
        static const char *const system[] = { "/proc", "/sys", "/sys/fs/cgroup", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue" };
        int r = 0;

        for (size_t n = 0; n < c->n_volumes && r == 0; n++)
                r = check_mount(l, c->volumes[n].target, c->volumes[n].read_only, true);
        for (size_t n = 0; n < ARRAY_SIZE(system) && r == 0; n++)
                r = check_mount(l, system[n], false, false);
        /* of those that the file names nobody here can tell which are there */
        for (const char *const *at = recipe_read_only_paths; *at && r == 0 && !c->readonly_paths.given; at++)
                if (access(*at, F_OK) == 0)
                        r = check_mount(l, *at, true, false);
        for (const char *const *at = recipe_masked_paths; *at && r == 0 && !c->masked_paths.given; at++)
                if (access(*at, F_OK) == 0)
                        r = check_mount(l, *at, false, false);
        if (c->rootfs.mode == ROOTFS_READ_ONLY && r == 0)
                r = check_mount(l, "/", true, false);
        return r;
}

static int look_at_mounts(const struct spec_container *c, pid_t pid, act_drift_fn *fn, void *userdata) {
        _cleanup_free_ char *text = malloc(MOUNTINFO_MAX + 1);
        struct mountinfo_line root;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
        _cleanup_fd_ int fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -EBADF;
        ssize_t n = fd < 0 ? -1 : io_read_full(fd, text, MOUNTINFO_MAX);
        if (n <= 0 || n == MOUNTINFO_MAX)
                return 0;
        text[n] = '\0';
        if (!mountinfo_find(text, "/", &root)) /* it went into a root of its own, and sees only what is below */
                return 0;
        return check_mounts(&(struct looking){ text, fn, userdata }, c);
}

int act_drift_process(struct act_host *h, const struct act_instance *i, const struct spec_container *c, pid_t pid,
                      act_drift_fn *fn, void *userdata) {
        struct cgroup_drift stray;
        int r = 0;

        if (cgroup_find_stray(h->cgroups, pid, i->group, i->leaf, &stray, NULL) == 1)
                r = fn(userdata, &(struct act_drift){ stray.file, stray.wanted, stray.is, false });
        if (r == 0)
                r = check_oom_score(c, pid, fn, userdata);
        return r == 0 ? look_at_mounts(c, pid, fn, userdata) : r;
}
