/* See cgroup_limit.h. Here: the table of limits, and the ones that are one number in one file. */
#include "cgroup_limit_impl.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

/* One number in one file of v2; `none` is what the file calls no limit. */
struct plain {
        const char *none;
        bool pages; /* bytes, which the kernel rounds down to pages */
};

static const struct {
        enum cgroup_controller controller;
        const char *file;                         /* v2's, for words too */
        struct plain plain;                       /* v2, when set is NULL */
        int (*set)(const struct limit_job *j);    /* both, or v2 where set_v1 is there too */
        int (*set_v1)(const struct limit_job *j); /* NULL with set NULL: same file and form on v1, or missing there */
        uint64_t unset;                           /* the value that means no limit */
} limits[_CGROUP_LIMIT_MAX] = {
        [CGROUP_MEMORY_MAX] = { CGROUP_MEMORY, "memory.max", { "max", true }, NULL, limit_memory_v1, UINT64_MAX },
        [CGROUP_MEMORY_SWAP_MAX] = { CGROUP_MEMORY, "memory.swap.max", { "max", true }, NULL, limit_swap_v1, UINT64_MAX },
        [CGROUP_MEMORY_HIGH] = { CGROUP_MEMORY, "memory.high", { "max", true }, NULL, NULL, UINT64_MAX },
        [CGROUP_MEMORY_LOW] = { CGROUP_MEMORY, "memory.low", { "max", true }, NULL, NULL, 0 },
        [CGROUP_MEMORY_MIN] = { CGROUP_MEMORY, "memory.min", { "max", true }, NULL, NULL, 0 },
        [CGROUP_MEMORY_ZSWAP_MAX] = { CGROUP_MEMORY, "memory.zswap.max", { "max", true }, NULL, NULL, UINT64_MAX },
        [CGROUP_MEMORY_OOM_GROUP] = { CGROUP_MEMORY, "memory.oom.group", { "max", false }, NULL, NULL, 0 },
        [CGROUP_CPU_MAX] = { CGROUP_CPU, "cpu.max", { 0 }, limit_cpu_max, NULL, UINT64_MAX },
        [CGROUP_CPU_WEIGHT] = { CGROUP_CPU, "cpu.weight", { 0 }, limit_cpu_weight, NULL, 100 },
        [CGROUP_CPUSET_CPUS] = { CGROUP_CPUSET, "cpuset.cpus", { 0 }, limit_cpuset, NULL, 0 },
        [CGROUP_CPUSET_MEMS] = { CGROUP_CPUSET, "cpuset.mems", { 0 }, limit_cpuset, NULL, 0 },
        [CGROUP_PIDS_MAX] = { CGROUP_PIDS, "pids.max", { "max", false }, NULL, NULL, UINT64_MAX },
        [CGROUP_IO_WEIGHT] = { CGROUP_IO, "io.weight", { 0 }, limit_io_weight, NULL, 100 },
        [CGROUP_IO_MAX] = { CGROUP_IO, "io.max", { 0 }, limit_io_max, NULL, 0 },
        [CGROUP_HUGETLB_MAX] = { CGROUP_HUGETLB, "hugetlb", { 0 }, limit_hugetlb, NULL, UINT64_MAX },
};
static_assert(ARRAY_SIZE(limits) == _CGROUP_LIMIT_MAX, "a row for every limit");

const char *cgroup_limit_file(enum cgroup_limit l) {
        return l >= 0 && l < _CGROUP_LIMIT_MAX ? limits[l].file : "?";
}

enum cgroup_controller cgroup_limit_controller(enum cgroup_limit l) {
        return l >= 0 && l < _CGROUP_LIMIT_MAX ? limits[l].controller : _CGROUP_CONTROLLER_INVALID;
}

bool cgroup_oom_group_is_native(const struct cgroup_tree *t) {
        return t->where.controllers[CGROUP_MEMORY] == CGROUP_UNIFIED && !t->refused[CGROUP_MEMORY];
}

/* Whether it asks for nothing: then a host that could not do it is no failure. */
static bool is_unset(const struct cgroup_setting *s) {
        const struct cgroup_io_max *io = &s->io;

        if (s->limit == CGROUP_CPUSET_CPUS || s->limit == CGROUP_CPUSET_MEMS)
                return !s->list;
        if (s->limit == CGROUP_IO_MAX)
                return io->read_bps == SIZE_INFINITY && io->write_bps == SIZE_INFINITY && io->read_iops == SIZE_INFINITY &&
                       io->write_iops == SIZE_INFINITY;
        return s->value == limits[s->limit].unset;
}

