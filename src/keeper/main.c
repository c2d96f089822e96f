/* ctrsup-keeper: parent of every container. See design: it reads no YAML, decides nothing, and allocates nothing after start.
 *
 * Everything that can fail for want of something fails here, with one line on stderr; once it serves it does not speak.
 */
#include "keeper.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { EXIT_USAGE = 64, FD_LOW = 10, EVENTS = 32, CGROUP_DIRS_MAX = 16 };

struct options {
        const char *runtime, *init;
        const char *cgroup_dirs[CGROUP_DIRS_MAX];
        size_t n_cgroup_dirs;
        bool ephemeral, daemon;
};

static int complain(int error, const char *format, ...) _printf_(2, 3);

static int complain(int error, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void)fprintf(stderr, "ctrsup-keeper: ");
        (void)vfprintf(stderr, format, ap);
        (void)fprintf(stderr, ": %s\n", strerror(error));
        va_end(ap);
        return -error;
}

/* Above what a child puts its streams, report pipe and init on. */
static int move_up(int fd) {
        int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_LOW);

        (void)close(fd);
        return high;
}

/* ctrsup-init as a sealed memfd: a container that gets at /proc/1/exe gets at a copy that nobody can write (CVE-2019-5736). */
static int load_init(const char *path) {
        _cleanup_fd_ int file = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (file < 0 || fstat(file, &st) < 0)
                return -errno;
        int fd = memfd_create("ctrsup-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10U /* MFD_EXEC, 6.3 */);
        if (fd < 0 && errno == EINVAL)
                fd = memfd_create("ctrsup-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        for (off_t left = st.st_size; left > 0;) {
                ssize_t n = sendfile(fd, file, NULL, (size_t)left);
                if (n <= 0) {
                        int error = n < 0 ? errno : EIO;
                        (void)close(fd);
                        return -error;
                }
                left -= n;
        }
        if (fchmod(fd, 0555) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
                int error = errno;
                (void)close(fd);
                return -error;
        }
        return move_up(fd);
}

/* A socket that nobody answers on is a leftover of a killed keeper. */
static int listen_at(const char *runtime) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", runtime, KEEPER_SOCKET) >=
            sizeof(address.sun_path))
                return -ENAMETOOLONG;
        mode_t mask = umask(0177);
        int r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        if (r == -EADDRINUSE) {
                _cleanup_fd_ int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                if (probe >= 0 && connect(probe, (struct sockaddr *)&address, sizeof(address)) < 0 && errno == ECONNREFUSED &&
                    unlink(address.sun_path) == 0)
                        r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
        }
        (void)umask(mask);
        if (r < 0)
                return r;
        if (listen(fd, 8) < 0)
                return -errno;
        return move_up(take_fd(&fd));
}

static int open_high(const char *path, int flags) {
        int fd = open(path, flags | O_CLOEXEC);

        return fd < 0 ? -errno : move_up(fd);
}

/* What a container must not inherit, and what the keeper itself needs. */
static int prepare_process(void) {
        struct rlimit files;
        sigset_t none;

        for (int sig = 1; sig < NSIG; sig++)
                (void)sys_signal_default(sig);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setsid(); /* fails when we lead a group already: fine */
        (void)umask(022);
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return complain(errno, "become undumpable");
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
        (void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "-999"); /* best effort: needs CAP_SYS_RESOURCE */
        return 0;
}

