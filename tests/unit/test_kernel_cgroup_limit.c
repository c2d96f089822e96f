#include "fake_cgroup.h"

#include <ctrsup/base/num.h>
#include <ctrsup/kernel/cgroup_limit.h>

#include "kernel/cgroup_cpulist.h"

#include <signal.h>
#include <sys/resource.h>

#define GROUP "shop/web.1"
#define IO_ALL_MAX \
        { SIZE_INFINITY, SIZE_INFINITY, SIZE_INFINITY, SIZE_INFINITY }

static int done(void **state) {
        fake_done(*state);
        return 0;
}

static int init_v2(void **state) {
        static struct fake f;
        static const char *const files[][2] = {
                { "memory.max", "max" },
                { "memory.high", "max" },
                { "memory.low", "0" },
                { "memory.min", "0" },
                { "memory.swap.max", "max" },
                { "memory.oom.group", "0" },
                { "cpu.max", "max 100000" },
                { "cpu.weight", "100" },
                { "cpu.idle", "0" },
                { "cpuset.cpus", "" },
                { "cpuset.mems", "" },
                { "pids.max", "max" },
                { "io.max", "" },
                { "io.weight", "default 100" },
                { "hugetlb.2MB.max", "max" },
                { "io.bfq.weight", "default 100" },
        };

        fake_init_v2(&f);
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                char path[128], text[64];

                (void)snprintf(text, sizeof(text), "%s\n", files[i][1]);
                (void)snprintf(path, sizeof(path), "ctrsup/" GROUP "/%s", files[i][0]);
                fake_put(&f, path, text);
                (void)snprintf(path, sizeof(path), "ctrsup/%s", files[i][0]);
                fake_put(&f, path, text);
        }
        fake_open(&f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f.tree, NULL), 0);
        *state = &f;
        return 0;
}

static int init_hybrid(void **state) {
        static struct fake f;
        static const char *const files[][3] = {
                { "memory", "memory.limit_in_bytes", "9223372036854771712" },
                { "memory", "memory.memsw.limit_in_bytes", "9223372036854771712" },
                { "cpu", "cpu.cfs_quota_us", "-1" },
                { "cpu", "cpu.cfs_period_us", "100000" },
                { "cpu", "cpu.shares", "1024" },
                { "cpu", "cpu.idle", "0" },
                { "pids", "pids.max", "max" },
                { "blkio", "blkio.bfq.weight", "100" },
                { "blkio", "blkio.throttle.read_bps_device", "" },
                { "blkio", "blkio.throttle.write_bps_device", "" },
                { "blkio", "blkio.throttle.read_iops_device", "" },
                { "blkio", "blkio.throttle.write_iops_device", "" },
                { "unified", "hugetlb.2MB.max", "max" },
                { "blkio", "payload/blkio.throttle.read_bps_device", "" },
                { "blkio", "payload/blkio.throttle.write_bps_device", "" },
                { "blkio", "payload/blkio.throttle.read_iops_device", "" },
                { "blkio", "payload/blkio.throttle.write_iops_device", "" },
        };

        fake_init_hybrid(&f);
        for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
                char path[128], text[64];

                (void)snprintf(text, sizeof(text), "%s\n", files[i][2]);
                (void)snprintf(path, sizeof(path), "%s/ctrsup/" GROUP "/%s", files[i][0], files[i][1]);
                fake_put(&f, path, text);
                (void)snprintf(path, sizeof(path), "%s/ctrsup/%s", files[i][0], files[i][1]);
                fake_put(&f, path, text);
        }
        fake_open(&f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f.tree, NULL), 0);
        assert_int_equal(cgroup_create(f.tree, GROUP, 1, NULL), 0);
        *state = &f;
        return 0;
}

static void set_ok(struct fake *f, struct cgroup_setting s) {
        struct err err = { 0 };

        if (cgroup_check(f->tree, &s, &err) < 0 || cgroup_set(f->tree, GROUP, &s, &err) < 0)
                fail_msg("%s: %s", cgroup_limit_file(s.limit), err.text);
}