static void file_path(const struct limit_job *j, const char *file, char buf[CGROUP_PATH_MAX]) {
        (void)snprintf(buf, CGROUP_PATH_MAX, "%s%s%s", j->group ?: "", j->group ? "/" : "", file);
}

static void describe(const struct limit_job *j, const char *file, char *buf, size_t size) {
        char path[CGROUP_PATH_MAX];

        file_path(j, file, path);
        cgroup_describe(j->t, j->t->where.controllers[j->controller], path, buf, size);
}

int limit_file_exists(const struct limit_job *j, const char *file) {
        char path[CGROUP_PATH_MAX];

        file_path(j, file, path);
        return faccessat(j->fd, path, F_OK, 0) >= 0 ? 0 : -errno;
}

int limit_complain_missing(const struct limit_job *j, const char *file) {
        const char *name = j->v1 ? cgroup_controller_v1_name(j->controller) : cgroup_controller_name(j->controller);
        const char *mount = j->t->where.hierarchies[j->t->where.controllers[j->controller]].mount;

        if (j->v1) {
                (void)err_set(j->err, EOPNOTSUPP, "the %s controller is bound to cgroup v1 at %s, which has no %s", name, mount,
                              file);
                return err_hint(j->err,
                                "boot with systemd.unified_cgroup_hierarchy=1 (or unmount cgroup v1) to have it on cgroup v2");
        }
        return err_set(j->err, EOPNOTSUPP, "the %s controller of cgroup v2 at %s has no %s on this kernel", name, mount, file);
}

int limit_write(const struct limit_job *j, const char *file, const char *text) {
        char path[CGROUP_PATH_MAX], words[ERR_TEXT_MAX];

        if (j->drift)
                return 0;
        file_path(j, file, path);
        int r = cgroup_file_write(j->fd, path, text);
        if (r >= 0)
                return 0;
        if (r == -ENOENT)
                return limit_complain_missing(j, file);
        describe(j, file, words, sizeof(words));
        return err_sys(j->err, -r, "write %s to %s", text, words);
}

int limit_read(const struct limit_job *j, const char *file, char *buf, size_t size) {
        char path[CGROUP_PATH_MAX], words[ERR_TEXT_MAX];

        file_path(j, file, path);
        int r = cgroup_file_read(j->fd, path, buf, size);
        if (r >= 0)
                return r;
        if (r == -ENOENT)
                return limit_complain_missing(j, file);
        describe(j, file, words, sizeof(words));
        return err_sys(j->err, -r, "read %s", words);
}

int limit_read_u64(const struct limit_job *j, const char *file, uint64_t *ret) {
        char text[64], words[ERR_TEXT_MAX];
        uint64_t value;
        int r = limit_read(j, file, text, sizeof(text));

        if (r < 0)
                return r;
        if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0)
                value = UINT64_MAX;
        else if (num_parse_u64(text, &value) < 0) {
                describe(j, file, words, sizeof(words));
                return err_set(j->err, EBADMSG, "%s says \"%.40s\", which is no number", words, text);
        }
        /* v1 counts in pages up to LONG_MAX and writes that for "none". */
        if (j->v1 && value >= (uint64_t)INT64_MAX - 65536)
                value = UINT64_MAX;
        *ret = value;
        return 0;
}

int limit_complain_taken(const struct limit_job *j, const char *file, const char *written, const char *is) {
        char words[ERR_TEXT_MAX];

        if (j->drift) {
                (void)snprintf(j->drift->file, sizeof(j->drift->file), "%s", file);
                (void)snprintf(j->drift->wanted, sizeof(j->drift->wanted), "%s", written);
                (void)snprintf(j->drift->is, sizeof(j->drift->is), "%s", is);
                return -ESTALE; /* the first that differs is enough */
        }
        describe(j, file, words, sizeof(words));
        return err_set(j->err, EINVAL, "wrote %s to %s, but it reads %.80s", written, words, is);
}

int limit_write_u64(const struct limit_job *j, const char *file, uint64_t value, const char *none, uint64_t unit) {
        char text[32], is[32];
        uint64_t wanted = value == UINT64_MAX ? value : value - value % unit, got;
        int r;

        if (!j->group)
                return limit_file_exists(j, file) < 0 ? limit_complain_missing(j, file) : 0;
        r = limit_read_u64(j, file, &got);
        if (r < 0 || got == wanted)
                return r;
        if (value == UINT64_MAX)
                (void)snprintf(text, sizeof(text), "%s", none);
        else
                (void)snprintf(text, sizeof(text), "%" PRIu64, value);
        r = limit_write(j, file, text);
        if (r >= 0)
                r = limit_read_u64(j, file, &got);
        if (r < 0 || got == wanted)
                return r;
        (void)snprintf(is, sizeof(is), "%" PRIu64, got);
        return limit_complain_taken(j, file, text, got == UINT64_MAX ? none : is);
}

