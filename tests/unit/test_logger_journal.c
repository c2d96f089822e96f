#include "logger/journal.h"

#include <ctrsup/base/cleanup.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

/* A journald of our own: a datagram socket, read when we like. */
struct fake {
        char dir[64], path[96];
        int epoll_fd, fd;
        struct journal j;
        struct journal_owner owner;
        uint64_t now;
};

static void start_journald(struct fake *f) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        (void)strcpy(a.sun_path, f->path);
        (void)unlink(f->path);
        f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(f->fd >= 0);
        assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
}

static int init(void **state) {
        static struct fake f;

        f = (struct fake){ .dir = "/tmp/ctrsup-journal-XXXXXX", .fd = -EBADF, .now = 1000000 };
        assert_non_null(mkdtemp(f.dir));
        (void)snprintf(f.path, sizeof(f.path), "%s/socket", f.dir);
        f.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        journal_init(&f.j, f.path, f.epoll_fd);
        *state = &f;
        return 0;
}

static int done(void **state) {
        struct fake *f = *state;

        journal_done(&f->j);
        (void)close_fd(f->fd);
        (void)close_fd(f->epoll_fd);
        (void)unlink(f->path);
        (void)rmdir(f->dir);
        return 0;
}

static int put(struct fake *f, const char *text) {
        const struct journal_message m = {
                .owner = &f->owner, .fields = "A=1\nB=2\n", .fields_len = 8, .priority = 6, .text = text, .text_len = strlen(text)
        };

        return journal_put(&f->j, &m, f->now);
}

static size_t drain(struct fake *f, char *last, size_t size) {
        char buf[65536];
        size_t n = 0;
        ssize_t len;

        while ((len = recv(f->fd, buf, sizeof(buf), 0)) > 0) {
                n++;
                if (last)
                        memcpy(last, buf, (size_t)len < size ? (size_t)len : size);
        }
        return n;
}

/* The native protocol, byte by byte. */
static void form(void **state) {
        static const char expected[] = "A=1\nB=2\nPRIORITY=6\nMESSAGE\n\5\0\0\0\0\0\0\0hello\n";
        struct fake *f = *state;
        char got[256] = "";

        start_journald(f);
        assert_int_equal(put(f, "hello"), 0);
        assert_int_equal(drain(f, got, sizeof(got)), 0); /* batched */
        journal_flush(&f->j, f->now);
        assert_int_equal(drain(f, got, sizeof(got)), 1);
        assert_memory_equal(got, expected, sizeof(expected) - 1);
}

/* A journald that is behind slows, and loses nothing while it reads. */
static void congestion(void **state) {
        struct fake *f = *state;
        size_t taken = 0, seen = 0;

        start_journald(f);
        for (int round = 0; taken < 5000; round++) {
                assert_true(round < 100000);
                if (put(f, "x") == 0)
                        taken++;
                else {
                        seen += drain(f, NULL, 0);
                        f->now += 1000;
                        (void)journal_tend(&f->j, f->now);
                }
        }
        journal_flush(&f->j, f->now);
        while (f->j.congested || f->j.n > 0) {
                seen += drain(f, NULL, 0);
                (void)journal_tend(&f->j, f->now);
                journal_flush(&f->j, f->now);
        }
        seen += drain(f, NULL, 0);
        assert_int_equal(seen, 5000);
        assert_int_equal(f->owner.dropped, 0);
        assert_int_equal(f->owner.kept, 0);
}

/* One that reads nothing is waited for a fifth of a second, then lines are dropped and counted; when it reads again, all goes on.
 * Every line is either seen or counted. */
static void stuck(void **state) {
        struct fake *f = *state;
        size_t put_count = 0, seen = 0;

        start_journald(f);
        while (put(f, "x") == 0)
                put_count++;
        assert_true(f->j.congested);
        uint64_t since = f->now;
        while (!journal_tend(&f->j, f->now)) {
                assert_true(journal_deadline(&f->j) > f->now);
                f->now = journal_deadline(&f->j);
        }
        assert_true(f->now - since >= JOURNAL_PATIENCE_USEC && f->now - since <= 2 * JOURNAL_PATIENCE_USEC);
        assert_true(f->j.stuck);
        assert_int_equal(f->owner.kept, 0);
        uint64_t before = f->owner.dropped;
        assert_int_equal(put(f, "x"), 0);
        put_count++;
        assert_int_equal(f->owner.dropped, before + 1);

        f->now += JOURNAL_STUCK_USEC; /* it asks again, once, without waiting */
        (void)journal_tend(&f->j, f->now);
        assert_int_equal(put(f, "x"), 0);
        put_count++;
        journal_flush(&f->j, f->now);
        assert_true(f->j.stuck);
        assert_false(f->j.congested);

        seen = drain(f, NULL, 0);
        f->now += JOURNAL_STUCK_USEC;
        (void)journal_tend(&f->j, f->now);
        assert_int_equal(put(f, "y"), 0);
        put_count++;
        journal_flush(&f->j, f->now);
        seen += drain(f, NULL, 0);
        assert_int_equal(put_count, seen + f->owner.dropped);
        assert_false(f->j.stuck);
}

/* No journald at all, then one, then another one at the same path. */
static void comes_and_goes(void **state) {
        struct fake *f = *state;

        assert_int_equal(put(f, "lost"), 0);
        journal_flush(&f->j, f->now);
        assert_true(f->j.congested);
        f->now += JOURNAL_PATIENCE_USEC;
        assert_true(journal_tend(&f->j, f->now));
        assert_int_equal(f->owner.dropped, 1);
        start_journald(f);
        f->now += JOURNAL_STUCK_USEC;
        (void)journal_tend(&f->j, f->now);
        assert_int_equal(put(f, "one"), 0);
        journal_flush(&f->j, f->now);
        assert_int_equal(drain(f, NULL, 0), 1);

        (void)close_fd(f->fd); /* restarted: what comes meanwhile is kept and sent to the next one */
        assert_int_equal(put(f, "two"), 0);
        journal_flush(&f->j, f->now);
        assert_true(f->j.congested);
        assert_int_equal(f->owner.kept, 1);
        start_journald(f);
        f->now += 1000;
        assert_true(journal_tend(&f->j, f->now));
        assert_int_equal(drain(f, NULL, 0), 1);
        assert_int_equal(f->owner.dropped, 1);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, init, done)
        const struct CMUnitTest tests[] = { test(form), test(congestion), test(stuck), test(comes_and_goes) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
