#include <ctrsup/store/lock.h>

#include <ctrsup/base/num.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum { LOOK_AGAIN_USEC = 2000, ORPHAN_PATIENCE_USEC = 2000000 };

/* The pid that the holder wrote, 0 when there is none: only for the words. */
static uint64_t holder(int fd) {
        char text[24];
        uint64_t pid = 0;
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

        if (n <= 0)
                return 0;
        text[n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return num_parse_u64(text, &pid) < 0 ? 0 : pid;
}

int lock_try(int fd, unsigned patience_usec) {
        const struct timespec pause = { .tv_nsec = LOOK_AGAIN_USEC * 1000L };

        for (unsigned waited = 0;; waited += LOOK_AGAIN_USEC) {
                if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                        return 0;
                if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= patience_usec)
                        return -errno;
                (void)nanosleep(&pause, NULL);
        }
}

/* Who wrote its pid is dead: what holds the lock is a child of it, for the moment until it execs or has closed what it inherited. */
static bool holder_is_dead(int fd) {
        uint64_t pid = holder(fd);

        return pid > 0 && pid <= INT_MAX && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

int lock_take(int fd, const char *where, int *ret_fd, struct err *err) {
        _cleanup_fd_ int lock = openat(fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

        if (lock < 0)
                return err_sys(err, errno, "open %s/lock", where);
        int r = lock_try(lock, 0);
        if (r == -EWOULDBLOCK && holder_is_dead(lock))
                r = lock_try(lock, ORPHAN_PATIENCE_USEC);
        if (r < 0) {
                int code = -r;
                uint64_t pid = holder(lock);

                if (code != EWOULDBLOCK)
                        return err_sys(err, code, "lock %s", where);
                if (pid > 0)
                        (void)err_set(err, EBUSY, "another supervisor (pid %llu) uses %s", (unsigned long long)pid, where);
                else
                        (void)err_set(err, EBUSY, "another supervisor uses %s", where);
                (void)err_hint(err, "stop it first, or give this one directories of its own (paths.runtime, paths.state)");
                return -EBUSY;
        }

        char text[24];
        int len = snprintf(text, sizeof(text), "%lld\n", (long long)getpid());
        if (ftruncate(lock, 0) < 0 || pwrite(lock, text, (size_t)len, 0) < 0)
                (void)where; /* a full disk: only the other one's words suffer */
        *ret_fd = take_fd(&lock);
        return 0;
}
