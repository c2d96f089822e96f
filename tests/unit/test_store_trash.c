#include "unit.h"

#include <ctrsup/store/dir.h>
#include <ctrsup/store/trash.h>

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store_tmp.h"

static int make_top(const struct tmp *t, const char *top) {
        int fd = -EBADF;

        assert_int_equal(dir_open_at(t->fd, top, 0700, &fd, NULL), 0);
        return fd;
}

static size_t left(const struct tmp *t, const char *path) {
        _cleanup_fd_ int fd = openat(t->fd, path, O_RDONLY | O_DIRECTORY);
        _cleanup_free_ char **names = NULL;
        size_t n = 0;

        assert_true(fd >= 0);
        assert_int_equal(dir_list(fd, true, &names, &n, NULL), 0);
        return n;
}

/* The name is free at once; a symlink in the tree is removed, not what it points to. */
static void gone_but_not_its_targets(void **state) {
        struct tmp *t = *state;
        _cleanup_fd_ int top = make_top(t, "volumes");
        struct err err;

        tmp_file(t, "precious", "keep me");
        assert_int_equal(mkdirat(t->fd, "outside", 0700), 0);
        tmp_file(t, "outside/kept", "keep me");
        assert_int_equal(mkdirat(top, "data", 0755), 0);
        tmp_file(t, "volumes/data/f", "x");
        assert_int_equal(symlinkat("../../../precious", top, "data/link"), 0);
        assert_int_equal(symlinkat("../../../outside", top, "data/dirlink"), 0);
        assert_int_equal(mkdirat(top, "data/sub", 0755), 0);
        tmp_file(t, "volumes/data/sub/g", "x");

        assert_int_equal(trash_put(top, top, "data", true, &err), 0);
        assert_int_equal(faccessat(top, "data", F_OK, 0), -1);
        assert_int_equal(trash_put(top, top, "data", true, &err), -ENOENT);
        assert_int_equal(trash_empty(t->fd, &err), 0);
        assert_int_equal(left(t, "volumes/.trash"), 0);
        assert_int_equal(faccessat(t->fd, "precious", F_OK, 0), 0);
        assert_int_equal(faccessat(t->fd, "outside/kept", F_OK, 0), 0);
}

/* 1000 levels deep (no path reaches the bottom), with 8 fds to spare and a small stack. */
static void any_depth_with_few_fds(void **state) {
        struct tmp *t = *state;
        _cleanup_fd_ int top = make_top(t, "ephemeral");
        struct rlimit was, few;
        struct err err;

        assert_int_equal(mkdirat(top, "deep", 0755), 0);
        int fd = openat(top, "deep", O_RDONLY | O_DIRECTORY);
        for (int n = 0; n < 1000; n++) {
                assert_int_equal(mkdirat(fd, "directory-with-a-name-that-adds-up", 0755), 0);
                int next = openat(fd, "directory-with-a-name-that-adds-up", O_RDONLY | O_DIRECTORY);
                if (n % 200 == 0)
                        assert_int_equal(mkdirat(fd, "beside", 0000), 0);
                (void)close(fd);
                fd = next;
        }
        (void)close(fd);
        assert_int_equal(trash_put(top, top, "deep", true, &err), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
        few = was;
        few.rlim_cur = 12;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        int r = trash_empty(t->fd, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
        assert_int_equal(r, 0);
        assert_int_equal(left(t, "ephemeral/.trash"), 0);
}

/* What is mounted inside is not entered and not emptied; the rest goes, and the words say what stayed. */
static void mounts_are_not_crossed(void **state) {
        struct tmp *t = *state;
        _cleanup_fd_ int top = make_top(t, "volumes");
        char path[200];
        struct err err;

        if (geteuid() != 0)
                skip();
        assert_int_equal(mkdirat(top, "data", 0755), 0);
        assert_int_equal(mkdirat(top, "data/mnt", 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/volumes/data/mnt", t->path);
        pid_t pid = fork(); /* in a mount namespace of its own */
        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount("none", path, "tmpfs", 0, NULL) < 0)
                        _exit(9);
                (void)strcat(path, "/kept");
                (void)close(open(path, O_WRONLY | O_CREAT, 0600));
                _cleanup_fd_ int inner = open(t->path, O_RDONLY | O_DIRECTORY);
                _cleanup_fd_ int inner_top = openat(inner, "volumes", O_RDONLY | O_DIRECTORY);
                _cleanup_fd_ int mounted = openat(inner_top, "data/mnt", O_RDONLY | O_DIRECTORY);
                int bad = 0;

                bad |= trash_put(inner_top, inner_top, "data", true, &err) == 0 ? 0 : 1;
                bad |= trash_empty(inner, &err) < 0 ? 0 : 2;
                bad |= strstr(err.text, "volumes/.trash") ? 0 : 4;
                bad |= faccessat(mounted, "kept", F_OK, 0) == 0 ? 0 : 8;
                _exit(bad);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 9)
                skip();
        assert_int_equal(status, 0);
        assert_int_equal(trash_empty(t->fd, &err), 0); /* here nothing is mounted */
        assert_int_equal(left(t, "volumes/.trash"), 0);
}

static void emptied_by_a_helper(void **state) {
        struct tmp *t = *state;
        _cleanup_fd_ int top = make_top(t, "persistent"), pidfd = -EBADF;
        struct err err;
        siginfo_t end = { 0 };

        assert_int_equal(trash_empty_start(t->fd, &pidfd, &err), 1);
        assert_int_equal(mkdirat(top, "shop", 0755), 0);
        tmp_file(t, "persistent/shop/f", "x");
        assert_int_equal(trash_put(top, top, "shop", true, &err), 0);
        assert_int_equal(trash_empty_start(t->fd, &pidfd, &err), 0);
        assert_int_equal(poll(&(struct pollfd){ .fd = pidfd, .events = POLLIN }, 1, 10000), 1);
        assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED), 0);
        assert_int_equal(end.si_status, 0);
        assert_int_equal(left(t, "persistent/.trash"), 0);
}

unit_main(tmp_test(gone_but_not_its_targets), tmp_test(any_depth_with_few_fds), tmp_test(mounts_are_not_crossed),
          tmp_test(emptied_by_a_helper));
