/* beat MODE [ARG...]: payloads whose life can be told from outside, however they are ended.
 *
 *   steady                    waits; SIGTERM: exit 7
 *   exits DIR MIN MAX         DIR/count + 1 is this run; lives MIN to MAX milliseconds; exits 1 + run % 199
 *   once DIR                  a run as above that waits; SIGTERM: exit 1 + run % 199
 *   lines USEC [WIDTH]        numbered lines on stdout, one each USEC, to WIDTH characters; SIGTERM: exit 7
 *   flood BURST USEC [DIR]    so many numbered lines at once, then a pause; both say "end N" last; N is in DIR/said, too
 *
 * With DIR: DIR/lock is held by a run; a second one at a time appends "doubled" to DIR/witness and exits 254. DIR/witness gets
 * "start N" and, on the way out, "end N CODE".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t term;

static void on_term(int signal) {
        (void)signal;
        term = 1;
}

/* False: SIGTERM came. */
static int wait_usec(long usec) {
        struct timespec left = { usec / 1000000, usec % 1000000 * 1000 };
        sigset_t none;

        sigemptyset(&none);
        return !term && (pselect(0, NULL, NULL, NULL, usec < 0 ? NULL : &left, &none) == 0 || !term);
}

static int dir = -1;

static void witness(const char *format, long a, long b) {
        char line[64];
        int fd = openat(dir, "witness", O_WRONLY | O_APPEND | O_CREAT, 0644);
        int n = snprintf(line, sizeof(line), format, a, b);

        if (fd < 0 || write(fd, line, (size_t)n) != n)
                _exit(253);
        close(fd);
}

static long begin_run(const char *path) {
        char text[32] = "";
        long run;

        dir = open(path, O_RDONLY | O_DIRECTORY);
        int lock = openat(dir, "lock", O_RDWR | O_CREAT, 0644), count = openat(dir, "count", O_RDWR | O_CREAT, 0644);
        if (dir < 0 || lock < 0 || count < 0) {
                fprintf(stderr, "beat: %s: %s\n", path, strerror(errno));
                _exit(253);
        }
        if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
                witness("doubled\n", 0, 0);
                _exit(254);
        }
        if (read(count, text, sizeof(text) - 1) < 0)
                _exit(253);
        run = atol(text) + 1;
        int n = snprintf(text, sizeof(text), "%ld\n", run);
        if (pwrite(count, text, (size_t)n, 0) != n)
                _exit(253);
        witness("start %ld\n", run, 0);
        return run;
}

static int end_run(long run) {
        int code = (int)(1 + run % 199);

        witness("end %ld %ld\n", run, code);
        return code;
}

/* Everything or nothing: a line that is cut by the end of this process was never promised. */
static void put(const char *data, size_t len) {
        while (len > 0) {
                ssize_t n = write(STDOUT_FILENO, data, len);

                if (n < 0 && errno != EINTR)
                        _exit(252);
                if (n > 0) {
                        data += n;
                        len -= (size_t)n;
                }
        }
}

/* So that a reader knows how many there were: n lines, 0 to n - 1. */
static void last_line(long n) {
        char line[64];

        put(line, (size_t)snprintf(line, sizeof(line), "end %ld\n", n));
}

static int lines(long usec, long width) {
        char line[4096];
        long n = 0;

        if (width > (long)sizeof(line) - 2)
                width = (long)sizeof(line) - 2;
        for (; wait_usec(usec); n++) {
                int len = snprintf(line, sizeof(line), "n %ld ", n);

                while (len < width)
                        line[len++] = 'x';
                line[len++] = '\n';
                put(line, (size_t)len);
        }
        last_line(n);
        return 7;
}

static int flood(long burst, long usec, const char *path) {
        static char block[65536];
        size_t len = 0;
        long n = 0;

        for (; wait_usec(usec); n += burst) {
                for (long k = 0; k < burst; k++) {
                        len += (size_t)snprintf(block + len, sizeof(block) - len, "n %ld ................................\n", n + k);
                        if (len > sizeof(block) - 128) {
                                put(block, len);
                                len = 0;
                        }
                }
                put(block, len);
                len = 0;
        }
        if (path) {
                char line[32];

                dir = open(path, O_RDONLY | O_DIRECTORY);
                int said = openat(dir, "said", O_WRONLY | O_CREAT | O_TRUNC, 0644), length = snprintf(line, sizeof(line), "%ld\n", n);
                if (said < 0 || write(said, line, (size_t)length) != length)
                        return 253;
        }
        last_line(n);
        return 7;
}

int main(int argc, char *argv[]) {
        const char *mode = argc > 1 ? argv[1] : "";
        struct sigaction action = { .sa_handler = on_term };
        struct timespec now;
        sigset_t blocked;

        /* Blocked but while it waits, so that a signal just before a wait is not missed. */
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        sigaction(SIGTERM, &action, NULL);
        if (strcmp(mode, "steady") == 0) {
                while (wait_usec(-1))
                        continue;
                return 7;
        }
        if (strcmp(mode, "once") == 0 && argc > 2) {
                long run = begin_run(argv[2]);

                while (wait_usec(-1))
                        continue;
                return end_run(run);
        }
        if (strcmp(mode, "exits") == 0 && argc > 4) {
                long run = begin_run(argv[2]), min = atol(argv[3]), max = atol(argv[4]);

                clock_gettime(CLOCK_MONOTONIC, &now);
                (void)wait_usec((min + (now.tv_nsec / 1000 + run * 7919) % (max - min + 1)) * 1000);
                return end_run(run);
        }
        if (strcmp(mode, "lines") == 0 && argc > 2)
                return lines(atol(argv[2]), argc > 3 ? atol(argv[3]) : 0);
        if (strcmp(mode, "flood") == 0 && argc > 3)
                return flood(atol(argv[2]), atol(argv[3]), argc > 4 ? argv[4] : NULL);
        fprintf(stderr, "beat: which mode?\n");
        return 64;
}
