#include "fake_cgroup.h"

#include <ctrsup/act/limits.h>
#include <ctrsup/base/num.h>

#define GROUP "shop/web.1"

static struct spec_limits unlimited(void) {
        struct spec_limits l = limits_of_new_group;

        l.oom_group = true;
        return l;
}

static int done(void **state) {
        fake_done(*state);
        return 0;
}

static int init_v2(void **state) {
        static struct fake f;

        fake_init_v2(&f);
        fake_put(&f, "ctrsup/" GROUP "/memory.max", "max\n");
        fake_put(&f, "ctrsup/" GROUP "/memory.oom.group", "0\n");
        fake_put(&f, "ctrsup/" GROUP "/cpu.max", "max 100000\n");
        fake_put(&f, "ctrsup/" GROUP "/cpu.weight", "100\n");
        fake_put(&f, "ctrsup/" GROUP "/pids.max", "max\n");
        fake_put(&f, "ctrsup/" GROUP "/hugetlb.2MB.max", "max\n");
        fake_put(&f, "ctrsup/" GROUP "/hugetlb.1GB.max", "max\n");
        fake_open(&f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f.tree, NULL), 0);
        *state = &f;
        return 0;
}

static int init_hybrid(void **state) {
        static struct fake f;

        fake_init_hybrid(&f);
        fake_open(&f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f.tree, NULL), 0);
        *state = &f;
        return 0;
}

static void apply(struct fake *f, const struct spec_limits *now, const struct spec_limits *want) {
        const char *key = NULL;
        struct err err = { 0 };

        if (limits_apply(f->tree, GROUP, now, want, &key, &err) < 0)
                fail_msg("%s", err.text);
        assert_null(key);
}

/* Of a new group only what was asked for is touched: other files need not even be there. */
static void only_what_differs(void **state) {
        struct fake *f = *state;
        struct spec_limits l = unlimited();

        l.memory = 64 << 20;
        l.cpus_milli = 500;
        l.pids = 9;
        apply(f, &limits_of_new_group, &l);
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/memory.max"), "67108864");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/memory.oom.group"), "1");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/cpu.max"), "50000 100000");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/pids.max"), "9");

        fake_put(f, "ctrsup/" GROUP "/pids.max", "77\n"); /* not looked at when it is said to be as wanted */
        struct spec_limits later = l;
        later.memory = SIZE_INFINITY;
        later.cpu_weight = 5;
        apply(f, &l, &later);
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/memory.max"), "max");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/cpu.weight"), "5");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/pids.max"), "77");
}

/* Items that went away go back to no limit. */
static void items(void **state) {
        struct fake *f = *state;
        struct spec_hugetlb both[] = { { 2 << 20, 4 << 20 }, { 1 << 30, 1 << 30 } }, one[] = { { 2 << 20, 8 << 20 } };
        struct spec_limits l = unlimited(), later = unlimited();

        l.hugetlb = both;
        l.n_hugetlb = 2;
        apply(f, &limits_of_new_group, &l);
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/hugetlb.2MB.max"), "4194304");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/hugetlb.1GB.max"), "1073741824");
        later.hugetlb = one;
        later.n_hugetlb = 1;
        apply(f, &l, &later);
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/hugetlb.2MB.max"), "8388608");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/hugetlb.1GB.max"), "max");
}

/* A failure says which key. */
static void failing_key(void **state) {
        struct fake *f = *state;
        struct spec_limits l = unlimited();
        const char *key = NULL;
        struct err err = { 0 };

        l.memory_zswap = 0;
        assert_int_equal(limits_apply(f->tree, GROUP, &limits_of_new_group, &l, &key, &err), -EOPNOTSUPP);
        assert_string_equal(key, "limits.memory_zswap");
        assert_string_equal(
                err.text,
                "limits.memory_zswap: the memory controller of cgroup v2 at /sys/fs/cgroup has no memory.zswap.max on this kernel");
}

/* All that a hybrid host cannot do is said at once, each at its key; the defaults are never a complaint. */
static void check(void **state) {
        struct fake *f = *state;
        struct spec_io_max io[] = { { .device = "/no/such/disk", SIZE_INFINITY, 1000, SIZE_INFINITY, SIZE_INFINITY } };
        struct spec_container c = { .name = "web", .limits = unlimited() };
        struct spec spec = { .file = "s.yaml", .containers = &c, .n_containers = 1 };
        struct spec_mark marks[] = { { "containers.web.limits.memory_low", { 7, 3, 7, 9 } } };
        struct diag_list list;

        spec.marks = marks;
        spec.n_marks = 1;
        assert_int_equal(diag_list_init(&list, "s.yaml"), 0);
        limits_check(f->tree, &spec, &c, &list);
        assert_int_equal(list.errors, 0);

        c.limits.memory_low = 4096;
        c.limits.memory_swap = 0;
        c.limits.cpuset = "0-9";
        c.limits.io_max = io;
        c.limits.n_io_max = 1;
        fake_put(f, "memory/ctrsup/memory.memsw.limit_in_bytes", "-1\n");
        limits_check(f->tree, &spec, &c, &list);
        assert_int_equal(list.errors, 4);
        for (size_t i = 0; i < list.n; i++)
                if (strcmp(list.items[i].path, "containers.web.limits.memory_low") == 0) {
                        assert_int_equal(list.items[i].id, DIAG_UNSUPPORTED);
                        assert_int_equal(list.items[i].mark.line, 7);
                        assert_non_null(list.items[i].hint);
                } else if (strcmp(list.items[i].path, "containers.web.limits.memory_swap") == 0)
                        assert_non_null(strstr(list.items[i].message, "cannot bound swap where memory is not bounded"));
                else if (strcmp(list.items[i].path, "containers.web.limits.cpuset") == 0)
                        assert_int_equal(list.items[i].id, DIAG_OUT_OF_RANGE);
                else {
                        assert_string_equal(list.items[i].path, "containers.web.limits.io_max[0].device");
                        assert_int_equal(list.items[i].id, DIAG_NOT_FOUND);
                }
        diag_list_done(&list);
        assert_true(limits_oom_group_is_ours(f->tree, &c.limits));
        c.limits.oom_group = false;
        assert_false(limits_oom_group_is_ours(f->tree, &c.limits));
}

