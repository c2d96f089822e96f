#include "unit.h"

#include <ctrsup/store/dir.h>
#include <ctrsup/store/lock.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "store_tmp.h"

/* A chain of own directories opens; a symlink anywhere on the way, or somebody else's hand in one, does not. */
static void chain_of_own_directories(void **state) {
        struct tmp *t = *state;
        char path[400];
        struct err err;
        _cleanup_fd_ int fd = -EBADF, again = -EBADF, bad = -EBADF;

        (void)snprintf(path, sizeof(path), "%s/a/b/c", t->path);
        assert_int_equal(dir_open(path, &fd, &err), -ENOENT);
        assert_non_null(strstr(err.text, "/a: No such file"));
        assert_int_equal(dir_make(path, 0700, &fd, &err), 0);
        assert_int_equal(dir_open(path, &again, &err), 0);

        (void)snprintf(path, sizeof(path), "%s/link", t->path);
        assert_int_equal(symlink("a", path), 0);
        (void)snprintf(path, sizeof(path), "%s/link/b", t->path);
        assert_int_equal(dir_open(path, &bad, &err), -ENOTDIR);
        assert_non_null(strstr(err.text, "/link is not a directory of its own"));

        (void)snprintf(path, sizeof(path), "%s/a", t->path);
        assert_int_equal(chmod(path, 0775), 0);
        (void)snprintf(path, sizeof(path), "%s//a/b/", t->path);
        assert_int_equal(dir_open(path, &bad, &err), -EPERM);
        assert_non_null(strstr(err.text, "can be written by others (mode 0775)"));
        assert_non_null(strstr(err.hint, "chmod go-w"));
        (void)snprintf(path, sizeof(path), "%s/a", t->path);
        assert_int_equal(chmod(path, 01777), 0); /* sticky: to pass through, not to use */
        assert_int_equal(dir_open(path, &bad, &err), -EPERM);
        (void)snprintf(path, sizeof(path), "%s/a/b", t->path);
        assert_int_equal(dir_open(path, &bad, &err), 0);
        bad = close_fd(bad);
        if (geteuid() == 0) {
                assert_int_equal(chown(path, 12345, 0), 0);
                assert_int_equal(dir_open(path, &bad, &err), -EPERM);
                assert_non_null(strstr(err.text, "belongs to uid 12345"));
        }
        assert_int_equal(dir_open("relative", &bad, &err), -EINVAL);
}

static void names_are_sorted(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ char **names = NULL;
        size_t n = 0;

        tmp_file(t, "10.json", "");
        tmp_file(t, "9.json", "");
        tmp_file(t, ".hidden", "");
        assert_int_equal(dir_list(t->fd, false, &names, &n, NULL), 0);
        assert_int_equal(n, 2);
        assert_string_equal(names[0], "9.json");
        assert_string_equal(names[1], "10.json");
        assert_null(names[2]);
        free(names);
        assert_int_equal(dir_list(t->fd, true, &names, &n, NULL), 0);
        assert_int_equal(n, 3);
}

static void writes_are_whole(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        struct stat st;
        struct err err;

        tmp_file(t, ".state.tmp", "half of"); /* of a writer that was killed */
        assert_int_equal(file_write(t->fd, "state", "one\0two", 7, 0600, &err), 0);
        assert_int_equal(file_write(t->fd, "state", "three", 5, 0640, &err), 0);
        assert_int_equal(file_read(t->fd, "state", 5, &text, &len, &err), 0);
        assert_int_equal(len, 5);
        assert_string_equal(text, "three");
        assert_int_equal(fstatat(t->fd, "state", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(faccessat(t->fd, ".state.tmp", F_OK, 0), -1);
        assert_int_equal(file_remove(t->fd, "state", &err), 0);
        assert_int_equal(file_remove(t->fd, "state", &err), 0);
}

/* A failed write leaves the old file and nothing beside it. */
static void failed_write_leaves_the_old_one(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ char *text = NULL, **names = NULL;
        size_t len = 0, n = 0;
        struct err err;

        assert_int_equal(file_write(t->fd, "state", "old", 3, 0600, &err), 0);
        assert_int_equal(mkdirat(t->fd, "taken", 0700), 0);
        assert_true(file_write(t->fd, "taken", "x", 1, 0600, &err) < 0); /* rename onto a directory */
        assert_non_null(strstr(err.text, "write taken: "));
        assert_int_equal(file_read(t->fd, "state", 100, &text, &len, &err), 0);
        assert_string_equal(text, "old");
        assert_int_equal(dir_list(t->fd, true, &names, &n, &err), 0);
        assert_int_equal(n, 2);
}

/* Only regular files of our own are read, and no more than asked for; a FIFO does not hang. */
static void reads_are_careful(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        struct err err;

        assert_int_equal(file_read(t->fd, "no", 10, &text, &len, &err), -ENOENT);
        tmp_file(t, "big", "12345678901");
        assert_int_equal(file_read(t->fd, "big", 10, &text, &len, &err), -EFBIG);
        assert_int_equal(symlinkat("big", t->fd, "link"), 0);
        assert_int_equal(file_read(t->fd, "link", 100, &text, &len, &err), -ELOOP);
        assert_int_equal(mkfifoat(t->fd, "fifo", 0600), 0);
        assert_int_equal(file_read(t->fd, "fifo", 100, &text, &len, &err), -EINVAL);
        assert_int_equal(file_read(t->fd, ".", 100, &text, &len, &err), -EINVAL);
        tmp_file(t, "open", "x");
        assert_int_equal(fchmodat(t->fd, "open", 0666, 0), 0);
        assert_int_equal(file_read(t->fd, "open", 100, &text, &len, &err), -EPERM);
        assert_null(text);
}

/* The second one is told who has it, at once; a killed holder leaves no stale lock. */
static void one_holder(void **state) {
        struct tmp *t = *state;
        int ready[2];
        char byte;
        struct err err;
        struct timespec a, b;
        _cleanup_fd_ int lock = -EBADF;

        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        if (pid == 0) {
                int held = -EBADF;

                (void)!write(ready[1], lock_take(t->fd, "x", &held, NULL) < 0 ? "n" : "y", 1);
                (void)pause();
                _exit(0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        assert_int_equal(byte, 'y');
        (void)clock_gettime(CLOCK_MONOTONIC, &a);
        assert_int_equal(lock_take(t->fd, "/run/ctrsup", &lock, &err), -EBUSY);
        (void)clock_gettime(CLOCK_MONOTONIC, &b);
        assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 100);
        char words[100];
        (void)snprintf(words, sizeof(words), "another supervisor (pid %d) uses /run/ctrsup", pid);
        assert_string_equal(err.text, words);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        assert_int_equal(lock_take(t->fd, "/run/ctrsup", &lock, &err), 0);
        (void)close(ready[0]);
        (void)close(ready[1]);
}

unit_main(tmp_test(chain_of_own_directories), tmp_test(names_are_sorted), tmp_test(writes_are_whole),
          tmp_test(failed_write_leaves_the_old_one), tmp_test(reads_are_careful), tmp_test(one_holder));
