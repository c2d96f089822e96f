#include "fake_cgroup.h"

static void assert_where(const char *mountinfo, const char *self, const char *controllers,
                         const char *const mounts[_CGROUP_CONTROLLER_MAX]) {
        struct cgroup_where w = CGROUP_WHERE_NULL;
        struct err err = { 0 };

        if (cgroup_where_parse(&w, mountinfo, self, controllers, &err) < 0)
                fail_msg("%s", err.text);
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                if (!mounts[c])
                        assert_int_equal(w.controllers[c], CGROUP_NOWHERE);
                else
                        assert_string_equal(w.hierarchies[w.controllers[c]].mount, mounts[c]);
        cgroup_where_done(&w);
}

/* systemd's pure v2: everything in one hierarchy. */
static void pure_v2(void **state) {
        (void)state;
        static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup", "/sys/fs/cgroup",
                                              "/sys/fs/cgroup", "/sys/fs/cgroup", NULL };

        assert_where(fake_v2_mounts, "0::/system.slice/ctrsup.service\n", "cpuset cpu io memory pids rdma\n", mounts);
}

/* Hybrid with cpu and cpuacct in one hierarchy, and a controller that no v1 mount has on v2. */
static void hybrid(void **state) {
        (void)state;
        static const char *const mounts[] = {
                [CGROUP_CPU] = "/sys/fs/cgroup/cpu",       [CGROUP_CPUSET] = "/sys/fs/cgroup/cpuset",
                [CGROUP_MEMORY] = "/sys/fs/cgroup/memory", [CGROUP_PIDS] = "/sys/fs/cgroup/pids",
                [CGROUP_IO] = "/sys/fs/cgroup/blkio",      [CGROUP_HUGETLB] = "/sys/fs/cgroup/unified",
        };

        assert_where(fake_hybrid_mounts, "8:pids:/\n4:memory:/a\n0::/\n", "hugetlb\n", mounts);
}

/* Two controllers of ours in one v1 hierarchy make one hierarchy in the table. */
static void comounted(void **state) {
        (void)state;
        static const char text[] =
                "1 1 0:1 / /c2 rw - cgroup2 x rw\n2 1 0:2 / /both rw - cgroup x rw,cpu,cpuset\n3 1 0:2 / /again rw - cgroup x rw,cpuset,cpu\n";
        struct cgroup_where w = CGROUP_WHERE_NULL;

        assert_int_equal(cgroup_where_parse(&w, text, "", "", NULL), 0);
        assert_int_equal(w.n_hierarchies, 2);
        assert_int_equal(w.controllers[CGROUP_CPU], w.controllers[CGROUP_CPUSET]);
        assert_string_equal(w.hierarchies[w.controllers[CGROUP_CPU]].mount, "/both");
        cgroup_where_done(&w);
}

/* A hierarchy that is also seen in parts (bind mounts of containers): the whole one wins, whatever the order. */
static void whole_mount_wins(void **state) {
        (void)state;
        static const char text[] = "1 1 0:1 /docker/abc /var/x rw - cgroup2 x rw\n2 1 0:1 / /sys/fs/cgroup rw - cgroup2 x rw\n"
                                   "3 1 0:1 /docker/def /var/y rw - cgroup2 x rw\n";
        struct cgroup_where w = CGROUP_WHERE_NULL;

        assert_int_equal(cgroup_where_parse(&w, text, "0::/x:y\n", "", NULL), 0);
        assert_string_equal(w.hierarchies[CGROUP_UNIFIED].mount, "/sys/fs/cgroup");
        assert_string_equal(w.hierarchies[CGROUP_UNIFIED].self, "/x:y");
        cgroup_where_done(&w);
}

/* Only a part is mounted (inside a container of another manager): paths are taken relative to it, others refused in words. */
static void subtree(void **state) {
        (void)state;
        static const char text[] = "1 1 0:1 /docker/abc /sys/fs/cgroup rw - cgroup2 x rw\n";
        struct cgroup_where w = CGROUP_WHERE_NULL;
        struct err err = { 0 };
        char *path = NULL;

        assert_int_equal(cgroup_where_parse(&w, text, "0::/docker/abc/sub\n", "memory\n", NULL), 0);
        assert_int_equal(cgroup_hierarchy_locate(&w.hierarchies[0], "/docker/abc/sub/ctrsup", &path, &err), 0);
        assert_string_equal(path, "/sys/fs/cgroup/sub/ctrsup");
        free(path);
        assert_int_equal(cgroup_hierarchy_locate(&w.hierarchies[0], "/docker/abc", &path, &err), 0);
        assert_string_equal(path, "/sys/fs/cgroup");
        free(path);
        assert_int_equal(cgroup_hierarchy_locate(&w.hierarchies[0], "/docker/abcd", &path, &err), -ERANGE);
        assert_string_equal(
                err.text,
                "the cgroup /docker/abcd is not below /docker/abc, the part of its hierarchy that is mounted at /sys/fs/cgroup");
        cgroup_where_done(&w);
}

/* Blanks in a mount point are written as \040. */
static void escaped(void **state) {
        (void)state;
        char *mount = NULL;

        assert_int_equal(cgroup_where_find_unified("1 1 0:1 / /a\\040b\\134c\\0 rw - cgroup2 x rw\n", &mount, NULL), 0);
        assert_string_equal(mount, "/a b\\c\\0");
        free(mount);
}

static void no_v2(void **state) {
        (void)state;
        struct cgroup_where w = CGROUP_WHERE_NULL;
        struct err err = { 0 };

        assert_int_equal(cgroup_where_parse(&w, "2 1 0:2 / /m rw - cgroup x rw,memory\n", "", "", &err), -EOPNOTSUPP);
        assert_string_equal(err.text, "no cgroup2 file system is mounted");
        assert_non_null(strstr(err.hint, "/sys/fs/cgroup"));
}

static void broken(void **state) {
        (void)state;
        static const char *const bad[] = { "x\n", "1 1 0:1 / relative rw - cgroup2 x rw\n", "1 1 0:1 / /a rw\n",
                                           "1 1 0:1 / /a rw -\n", "1 1 0:1 / /a rw - cgroup2 x\n" };
        struct cgroup_where w = CGROUP_WHERE_NULL;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(cgroup_where_parse(&w, bad[i], "", "", NULL), -EBADMSG);
}

static void self_path(void **state) {
        (void)state;
        char *path = NULL;

        assert_int_equal(cgroup_where_self_unified("12:pids:/no\n1:name=systemd:/no\n0::/yes/it is\n", &path, NULL), 0);
        assert_string_equal(path, "/yes/it is");
        free(path);
        assert_int_equal(cgroup_where_self_unified("12:pids:/no\n", &path, NULL), -ENODATA);
}

static void names(void **state) {
        (void)state;
        for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++) {
                assert_true(strlen(cgroup_controller_name(c)) > 1);
                assert_true(strlen(cgroup_controller_v1_name(c)) > 1);
        }
        assert_string_equal(cgroup_controller_v1_name(CGROUP_IO), "blkio");
        assert_string_equal(cgroup_controller_name(_CGROUP_CONTROLLER_INVALID), "?");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(pure_v2),   cmocka_unit_test(hybrid),
                cmocka_unit_test(comounted), cmocka_unit_test(whole_mount_wins),
                cmocka_unit_test(subtree),   cmocka_unit_test(escaped),
                cmocka_unit_test(no_v2),     cmocka_unit_test(broken),
                cmocka_unit_test(self_path), cmocka_unit_test(names),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
