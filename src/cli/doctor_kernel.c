/* What the kernel is asked to do, each by doing it. */
#include "doctor.h"

#include <ctrsup/base/num.h>
#include <ctrsup/kernel/ability.h>
#include <ctrsup/kernel/cgroup_where.h>
#include <ctrsup/kernel/readfile.h>

#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static char *text_of(const char *path) {
        char *text = NULL;
        size_t len;

        return read_file(path, TEXT_MAX, &text, &len, NULL) < 0 ? NULL : text;
}

static void look_kernel(struct doctor *d) {
        struct utsname name;
        unsigned major = 0, minor = 0;

        (void)uname(&name);
        if (sscanf(name.release, "%u.%u", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 1)))
                doctor_say(d, FINDING_WARNING, "boot Linux 6.1 or later: nothing older is tested", "Linux %s, %s", name.release,
                           name.machine);
        else
                doctor_say(d, FINDING_OK, NULL, "Linux %s, %s", name.release, name.machine);
}

static void look_clone(struct doctor *d) {
        int r = ability_clone();

        if (r < 0)
                doctor_say(d, FINDING_FAILURE,
                           "boot a kernel that has clone3 and pidfds; in a container, let its seccomp profile allow them",
                           "clone3 with a pidfd: %s", strerror(-r));
        else
                doctor_say(d, FINDING_OK, NULL, "clone3, pidfds");
}

/* ": cpu cpuset" of the controllers that are bound there; "" for none. */
static void put_controllers(const struct cgroup_where *where, bool v1, unsigned *ret_missing, struct buf *out) {
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++) {
                if (where->controllers[c] == CGROUP_NOWHERE)
                        *ret_missing |= 1u << c;
                else if ((where->controllers[c] != CGROUP_UNIFIED) == v1)
                        buf_printf(out, " %s", cgroup_controller_name(c));
        }
}

static void say_controllers(struct doctor *d, const struct cgroup_where *where) {
        static const unsigned needed = 1u << CGROUP_CPU | 1u << CGROUP_MEMORY | 1u << CGROUP_PIDS;
        _cleanup_buf_ struct buf v2 = BUF_NULL, v1 = BUF_NULL;
        unsigned missing = 0;

        put_controllers(where, false, &missing, &v2);
        put_controllers(where, true, &missing, &v1);
        if (v1.len > 0)
                doctor_say(d, FINDING_WARNING,
                           "boot with systemd.unified_cgroup_hierarchy=1, for memory_high, memory_low and the like",
                           "hybrid: v2 tracks and has%s, v1 has%s", v2.len ? buf_text(&v2) : " none", buf_text(&v1));
        else
                doctor_say(d, FINDING_OK, NULL, "v2:%s", buf_text(&v2));
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (missing & 1u << c)
                        doctor_say(d, needed & 1u << c ? FINDING_FAILURE : FINDING_WARNING,
                                   c == CGROUP_MEMORY ? "boot with cgroup_enable=memory, or a kernel that has it"
                                                      : "boot a kernel that has it; in a container, have it delegated",
                                   "there is no %s controller: its limits are refused", cgroup_controller_name(c));
}

static void look_cgroup(struct doctor *d) {
        _cleanup_free_ char *mountinfo = text_of("/proc/self/mountinfo"), *self = text_of("/proc/self/cgroup"), *mount = NULL,
                            *controllers = NULL;
        _cleanup_cgroup_where_ struct cgroup_where where = CGROUP_WHERE_NULL;
        struct err err = { 0 };
        char path[512];

        if (!mountinfo || !self || cgroup_where_find_unified(mountinfo, &mount, &err) < 0) {
                doctor_say(d, FINDING_FAILURE, "mount -t cgroup2 cgroup2 /sys/fs/cgroup (systemd does it)", "%s",
                           err.code ? err.text : "/proc/self/mountinfo cannot be read");
                return;
        }
        (void)snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
        controllers = text_of(path);
        if (cgroup_where_parse(&where, mountinfo, self, controllers ? controllers : "", &err) < 0) {
                doctor_say(d, FINDING_FAILURE, NULL, "%s", err.text);
                return;
        }
        say_controllers(d, &where);
}

static void look_cgroup_use(struct doctor *d) {
        _cleanup_free_ char *mountinfo = text_of("/proc/self/mountinfo"), *mount = NULL;
        int r = mountinfo ? cgroup_where_find_unified(mountinfo, &mount, NULL) : -ENOENT;

        if (r >= 0)
                r = ability_cgroup(mount);
        if (r == 0)
                doctor_say(d, FINDING_OK, NULL, "a cgroup can be made, started in and killed");
        else
                doctor_say(d, FINDING_FAILURE,
                           r == -EROFS ? "mount the cgroup file system writable"
                                       : "run on a host, or where a cgroup is delegated",
                           "make, start in and kill a cgroup: %s", strerror(-r));
}

