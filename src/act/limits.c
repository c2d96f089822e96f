/* See limits.h. One row a key; a key that is a list gives a setting for each item. */
#include <ctrsup/act/limits.h>
#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <stddef.h>
#include <string.h>

const struct spec_limits limits_of_new_group = {
        .memory = SIZE_INFINITY,
        .memory_high = SIZE_INFINITY,
        .memory_swap = SIZE_INFINITY,
        .memory_zswap = SIZE_INFINITY,
        .cpus_milli = SIZE_INFINITY,
        .cpu_period_usec = 100 * USEC_PER_MSEC,
        .pids = SIZE_INFINITY,
};

enum form { FORM_U64, FORM_BOOL, FORM_CPUS, FORM_CPU_WEIGHT, FORM_IO_WEIGHT, FORM_LIST, FORM_IO_MAX, FORM_HUGETLB };

/* In the order they are applied: memory before swap, which on cgroup v1 is counted on top of it. */
static const struct row {
        const char *key;
        enum cgroup_limit limit;
        enum form form;
        size_t offset;
} rows[] = {
        { "limits.memory", CGROUP_MEMORY_MAX, FORM_U64, offsetof(struct spec_limits, memory) },
        { "limits.memory_swap", CGROUP_MEMORY_SWAP_MAX, FORM_U64, offsetof(struct spec_limits, memory_swap) },
        { "limits.memory_high", CGROUP_MEMORY_HIGH, FORM_U64, offsetof(struct spec_limits, memory_high) },
        { "limits.memory_low", CGROUP_MEMORY_LOW, FORM_U64, offsetof(struct spec_limits, memory_low) },
        { "limits.memory_min", CGROUP_MEMORY_MIN, FORM_U64, offsetof(struct spec_limits, memory_min) },
        { "limits.memory_zswap", CGROUP_MEMORY_ZSWAP_MAX, FORM_U64, offsetof(struct spec_limits, memory_zswap) },
        { "limits.oom_group", CGROUP_MEMORY_OOM_GROUP, FORM_BOOL, offsetof(struct spec_limits, oom_group) },
        { "limits.cpus", CGROUP_CPU_MAX, FORM_CPUS, 0 },
        { "limits.cpu_weight", CGROUP_CPU_WEIGHT, FORM_CPU_WEIGHT, 0 },
        { "limits.cpuset", CGROUP_CPUSET_CPUS, FORM_LIST, offsetof(struct spec_limits, cpuset) },
        { "limits.cpuset_mems", CGROUP_CPUSET_MEMS, FORM_LIST, offsetof(struct spec_limits, cpuset_mems) },
        { "limits.pids", CGROUP_PIDS_MAX, FORM_U64, offsetof(struct spec_limits, pids) },
        { "limits.io_weight", CGROUP_IO_WEIGHT, FORM_IO_WEIGHT, 0 },
        { "limits.io_max", CGROUP_IO_MAX, FORM_IO_MAX, 0 },
        { "limits.hugetlb", CGROUP_HUGETLB_MAX, FORM_HUGETLB, 0 },
};

static const struct cgroup_io_max io_unbounded = { SIZE_INFINITY, SIZE_INFINITY, SIZE_INFINITY, SIZE_INFINITY };

static size_t count(const struct row *row, const struct spec_limits *l) {
        return row->form == FORM_IO_MAX ? l->n_io_max : row->form == FORM_HUGETLB ? l->n_hugetlb : 1;
}

