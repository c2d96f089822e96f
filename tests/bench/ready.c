/* ready N CMD [ARG...]: starts CMD, a daemon that says READY=1 to NOTIFY_SOCKET, N times, each killed with SIGKILL when it has said
 * so, and prints what it took in microseconds from before the fork:
 *     MEDIAN P99 MAX
 * One that ends before, or does not say it within a minute, ends the measurement, status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { LIMIT_MS = 60000 };

static uint64_t now_usec(void) {
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int compare(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

/* An address of its own each time: what the killed one still had to say is not heard by the next. */
static int listen_for(unsigned i) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char name[64];

        int n = snprintf(name, sizeof(name), "@ctrsup-bench-%d-%u", (int)getpid(), i);
        memcpy(address.sun_path, name, (size_t)n);
        address.sun_path[0] = '\0';
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)) < 0 ||
            setenv("NOTIFY_SOCKET", name, 1) < 0) {
                perror("ready: a socket");
                exit(71);
        }
        return fd;
}

static bool is_ready(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        const uint64_t end = now_usec() + LIMIT_MS * UINT64_C(1000);
        char text[4096];

        while (now_usec() < end && poll(&p, 1, LIMIT_MS) > 0) {
                ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

                text[n > 0 ? n : 0] = '\0';
                if (strncmp(text, "READY=1", 7) == 0 || strstr(text, "\nREADY=1"))
                        return true;
        }
        return false;
}

int main(int argc, char *argv[]) {
        const long n = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
        static uint64_t took[10000];

        if (n < 1 || n > 10000) {
                fprintf(stderr, "ready N CMD [ARG...]\n");
                return 64;
        }
        for (long i = 0; i < n; i++) {
                const int fd = listen_for((unsigned)i);
                const uint64_t start = now_usec();
                pid_t pid;

                if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0)
                        return 71;
                const bool ready = is_ready(fd);
                took[i] = now_usec() - start;
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
                close(fd);
                if (!ready) {
                        fprintf(stderr, "ready: start %ld was not ready within %d s\n", i + 1, LIMIT_MS / 1000);
                        return 1;
                }
        }
        qsort(took, (size_t)n, sizeof(*took), compare);
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", took[n / 2], took[(n * 99 + 99) / 100 - 1], took[n - 1]);
        return 0;
}
