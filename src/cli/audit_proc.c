#include "audit_proc.h"

#include <ctrsup/base/num.h>
#include <ctrsup/kernel/cgroup_where.h>
#include <ctrsup/kernel/readfile.h>

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

void audit_process_done(struct audit_process *p) {
        free(p->mountinfo);
        *p = AUDIT_PROCESS_NULL;
}

static char *text_of(const char *path) {
        char *text = NULL;
        size_t len;

        return read_file(path, TEXT_MAX, &text, &len, NULL) < 0 ? NULL : text;
}

static char *of_process(pid_t pid, const char *file) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        return text_of(path);
}

/* By its file, as the link says it: the same inode of nsfs. */
static int is_of_host(pid_t pid, const char *file, bool *ret) {
        char path[64];
        struct stat ours, theirs;

        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", file);
        if (stat(path, &ours) < 0)
                return -errno;
        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, file);
        if (stat(path, &theirs) < 0)
                return -errno;
        *ret = ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
        return 0;
}

static int read_namespaces(pid_t pid, struct audit_truth *t) {
        static const char *const files[_NS_MAX] = {
                [NS_PID] = "pid",       [NS_IPC] = "ipc",   [NS_UTS] = "uts",   [NS_NET] = "net",
                [NS_CGROUP] = "cgroup", [NS_USER] = "user", [NS_MOUNT] = "mnt", [NS_TIME] = "time",
        };

        for (enum spec_ns ns = 0; ns < _NS_MAX; ns++) {
                int r = is_of_host(pid, files[ns], &t->of_host[ns]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The limit is on the group, which is above the process's own cgroup: the least of all that are above it. */
static uint64_t limit_of(const struct cgroup_where *where, enum cgroup_controller c, const char *v2_file, const char *v1_file) {
        _cleanup_free_ char *path = NULL;
        int h = where->controllers[c];
        uint64_t least = UINT64_MAX, value;

        if (h == CGROUP_NOWHERE || cgroup_hierarchy_locate(&where->hierarchies[h], where->hierarchies[h].self, &path, NULL) < 0)
                return UINT64_MAX;
        for (size_t root = strlen(where->hierarchies[h].mount); strlen(path) > root; *strrchr(path, '/') = '\0') {
                char file[PATH_MAX];

                (void)snprintf(file, sizeof(file), "%s/%s", path, h == CGROUP_UNIFIED ? v2_file : v1_file);
                _cleanup_free_ char *text = text_of(file);
                if (text)
                        text[strcspn(text, "\n")] = '\0';
                if (text && num_parse_u64(text, &value) == 0 && value < least)
                        least = value;
        }
        return least >= INT64_MAX / 4096 * 4096 ? UINT64_MAX : least; /* v1's word for none */
}

static void read_limits(pid_t pid, struct audit_truth *t) {
        _cleanup_free_ char *mountinfo = text_of("/proc/self/mountinfo"), *self = of_process(pid, "cgroup"), *mount = NULL,
                            *controllers = NULL;
        _cleanup_cgroup_where_ struct cgroup_where where = CGROUP_WHERE_NULL;
        char path[PATH_MAX];

        t->memory_max = t->pids_max = UINT64_MAX;
        if (!mountinfo || !self || cgroup_where_find_unified(mountinfo, &mount, NULL) < 0)
                return;
        (void)snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
        controllers = text_of(path);
        if (cgroup_where_parse(&where, mountinfo, self, controllers ? controllers : "", NULL) < 0)
                return;
        t->memory_max = limit_of(&where, CGROUP_MEMORY, "memory.max", "memory.limit_in_bytes");
        t->pids_max = limit_of(&where, CGROUP_PIDS, "pids.max", "pids.max");
}

int audit_read_process(pid_t pid, struct audit_process *ret, struct err *err) {
        _cleanup_audit_process_ struct audit_process p = AUDIT_PROCESS_NULL;
        _cleanup_free_ char *status = of_process(pid, "status"), *map = of_process(pid, "uid_map"),
                            *score = of_process(pid, "oom_score_adj");

        int r = read_namespaces(pid, &p.truth);
        if (r == -ENOENT || !status)
                return err_set(err, ESRCH, "process %d has ended", (int)pid);
        if (r < 0) {
                (void)err_sys(err, -r, "look at process %d", (int)pid);
                return r == -EACCES || r == -EPERM ? err_hint(err, "that takes root") : r;
        }
        p.mountinfo = of_process(pid, "mountinfo");
        if (!p.mountinfo || !map || !score || !audit_read_status(status, &p.truth) || !audit_read_uid_map(map, &p.truth))
                return err_set(err, EBADMSG, "/proc/%d cannot be understood", (int)pid);
        p.truth.mountinfo = p.mountinfo;
        p.truth.oom_score_adj = (int)strtol(score, NULL, 10);
        read_limits(pid, &p.truth);
        *ret = p;
        p = AUDIT_PROCESS_NULL;
        return 0;
}