/* The setting of item i. Only a disk can fail to be found. */
static int make_setting(const struct row *row, const struct spec_limits *l, size_t i, struct cgroup_setting *ret,
                        struct err *err) {
        const void *field = (const char *)l + row->offset;
        struct cgroup_setting s = { .limit = row->limit };
        int r = 0;

        switch (row->form) {
        case FORM_U64:
                s.value = *(const uint64_t *)field;
                break;
        case FORM_BOOL:
                s.value = *(const bool *)field;
                break;
        case FORM_CPUS:
                s.value = l->cpus_milli;
                s.extra = l->cpu_period_usec;
                break;
        case FORM_CPU_WEIGHT:
                s.value = l->cpu_weight == CPU_WEIGHT_IDLE ? CGROUP_CPU_IDLE : l->cpu_weight == 0 ? 100 : (uint64_t)l->cpu_weight;
                break;
        case FORM_IO_WEIGHT:
                s.value = l->io_weight ?: 100;
                break;
        case FORM_LIST:
                s.list = *(const char *const *)field;
                break;
        case FORM_IO_MAX:
                s.io = (struct cgroup_io_max){ l->io_max[i].read_bps, l->io_max[i].write_bps, l->io_max[i].read_iops,
                                               l->io_max[i].write_iops };
                r = cgroup_find_disk(l->io_max[i].device, &s.device, err);
                break;
        case FORM_HUGETLB:
                s.value = l->hugetlb[i].limit;
                s.extra = l->hugetlb[i].page_size;
                break;
        }
        *ret = s;
        return r;
}

static bool is_same(const struct row *row, const struct cgroup_setting *a, const struct cgroup_setting *b) {
        if (row->form == FORM_LIST)
                return a->list && b->list ? strcmp(a->list, b->list) == 0 : a->list == b->list;
        if (row->form == FORM_IO_MAX)
                return a->device == b->device && memcmp(&a->io, &b->io, sizeof(a->io)) == 0;
        return a->value == b->value && a->extra == b->extra;
}

/* Whether want has an item for the same disk or page size as now's item. */
static bool is_kept(const struct row *row, const struct cgroup_setting *was, const struct spec_limits *want) {
        for (size_t i = 0; i < count(row, want); i++) {
                struct cgroup_setting s;

                if (make_setting(row, want, i, &s, NULL) < 0)
                        continue;
                if (row->form == FORM_IO_MAX ? s.device == was->device : s.extra == was->extra)
                        return true;
        }
        return false;
}

/* Items that are no more go back to no limit. A disk that is no more takes its bound with it. */
static int drop_items(struct cgroup_tree *t, const char *group, const struct row *row, const struct spec_limits *now,
                      const struct spec_limits *want, struct err *err) {
        for (size_t i = 0; now && i < count(row, now); i++) {
                struct cgroup_setting s;

                if (make_setting(row, now, i, &s, NULL) < 0 || is_kept(row, &s, want))
                        continue;
                s.value = SIZE_INFINITY;
                s.io = io_unbounded;
                int r = cgroup_set(t, group, &s, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int apply_items(struct cgroup_tree *t, const char *group, const struct row *row, const struct spec_limits *now,
                       const struct spec_limits *want, struct err *err) {
        int r = drop_items(t, group, row, now, want, err);

        for (size_t i = 0; r >= 0 && i < count(row, want); i++) {
                struct cgroup_setting s, was;
                bool same = false;

                r = make_setting(row, want, i, &s, err);
                for (size_t k = 0; now && !same && k < count(row, now); k++)
                        same = make_setting(row, now, k, &was, NULL) >= 0 && is_same(row, &s, &was);
                if (r >= 0 && !same)
                        r = cgroup_set(t, group, &s, err);
        }
        return r;
}

static int apply_row(struct cgroup_tree *t, const char *group, const struct row *row, const struct spec_limits *now,
                     const struct spec_limits *want, struct err *err) {
        struct cgroup_setting s, was;

        if (row->form == FORM_IO_MAX || row->form == FORM_HUGETLB)
                return apply_items(t, group, row, now, want, err);
        int r = make_setting(row, want, 0, &s, err);
        if (r < 0)
                return r;
        if (now && make_setting(row, now, 0, &was, NULL) >= 0 && is_same(row, &s, &was)) {
                /* A changed memory limit may have moved the swap limit (cgroup v1). */
                if (row->limit != CGROUP_MEMORY_SWAP_MAX || now->memory == want->memory)
                        return 0;
        }
        return cgroup_set(t, group, &s, err);
}

int limits_apply(struct cgroup_tree *t, const char *group, const struct spec_limits *now, const struct spec_limits *want,
                 const char **ret_key, struct err *err) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int r = apply_row(t, group, &rows[i], now, want, err);

                if (r < 0) {
                        *ret_key = rows[i].key;
                        (void)err_wrap(err, "%s", rows[i].key);
                        return r;
                }
        }
        return 0;
}

/* We wrote it: it is not what a new group has. */
static bool is_written(const struct row *row, const struct cgroup_setting *s) {
        struct cgroup_setting fresh;

        return row->form == FORM_IO_MAX || row->form == FORM_HUGETLB || make_setting(row, &limits_of_new_group, 0, &fresh, NULL) < 0 ||
               !is_same(row, s, &fresh);
}

int limits_compare(struct cgroup_tree *t, const char *group, const struct spec_limits *want, bool all, limits_drift_fn *fn, void *userdata) {
        bool memory_differs = false;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++)
                for (size_t k = 0; k < count(&rows[i], want) && r == 0; k++) {
                        struct cgroup_setting s;
                        struct cgroup_drift drift;

                        /* v1 bounds the sum: what is wrong with one is wrong with the other */
                        if ((rows[i].limit == CGROUP_MEMORY_SWAP_MAX && memory_differs) || make_setting(&rows[i], want, k, &s, NULL) < 0 ||
                            (!(all && rows[i].limit != CGROUP_IO_WEIGHT) && !is_written(&rows[i], &s)) || cgroup_compare(t, group, &s, &drift, NULL) != 1)
                                continue;
                        memory_differs = memory_differs || rows[i].limit == CGROUP_MEMORY_MAX;
                        r = fn(userdata, rows[i].key, &drift);
                }
        return r;
}

