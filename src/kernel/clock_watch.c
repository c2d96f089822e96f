#include <ctrsup/kernel/clock_watch.h>

#include <ctrsup/base/cleanup.h>

#include <stdint.h>
#include <sys/timerfd.h>

/* A time that never comes: only the cancellation counts. */
static int arm(int fd, struct err *err) {
        const struct itimerspec never = { .it_value.tv_sec = INT64_MAX / 1000000000 - 1 }; /* what the kernel can count */

        if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
                return err_sys(err, errno, "watch the clock");
        return 0;
}

int clock_watch_open(int *ret, struct err *err) {
        _cleanup_fd_ int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

        if (fd < 0)
                return err_sys(err, errno, "watch the clock");
        int r = arm(fd, err);
        if (r >= 0)
                *ret = take_fd(&fd);
        return r;
}

int clock_watch_again(int fd, struct err *err) {
        uint64_t expirations;

        (void)!read(fd, &expirations, sizeof(expirations)); /* ECANCELED, once */
        return arm(fd, err);
}