static void look_namespaces(struct doctor *d) {
        static const struct {
                const char *name;
                uint64_t flag;
        } kinds[] = {
                { "user", CLONE_NEWUSER }, { "mount", CLONE_NEWNS },      { "pid", CLONE_NEWPID }, { "net", CLONE_NEWNET },
                { "ipc", CLONE_NEWIPC },   { "cgroup", CLONE_NEWCGROUP }, { "uts", CLONE_NEWUTS }, { "time", CLONE_NEWTIME },
        };
        size_t fine = 0;

        for (size_t n = 0; n < ARRAY_SIZE(kinds); n++) {
                int r = ability_namespace(kinds[n].flag);

                fine += r == 0;
                if (r < 0)
                        doctor_say(d, FINDING_FAILURE,
                                   r == -ENOSPC   ? "raise the sysctls user.max_*_namespaces"
                                   : r == -EINVAL ? "boot a kernel that has them"
                                                  : "run as root on a host that allows them",
                                   "%s namespaces: %s", kinds[n].name, strerror(-r));
        }
        if (fine == ARRAY_SIZE(kinds))
                doctor_say(d, FINDING_OK, NULL, "all eight kinds of namespaces");
}

/* One container takes one of each; the kernel's own defaults are in the thousands. */
static void look_namespace_limits(struct doctor *d) {
        enum { FEW = 1024 };
        static const char *const kinds[] = { "user", "mnt", "pid", "net", "ipc", "cgroup", "uts", "time" };
        uint64_t least = UINT64_MAX;
        const char *which = NULL;

        for (size_t n = 0; n < ARRAY_SIZE(kinds); n++) {
                char path[64];
                uint64_t value;

                (void)snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[n]);
                _cleanup_free_ char *text = text_of(path);
                if (text)
                        text[strcspn(text, "\n")] = '\0';
                if (text && num_parse_u64(text, &value) == 0 && value < least) {
                        least = value;
                        which = kinds[n];
                }
        }
        if (which && least < FEW)
                doctor_say(d, least == 0 ? FINDING_FAILURE : FINDING_WARNING, "raise it: a container takes one of each kind",
                           "the sysctl user.max_%s_namespaces is %ju", which, (uintmax_t)least);
        else if (which)
                doctor_say(d, FINDING_OK, NULL, "%ju namespaces of each kind at least", (uintmax_t)least);
        else
                doctor_say(d, FINDING_WARNING, "mount /proc", "the sysctls user.max_*_namespaces cannot be read");
}

static void look_overlay(struct doctor *d) {
        int r = ability_overlay();

        if (r == 0)
                doctor_say(d, FINDING_OK, NULL, "overlay file systems can be mounted and written");
        else
                doctor_say(d, FINDING_FAILURE,
                           r == -ENODEV ? "modprobe overlay, and name it in /etc/modules-load.d"
                                        : "run as root on a host that allows mounts",
                           "mount an overlay: %s", strerror(-r));
}

/* The folder, or the nearest one above that is there. */
static void nearest(const char *path, char ret[256]) {
        struct stat st;

        (void)snprintf(ret, 256, "%s", path);
        while (stat(ret, &st) < 0 && strrchr(ret, '/') > ret)
                *strrchr(ret, '/') = '\0';
        if (stat(ret, &st) < 0)
                (void)snprintf(ret, 256, "/");
}

static void look_idmap(struct doctor *d) {
        char path[256];

        nearest(d->settings.state, path);
        int r = ability_idmap(path, (uint32_t)d->settings.base, 65536);
        if (r == 0)
                doctor_say(d, FINDING_OK, NULL, "idmapped mounts of %s", path);
        else
                doctor_say(d, FINDING_FAILURE,
                           r == -EINVAL
                                   ? "put paths.state and the layers on ext4, xfs or btrfs; else set namespaces: {user: host}"
                                   : "run as root on a host that allows mounts",
                           "an idmapped mount of %s: %s", path, r == -EINVAL ? "its file system cannot" : strerror(-r));
}

static void look_seccomp(struct doctor *d) {
        int r = ability_seccomp();

        if (r == 0)
                doctor_say(d, FINDING_OK, NULL, "system call filters work");
        else
                doctor_say(d, FINDING_FAILURE, "boot a kernel with CONFIG_SECCOMP_FILTER", "a system call filter: %s",
                           strerror(-r));
}

static void look_pressure(struct doctor *d) {
        _cleanup_free_ char *text = text_of("/proc/pressure/memory");

        if (text && *text)
                doctor_say(d, FINDING_OK, NULL, "pressure is measured");
        else
                doctor_say(d, FINDING_WARNING, "boot with psi=1", "no pressure (PSI): ctrsup top shows none");
}

const struct doctor_check doctor_kernel_checks[] = {
        { "kernel", look_kernel, false },
        { "processes", look_clone, false },
        { "cgroups", look_cgroup, false },
        { "cgroup use", look_cgroup_use, true },
        { "namespaces", look_namespaces, true },
        { "their limits", look_namespace_limits, false },
        { "overlay", look_overlay, true },
        { "idmap", look_idmap, true },
        { "seccomp", look_seccomp, false },
        { "pressure", look_pressure, false },
        { 0 },
};