static void set_bad(struct fake *f, struct cgroup_setting s, int code, const char *words) {
        struct err err = { 0 };

        assert_int_equal(cgroup_set(f->tree, GROUP, &s, &err), -code);
        if (!strstr(err.text, words))
                fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

/* The same, and known before there is a group. */
static void check_bad(struct fake *f, struct cgroup_setting s, int code, const char *words) {
        struct err err = { 0 };

        assert_int_equal(cgroup_check(f->tree, &s, &err), -code);
        if (!strstr(err.text, words))
                fail_msg("\"%s\" is not in \"%s\"", words, err.text);
        set_bad(f, s, code, words);
}

#define expect(f, file, text) assert_string_equal(fake_get(f, file), text)
#define V2(file) "ctrsup/" GROUP "/" file
#define V1(controller, file) controller "/ctrsup/" GROUP "/" file
#define SET(...) ((struct cgroup_setting){ __VA_ARGS__ })

static void v2_numbers(void **state) {
        struct fake *f = *state;

        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = 64 << 20));
        expect(f, V2("memory.max"), "67108864");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = SIZE_INFINITY));
        expect(f, V2("memory.max"), "max");
        set_ok(f, SET(.limit = CGROUP_MEMORY_SWAP_MAX, .value = 0));
        expect(f, V2("memory.swap.max"), "0");
        set_ok(f, SET(.limit = CGROUP_MEMORY_HIGH, .value = 4096));
        expect(f, V2("memory.high"), "4096");
        set_ok(f, SET(.limit = CGROUP_MEMORY_LOW, .value = 8192));
        expect(f, V2("memory.low"), "8192");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MIN, .value = 4096));
        expect(f, V2("memory.min"), "4096");
        set_ok(f, SET(.limit = CGROUP_MEMORY_OOM_GROUP, .value = 1));
        expect(f, V2("memory.oom.group"), "1");
        assert_true(cgroup_oom_group_is_native(f->tree));
        set_ok(f, SET(.limit = CGROUP_PIDS_MAX, .value = 20));
        expect(f, V2("pids.max"), "20");
        set_ok(f, SET(.limit = CGROUP_HUGETLB_MAX, .value = 4 << 20, .extra = 2 << 20));
        expect(f, V2("hugetlb.2MB.max"), "4194304");
}

/* A value that the kernel did not take as it was written is an error: here a file that does not round to pages. */
static void read_back(void **state) {
        set_bad(*state, SET(.limit = CGROUP_MEMORY_MAX, .value = 4097), EINVAL, "but it reads 4097");
}

static void v2_missing(void **state) {
        struct fake *f = *state;

        check_bad(f, SET(.limit = CGROUP_MEMORY_ZSWAP_MAX, .value = 4096), EOPNOTSUPP,
                  "the memory controller of cgroup v2 at /sys/fs/cgroup has no memory.zswap.max on this kernel");
        set_ok(f, SET(.limit = CGROUP_MEMORY_ZSWAP_MAX, .value = SIZE_INFINITY)); /* nothing asked, nothing missing */
        check_bad(f, SET(.limit = CGROUP_HUGETLB_MAX, .value = 4096, .extra = 1 << 30), EOPNOTSUPP,
                  "this host has no huge pages of 1G");
        set_ok(f, SET(.limit = CGROUP_HUGETLB_MAX, .value = SIZE_INFINITY, .extra = 1 << 30));
}

static void cpu(void **state) {
        struct fake *f = *state;

        set_ok(f, SET(.limit = CGROUP_CPU_MAX, .value = 250));
        expect(f, V2("cpu.max"), "25000 100000");
        set_ok(f, SET(.limit = CGROUP_CPU_MAX, .value = 1000, .extra = 20000));
        expect(f, V2("cpu.max"), "20000 20000");
        set_ok(f, SET(.limit = CGROUP_CPU_MAX, .value = SIZE_INFINITY));
        expect(f, V2("cpu.max"), "max 100000");
        check_bad(f, SET(.limit = CGROUP_CPU_MAX, .value = 100000000), ERANGE, "100000 CPUs asked for; this host has");
        check_bad(f, SET(.limit = CGROUP_CPU_MAX, .value = 10, .extra = 20000), ERANGE,
                  "0.01 CPUs are less than 1ms in a period of 20ms");
        set_ok(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = 300));
        expect(f, V2("cpu.weight"), "300");
        set_ok(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = CGROUP_CPU_IDLE));
        expect(f, V2("cpu.idle"), "1");
        set_ok(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = 7));
        expect(f, V2("cpu.idle"), "0");
        expect(f, V2("cpu.weight"), "7");
        check_bad(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = 10001), ERANGE, "1 to 10000");
}

