/* The sender against sockets of our own: what arrives, and that nothing ever waits. */
#include "unit.h"

#include <ctrsup/report/journal.h>
#include <ctrsup/report/notify.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

struct journald {
        char path[64];
        int fd;
};

static void begin(struct journald *j) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };

        (void)snprintf(j->path, sizeof(j->path), "/tmp/ctrsup-test-journal-%d", getpid());
        (void)unlink(j->path);
        (void)strcpy(at.sun_path, j->path);
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(j->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
}

static void end(struct journald *j) {
        (void)close(j->fd);
        (void)unlink(j->path);
}

static const char *receive(const struct journald *j, char buf[4096]) {
        ssize_t n = recv(j->fd, buf, 4095, 0);

        buf[n > 0 ? n : 0] = '\0';
        return buf;
}

static const struct report_event event = { .kind = REPORT_NOTICE, .priority = 4, .message = "hello" };

static void entries_arrive(void **state _unused_) {
        struct reporter r = REPORTER_NULL;
        struct journald j;
        char buf[4096];

        assert_int_equal(reporter_open_journal(&r, "/tmp/ctrsup-no-such-socket", NULL), -ENOENT);
        begin(&j);
        assert_int_equal(reporter_open_journal(&r, j.path, NULL), 0);
        reporter_send(&r, &event);
        assert_string_equal(receive(&j, buf), "MESSAGE=hello\nPRIORITY=4\nSYSLOG_IDENTIFIER=ctrsupd\n");
        reporter_send(&r, &(struct report_event){ .kind = REPORT_CONTAINER_STATE, .stack = "s" }); /* debug: above the level */
        assert_string_equal(receive(&j, buf), "");
        end(&j);
        reporter_done(&r);
}

/* A journald that reads nothing: no wait, exact count, and the count is said when it reads again. */
static void a_stuck_journal_blocks_nobody(void **state _unused_) {
        struct reporter r = REPORTER_NULL;
        struct journald j;
        char buf[4096];
        struct timespec a, b;
        uint64_t arrived = 0;
        bool said = false;

        begin(&j);
        assert_int_equal(reporter_open_journal(&r, j.path, NULL), 0);
        (void)clock_gettime(CLOCK_MONOTONIC, &a);
        for (int i = 0; i < 5000; i++)
                reporter_send(&r, &event);
        (void)clock_gettime(CLOCK_MONOTONIC, &b);
        assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 < 2000);
        assert_true(r.dropped > 0);
        uint64_t dropped = r.dropped;
        while (*receive(&j, buf))
                arrived++;
        assert_int_equal(arrived + dropped, 5000);
        reporter_send(&r, &event);
        assert_int_equal(r.dropped, 0);
        assert_non_null(strstr(receive(&j, buf), "MESSAGE=hello\n"));
        char words[100];
        (void)snprintf(words, sizeof(words), "MESSAGE=%llu entries before this one did not reach the journal\n",
                       (unsigned long long)dropped);
        said = strstr(receive(&j, buf), words);
        assert_true(said);
        end(&j);
        reporter_done(&r);
}

/* A new journald at the same place is found; without one the words go to stderr. */
static void a_journal_that_restarts(void **state _unused_) {
        struct reporter r = REPORTER_NULL;
        struct journald j;
        char buf[4096];
        int out[2];

        begin(&j);
        assert_int_equal(reporter_open_journal(&r, j.path, NULL), 0);
        end(&j);
        reporter_send(&r, &event);
        assert_int_equal(r.dropped, 1);
        assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
        r.stderr_fd = out[1];
        reporter_send(&r, &event);
        ssize_t n = read(out[0], buf, sizeof(buf) - 1);
        buf[n > 0 ? n : 0] = '\0';
        assert_string_equal(buf, "hello\n");
        begin(&j);
        reporter_send(&r, &event);
        assert_non_null(strstr(receive(&j, buf), "MESSAGE=hello\n"));
        end(&j);
        reporter_done(&r);
        (void)close(out[0]);
        (void)close(out[1]);
}

