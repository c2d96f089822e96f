/* stopwatch N CMD [ARG...]: runs CMD N times, one after the other, and prints what it took in microseconds:
 *     first-byte MEDIAN P95   exit MEDIAN P95
 * first-byte: from before the fork until CMD's first byte on stdout (0 0 when it writes none); exit: until it was reaped.
 * A CMD that fails ends the measurement, status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t now_usec(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int compare(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static int run_once(char **argv, uint64_t *ret_first, uint64_t *ret_exit) {
        posix_spawn_file_actions_t actions;
        int pipe_fd[2], status;
        pid_t pid;
        char bytes[4096];
        uint64_t first = 0;

        if (pipe(pipe_fd) < 0)
                return -errno;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&actions, pipe_fd[0]);
        posix_spawn_file_actions_addclose(&actions, pipe_fd[1]);
        const uint64_t start = now_usec();
        int r = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        close(pipe_fd[1]);
        if (r == 0) {
                while (read(pipe_fd[0], bytes, sizeof(bytes)) > 0)
                        if (first == 0)
                                first = now_usec() - start;
                if (waitpid(pid, &status, 0) < 0)
                        r = errno;
                else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                        fprintf(stderr, "stopwatch: %s: wait status 0x%x\n", argv[0], (unsigned)status);
                        r = EIO;
                }
        }
        close(pipe_fd[0]);
        *ret_first = first;
        *ret_exit = now_usec() - start;
        return -r;
}

int main(int argc, char *argv[]) {
        const long n = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

        if (n < 1 || n > 100000) {
                fprintf(stderr, "stopwatch N CMD [ARG...]\n");
                return 64;
        }
        uint64_t *first = calloc((size_t)n, sizeof(*first)), *end = calloc((size_t)n, sizeof(*end));
        if (!first || !end)
                return 71;
        for (long i = -1; i < n; i++) { /* the first run only warms the caches */
                uint64_t f, e;

                if (run_once(argv + 2, &f, &e) < 0)
                        return 1;
                if (i >= 0) {
                        first[i] = f;
                        end[i] = e;
                }
        }
        qsort(first, (size_t)n, sizeof(*first), compare);
        qsort(end, (size_t)n, sizeof(*end), compare);
        const long p95 = (n - 1) * 95 / 100;
        printf("first-byte %" PRIu64 " %" PRIu64 " exit %" PRIu64 " %" PRIu64 "\n", first[n / 2], first[p95], end[n / 2], end[p95]);
        free(first);
        free(end);
        return 0;
}