static void cpuset(void **state) {
        struct fake *f = *state;

        set_ok(f, SET(.limit = CGROUP_CPUSET_CPUS, .list = "1"));
        expect(f, V2("cpuset.cpus"), "1");
        set_ok(f, SET(.limit = CGROUP_CPUSET_CPUS));
        expect(f, V2("cpuset.cpus"), "");
        set_ok(f, SET(.limit = CGROUP_CPUSET_MEMS, .list = "0"));
        check_bad(f, SET(.limit = CGROUP_CPUSET_CPUS, .list = "0-8"), ERANGE, "CPU 2 is not present; there are 0-1");
        check_bad(f, SET(.limit = CGROUP_CPUSET_MEMS, .list = "1"), ERANGE, "memory node 1 is not present; there is 0");
        check_bad(f, SET(.limit = CGROUP_CPUSET_CPUS, .list = "1-"), EINVAL, "\"1-\" is no list");
        check_bad(f, SET(.limit = CGROUP_CPUSET_CPUS, .list = ""), EINVAL, "\"\" is no list");
}

/* An I/O weight without a scheduler that weighs is no limit, and said so; with one, the right file gets the right number. */
static void io_weight(void **state) {
        struct fake *f = *state;

        check_bad(f, SET(.limit = CGROUP_IO_WEIGHT, .value = 50), EOPNOTSUPP, "no disk of this host weighs its I/O");
        set_ok(f, SET(.limit = CGROUP_IO_WEIGHT, .value = 100));
        fake_put(f, "../../block/vda/queue/scheduler", "none [mq-deadline] bfq\n");
        check_bad(f, SET(.limit = CGROUP_IO_WEIGHT, .value = 50), EOPNOTSUPP, "io.cost.qos is off");
        fake_put(f, "../../block/vdb/queue/scheduler", "none [bfq]\n");
        set_ok(f, SET(.limit = CGROUP_IO_WEIGHT, .value = 10000));
        expect(f, V2("io.bfq.weight"), "1000");
        expect(f, V2("io.weight"), "default 100");
        fake_put(f, "io.cost.qos", "254:0 enable=1 ctrl=auto\n");
        set_ok(f, SET(.limit = CGROUP_IO_WEIGHT, .value = 50));
        expect(f, V2("io.bfq.weight"), "50");
        expect(f, V2("io.weight"), "50");
}

static void io_max(void **state) {
        struct fake *f = *state;
        struct cgroup_setting s =
                SET(.limit = CGROUP_IO_MAX, .device = makedev(254, 16), .io = { 1000, SIZE_INFINITY, SIZE_INFINITY, 7 });

        set_ok(f, s);
        expect(f, V2("io.max"), "254:16 rbps=1000 wbps=max riops=max wiops=7");
}

static void v1_memory(void **state) {
        struct fake *f = *state;
        const char *limit = V1("memory", "memory.limit_in_bytes"), *memsw = V1("memory", "memory.memsw.limit_in_bytes");

        set_bad(f, SET(.limit = CGROUP_MEMORY_SWAP_MAX, .value = 0), EOPNOTSUPP, "cannot bound swap where memory is not bounded");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = 64 << 20));
        expect(f, limit, "67108864");
        expect(f, memsw, "9223372036854771712");
        set_ok(f, SET(.limit = CGROUP_MEMORY_SWAP_MAX, .value = 1 << 20)); /* swap alone: the sum is written */
        expect(f, memsw, "68157440");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = 128 << 20)); /* the swap part stays 1 MiB, up */
        expect(f, limit, "134217728");
        expect(f, memsw, "135266304");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = 32 << 20)); /* and down */
        expect(f, limit, "33554432");
        expect(f, memsw, "34603008");
        set_ok(f, SET(.limit = CGROUP_MEMORY_SWAP_MAX, .value = SIZE_INFINITY));
        expect(f, memsw, "-1");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = SIZE_INFINITY));
        expect(f, limit, "-1");
}