static int set_plain(const struct limit_job *j) {
        const struct plain *p = &limits[j->s->limit].plain;

        return limit_write_u64(j, limits[j->s->limit].file, j->s->value, p->none, p->pages ? (uint64_t)sysconf(_SC_PAGESIZE) : 1);
}

int limit_hugetlb(const struct limit_job *j) {
        static const char *const units[] = { "KB", "MB", "GB" };
        const char *suffix = j->v1 ? "limit_in_bytes" : "max";
        uint64_t count = j->s->extra >> 10;
        char file[64], words[NUM_TEXT_MAX];
        size_t unit = 0;

        if (count == 0)
                return err_set(j->err, EINVAL, "a limit on huge pages needs their size");
        for (; count >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
                count >>= 10;
        (void)snprintf(file, sizeof(file), "hugetlb.%" PRIu64 "%s.%s", count, units[unit], suffix);
        /* Without a page size's file this host has no such pages, whatever the version. */
        if (limit_file_exists(j, file) < 0) {
                if (is_unset(j->s))
                        return 0;
                return err_set(j->err, EOPNOTSUPP, "this host has no huge pages of %s", num_format_size(words, j->s->extra));
        }
        return limit_write_u64(j, file, j->s->value, j->v1 ? "-1" : "max", j->s->extra);
}

/* Whether the controller is there and on; words when not. */
static int require(const struct limit_job *j) {
        const struct cgroup_tree *t = j->t;
        const char *name = cgroup_controller_name(j->controller);

        if (t->where.controllers[j->controller] == CGROUP_NOWHERE) {
                (void)err_set(j->err, EOPNOTSUPP,
                              "this host has no %s controller: it is neither in %s/cgroup.controllers nor mounted as cgroup v1",
                              name, t->where.hierarchies[CGROUP_UNIFIED].mount);
                return err_hint(j->err, "the kernel was built or booted without it, or the cgroup above does not delegate it");
        }
        if (t->refused[j->controller]) {
                (void)err_sys(j->err, t->refused[j->controller],
                              "the %s controller cannot be turned on in %s/cgroup.subtree_control", name,
                              t->refused_at[j->controller] ?: "cgroup v2");
                if (j->err)
                        j->err->code = EOPNOTSUPP;
                (void)err_hint(j->err,
                               "processes in that cgroup are in the way, or it is not delegated: choose another cgroup.root");
                return -EOPNOTSUPP;
        }
        return 0;
}

static int run(struct limit_job *j) {
        const struct cgroup_tree *t = j->t;
        const int hierarchy = t->where.controllers[j->controller];

        if (j->s->limit == CGROUP_MEMORY_OOM_GROUP && !cgroup_oom_group_is_native(t))
                return 0;     /* the supervisor does it: see the header */
        if (is_unset(j->s)) { /* nothing to take back where it could not have been set */
                if (hierarchy == CGROUP_NOWHERE || t->refused[j->controller] || !j->group)
                        return 0;
        }
        int r = require(j);
        if (r < 0)
                return r;
        j->fd = t->root_fds[hierarchy];
        j->v1 = hierarchy != CGROUP_UNIFIED;
        if (j->v1 && limits[j->s->limit].set_v1)
                return limits[j->s->limit].set_v1(j);
        if (limits[j->s->limit].set)
                return limits[j->s->limit].set(j);
        if (is_unset(j->s) && limit_file_exists(j, limits[j->s->limit].file) == -ENOENT)
                return 0;
        return set_plain(j);
}

static int start(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct err *err) {
        if (s->limit < 0 || s->limit >= _CGROUP_LIMIT_MAX)
                return err_set(err, EINVAL, "no such limit");

        struct limit_job j = { .t = t, .group = group, .s = s, .controller = limits[s->limit].controller, .err = err };
        return run(&j);
}

int cgroup_check(struct cgroup_tree *t, const struct cgroup_setting *s, struct err *err) {
        return start(t, NULL, s, err);
}

int cgroup_compare(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct cgroup_drift *ret, struct err *err) {
        struct limit_job j = { .t = t, .group = group, .s = s, .err = err, .drift = ret };
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        if (s->limit < 0 || s->limit >= _CGROUP_LIMIT_MAX)
                return err_set(err, EINVAL, "no such limit");
        ret->file[0] = '\0';
        j.controller = limits[s->limit].controller;
        r = run(&j);
        return ret->file[0] ? 1 : r;
}

int cgroup_set(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct err *err) {
        int r = cgroup_group_check(group, err);

        return r < 0 ? r : start(t, group, s, err);
}
