#include <ctrsup/observe/started.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STARTTIME_FIELD = 22, STAT_SIZE = 2048 };

int started_stat_field(const char *stat, unsigned n, int64_t *ret) {
        const char *at = strrchr(stat, ')'); /* the name may hold blanks and brackets of its own */
        char *end;

        for (unsigned field = 2; at && field < n; field++) { /* after pid and (comm) comes field 3 */
                at = strchr(at, ' ');
                at = at ? at + 1 : NULL;
        }
        if (!at || at == strrchr(stat, ')'))
                return -EBADMSG;
        errno = 0;
        long long value = strtoll(at, &end, 10);
        if (errno != 0 || end == at || (*end != ' ' && *end != '\n' && *end != '\0'))
                return -EBADMSG;
        *ret = value;
        return 0;
}

int started_read_stat(pid_t pid, char *buf, size_t size) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);
        if (n < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        buf[n] = '\0';
        return 0;
}

int started_ticks(pid_t pid, uint64_t *ret, struct err *err) {
        char text[STAT_SIZE];
        int64_t ticks;

        int r = started_read_stat(pid, text, sizeof(text));
        if (r < 0)
                return err_sys(err, -r, "read /proc/%d/stat", (int)pid);
        if (started_stat_field(text, STARTTIME_FIELD, &ticks) < 0 || ticks < 0)
                return err_set(err, EBADMSG, "/proc/%d/stat has no start time", (int)pid);
        *ret = (uint64_t)ticks;
        return 0;
}

static uint64_t clock_usec(clockid_t clock) {
        struct timespec t = { 0 };

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

int started_read(pid_t pid, uint64_t *ret_mono_usec, uint64_t *ret_real_usec, struct err *err) {
        uint64_t ticks;

        int r = started_ticks(pid, &ticks, err);
        if (r < 0)
                return r;
        uint64_t at = ticks * (USEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK)), now = clock_usec(CLOCK_BOOTTIME);
        uint64_t age = now > at ? now - at : 0, mono = clock_usec(CLOCK_MONOTONIC);
        *ret_mono_usec = mono > age ? mono - age : 1;
        *ret_real_usec = clock_usec(CLOCK_REALTIME) - age;
        return 0;
}

bool started_is_init(pid_t pid) {
        char path[64], line[512];

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f)) {
                const char *last = strrchr(line, '\t');

                if (strncmp(line, "NSpid:\t", 7) == 0)
                        return last > line + 6 && strcmp(last, "\t1\n") == 0;
        }
        return false;
}

int started_open(pid_t pid, uint64_t ticks, int *ret_pidfd) {
        uint64_t now;

        if (pid <= 0)
                return -ESRCH;
        _cleanup_fd_ int fd = sys_pidfd_open(pid);
        if (fd < 0)
                return -errno;
        /* Asked after the pidfd was opened: if it is the same one now, it was then. */
        int r = started_ticks(pid, &now, NULL);
        if (r < 0)
                return r;
        if (now != ticks)
                return -ESRCH;
        *ret_pidfd = take_fd(&fd);
        return 0;
}
