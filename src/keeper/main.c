/* ctrsup-keeper: parent of every container. See design: it reads no YAML, decides nothing, and allocates nothing after start.
 *
 * setup.c makes the process; once it serves it does not speak.
 */
#include "keeper.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <getopt.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { EVENTS = 32 };

static const char usage[] = "usage: ctrsup-keeper --runtime DIR --init PROGRAM [--ephemeral] [--daemon] [--cgroup-dir DIR]...\n"
                            "       ctrsup-keeper --version\n";

/* Of two waits; -1 is for ever. */
static int sooner(int a, int b) {
        return a < 0 ? b : b < 0 || a < b ? a : b;
}

static void serve(struct keeper *k) {
        struct epoll_event events[EVENTS];

        while (!k->ending || k->table.n_live > 0) {
                int msec = sooner(launch_timeout_msec(k), sooner(server_timeout_msec(k), upgrade_timeout_msec(k)));
                int n = epoll_wait(k->epoll, events, EVENTS, msec);
                for (int i = 0; i < n; i++) {
                        enum source source = events[i].data.u64 & 0xff;
                        uint32_t index = (uint32_t)(events[i].data.u64 >> 8);
                        if (source == SOURCE_LISTEN)
                                server_on_listen(k);
                        else if (source == SOURCE_CLIENT)
                                server_on_client(k, events[i].events);
                        else if (source == SOURCE_SIGNAL || source == SOURCE_TRIAL)
                                upgrade_on_event(k, source);
                        else
                                launch_on_event(k, source, index);
                }
                launch_tick(k);
                server_tick(k);
                upgrade_tick(k);
                server_flush(k);
        }
        (void)unlinkat(k->runtime, KEEPER_SOCKET, 0);
        (void)unlinkat(k->runtime, KEEPER_LOCK, 0); /* last: who has the lock finds no socket of ours */
}

/* 0 to 2 are /dev/null from here on, all the rest is ours and CLOEXEC. */
static int detach_streams(int null) {
        for (int fd = 0; fd < 3; fd++)
                if (dup2(null, fd) < 0)
                        return -errno;
        return close(null);
}

static int parse_fd(const char *text, int *ret) {
        char *end;

        errno = 0;
        long value = strtol(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || value < 3 || value > INT_MAX)
                return -EINVAL;
        *ret = (int)value;
        return 0;
}

static int parse_options(int argc, char **argv, struct options *o) {
        static const struct option table[] = {
                { "runtime", required_argument, NULL, 'r' },
                { "init", required_argument, NULL, 'i' },
                { "cgroup-dir", required_argument, NULL, 'c' },
                { "ephemeral", no_argument, NULL, 'e' },
                { "daemon", no_argument, NULL, 'd' },
                { "resume", required_argument, NULL, 'R' },
                { "check-resume", required_argument, NULL, 'C' },
                { 0 },
        };

        for (int c; (c = getopt_long(argc, argv, "", table, NULL)) >= 0;) {
                if (c == 'r')
                        o->runtime = optarg;
                else if (c == 'i')
                        o->init = optarg;
                else if (c == 'c' && o->n_cgroup_dirs < CGROUP_DIRS_MAX)
                        o->cgroup_dirs[o->n_cgroup_dirs++] = optarg;
                else if (c == 'e')
                        o->ephemeral = true;
                else if (c == 'd')
                        o->daemon = true;
                else if (c == 'R' || c == 'C') {
                        if (parse_fd(optarg, c == 'R' ? &o->resume : &o->check) < 0)
                                return -EINVAL;
                } else
                        return -EINVAL;
        }
        return o->runtime && o->init && optind == argc ? 0 : -EINVAL;
}

/* Whoever started us waits for the exit of the process it knows: then the socket answers. */
static int become_daemon(struct keeper *k) {
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid > 0)
                _exit(EXIT_SUCCESS);
        (void)setsid();
        return listen(k->listen, 8) < 0 ? -errno : 0; /* again: SO_PEERCRED tells who listened last */
}

static int start(struct keeper *k, const struct options *o, const char *program) {
        int high = -EBADF;

        if (close_range(STDERR_FILENO + 1, UINT_MAX, 0) == 0) {
                _cleanup_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC); /* there is no /dev later */
                high = fcntl(null, F_DUPFD_CLOEXEC, 10);
        }
        if (high < 0)
                return (void)fprintf(stderr, "ctrsup-keeper: close inherited files: %s\n", strerror(errno)), -EBADF;
        int r = setup_new(k, o, program);
        if (r == 0 && o->daemon)
                r = become_daemon(k);
        if (r == 0) /* now: an epoll set waits for the signals of the process that added a signalfd */
                r = upgrade_watch(k);
        return r < 0 ? r : detach_streams(high);
}

int main(int argc, char **argv) {
        static struct keeper keeper; /* megabytes of table: not for the stack */
        struct options o = { .resume = -EBADF, .check = -EBADF };

        if (argc == 2 && strcmp(argv[1], "--version") == 0)
                return puts("ctrsup-keeper " CTRSUP_VERSION) < 0;
        if (parse_options(argc, argv, &o) < 0) {
                (void)fputs(usage, stderr);
                return KEEPER_EXIT_USAGE;
        }
        int again = reexec_read_only(argv);
        if (again < 0) {
                (void)fprintf(stderr, "ctrsup-keeper: run from a read-only mount: %s\n", strerror(-again));
                return EXIT_FAILURE;
        }
        if (o.check >= 0)
                return setup_check(&o);
        int r = o.resume >= 0 ? setup_resume(&keeper, &o, argv[0]) : start(&keeper, &o, argv[0]);
        if (r < 0)
                return EXIT_FAILURE;
        serve(&keeper);
        return EXIT_SUCCESS;
}
