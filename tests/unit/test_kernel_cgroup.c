#include "fake_cgroup.h"

#include <ctrsup/kernel/cgroup_stray.h>
#include <ctrsup/kernel/cgroup_stat.h>

static int done(void **state) {
        fake_done(*state);
        return 0;
}

static int init(void **state) {
        static struct fake f;

        f = (struct fake){ 0 };
        *state = &f;
        return 0;
}

/* On v2: root, controllers on down to the stack, the group, a leaf of its generation. */
static void create_v2(void **state) {
        struct fake *f = *state;
        struct err err = { 0 };

        fake_init_v2(f);
        fake_put(f, "ctrsup/cgroup.subtree_control", "cpu memory io cpuset pids\n");
        fake_open(f, NULL, "0::/\n");
        assert_string_equal(cgroup_tree_root(f->tree), "/ctrsup");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        assert_string_equal(fake_get(f, "ctrsup/cgroup.subtree_control"), "+hugetlb");
        assert_string_equal(fake_get(f, "cgroup.subtree_control"), "cpuset cpu io memory hugetlb pids");
        assert_int_equal(cgroup_create(f->tree, "shop/web.1", 3, &err), 1);
        assert_true(fake_exists(f, "ctrsup/shop/web.1/payload.3"));
        assert_int_equal(cgroup_create(f->tree, "shop/web.1", 4, &err), 0);
        assert_int_equal(cgroup_create(f->tree, "shop/web.1", 4, &err), -EEXIST);
        assert_string_equal(err.text, "make the cgroup /sys/fs/cgroup/ctrsup/shop/web.1/payload.4: File exists");
}

/* On a hybrid host: every hierarchy gets the group and a leaf that has no generation; cpusets are filled from above. */
static void create_hybrid(void **state) {
        static const char *const leaves[] = { "cpu/ctrsup/shop/web.1/payload", "memory/ctrsup/shop/web.1/payload",
                                              "pids/ctrsup/shop/web.1/payload", "blkio/ctrsup/shop/web.1/payload",
                                              "unified/ctrsup/shop/web.1/payload.1" };
        struct fake *f = *state;
        struct err err = { 0 };
        int fds[CGROUP_HIERARCHY_MAX];
        size_t n = 99;

        fake_init_hybrid(f);
        fake_open(f, "auto", "4:memory:/x\n0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        assert_int_equal(cgroup_create(f->tree, "shop/web.1", 1, &err), 0);
        for (size_t i = 0; i < 5; i++)
                assert_true(fake_exists(f, leaves[i]));
        assert_false(fake_exists(f, "systemd/ctrsup"));
        assert_string_equal(fake_get(f, "cpuset/ctrsup/shop/web.1/payload/cpuset.cpus"), "0-1");
        assert_string_equal(fake_get(f, "cpuset/ctrsup/shop/web.1/payload/cpuset.mems"), "0");

        assert_int_equal(cgroup_open_tasks(f->tree, "shop/web.1", fds, &n, &err), -ENOENT);
        assert_int_equal(n, 99);
        for (size_t i = 0; i < 4; i++) {
                char path[128];

                (void)snprintf(path, sizeof(path), "%s/tasks", leaves[i]);
                fake_put(f, path, "");
        }
        fake_put(f, "cpuset/ctrsup/shop/web.1/payload/tasks", "");
        assert_int_equal(cgroup_open_tasks(f->tree, "shop/web.1", fds, &n, &err), 0);
        assert_int_equal(n, 5);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(write(fds[i], "0", 1), 1);
                (void)close(fds[i]);
        }
        assert_string_equal(fake_get(f, "memory/ctrsup/shop/web.1/payload/tasks"), "0");
        assert_string_equal(fake_get(f, "pids/ctrsup/shop/web.1/payload/tasks"), "0");
}

