/* A cgroup file system made of plain files in a temporary directory: the right names, no kernel behind them. */
#pragma once

#include <ctrsup/kernel/cgroup.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

struct fake {
        char prefix[64];
        const char *mountinfo;
        struct cgroup_tree *tree;
};

static const char fake_v2_mounts[] =
        "22 27 0:21 / /proc rw - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
static const char fake_hybrid_mounts[] = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
                                         "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
                                         "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                                         "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                         "38 31 0:35 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
                                         "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
                                         "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
                                         "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

static inline void fake_mkdirs(char *path) {
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
                *slash = '/';
        }
}

static inline void fake_put(const struct fake *f, const char *path, const char *text) {
        char full[PATH_MAX];

        (void)snprintf(full, sizeof(full), "%s/sys/fs/cgroup/%s", f->prefix, path);
        fake_mkdirs(full);
        FILE *file = fopen(full, "we");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

/* The file's text without the line break; "(none)" when there is no file. */
static inline const char *fake_get(const struct fake *f, const char *path) {
        static char text[4096];
        char full[PATH_MAX];

        (void)snprintf(full, sizeof(full), "%s/sys/fs/cgroup/%s", f->prefix, path);
        FILE *file = fopen(full, "re");
        if (!file)
                return "(none)";
        size_t n = fread(text, 1, sizeof(text) - 1, file);
        (void)fclose(file);
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return text;
}

static inline bool fake_exists(const struct fake *f, const char *path) {
        char full[PATH_MAX];

        (void)snprintf(full, sizeof(full), "%s/sys/fs/cgroup/%s", f->prefix, path);
        return access(full, F_OK) == 0;
}

static inline void fake_open(struct fake *f, const char *root, const char *self_cgroup) {
        const struct cgroup_source source = { .mountinfo = f->mountinfo, .self_cgroup = self_cgroup, .prefix = f->prefix };
        struct err err = { 0 };

        if (cgroup_tree_open(&f->tree, root, "ctrsup", &source, &err) < 0)
                fail_msg("%s", err.text);
}

static inline void fake_init(struct fake *f, const char *mountinfo) {
        *f = (struct fake){ .prefix = "/tmp/ctrsup-fake-XXXXXX", .mountinfo = mountinfo };
        assert_non_null(mkdtemp(f->prefix));
}

/* v2 with all controllers, the root /ctrsup there already. */
static inline void fake_init_v2(struct fake *f) {
        fake_init(f, fake_v2_mounts);
        fake_put(f, "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
        fake_put(f, "cgroup.subtree_control", "cpuset cpu io memory hugetlb pids\n");
        fake_put(f, "ctrsup/cgroup.subtree_control", "cpuset cpu io memory hugetlb pids\n");
        fake_put(f, "ctrsup/shop/cgroup.subtree_control", "cpuset cpu io memory hugetlb pids\n");
        fake_put(f, "ctrsup/cpuset.cpus.effective", "0-1\n");
        fake_put(f, "ctrsup/cpuset.mems.effective", "0\n");
}

/* Controllers on v1, hugetlb on v2. */
static inline void fake_init_hybrid(struct fake *f) {
        static const char *const sets[] = { "cpuset/", "cpuset/ctrsup/", "cpuset/ctrsup/shop/", "cpuset/ctrsup/shop/web.1/",
                                            "cpuset/ctrsup/shop/web.1/payload/" };

        fake_init(f, fake_hybrid_mounts);
        fake_put(f, "unified/cgroup.controllers", "hugetlb\n");
        fake_put(f, "unified/cgroup.subtree_control", "hugetlb\n");
        fake_put(f, "unified/ctrsup/cgroup.subtree_control", "hugetlb\n");
        fake_put(f, "unified/ctrsup/shop/cgroup.subtree_control", "hugetlb\n");
        fake_put(f, "cpuset/cpuset.cpus", "0-1\n");
        fake_put(f, "cpuset/cpuset.mems", "0\n");
        for (size_t i = 1; i < sizeof(sets) / sizeof(sets[0]); i++) {
                char path[128];

                (void)snprintf(path, sizeof(path), "%scpuset.cpus", sets[i]);
                fake_put(f, path, "");
                (void)snprintf(path, sizeof(path), "%scpuset.mems", sets[i]);
                fake_put(f, path, "");
        }
        fake_put(f, "cpuset/ctrsup/cpuset.effective_cpus", "0-1\n");
        fake_put(f, "cpuset/ctrsup/cpuset.effective_mems", "0\n");
        for (size_t i = 0; i < 4; i++) {
                static const char *const others[] = { "cpu", "memory", "blkio", "pids" };
                char path[128];

                (void)snprintf(path, sizeof(path), "%s/cgroup.procs", others[i]);
                fake_put(f, path, "");
        }
}

static inline int fake_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

static inline void fake_done(struct fake *f) {
        f->tree = cgroup_tree_free(f->tree);
        (void)nftw(f->prefix, fake_unlink, 16, FTW_DEPTH | FTW_PHYS);
}
