#include "logger/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
        char dir[64];
        int fd;
        struct logfile f;
        struct logfile_batch b;
        uint64_t now;
};

static int init(void **state) {
        static struct fixture x;

        memset(&x, 0, sizeof(x));
        (void)strcpy(x.dir, "/tmp/ctrsup-logfile-XXXXXX");
        assert_non_null(mkdtemp(x.dir));
        x.fd = open(x.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        x.now = 1;
        assert_int_equal(logfile_init(&x.f, x.fd, getegid(), "shop", "web", 1), 0);
        x.f.max_size = 1000;
        x.f.max_files = 2;
        *state = &x;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

static int done(void **state) {
        struct fixture *x = *state;

        logfile_done(&x->f);
        (void)close(x->fd);
        return nftw(x->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static size_t put(struct fixture *x, const char *text) {
        return logfile_put(&x->f, &x->b, "H ", 2, text, strlen(text), x->now);
}

static const char *content(struct fixture *x, const char *name) {
        static char text[8192];
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/shop/%s", x->dir, name);
        FILE *f = fopen(path, "re");
        if (!f)
                return "(none)";
        text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
        (void)fclose(f);
        return text;
}

static void writes(void **state) {
        struct fixture *x = *state;
        struct stat st;
        char path[PATH_MAX];

        assert_int_equal(put(x, "one"), 0);
        assert_int_equal(put(x, ""), 0);
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        assert_string_equal(content(x, "web.1.log"), "H one\nH \n");
        (void)snprintf(path, sizeof(path), "%s/shop/web.1.log", x->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        (void)snprintf(path, sizeof(path), "%s/shop", x->dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0750);
}

/* No file ever exceeds max_size, max_files old ones stay, and nothing between them is lost. */
static void rotates(void **state) {
        static const char *const names[] = { "web.1.log.2", "web.1.log.1", "web.1.log" };
        struct fixture *x = *state;
        char all[8192] = "", line[128];
        int expected = -1;

        for (int i = 0; i < 60; i++) {
                (void)snprintf(line, sizeof(line), "line %d %060d", i, 0);
                assert_int_equal(put(x, line), 0);
                if (i % 3 == 0)
                        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        }
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        for (int i = 0; i < 3; i++) {
                const char *text = content(x, names[i]);

                assert_true(strlen(text) <= 1000 && strlen(text) > 100);
                (void)strcat(all, text);
        }
        assert_string_equal(content(x, "web.1.log.3"), "(none)");
        for (char *at = strtok(all, "\n"); at; at = strtok(NULL, "\n")) {
                int n = atoi(at + strlen("H line "));

                assert_true(expected < 0 || n == expected);
                expected = n + 1;
        }
        assert_int_equal(expected, 60);
}

/* Its bounds change while it is written: the next rotation goes by the new ones, and what is over them goes. */
static void other_bounds(void **state) {
        struct fixture *x = *state;
        char line[128];

        x->f.max_files = 4;
        for (int i = 0; i < 100; i++) {
                (void)snprintf(line, sizeof(line), "line %d %060d", i, 0);
                assert_int_equal(put(x, line), 0);
                if (i % 3 == 0)
                        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
                if (i != 70)
                        continue;
                assert_string_not_equal(content(x, "web.1.log.4"), "(none)");
                x->f.max_files = 1;
                x->f.max_size = 500;
        }
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        assert_true(strlen(content(x, "web.1.log.1")) <= 500);
        assert_string_equal(content(x, "web.1.log.2"), "(none)");
        assert_string_equal(content(x, "web.1.log.4"), "(none)");
}

/* A record bigger than max_size still gets a file of its own; max_files 0 keeps none. */
static void edges(void **state) {
        struct fixture *x = *state;
        char big[3000];

        memset(big, 'b', sizeof(big) - 1);
        big[sizeof(big) - 1] = '\0';
        x->f.max_files = 0;
        assert_int_equal(put(x, "first"), 0);
        assert_int_equal(put(x, big), 0);
        assert_int_equal(put(x, "last"), 0);
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        assert_string_equal(content(x, "web.1.log"), "H last\n");
        assert_string_equal(content(x, "web.1.log.1"), "(none)");
}

/* What somebody removed is made anew. */
static void removed_under_us(void **state) {
        struct fixture *x = *state;
        char path[PATH_MAX];

        (void)put(x, "one");
        (void)logfile_flush(&x->f, &x->b, x->now);
        (void)snprintf(path, sizeof(path), "%s/shop/web.1.log", x->dir);
        assert_int_equal(unlink(path), 0);
        (void)snprintf(path, sizeof(path), "%s/shop", x->dir);
        assert_int_equal(rmdir(path), 0);
        (void)put(x, "two");
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        assert_string_equal(content(x, "web.1.log"), "H two\n");
}

/* A full disk (a file size limit has the same face): whole records only, exact counts, told once it works again. */
static void full_disk(void **state) {
        const struct rlimit tight = { 25, RLIM_INFINITY }, wide = { RLIM_INFINITY, RLIM_INFINITY };
        struct fixture *x = *state;
        size_t lost;

        (void)signal(SIGXFSZ, SIG_IGN);
        (void)put(x, "record 1");
        (void)put(x, "record 2");
        (void)put(x, "record 3");
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        lost = logfile_flush(&x->f, &x->b, x->now);
        (void)put(x, "too early");
        lost += logfile_flush(&x->f, &x->b, x->now + 1000);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &wide), 0);
        assert_int_equal(lost, 2);
        assert_string_equal(content(x, "web.1.log"), "H record 1\nH record 2\n");
        x->now += LOGFILE_RETRY_USEC;
        (void)put(x, "again");
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 0);
        const char *text = content(x, "web.1.log") + strlen("H record 1\nH record 2\n");
        assert_non_null(strstr(text, " stderr F <4>ctrsup: 2 lines lost: "));
        assert_string_equal(strchr(text, '\n'), "\nH again\n");
}

/* Names are names; a symbolic link put in the way is not followed. */
static void hostile(void **state) {
        struct fixture *x = *state;
        struct logfile f = { .fd = -EBADF, .dir_fd = -EBADF };
        char path[PATH_MAX];

        assert_int_equal(logfile_init(&f, x->fd, 0, "..", "web", 1), -EINVAL);
        assert_int_equal(logfile_init(&f, x->fd, 0, "a/b", "web", 1), -EINVAL);
        assert_int_equal(logfile_init(&f, x->fd, 0, "a", "../web", 1), -EINVAL);
        (void)snprintf(path, sizeof(path), "%s/shop", x->dir);
        assert_int_equal(mkdir(path, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/shop/web.1.log", x->dir);
        assert_int_equal(symlink("/tmp/ctrsup-must-not-be-made", path), 0);
        (void)put(x, "one");
        assert_int_equal(logfile_flush(&x->f, &x->b, x->now), 1);
        assert_int_not_equal(access("/tmp/ctrsup-must-not-be-made", F_OK), 0);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, init, done)
        const struct CMUnitTest tests[] = { test(writes),           test(rotates),   test(edges),
                                             test(other_bounds),
                                            test(removed_under_us), test(full_disk), test(hostile) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