/* A full pipe (a pager that nobody pages): left out and counted. */
static void a_full_stderr_blocks_nobody(void **state _unused_) {
        struct reporter r = REPORTER_NULL;
        int out[2];

        assert_int_equal(pipe2(out, O_CLOEXEC), 0); /* blocking, as stderr is */
        r.stderr_fd = out[1];
        for (int i = 0; i < 20000; i++)
                reporter_send(&r, &event);
        assert_true(r.dropped > 0);
        (void)close(out[0]);
        (void)close(out[1]);
}

static void add(struct instance *items, const struct instance **list, size_t *n, const char *container, enum phase phase,
                enum spec_type type) {
        instance_init(items + *n, "shop", container, 1, &(struct policy){ .type = type });
        items[*n].phase = phase;
        items[*n].desire = phase == PHASE_STOPPED ? DESIRE_STOPPED : DESIRE_RUN;
        list[*n] = items + *n;
        (*n)++;
}

static void status_line(void **state _unused_) {
        struct instance items[8];
        const struct instance *list[8] = { NULL };
        size_t n = 0;
        _cleanup_buf_ struct buf out = BUF_NULL;

        notify_status_text(list, 0, 0, &out);
        assert_string_equal(buf_text(&out), "no stacks");
        buf_reset(&out);
        add(items, list, &n, "db", PHASE_READY, TYPE_SERVICE);
        add(items, list, &n, "job", PHASE_RUNNING, TYPE_JOB);
        add(items, list, &n, "done", PHASE_COMPLETED, TYPE_JOB);
        add(items, list, &n, "off", PHASE_STOPPED, TYPE_SERVICE);
        notify_status_text(list, n, 1, &out);
        assert_string_equal(buf_text(&out), "1 stack, 3/3 ready");
        buf_reset(&out);
        add(items, list, &n, "api", PHASE_BACKOFF, TYPE_SERVICE);
        notify_status_text(list, n, 2, &out);
        assert_string_equal(buf_text(&out), "2 stacks, 3/4 ready; shop/api backing off");
        buf_reset(&out);
        add(items, list, &n, "web", PHASE_FAILED, TYPE_SERVICE);
        add(items, list, &n, "new", PHASE_STARTING, TYPE_SERVICE);
        notify_status_text(list, n, 2, &out);
        assert_string_equal(buf_text(&out), "2 stacks, 3/6 ready; shop/web failed, 1 more in trouble");
}

/* At most one a second, none twice, and the last one is never lost. */
static void status_is_rate_limited(void **state _unused_) {
        struct journald j;
        struct notify n = { 0 };
        char buf[4096];

        begin(&j);
        assert_int_equal(setenv("NOTIFY_SOCKET", j.path, 1), 0);
        assert_int_equal(notify_status(&n, "a", 5), USEC_INFINITY);
        assert_string_equal(receive(&j, buf), "STATUS=a");
        assert_int_equal(notify_status(&n, "b", 10), 5 + USEC_PER_SEC);
        assert_int_equal(notify_status(&n, "c", 20), 5 + USEC_PER_SEC);
        assert_string_equal(receive(&j, buf), "");
        assert_int_equal(notify_status(&n, "c", 5 + USEC_PER_SEC), USEC_INFINITY);
        assert_string_equal(receive(&j, buf), "STATUS=c");
        assert_int_equal(notify_status(&n, "c", 99 * USEC_PER_SEC), USEC_INFINITY);
        assert_string_equal(receive(&j, buf), "");
        notify_send("READY=1");
        assert_string_equal(receive(&j, buf), "READY=1");
        end(&j);
        notify_send("READY=1"); /* nobody listens */
        assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
        notify_send("READY=1");
}

unit_main(cmocka_unit_test(entries_arrive), cmocka_unit_test(a_stuck_journal_blocks_nobody),
          cmocka_unit_test(a_journal_that_restarts), cmocka_unit_test(a_full_stderr_blocks_nobody), cmocka_unit_test(status_line),
          cmocka_unit_test(status_is_rate_limited));
