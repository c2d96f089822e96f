/* A watch is quiet while nobody sets the clock, also past the year 2038, and goes on being one. */
#include "unit.h"

#include <ctrsup/kernel/clock_watch.h>

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/timerfd.h>

static bool is_readable(int fd) {
        return poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 20) > 0;
}

static void quiet(void **state _unused_) {
        _cleanup_fd_ int fd = -EBADF;
        struct itimerspec left;

        assert_int_equal(clock_watch_open(&fd, NULL), 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        for (int n = 0; n < 2; n++) {
                assert_false(is_readable(fd));
                assert_int_equal(timerfd_gettime(fd, &left), 0);
                assert_true(left.it_value.tv_sec > INT64_C(100) * 365 * 86400);
                assert_int_equal(clock_watch_again(fd, NULL), 0);
        }
}

unit_main(cmocka_unit_test(quiet));
