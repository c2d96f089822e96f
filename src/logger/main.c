/* ctrsup-logger: reads the containers' pipes; started by ctrsupd, which speaks to it through include/ctrsup/logger/client.h.
 *
 *     ctrsup-logger --control FD --logs DIR
 *
 * It keeps no privilege but giving log files to group adm, and ends with the control socket and the last pipe, or on SIGTERM
 * after it has written what the pipes held. */
#include "logger.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* As sysexits.h and cli.md have them. */
enum { EXIT_USAGE = 64, EXIT_SOFTWARE = 70, EXIT_OS = 71 };

static int complain(const char *what, int code) {
        (void)fprintf(stderr, "ctrsup-logger: %s: %s\n", what, strerror(code));
        return EXIT_OS;
}

/* A payload's bytes go through here, so there is to be nothing worth taking. CHOWN is for root:adm. Without the privilege to
 * drop privileges there is none to drop. */
static void drop_privileges(void) {
        const unsigned keep = geteuid() == 0 ? 1u << CAP_CHOWN : 0;
        struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
        const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { .effective = keep, .permitted = keep } };

        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)syscall(SYS_capset, &head, data);
}

/* Two pipes a container, a file and a directory each: the soft limit of 1024 would end at some 250 of them. */
static void raise_fd_limit(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
        }
}

static int watch(struct logger *l, int fd, struct source *source, uint32_t events) {
        struct epoll_event e = { .events = events, .data.ptr = source };

        return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

static int set_up(struct logger *l, int control_fd, const char *logs) {
        const struct group *adm = getgrnam("adm");
        sigset_t signals;

        l->epoll_fd = l->signal_fd = l->logs_fd = l->journal.fd = l->tally.fd = -EBADF;
        l->control = (struct source){ SOURCE_CONTROL };
        l->signal = (struct source){ SOURCE_SIGNAL };
        l->control_fd = control_fd;
        l->group = adm ? adm->gr_gid : 0;
        l->care_usec = UINT64_MAX;
        if (fcntl(control_fd, F_SETFD, FD_CLOEXEC) < 0)
                return complain("--control", errno);
        if (mkdir(logs, 0755) < 0 && errno != EEXIST)
                return complain(logs, errno);
        l->logs_fd = open(logs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (l->logs_fd < 0)
                return complain(logs, errno);

        tally_open(&l->tally, l->logs_fd);

        /* Ctrl-C of a foreground apply is the supervisor's to hear; the last lines come after it. */
        static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGXFSZ };
        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
                (void)signal(ignored[i], SIG_IGN);
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &signals, NULL);
        l->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
        l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (l->signal_fd < 0 || l->epoll_fd < 0)
                return complain("start", errno);
        if (watch(l, l->signal_fd, &l->signal, EPOLLIN) < 0 ||
            watch(l, control_fd, &l->control, EPOLLIN | EPOLLOUT | EPOLLET) < 0)
                return complain("start", errno);
        journal_init(&l->journal, "/run/systemd/journal/socket", l->epoll_fd);
        return 0;
}

static void logger_freep(struct logger **l) {
        *l = logger_free(*l);
}

int main(int argc, char **argv) {
        uint64_t control = 0;
        const char *logs = NULL;
        int r;

        for (int i = 1; i + 1 < argc; i += 2)
                if (strcmp(argv[i], "--control") == 0 && num_parse_u64(argv[i + 1], &control) >= 0 && control <= INT32_MAX)
                        continue;
                else if (strcmp(argv[i], "--logs") == 0)
                        logs = argv[i + 1];
                else
                        control = 0;
        if (argc != 5 || control < 3 || !logs) {
                (void)fputs("Usage: ctrsup-logger --control FD --logs DIR\nctrsupd starts it; it is of no use by itself.\n",
                            stderr);
                return EXIT_USAGE;
        }
        _cleanup_(logger_freep) struct logger *l = calloc(1, sizeof(*l));
        if (!l)
                return complain("start", ENOMEM);
        (void)umask(022);
        raise_fd_limit();
        r = set_up(l, (int)control, logs);
        if (r != 0)
                return r;
        drop_privileges();
        r = logger_run(l);
        if (r < 0) {
                (void)complain("wait for events", -r);
                return EXIT_SOFTWARE;
        }
        return 0;
}