/* What v1 has not is an error that names the controller, where it is bound, and the way out. */
static void v1_missing(void **state) {
        struct fake *f = *state;
        struct err err = { 0 };
        const struct cgroup_setting low = SET(.limit = CGROUP_MEMORY_LOW, .value = 4096);

        check_bad(f, low, EOPNOTSUPP,
                  "the memory controller is bound to cgroup v1 at /sys/fs/cgroup/memory, which has no memory.low");
        (void)cgroup_set(f->tree, GROUP, &low, &err);
        assert_non_null(strstr(err.hint, "systemd.unified_cgroup_hierarchy=1"));
        check_bad(f, SET(.limit = CGROUP_MEMORY_HIGH, .value = 4096), EOPNOTSUPP, "which has no memory.high");
        check_bad(f, SET(.limit = CGROUP_MEMORY_MIN, .value = 4096), EOPNOTSUPP, "which has no memory.min");
        check_bad(f, SET(.limit = CGROUP_MEMORY_ZSWAP_MAX, .value = 0), EOPNOTSUPP, "which has no memory.zswap.max");
        set_ok(f, SET(.limit = CGROUP_MEMORY_HIGH, .value = SIZE_INFINITY));
        set_ok(f, SET(.limit = CGROUP_MEMORY_LOW, .value = 0));
        set_ok(f, SET(.limit = CGROUP_MEMORY_OOM_GROUP, .value = 1)); /* the supervisor's to keep */
        assert_false(cgroup_oom_group_is_native(f->tree));
}

static void v1_others(void **state) {
        struct fake *f = *state;

        set_ok(f, SET(.limit = CGROUP_CPU_MAX, .value = 500, .extra = 50000));
        expect(f, V1("cpu", "cpu.cfs_quota_us"), "25000");
        expect(f, V1("cpu", "cpu.cfs_period_us"), "50000");
        set_ok(f, SET(.limit = CGROUP_CPU_MAX, .value = SIZE_INFINITY));
        expect(f, V1("cpu", "cpu.cfs_quota_us"), "-1");
        set_ok(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = 1));
        expect(f, V1("cpu", "cpu.shares"), "10");
        set_ok(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = 10000));
        expect(f, V1("cpu", "cpu.shares"), "102400");
        set_ok(f, SET(.limit = CGROUP_CPU_WEIGHT, .value = 100)); /* v2's default is v1's default */
        expect(f, V1("cpu", "cpu.shares"), "1024");
        set_ok(f, SET(.limit = CGROUP_CPUSET_CPUS, .list = "1"));
        expect(f, V1("cpuset", "cpuset.cpus"), "1");
        expect(f, V1("cpuset", "payload/cpuset.cpus"), "1");
        set_ok(f, SET(.limit = CGROUP_CPUSET_CPUS)); /* empty is the stack's */
        expect(f, V1("cpuset", "payload/cpuset.cpus"), "0-1");
        set_ok(f, SET(.limit = CGROUP_PIDS_MAX, .value = 5));
        expect(f, V1("pids", "pids.max"), "5");
        set_ok(f, SET(.limit = CGROUP_HUGETLB_MAX, .value = 2 << 20, .extra = 2 << 20)); /* on v2 here */
        expect(f, V1("unified", "hugetlb.2MB.max"), "2097152");
        set_ok(f, SET(.limit = CGROUP_IO_MAX, .device = makedev(254, 0), .io = { 1000, SIZE_INFINITY, SIZE_INFINITY, 7 }));
        expect(f, V1("blkio", "payload/blkio.throttle.read_bps_device"), "254:0 1000");
        expect(f, V1("blkio", "payload/blkio.throttle.write_iops_device"), "254:0 7");
        expect(f, V1("blkio", "payload/blkio.throttle.write_bps_device"), "254:0 0");
}

/* A controller that cannot be turned on is no failure of the root, but of each limit that needs it. A file size limit of 0 makes
 * every write fail. */