bool limits_oom_group_is_ours(const struct cgroup_tree *t, const struct spec_limits *l) {
        return l->oom_group && !cgroup_oom_group_is_native(t);
}

static enum diag_id diag_of(int code) {
        switch (code) {
        case ERANGE:
                return DIAG_OUT_OF_RANGE;
        case ENOENT:
                return DIAG_NOT_FOUND;
        case EINVAL:
                return DIAG_BAD_VALUE;
        default:
                return DIAG_UNSUPPORTED;
        }
}

static void complain(const struct spec *s, const struct spec_container *c, const struct row *row, size_t i, const struct err *err,
                     struct diag_list *list) {
        char path[1024];

        if (row->form == FORM_IO_MAX)
                (void)snprintf(path, sizeof(path), "containers.%s.%s[%zu].device", c->name, row->key, i);
        else
                (void)snprintf(path, sizeof(path), "containers.%s.%s", c->name, row->key);
        struct diag *d = diag_add(list, diag_of(err->code), spec_mark(s, path), path, "%s", err->text);
        if (err->hint[0])
                diag_hint(list, d, "%s", err->hint);
}

/* Two keys together: v1 counts swap on top of memory, so that one without the other cannot be. */
static int check_swap(const struct cgroup_tree *t, const struct spec_limits *l, struct err *err) {
        const struct cgroup_where *w = cgroup_tree_where(t);
        int hierarchy = w->controllers[CGROUP_MEMORY];

        if (hierarchy <= CGROUP_UNIFIED || l->memory_swap == SIZE_INFINITY || l->memory != SIZE_INFINITY)
                return 0;
        (void)err_set(err, EOPNOTSUPP,
                      "the memory controller is bound to cgroup v1 at %s, which cannot bound swap where memory is not bounded",
                      w->hierarchies[hierarchy].mount);
        return err_hint(err, "give limits.memory too: v1 counts the sum of both");
}

void limits_check(struct cgroup_tree *t, const struct spec *s, const struct spec_container *c, struct diag_list *list) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                for (size_t k = 0; k < count(&rows[i], &c->limits); k++) {
                        struct cgroup_setting setting;
                        struct err err = { 0 };
                        int r = make_setting(&rows[i], &c->limits, k, &setting, &err);

                        if (r >= 0)
                                r = cgroup_check(t, &setting, &err);
                        if (r >= 0 && rows[i].limit == CGROUP_MEMORY_SWAP_MAX)
                                r = check_swap(t, &c->limits, &err);
                        if (r < 0)
                                complain(s, c, &rows[i], k, &err, list);
                }
}
