/* How a process ended that somebody else reaps: its zombie tells, and on newer kernels its pidfd does when the zombie is gone. */
#include "unit.h"

#include <ctrsup/kernel/sys.h>
#include <ctrsup/observe/exit.h>
#include <ctrsup/observe/started.h>

#include <poll.h>
#include <signal.h>

struct ended {
        pid_t pid;
        int pidfd, gate;
        uint64_t ticks;
};

/* A child that waits at the gate, then ends as how says: an exit status, or minus a signal. */
static struct ended start(int how) {
        struct ended e = { 0 };
        int ends[2];

        assert_int_equal(pipe(ends), 0);
        e.pid = fork();
        if (e.pid == 0) {
                char byte;

                (void)close(ends[1]);
                (void)!read(ends[0], &byte, 1);
                if (how < 0)
                        (void)raise(-how);
                _exit(how);
        }
        (void)close(ends[0]);
        e.gate = ends[1];
        e.pidfd = sys_pidfd_open(e.pid);
        assert_true(e.pidfd >= 0);
        assert_int_equal(started_ticks(e.pid, &e.ticks, NULL), 0);
        return e;
}

static void let_end(struct ended *e) {
        struct pollfd p = { .fd = e->pidfd, .events = POLLIN };

        (void)close(e->gate);
        assert_int_equal(poll(&p, 1, 10000), 1);
}

static void zombie_tells(void **state _unused_) {
        static const struct {
                int how;
                enum exit_reason reason;
                int code, signal;
        } cases[] = { { 0, EXIT_EXITED, 0, 0 }, { 7, EXIT_EXITED, 7, 0 }, { -SIGKILL, EXIT_KILLED, -1, SIGKILL } };

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                struct ended e = start(cases[n].how);
                struct exit_info info = EXIT_INFO_NULL;

                assert_int_equal(exit_peek(e.pidfd, e.pid, e.ticks, &info), 0); /* it runs */
                let_end(&e);
                assert_int_equal(exit_peek(e.pidfd, e.pid, e.ticks, &info), 1);
                assert_int_equal(info.reason, cases[n].reason);
                assert_int_equal(info.code, cases[n].code);
                assert_int_equal(info.signal, cases[n].signal);

                /* reaped: true, or nothing; never a wrong one */
                assert_int_equal(waitpid(e.pid, NULL, 0), e.pid);
                info = EXIT_INFO_NULL;
                int r = exit_peek(e.pidfd, e.pid, e.ticks, &info);
                assert_true(r == 1 || r == -ENODATA);
                if (r == 1) {
                        assert_int_equal(info.reason, cases[n].reason);
                        assert_int_equal(info.code, cases[n].code);
                } else
                        assert_int_equal(info.reason, EXIT_NONE);
                (void)close(e.pidfd);
        }
}

/* The zombie of another process with that pid says nothing about ours. */
static void another_of_that_pid(void **state _unused_) {
        struct ended e = start(3), other = start(0);
        struct exit_info info = EXIT_INFO_NULL;

        let_end(&other); /* it holds the first one's gate open */
        let_end(&e);
        assert_int_equal(waitpid(other.pid, NULL, 0), other.pid);
        int r = exit_peek(other.pidfd, e.pid, e.ticks + 1, &info);
        assert_true(r == 1 ? info.code == 0 : r == -ENODATA);
        assert_int_equal(exit_peek(-1, e.pid, e.ticks, &info), -ENODATA);
        assert_int_equal(waitpid(e.pid, NULL, 0), e.pid);
        (void)close(e.pidfd);
        (void)close(other.pidfd);
}

unit_main(cmocka_unit_test(zombie_tells), cmocka_unit_test(another_of_that_pid));