struct found {
        size_t n;
        char file[64], wanted[160], is[160];
};

static int find(void *userdata, const char *key, const struct cgroup_drift *d) {
        struct found *f = userdata;

        assert_non_null(strstr(key, "limits."));
        f->n++;
        (void)strcpy(f->file, d->file);
        (void)strcpy(f->wanted, d->wanted);
        (void)strcpy(f->is, d->is);
        return 0;
}

static struct found compare(struct fake *f, const struct spec_limits *want, bool all) {
        struct found found = { 0 };

        assert_int_equal(limits_compare(f->tree, GROUP, want, all, find, &found), 0);
        return found;
}

/* What was written over is found, nothing is written, and applying anew sets it right. */
static void written_over(void **state) {
        struct fake *f = *state;
        struct spec_limits l = unlimited();

        l.memory = 64 << 20;
        l.cpus_milli = 500;
        l.pids = 9;
        apply(f, &limits_of_new_group, &l);
        assert_int_equal(compare(f, &l, true).n, 0);

        fake_put(f, "ctrsup/" GROUP "/memory.max", "4096\n");
        struct found found = compare(f, &l, false);
        assert_int_equal(found.n, 1);
        assert_string_equal(found.file, "memory.max");
        assert_string_equal(found.wanted, "67108864");
        assert_string_equal(found.is, "4096");
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/memory.max"), "4096");
        fake_put(f, "ctrsup/" GROUP "/cpu.max", "max 100000\n");
        fake_put(f, "ctrsup/" GROUP "/pids.max", "max\n");
        found = compare(f, &l, false);
        assert_int_equal(found.n, 3);
        assert_string_equal(found.is, "max");
        apply(f, &limits_of_new_group, &l);
        assert_int_equal(compare(f, &l, true).n, 0);
        assert_string_equal(fake_get(f, "ctrsup/" GROUP "/cpu.max"), "50000 100000");

        /* what nobody declared is looked at when all is */
        fake_put(f, "ctrsup/" GROUP "/cpu.weight", "7\n");
        assert_int_equal(compare(f, &l, false).n, 0);
        found = compare(f, &l, true);
        assert_int_equal(found.n, 1);
        assert_string_equal(found.file, "cpu.weight");
        assert_string_equal(found.wanted, "100");
}

/* v1: another name, and swap is bounded with memory: one drift, not two. */
static void written_over_v1(void **state) {
        struct fake *f = *state;
        struct spec_limits l = unlimited();

        l.memory = 64 << 20;
        l.memory_swap = 0;
        fake_put(f, "memory/ctrsup/" GROUP "/memory.limit_in_bytes", "67108864\n");
        fake_put(f, "memory/ctrsup/" GROUP "/memory.memsw.limit_in_bytes", "67108864\n");
        assert_int_equal(compare(f, &l, false).n, 0);
        fake_put(f, "memory/ctrsup/" GROUP "/memory.limit_in_bytes", "9223372036854771712\n");
        struct found found = compare(f, &l, false);
        assert_int_equal(found.n, 1);
        assert_string_equal(found.file, "memory.limit_in_bytes");
        assert_string_equal(found.is, "-1");
        fake_put(f, "memory/ctrsup/" GROUP "/memory.limit_in_bytes", "67108864\n");
        fake_put(f, "memory/ctrsup/" GROUP "/memory.memsw.limit_in_bytes", "134217728\n");
        found = compare(f, &l, false);
        assert_int_equal(found.n, 1);
        assert_string_equal(found.file, "memory.memsw.limit_in_bytes");
        assert_string_equal(found.wanted, "67108864");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(only_what_differs, init_v2, done),
                cmocka_unit_test_setup_teardown(items, init_v2, done),
                cmocka_unit_test_setup_teardown(failing_key, init_v2, done),
                cmocka_unit_test_setup_teardown(check, init_hybrid, done),
                cmocka_unit_test_setup_teardown(written_over, init_v2, done),
                cmocka_unit_test_setup_teardown(written_over_v1, init_hybrid, done),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