static void refused_controller(void **state) {
        const struct rlimit none = { 0, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
        struct fake *f = *state;
        struct err err = { 0 };

        f->tree = cgroup_tree_free(f->tree);
        fake_put(f, "cgroup.subtree_control", "cpu memory\n");
        fake_open(f, NULL, "0::/\n");
        (void)signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        int r = cgroup_tree_make(f->tree, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_int_equal(r, 0);
        check_bad(f, SET(.limit = CGROUP_PIDS_MAX, .value = 5), EOPNOTSUPP, "the pids controller cannot be turned on in ");
        check_bad(f, SET(.limit = CGROUP_PIDS_MAX, .value = 5), EOPNOTSUPP,
                  "/sys/fs/cgroup/cgroup.subtree_control: File too large");
        set_ok(f, SET(.limit = CGROUP_MEMORY_MAX, .value = 4096));
        assert_int_equal(cgroup_tree_make(f->tree, &err), 0); /* what was refused once may be free later */
        set_ok(f, SET(.limit = CGROUP_PIDS_MAX, .value = 5));
}

static void absent_controller(void **state) {
        struct fake *f = *state;

        f->tree = cgroup_tree_free(f->tree);
        fake_put(f, "cgroup.controllers", "cpu io memory\n");
        fake_open(f, NULL, "0::/\n");
        assert_int_equal(cgroup_tree_make(f->tree, NULL), 0);
        check_bad(
                f, SET(.limit = CGROUP_HUGETLB_MAX, .value = 0, .extra = 2 << 20), EOPNOTSUPP,
                "this host has no hugetlb controller: it is neither in /sys/fs/cgroup/cgroup.controllers nor mounted as cgroup v1");
        check_bad(f, SET(.limit = CGROUP_PIDS_MAX, .value = 1), EOPNOTSUPP, "this host has no pids controller");
        set_ok(f, SET(.limit = CGROUP_PIDS_MAX, .value = SIZE_INFINITY));
}

static void disks(void **state) {
        (void)state;
        struct err err = { 0 };
        dev_t device;

        assert_int_equal(cgroup_find_disk("/no/such/path", &device, &err), -ENOENT);
        assert_string_equal(err.text, "find the disk below /no/such/path: No such file or directory");
        assert_int_equal(cgroup_find_disk("/proc", &device, &err), -ENOENT);
        assert_string_equal(err.text, "no single block device is below /proc");
}

static void every_limit_has_words(void **state) {
        (void)state;
        for (enum cgroup_limit l = 0; l < _CGROUP_LIMIT_MAX; l++) {
                assert_true(strlen(cgroup_limit_file(l)) > 3);
                assert_in_range(cgroup_limit_controller(l), 0, _CGROUP_CONTROLLER_MAX - 1);
        }
        assert_string_equal(cgroup_limit_file(_CGROUP_LIMIT_MAX), "?");
}

static void cpulists(void **state) {
        (void)state;
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                { "", 0 },          { "0", 0 },          { "0-3,8", 0 },
                { "8191", 0 },      { "8192", -ERANGE }, { "99999999999999999999", -ERANGE },
                { ",", -EINVAL },   { "1,", -EINVAL },   { "1,,2", -EINVAL },
                { "3-1", -EINVAL }, { "-1", -EINVAL },   { "1-2-3", -EINVAL },
                { " 1", -EINVAL },  { "a", -EINVAL },    { "1-", -EINVAL },
                { "0x1", -EINVAL },
        };
        struct cpulist a, b;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                assert_int_equal(cpulist_parse(cases[i].text, &a), cases[i].result);
        assert_int_equal(cpulist_parse("0,1,2,64", &a), 0);
        assert_int_equal(cpulist_parse("64,0-2", &b), 0);
        assert_true(cpulist_is_equal(&a, &b));
        assert_int_equal(cpulist_find_missing(&a, &b), -1);
        assert_int_equal(cpulist_parse("0-63", &b), 0);
        assert_int_equal(cpulist_find_missing(&a, &b), 64);
}

int main(void) {
#define v2(name) cmocka_unit_test_setup_teardown(name, init_v2, done)
#define v1(name) cmocka_unit_test_setup_teardown(name, init_hybrid, done)
        const struct CMUnitTest tests[] = {
                v2(v2_numbers),
                v2(read_back),
                v2(v2_missing),
                v2(cpu),
                v2(cpuset),
                v2(io_weight),
                v2(io_max),
                v1(v1_memory),
                v1(v1_missing),
                v1(v1_others),
                v2(refused_controller),
                v2(absent_controller),
                cmocka_unit_test(disks),
                cmocka_unit_test(every_limit_has_words),
                cmocka_unit_test(cpulists),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
