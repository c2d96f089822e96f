/* See cgroup_stat.h. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>
#include <ctrsup/kernel/cgroup_stat.h>

#include <fcntl.h>
#include <string.h>

/* The group's directory in one hierarchy; CGROUP_NOWHERE gives -EBADF, on which every read below finds nothing. */
static int open_group(struct cgroup_tree *t, int hierarchy, const char *group) {
        return hierarchy == CGROUP_NOWHERE
                       ? -EBADF
                       : openat(t->root_fds[hierarchy], group, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static uint64_t read_u64(int dir_fd, const char *file) {
        uint64_t value;

        return cgroup_file_read_u64(dir_fd, file, &value) < 0 ? CGROUP_UNKNOWN : value;
}

static uint64_t read_field(int dir_fd, const char *file, const char *key) {
        char text[4096];
        uint64_t value;

        if (cgroup_file_read(dir_fd, file, text, sizeof(text)) < 0 || cgroup_text_field(text, key, &value) < 0)
                return CGROUP_UNKNOWN;
        return value;
}

/* v1 counts OOM kills and refused forks only in the group the process sat in: the leaf. */
static uint64_t read_event_v1(int dir_fd, const char *file, const char *key) {
        char path[64];

        (void)snprintf(path, sizeof(path), CGROUP_V1_LEAF "/%s", file);
        uint64_t group = read_field(dir_fd, file, key), leaf = read_field(dir_fd, path, key);

        if (group == CGROUP_UNKNOWN || leaf == CGROUP_UNKNOWN)
                return group == CGROUP_UNKNOWN ? leaf : group;
        return group + leaf;
}

static uint64_t oom_kills(const struct cgroup_tree *t, int dir_fd) {
        return cgroup_is_v1(t, CGROUP_MEMORY) ? read_event_v1(dir_fd, "memory.oom_control", "oom_kill")
                                              : read_field(dir_fd, "memory.events", "oom_kill");
}

static const char *peak_file(const struct cgroup_tree *t) {
        return cgroup_is_v1(t, CGROUP_MEMORY) ? "memory.max_usage_in_bytes" : "memory.peak";
}

static void read_memory(const struct cgroup_tree *t, int dir_fd, struct cgroup_stat *s) {
        s->oom_kills = oom_kills(t, dir_fd);
        s->memory_peak_bytes = read_u64(dir_fd, peak_file(t));
        if (!cgroup_is_v1(t, CGROUP_MEMORY)) {
                s->memory_bytes = read_u64(dir_fd, "memory.current");
                s->swap_bytes = read_u64(dir_fd, "memory.swap.current");
                s->oom = read_field(dir_fd, "memory.events", "oom");
                return;
        }
        s->memory_bytes = read_u64(dir_fd, "memory.usage_in_bytes");
        uint64_t both = read_u64(dir_fd, "memory.memsw.usage_in_bytes");
        if (both != CGROUP_UNKNOWN && s->memory_bytes != CGROUP_UNKNOWN)
                s->swap_bytes = both > s->memory_bytes ? both - s->memory_bytes : 0;
}

static void read_io_v2(int dir_fd, struct cgroup_stat *s) {
        char text[16384];

        if (cgroup_file_read(dir_fd, "io.stat", text, sizeof(text)) < 0)
                return;
        s->io_read_bytes = s->io_written_bytes = 0;
        for (const char *at = text; (at = strstr(at, "bytes=")); at += strlen("bytes=")) {
                uint64_t value = strtoull(at + strlen("bytes="), NULL, 10);

                if (at > text && at[-1] == 'r') /* "254:0 rbytes=1 wbytes=2 rios=… dbytes=…" */
                        s->io_read_bytes += value;
                else if (at > text && at[-1] == 'w')
                        s->io_written_bytes += value;
        }
}

static void read_io_v1(int dir_fd, struct cgroup_stat *s) {
        char text[16384];

        if (cgroup_file_read(dir_fd, "blkio.throttle.io_service_bytes_recursive", text, sizeof(text)) < 0)
                return;
        s->io_read_bytes = s->io_written_bytes = 0;
        for (const char *at = text; (at = strchr(at, ' ')); at++) { /* "254:0 Read 4096" */
                if (strncmp(at, " Read ", 6) == 0)
                        s->io_read_bytes += strtoull(at + 6, NULL, 10);
                else if (strncmp(at, " Write ", 7) == 0)
                        s->io_written_bytes += strtoull(at + 7, NULL, 10);
        }
}

/* cpu.stat of v2 has the usage in every group, with or without the controller. Throttling is with the controller. */
static void read_cpu(const struct cgroup_tree *t, int unified_fd, int cpu_fd, struct cgroup_stat *s) {
        s->cpu_usec = read_field(unified_fd, "cpu.stat", "usage_usec");
        if (!cgroup_is_v1(t, CGROUP_CPU)) {
                s->throttled_usec = read_field(cpu_fd, "cpu.stat", "throttled_usec");
                return;
        }
        uint64_t nsec = read_field(cpu_fd, "cpu.stat", "throttled_time");
        s->throttled_usec = nsec == CGROUP_UNKNOWN ? nsec : nsec / 1000;
}

int cgroup_read_stat(struct cgroup_tree *t, const char *group, struct cgroup_stat *ret, struct err *err) {
        const int *where = t->where.controllers;
        struct cgroup_stat s;
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        _cleanup_fd_ int unified = open_group(t, CGROUP_UNIFIED, group);
        if (unified < 0)
                return err_sys(err, errno, "open the cgroup %s/%s", t->root, group);
        _cleanup_fd_ int memory = open_group(t, where[CGROUP_MEMORY], group), cpu = open_group(t, where[CGROUP_CPU], group),
                         pids = open_group(t, where[CGROUP_PIDS], group), io = open_group(t, where[CGROUP_IO], group);

        memset(&s, 0xff, sizeof(s)); /* CGROUP_UNKNOWN */
        read_memory(t, memory, &s);
        read_cpu(t, unified, cpu, &s);
        s.pids = read_u64(pids, "pids.current");
        s.pids_refused =
                cgroup_is_v1(t, CGROUP_PIDS) ? read_event_v1(pids, "pids.events", "max") : read_field(pids, "pids.events", "max");
        if (cgroup_is_v1(t, CGROUP_IO))
                read_io_v1(io, &s);
        else
                read_io_v2(io, &s);
        *ret = s;
        return 0;
}

int cgroup_read_oom_kills(struct cgroup_tree *t, const char *group, uint64_t *ret, struct err *err) {
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        _cleanup_fd_ int fd = open_group(t, t->where.controllers[CGROUP_MEMORY], group);
        if (fd < 0)
                return err_sys(err, errno, "open the memory cgroup of %s", group);
        *ret = oom_kills(t, fd);
        return *ret == CGROUP_UNKNOWN ? err_set(err, ENODATA, "this host does not count OOM kills") : 0;
}

uint64_t cgroup_memory_peak(struct cgroup_tree *t, const char *group) {
        _cleanup_fd_ int fd =
                cgroup_group_check(group, NULL) < 0 ? -EBADF : open_group(t, t->where.controllers[CGROUP_MEMORY], group);

        return read_u64(fd, peak_file(t));
}

uint64_t cgroup_memory_firm(struct cgroup_tree *t, const char *group) {
        static const char *const v2[] = { "anon", "shmem", "slab_unreclaimable" }, *const v1[] = { "total_rss", "total_shmem", NULL };
        const char *const *keys = cgroup_is_v1(t, CGROUP_MEMORY) ? v1 : v2;
        _cleanup_fd_ int fd = cgroup_group_check(group, NULL) < 0 ? -EBADF : open_group(t, t->where.controllers[CGROUP_MEMORY], group);
        uint64_t sum = read_field(fd, "memory.stat", keys[0]);

        for (size_t i = 1; sum != CGROUP_UNKNOWN && i < ARRAY_SIZE(v2) && keys[i]; i++) {
                uint64_t value = read_field(fd, "memory.stat", keys[i]);

                sum += value == CGROUP_UNKNOWN ? 0 : value;
        }
        return sum;
}

uint64_t cgroup_reset_memory_peak(struct cgroup_tree *t, const char *group) {
        _cleanup_fd_ int fd =
                cgroup_group_check(group, NULL) < 0 ? -EBADF : open_group(t, t->where.controllers[CGROUP_MEMORY], group);

        if (cgroup_is_v1(t, CGROUP_MEMORY))
                (void)cgroup_file_write(fd, peak_file(t), "0");
        return read_u64(fd, peak_file(t));
}

int cgroup_pressure_parse(const char *text, uint64_t *ret) {
        static const char begin[] = "some avg10=";
        char number[32];
        uint64_t milli;

        if (strncmp(text, begin, sizeof(begin) - 1) != 0)
                return -EBADMSG;
        size_t n = strcspn(text + sizeof(begin) - 1, " \n");
        if (n == 0 || n >= sizeof(number))
                return -EBADMSG;
        memcpy(number, text + sizeof(begin) - 1, n);
        number[n] = '\0';
        if (num_parse_milli(number, &milli) < 0)
                return -EBADMSG;
        *ret = milli / 10;
        return 0;
}

static uint64_t read_pressure(int dir_fd, const char *file) {
        char text[256];
        uint64_t value;

        return cgroup_file_read(dir_fd, file, text, sizeof(text)) < 0 || cgroup_pressure_parse(text, &value) < 0 ? CGROUP_UNKNOWN
                                                                                                                 : value;
}

void cgroup_read_pressure(struct cgroup_tree *t, const char *group, struct cgroup_pressure *ret) {
        _cleanup_fd_ int fd = cgroup_group_check(group, NULL) < 0 ? -EBADF : open_group(t, CGROUP_UNIFIED, group);

        *ret = (struct cgroup_pressure){ read_pressure(fd, "cpu.pressure"), read_pressure(fd, "memory.pressure"),
                                         read_pressure(fd, "io.pressure") };
}
