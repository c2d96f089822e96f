/* Paths inside a root, and trees copied between hostile directories: no root needed, a directory in /tmp stands for one. */
#include "unit.h"

#include <ctrsup/kernel/copytree.h>
#include <ctrsup/kernel/inroot.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

struct fixture {
        char dir[64];
        int top, root; /* root is top/root: what lies beside it must not be reached */
};

static int remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *f _unused_) {
        return remove(path);
}

static void put(int dir, const char *path, const char *text) {
        _cleanup_fd_ int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int setup(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        (void)strcpy(f->dir, "/tmp/ctrsup-inroot-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->top = open(f->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(mkdirat(f->top, "root", 0755), 0);
        assert_int_equal(mkdirat(f->top, "beside", 0755), 0);
        put(f->top, "beside/secret", "secret");
        f->root = openat(f->top, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        struct fixture *f = *state;

        (void)close(f->root);
        (void)close(f->top);
        (void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static int closes(int fd) {
        if (fd >= 0)
                (void)close(fd);
        return fd < 0 ? fd : 0;
}

/* "..", absolute links and relative links stay inside. */
static void test_stays_inside(void **state) {
        struct fixture *f = *state;

        assert_int_equal(symlinkat("../../../../../../..", f->root, "up"), 0);
        assert_int_equal(symlinkat(f->dir, f->root, "abs"), 0);
        assert_int_equal(symlinkat("/proc/self/root", f->root, "magic"), 0);
        assert_int_equal(closes(inroot_path(f->root, "../beside/secret")), -ENOENT);
        assert_int_equal(closes(inroot_path(f->root, "up/beside/secret")), -ENOENT);
        assert_int_equal(closes(inroot_path(f->root, "abs/beside/secret")), -ENOENT);
        assert_int_equal(closes(inroot_path(f->root, "magic/etc")), -ENOENT);
        assert_int_equal(closes(inroot_make(f->root, "/up/made/here", false)), 0);
        assert_int_equal(faccessat(f->root, "made/here", F_OK, 0), 0);
        assert_int_equal(closes(inroot_make(f->root, "/../../beside2", false)), 0);
        assert_int_equal(faccessat(f->root, "beside2", F_OK, 0), 0);
        assert_int_equal(faccessat(f->top, "beside2", F_OK, 0), -1);
        assert_int_equal(symlinkat("nowhere", f->root, "dangling"), 0);
        assert_int_equal(closes(inroot_make(f->root, "/dangling/x", false)), -ENOENT);
}

static void test_kinds(void **state) {
        struct fixture *f = *state;

        put(f->root, "file", "text");
        assert_int_equal(mkdirat(f->root, "dir", 0755), 0);
        assert_int_equal(symlinkat("dir", f->root, "link"), 0);
        assert_int_equal(mkfifoat(f->root, "fifo", 0644), 0);
        assert_int_equal(closes(inroot_system(f->root, "/dir")), 0);
        assert_int_equal(closes(inroot_system(f->root, "/link")), -ELOOP);
        assert_int_equal(closes(inroot_system(f->root, "/file")), -ENOTDIR);
        assert_int_equal(closes(inroot_file(f->root, "file")), 0);
        assert_int_equal(closes(inroot_file(f->root, "dir")), -EINVAL);
        assert_int_equal(closes(inroot_file(f->root, "fifo")), -EINVAL); /* and returns at once */
        assert_int_equal(closes(inroot_make(f->root, "/file", false)), -ENOTDIR);
        assert_int_equal(closes(inroot_make(f->root, "/file/x", false)), -ENOTDIR);
        assert_int_equal(closes(inroot_make(f->root, "/dir", true)), -EISDIR);
        assert_int_equal(closes(inroot_make(f->root, "/dir/new//file", true)), 0);
        struct stat st;
        assert_int_equal(fstatat(f->root, "dir/new/file", &st, 0), 0);
        assert_true(S_ISREG(st.st_mode) && st.st_size == 0);
        assert_int_equal(closes(inroot_make(f->root, "/", false)), 0);
}

static int make_tree(const struct fixture *f) {
        put(f->root, "a", "hello");
        assert_int_equal(mkdirat(f->root, "d", 0700), 0);
        assert_int_equal(mkdirat(f->root, "d/e", 0750), 0);
        put(f->root, "d/e/deep", "deep");
        assert_int_equal(symlinkat("../../beside/secret", f->root, "d/out"), 0);
        assert_int_equal(mkfifoat(f->root, "pipe", 0600), 0);
        const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
        assert_int_equal(utimensat(f->root, "d/e", old, 0), 0);
        assert_int_equal(mkdirat(f->top, "to", 0711), 0);
        return openat(f->top, "to", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Kinds, modes, times and links are kept; a link is copied, not followed; what is there stays. */
static void test_copy(void **state) {
        struct fixture *f = *state;
        _cleanup_fd_ int to = make_tree(f);
        struct stat st;
        char text[64] = "";

        assert_int_equal(copytree_is_empty(to), 1);
        assert_int_equal(copytree(f->root, to, true), 0);
        assert_int_equal(copytree_is_empty(to), 0);
        assert_int_equal(fstatat(to, "d/e", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0750);
        assert_int_equal(st.st_mtim.tv_sec, 2000);
        assert_int_equal(fstatat(to, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(readlinkat(to, "d/out", text, sizeof(text)), 19);
        assert_string_equal(text, "../../beside/secret");
        assert_int_equal(fstatat(to, "pipe", &st, 0), 0);
        assert_true(S_ISFIFO(st.st_mode));
        assert_int_equal(fstatat(f->top, "to", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0711); /* keep_root */
        assert_int_equal(unlinkat(to, "a", 0), 0);
        put(to, "a", "mine");
        assert_int_equal(copytree(f->root, to, false), 0); /* again: nothing is overwritten */
        assert_int_equal(fstatat(to, "a", &st, 0), 0);
        assert_int_equal(st.st_size, 4);
        assert_int_equal(fstatat(f->top, "to", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0755);
}

static size_t open_fds(void) {
        size_t n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* A tree that is too deep ends with an error, and with every fd closed. */
static void test_too_deep(void **state) {
        struct fixture *f = *state;
        _cleanup_fd_ int to = make_tree(f);
        _cleanup_fd_ int at = fcntl(f->root, F_DUPFD_CLOEXEC, 3);

        for (int i = 0; i < 80; i++) {
                assert_int_equal(mkdirat(at, "x", 0755), 0);
                int next = openat(at, "x", O_PATH | O_DIRECTORY | O_CLOEXEC);
                (void)close(at);
                at = next;
        }
        size_t before = open_fds();
        assert_int_equal(copytree(f->root, to, false), -ELOOP);
        assert_int_equal(open_fds(), before);
}

unit_main(cmocka_unit_test_setup_teardown(test_stays_inside, setup, teardown),
          cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
          cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
          cmocka_unit_test_setup_teardown(test_too_deep, setup, teardown));