static int join_cgroups(const struct options *o) {
        for (size_t i = 0; i < o->n_cgroup_dirs; i++) {
                _cleanup_fd_ int dir = open(o->cgroup_dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
                int r = dir < 0 ? -errno : io_write_text(dir, "cgroup.procs", "0");
                if (r < 0)
                        return complain(-r, "join cgroup %s", o->cgroup_dirs[i]);
        }
        return 0;
}

static int prepare_keeper(struct keeper *k, const struct options *o) {
        k->client = -EBADF;
        k->host_mounts = open_high("/proc/self/ns/mnt", O_RDONLY);
        if (k->host_mounts < 0)
                return complain(-k->host_mounts, "open the host's mount namespace");
        k->init = load_init(o->init);
        if (k->init < 0)
                return complain(-k->init, "load %s", o->init);
        k->runtime = open_high(o->runtime, O_PATH | O_DIRECTORY);
        if (k->runtime < 0)
                return complain(-k->runtime, "open %s", o->runtime);
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        k->epoll = epoll < 0 ? -errno : move_up(epoll);
        if (k->epoll < 0)
                return complain(-k->epoll, "make an epoll set");
        k->listen = listen_at(o->runtime);
        if (k->listen < 0)
                return complain(-k->listen, "listen at %s/%s", o->runtime, KEEPER_SOCKET);
        int r = keeper_watch(k, k->listen, SOURCE_LISTEN, 0, EPOLLIN);
        if (r == 0)
                r = confine(o->runtime);
        if (r < 0)
                return complain(-r, "make a mount namespace of its own");
        k->own_mounts = open_high("/proc/self/ns/mnt", O_RDONLY);
        if (k->own_mounts < 0)
                return complain(-k->own_mounts, "open its own mount namespace");
        return 0;
}

static void serve(struct keeper *k) {
        struct epoll_event events[EVENTS];

        while (!k->ending || k->table.n_live > 0) {
                int n = epoll_wait(k->epoll, events, EVENTS, -1);
                for (int i = 0; i < n; i++) {
                        enum source source = events[i].data.u64 & 0xff;
                        uint32_t index = (uint32_t)(events[i].data.u64 >> 8);
                        if (source == SOURCE_LISTEN)
                                server_on_listen(k);
                        else if (source == SOURCE_CLIENT)
                                server_on_client(k, events[i].events);
                        else
                                launch_on_event(k, source, index);
                }
                server_flush(k);
        }
        (void)unlinkat(k->runtime, KEEPER_SOCKET, 0);
}

/* 0 to 2 are /dev/null from here on, all the rest is ours and CLOEXEC. */
static int detach_streams(int null) {
        for (int fd = 0; fd < 3; fd++)
                if (dup2(null, fd) < 0)
                        return -errno;
        return close(null);
}

static int parse_options(int argc, char **argv, struct options *o) {
        static const struct option table[] = {
                { "runtime", required_argument, NULL, 'r' },    { "init", required_argument, NULL, 'i' },
                { "cgroup-dir", required_argument, NULL, 'c' }, { "ephemeral", no_argument, NULL, 'e' },
                { "daemon", no_argument, NULL, 'd' },           { 0 },
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
                else
                        return -EINVAL;
        }
        return o->runtime && o->init && optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv) {
        static struct keeper keeper; /* megabytes of table: not for the stack */
        struct options o = { 0 };

        if (parse_options(argc, argv, &o) < 0) {
                (void)fprintf(
                        stderr,
                        "usage: ctrsup-keeper --runtime DIR --init PROGRAM [--ephemeral] [--daemon] [--cgroup-dir DIR]...\n");
                return EXIT_USAGE;
        }
        if (close_range(STDERR_FILENO + 1, UINT_MAX, 0) < 0)
                return (void)complain(errno, "close inherited files"), EXIT_FAILURE;
        int null = open_high("/dev/null", O_RDWR); /* there is no /dev later */
        if (null < 0)
                return (void)complain(-null, "open /dev/null"), EXIT_FAILURE;
        keeper.ephemeral = o.ephemeral;
        if (prepare_process() < 0 || join_cgroups(&o) < 0 || prepare_keeper(&keeper, &o) < 0)
                return EXIT_FAILURE;
        if (o.daemon) { /* whoever started us waits for this exit: then the socket answers */
                pid_t pid = fork();
                if (pid < 0)
                        return (void)complain(errno, "fork"), EXIT_FAILURE;
                if (pid > 0)
                        _exit(EXIT_SUCCESS);
                (void)setsid();
        }
        if (detach_streams(null) < 0)
                return EXIT_FAILURE;
        serve(&keeper);
        return EXIT_SUCCESS;
}