/* auto: below the own group, or the nearest one above that holds no process itself. */
static void auto_root_climbs(void **state) {
        struct fake *f = *state;

        fake_init_v2(f);
        fake_put(f, "user.slice/user-0.slice/cgroup.procs", "");
        fake_put(f, "user.slice/user-0.slice/session-1.scope/cgroup.procs", "12\n13\n");
        fake_open(f, "auto", "0::/user.slice/user-0.slice/session-1.scope\n");
        assert_string_equal(cgroup_tree_root(f->tree), "/user.slice/user-0.slice/ctrsup");
}

static void given_root(void **state) {
        static const char *const bad[] = { "", "/", "relative", "/a/", "/a//b", "/a/../b" };
        struct fake *f = *state;
        const struct cgroup_source source = { .mountinfo = fake_v2_mounts, .self_cgroup = "0::/\n", .prefix = f->prefix };

        fake_init_v2(f);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(cgroup_tree_open(&f->tree, bad[i], "x", &source, NULL), -EINVAL);
        fake_open(f, "/system.slice/ctrsup-payload.service", "0::/\n");
        assert_string_equal(cgroup_tree_root(f->tree), "/system.slice/ctrsup-payload.service");
}

/* What the root's making made above itself goes with it; what was there stays. */
static void remove_root(void **state) {
        struct fake *f = *state;
        struct err err = { 0 };

        fake_init(f, fake_hybrid_mounts);
        f->mountinfo =
                "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        fake_put(f, "unified/cgroup.controllers", "\n");
        fake_put(f, "unified/cgroup.subtree_control", "\n");
        fake_put(f, "unified/a/b/ctrsup/cgroup.subtree_control", "\n");
        fake_put(f, "unified/a/b/cgroup.subtree_control", "\n");
        fake_put(f, "unified/a/cgroup.subtree_control", "\n");
        fake_put(f, "pids/a/kept", "");
        fake_open(f, "/a/b/ctrsup", "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        assert_true(fake_exists(f, "pids/a/b/ctrsup"));
        assert_int_equal(cgroup_tree_remove(f->tree, &err), -EBUSY); /* plain files in v2's: as good as processes */
        assert_non_null(strstr(err.text, "/sys/fs/cgroup/unified/a/b/ctrsup: Device or resource busy"));
        assert_false(fake_exists(f, "pids/a/b"));
        assert_true(fake_exists(f, "pids/a"));
}

/* What a payload nested is removed bottom-up; other containers of the stack are left alone. */
static void remove_group(void **state) {
        struct fake *f = *state;
        struct err err = { 0 };
        char path[PATH_MAX];

        fake_init_hybrid(f);
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        fake_put(f, "unified/ctrsup/other/cgroup.subtree_control", "hugetlb\n");
        f->mountinfo = NULL;
        (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/unified/ctrsup/shop/db.1/payload.7/a/b/c/", f->prefix);
        fake_mkdirs(path);
        (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/unified/ctrsup/shop/db.1/payload.9/", f->prefix);
        fake_mkdirs(path);
        (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/memory/ctrsup/shop/db.1/payload/", f->prefix);
        fake_mkdirs(path);
        (void)snprintf(path, sizeof(path), "%s/sys/fs/cgroup/memory/ctrsup/shop/api.1/payload/", f->prefix);
        fake_mkdirs(path);
        assert_int_equal(cgroup_remove_leaf(f->tree, "shop/db.1", 7, &err), 0);
        assert_false(fake_exists(f, "unified/ctrsup/shop/db.1/payload.7"));
        assert_true(fake_exists(f, "unified/ctrsup/shop/db.1/payload.9"));
        assert_int_equal(cgroup_remove(f->tree, "shop/db.1", &err), 0);
        assert_false(fake_exists(f, "unified/ctrsup/shop/db.1"));
        assert_false(fake_exists(f, "memory/ctrsup/shop/db.1"));
        assert_true(fake_exists(f, "memory/ctrsup/shop/api.1"));
        assert_int_equal(cgroup_remove(f->tree, "shop/db.1", &err), 0); /* gone already is gone */
        fake_put(f, "unified/ctrsup/shop/db.1/payload.2/file", "");
        assert_int_equal(cgroup_remove_leaf(f->tree, "shop/db.1", 2, &err), -EBUSY);
}

static void bad_names(void **state) {
        static const char *const bad[] = { "", "a", "/a", "a/", "a/b/c", "../b", "a/..", ".a/b" };
        struct fake *f = *state;

        fake_init_v2(f);
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, NULL), 0);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                assert_int_equal(cgroup_create(f->tree, bad[i], 1, NULL), -EINVAL);
                assert_int_equal(cgroup_remove(f->tree, bad[i], NULL), -EINVAL);
                assert_int_equal(cgroup_kill(f->tree, bad[i], 1, NULL), -EINVAL);
        }
}

static int note_leaf(void *userdata, const char *group, uint64_t generation, bool populated) {
        char *out = userdata;

        (void)sprintf(out + strlen(out), "%s:%d:%d ", group, (int)generation, populated);
        return 0;
}

static int stop_walk(void *userdata, const char *group, uint64_t generation, bool populated) {
        (void)userdata, (void)group, (void)populated;
        return (int)generation;
}

/* Kill, freeze and populated speak to the leaf only; a leaf that is gone is as good as empty. */
static void leaf_files(void **state) {
        struct fake *f = *state;
        struct err err = { 0 };
        char seen[256] = "";
        int fd;

        fake_init_v2(f);
        fake_put(f, "ctrsup/shop/web.1/payload.5/cgroup.events", "populated 1\nfrozen 0\n");
        fake_put(f, "ctrsup/shop/web.1/payload.5/cgroup.kill", "");
        fake_put(f, "ctrsup/shop/web.1/payload.5/cgroup.freeze", "0");
        fake_put(f, "ctrsup/keeper/cgroup.procs", "1\n");
        fake_put(f, "ctrsup/shop/web.1/stranger/cgroup.procs", "1\n");
        fake_put(f, "ctrsup/shop/web.1/payload.x5/cgroup.procs", "1\n");
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        assert_int_equal(cgroup_is_populated(f->tree, "shop/web.1", 5, &err), 1);
        assert_int_equal(cgroup_is_populated(f->tree, "shop/web.1", 6, &err), 0);
        assert_int_equal(cgroup_each_leaf(f->tree, note_leaf, seen, &err), 0);
        assert_string_equal(seen, "shop/web.1:5:1 ");
        assert_int_equal(cgroup_each_leaf(f->tree, stop_walk, NULL, &err), 5);
        assert_int_equal(cgroup_kill(f->tree, "shop/web.1", 5, &err), 0);
        assert_string_equal(fake_get(f, "ctrsup/shop/web.1/payload.5/cgroup.kill"), "1");
        assert_int_equal(cgroup_kill(f->tree, "shop/web.1", 6, &err), 0);
        assert_int_equal(cgroup_freeze(f->tree, "shop/web.1", 5, true, &err), 0);
        assert_string_equal(fake_get(f, "ctrsup/shop/web.1/payload.5/cgroup.freeze"), "1");
        assert_int_equal(cgroup_freeze(f->tree, "shop/web.1", 6, true, &err), -ENOENT);
        assert_int_equal(cgroup_open_events(f->tree, "shop/web.1", 5, &fd, &err), 0);
        fake_put(f, "ctrsup/shop/web.1/payload.5/cgroup.events", "populated 0\n");
        assert_int_equal(cgroup_events_populated(fd, &err), 0);
        fake_put(f, "ctrsup/shop/web.1/payload.5/cgroup.events", "frozen 0\n");
        assert_int_equal(cgroup_events_populated(fd, &err), -ENODATA);
        (void)close(fd);
}

/* The keeper's leaf is made before the root's controllers can be turned on. */
static void adopt(void **state) {
        struct fake *f = *state;
        struct err err = { 0 };

        fake_init_v2(f);
        fake_put(f, "a/b/keeper/cgroup.procs", "");
        fake_open(f, "/a/b", "0::/\n");
        assert_int_equal(cgroup_adopt(f->tree, "keeper", 4711, &err), 0);
        assert_string_equal(fake_get(f, "a/b/keeper/cgroup.procs"), "4711");
}

static void stat_v2(void **state) {
        struct fake *f = *state;
        struct cgroup_stat s;
        struct err err = { 0 };

        fake_init_v2(f);
        fake_put(f, "ctrsup/shop/web.1/memory.current", "4096\n");
        fake_put(f, "ctrsup/shop/web.1/memory.peak", "8192\n");
        fake_put(f, "ctrsup/shop/web.1/memory.swap.current", "0\n");
        fake_put(f, "ctrsup/shop/web.1/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n");
        fake_put(f, "ctrsup/shop/web.1/cpu.stat", "usage_usec 123\nuser_usec 1\nthrottled_usec 45\n");
        fake_put(f, "ctrsup/shop/web.1/pids.current", "7\n");
        fake_put(f, "ctrsup/shop/web.1/pids.events", "max 4\n");
        fake_put(
                f, "ctrsup/shop/web.1/io.stat",
                "254:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=7 dios=0\n254:16 rbytes=1 wbytes=2 rios=1 wios=2 dbytes=0 dios=0\n");
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        assert_int_equal(cgroup_read_stat(f->tree, "shop/web.1", &s, &err), 0);
        assert_int_equal(s.memory_bytes, 4096);
        assert_int_equal(s.memory_peak_bytes, 8192);
        assert_int_equal(s.swap_bytes, 0);
        assert_int_equal(s.oom, 3);
        assert_int_equal(s.oom_kills, 2);
        assert_int_equal(s.cpu_usec, 123);
        assert_int_equal(s.throttled_usec, 45);
        assert_int_equal(s.pids, 7);
        assert_int_equal(s.pids_refused, 4);
        assert_int_equal(s.io_read_bytes, 101);
        assert_int_equal(s.io_written_bytes, 22);
        assert_int_equal(cgroup_read_stat(f->tree, "shop/none.1", &s, &err), -ENOENT);
        assert_int_equal(cgroup_memory_peak(f->tree, "shop/web.1"), 8192);
        assert_int_equal(cgroup_reset_memory_peak(f->tree, "shop/web.1"), 8192); /* it stays */
        assert_true(cgroup_memory_peak(f->tree, "shop/none.1") == CGROUP_UNKNOWN);
}

/* v1: other names, swap is the difference, OOM kills are counted where the victim sat; what is missing is unknown, not 0. */
static void stat_v1(void **state) {
        struct fake *f = *state;
        struct cgroup_stat s;
        struct err err = { 0 };
        uint64_t kills;

        fake_init_hybrid(f);
        fake_put(f, "unified/ctrsup/shop/web.1/cpu.stat", "usage_usec 777\n");
        fake_put(f, "memory/ctrsup/shop/web.1/memory.usage_in_bytes", "4096\n");
        fake_put(f, "memory/ctrsup/shop/web.1/memory.memsw.usage_in_bytes", "12288\n");
        fake_put(f, "memory/ctrsup/shop/web.1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
        fake_put(f, "memory/ctrsup/shop/web.1/payload/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        fake_put(f, "cpu/ctrsup/shop/web.1/cpu.stat", "nr_periods 1\nnr_throttled 1\nthrottled_time 5000\n");
        fake_put(f, "blkio/ctrsup/shop/web.1/blkio.throttle.io_service_bytes_recursive",
                 "254:0 Read 100\n254:0 Write 20\n254:0 Sync 1\nTotal 120\n");
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        assert_int_equal(cgroup_read_stat(f->tree, "shop/web.1", &s, &err), 0);
        assert_int_equal(s.memory_bytes, 4096);
        assert_int_equal(s.swap_bytes, 8192);
        assert_true(s.memory_peak_bytes == CGROUP_UNKNOWN);
        assert_int_equal(s.oom_kills, 3);
        assert_int_equal(s.cpu_usec, 777);
        assert_int_equal(s.throttled_usec, 5);
        assert_true(s.pids == CGROUP_UNKNOWN);
        assert_int_equal(s.io_read_bytes, 100);
        assert_int_equal(s.io_written_bytes, 20);
        assert_int_equal(cgroup_read_oom_kills(f->tree, "shop/web.1", &kills, &err), 0);
        assert_int_equal(kills, 3);
        fake_put(f, "memory/ctrsup/shop/web.1/memory.max_usage_in_bytes", "8192\n");
        assert_int_equal(cgroup_memory_peak(f->tree, "shop/web.1"), 8192);
        assert_int_equal(cgroup_reset_memory_peak(f->tree, "shop/web.1"), 0); /* forgotten */
}

/* Pressure is read from the v2 group, on a hybrid host as well; a kernel that has none, or another text, is unknown. */
static void pressure(void **state) {
        static const char *const bad[] = { "", "some", "some avg10=", "some avg10=x avg60=0.00", "full avg10=0.00", "some avg60=1.00" };
        struct fake *f = *state;
        struct cgroup_pressure p;
        struct err err = { 0 };
        uint64_t value = 7;

        fake_init_hybrid(f);
        fake_put(f, "unified/ctrsup/shop/web.1/cpu.pressure",
                 "some avg10=12.50 avg60=0.00 avg300=0.00 total=5\nfull avg10=1.00 avg60=0.00 avg300=0.00 total=5\n");
        fake_put(f, "unified/ctrsup/shop/web.1/io.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0);
        cgroup_read_pressure(f->tree, "shop/web.1", &p);
        assert_int_equal(p.cpu, 1250);
        assert_int_equal(p.io, 0);
        assert_true(p.memory == CGROUP_UNKNOWN);
        cgroup_read_pressure(f->tree, "shop/none.1", &p);
        assert_true(p.cpu == CGROUP_UNKNOWN);
        for (size_t n = 0; n < ARRAY_SIZE(bad); n++)
                assert_int_equal(cgroup_pressure_parse(bad[n], &value), -EBADMSG);
        assert_int_equal(value, 7);
}

/* In its leaf or below is in its place; anywhere else, in any hierarchy that we use, is not. */
static void strays(void **state) {
        static const struct {
                const char *cgroup;
                const char *file, *is; /* NULL: in its place */
        } cases[] = {
                { "5:memory:/ctrsup/shop/web.1/payload\n0::/ctrsup/shop/web.1/payload.7\n", NULL, NULL },
                { "0::/ctrsup/shop/web.1/payload.7/of/its/own\n9:name=systemd:/elsewhere\n8:devices:/\n", NULL, NULL },
                { "0::/ctrsup/shop/web.1/payload.77\n", "v2 cgroup", "/ctrsup/shop/web.1/payload.77" },
                { "0::/\n", "v2 cgroup", "/" },
                { "5:cpu,cpuacct:/user.slice\n0::/ctrsup/shop/web.1/payload.7\n", "v1 cgroup", "/user.slice" },
                { "5:memory:/ctrsup/shop/web.1\n", "v1 cgroup", "/ctrsup/shop/web.1" },
                { "nothing\n:\n", NULL, NULL },
        };
        struct fake *f = *state;
        struct cgroup_drift d;
        struct err err = { 0 };

        fake_init_hybrid(f);
        fake_open(f, NULL, "0::/\n");
        for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
                fake_put(f, "../../../proc/42/cgroup", cases[n].cgroup);
                assert_int_equal(cgroup_find_stray(f->tree, 42, "shop/web.1", 7, &d, &err), cases[n].file != NULL);
                if (!cases[n].file)
                        continue;
                assert_string_equal(d.file, cases[n].file);
                assert_string_equal(d.is, cases[n].is);
                assert_true(strncmp(d.wanted, "/ctrsup/shop/web.1/payload", 26) == 0);
        }
        assert_int_equal(cgroup_find_stray(f->tree, 43, "shop/web.1", 7, &d, &err), -ESRCH);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, init, done)
        const struct CMUnitTest tests[] = {
                test(create_v2),   test(create_hybrid), test(auto_root_climbs), test(given_root),
                test(remove_root), test(remove_group),  test(bad_names),        test(leaf_files),
                test(adopt),       test(stat_v2),       test(stat_v1),      test(pressure),
                test(strays),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
