/* logger: what the logs cost. A container's lines through ctrsup-logger into a file, beside the same bytes written straight to a
 * file and through `cat`; CPU a line; memory with many containers. CTRSUP_BIN says where ctrsup-logger is. */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/logger/client.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { MEGABYTES = 200, LINE = 100, STREAMS = 200 };

static double now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(int fd) {
        static char block[64 * 1024];
        size_t left = (size_t)MEGABYTES << 20;

        memset(block, 'x', sizeof(block));
        for (size_t i = LINE - 1; i < sizeof(block); i += LINE)
                block[i] = '\n';
        while (left > 0) {
                ssize_t n = write(fd, block, left < sizeof(block) ? left : sizeof(block));

                if (n <= 0)
                        exit(1);
                left -= (size_t)n;
        }
}

static double cpu_of(pid_t pid) {
        char path[64];
        unsigned long user = 0, system_ = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system_) != 2)
                return 0;
        return (double)(user + system_) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_of(pid_t pid) {
        char path[64], line[256];
        long kib = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (sscanf(line, "VmRSS: %ld", &kib) == 1)
                        break;
        return kib;
}

static void await(int control, enum logger_event_kind kind) {
        struct logger_event e;

        for (;;) {
                struct pollfd p = { .fd = control, .events = POLLIN };
                int r = logger_receive(control, &e, NULL);

                if (r < 0)
                        exit(1);
                if (r > 0 && e.kind == kind)
                        return;
                if (r == 0)
                        (void)poll(&p, 1, -1);
        }
}

static double straight(const char *dir) {
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/straight", dir);
        double began = now();
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        fill(fd);
        (void)close(fd);
        (void)unlink(path);
        return now() - began;
}

static double through_cat(const char *dir) {
        char path[PATH_MAX];
        int fds[2];

        (void)snprintf(path, sizeof(path), "%s/cat", dir);
        if (pipe2(fds, O_CLOEXEC) < 0)
                exit(1);
        double began = now();
        pid_t pid = fork();
        if (pid == 0) {
                int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

                (void)dup2(fds[0], 0), (void)dup2(out, 1);
                (void)execlp("cat", "cat", NULL);
                _exit(127);
        }
        (void)close(fds[0]);
        fill(fds[1]);
        (void)close(fds[1]);
        (void)waitpid(pid, NULL, 0);
        (void)unlink(path);
        return now() - began;
}

static struct logger_stream stream(uint64_t id) {
        return (struct logger_stream){ .id = id,
                                       .stack = "bench",
                                       .container = "c",
                                       .replica = (uint32_t)id,
                                       .instance = "00112233445566778899aabbccddeeff",
                                       .tag = "bench/c",
                                       .driver = LOGGER_FILE,
                                       .file_max_size = 64 << 20,
                                       .file_max_files = 2 };
}

static void remove_logs(const char *dir) {
        char command[PATH_MAX + 16];

        (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
        (void)!system(command);
}

int main(void) {
        char program[PATH_MAX], dir[] = "/var/tmp/ctrsup-bench-XXXXXX";
        int control, pidfd, fds[2], keep[STREAMS][2];
        struct err err = { 0 };
        pid_t pid;

        (void)snprintf(program, sizeof(program), "%s/ctrsup-logger", getenv("CTRSUP_BIN") ?: "build/release/bin");
        const struct rlimit files = { 4096, 4096 };
        (void)setrlimit(RLIMIT_NOFILE, &files);
        if (!mkdtemp(dir))
                return 1;
        const struct logger_spawn args = { .program = program, .logs = dir, .cgroup_fd = -1 };
        if (logger_spawn(&args, &control, &pidfd, &pid, &err) < 0) {
                (void)fprintf(stderr, "%s\n", err.text);
                return 1;
        }
        double floor_sec = straight(dir), cat_sec = through_cat(dir);
        const struct logger_stream s = stream(1);
        if (pipe2(fds, O_CLOEXEC) < 0 || logger_add(control, &s, fds[0], -1, &err) < 0)
                return 1;
        (void)close(fds[0]);
        double began = now(), cpu = cpu_of(pid);
        fill(fds[1]);
        (void)close(fds[1]);
        await(control, LOGGER_EVENT_EOF);
        double sec = now() - began;
        cpu = cpu_of(pid) - cpu;
        const double lines = (double)((size_t)MEGABYTES << 20) / LINE;
        printf("%d MB of %d-byte lines: straight to a file %.2f s, through cat %.2f s, through the logger %.2f s (%.1fx cat), "
               "%.2f M lines/s, %.2f us CPU a line\n",
               MEGABYTES, LINE, floor_sec, cat_sec, sec, sec / cat_sec, lines / sec / 1e6, cpu / lines * 1e6);

        printf("memory: idle %ld KiB", rss_of(pid));
        for (int i = 0; i < STREAMS; i++) {
                const struct logger_stream one = stream((uint64_t)i + 2);

                if (pipe2(keep[i], O_CLOEXEC) < 0)
                        return 1;
                while (logger_add(control, &one, keep[i][0], -1, &err) == -EAGAIN)
                        (void)poll(NULL, 0, 1);
                (void)!write(keep[i][1], "a line\nhalf of one", 18);
        }
        (void)logger_flush(control, 1, NULL);
        await(control, LOGGER_EVENT_FLUSHED);
        printf(", with %d containers %ld KiB\n", STREAMS, rss_of(pid));
        (void)logger_quit(control, NULL);
        (void)waitpid(pid, NULL, 0);
        remove_logs(dir);
        return 0;
}
