/* The keeper's process before it serves: new, or handed over by the program before. Everything that can fail for want of
 * something fails here, with one line on stderr. */
#include "resume.h"
#include "sealed.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/exec.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

enum { FD_LOW = 10, LOCK_TRIES = 50, LOCK_PAUSE_NSEC = 10000000 };

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

static int open_high(const char *path, int flags) {
        int fd = open(path, flags | O_CLOEXEC);

        return fd < 0 ? -errno : move_up(fd);
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

/* One keeper a runtime directory. One that was killed may take a moment to let go: its end of the socket is gone before the
 * last of its fds, and a preparer has a copy until it closed what is not its own. */
static int lock_at(int dir) {
        const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NSEC };

        for (int tries = 0; tries < LOCK_TRIES; tries++) {
                struct stat have, there;
                _cleanup_fd_ int fd = openat(dir, KEEPER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

                if (fd < 0)
                        return -errno;
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        if (errno != EWOULDBLOCK)
                                return -errno;
                        (void)nanosleep(&pause, NULL);
                        continue;
                }
                /* one that ends takes its file away: then this is a lock on nothing */
                if (fstat(fd, &have) == 0 && fstatat(dir, KEEPER_LOCK, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                    have.st_dev == there.st_dev && have.st_ino == there.st_ino)
                        return move_up(take_fd(&fd));
        }
        return -EBUSY;
}

/* A socket that nobody answers on is a leftover of a killed keeper. With the lock ours, somebody who answers is a keeper from
 * before there was a lock. */
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

/* What a container must not inherit, and what the keeper itself needs. */
static int prepare_process(void) {
        struct rlimit files;
        sigset_t hangup;

        /* first: one that came during execve(2) is pending */
        (void)sigemptyset(&hangup);
        (void)sigaddset(&hangup, SIGHUP);
        (void)sigprocmask(SIG_SETMASK, &hangup, NULL);
        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return complain(errno, "become undumpable");
        for (int sig = 1; sig < NSIG; sig++)
                (void)sys_signal_default(sig);
        (void)setsid(); /* fails when we lead a group already: fine */
        (void)umask(022);
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

/* Whoever executes it later does so from another directory. */
static int make_absolute(const char *path, char out[PATH_MAX]) {
        char here[PATH_MAX] = "";

        if (path[0] != '/' && (!getcwd(here, sizeof(here)) || strlen(here) + 1 >= sizeof(here)))
                return -ENAMETOOLONG;
        int n = snprintf(out, PATH_MAX, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
        return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int remember_paths(struct keeper *k, const struct options *o, const char *program) {
        char self[PATH_MAX];

        if (!strchr(program, '/')) { /* found in PATH */
                ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
                self[n < 0 ? 0 : n] = '\0';
                program = self;
        }
        int r = make_absolute(program, k->program);
        if (r == 0)
                r = make_absolute(o->runtime, k->runtime_path);
        if (r == 0)
                r = make_absolute(o->init, k->init_path);
        return r < 0 ? complain(-r, "make the paths of its files absolute") : 0;
}

static int make_epoll(struct keeper *k) {
        int epoll = epoll_create1(EPOLL_CLOEXEC);

        k->epoll = epoll < 0 ? -errno : move_up(epoll);
        if (k->epoll < 0)
                return complain(-k->epoll, "make an epoll set");
        return 0;
}

static int open_all(struct keeper *k, const struct options *o) {
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
        k->lock = lock_at(k->runtime);
        if (k->lock == -EBUSY)
                return complain(EBUSY, "another keeper serves in %s", o->runtime);
        if (k->lock < 0)
                return complain(-k->lock, "lock %s/%s", o->runtime, KEEPER_LOCK);
        k->listen = listen_at(o->runtime);
        if (k->listen < 0)
                return complain(-k->listen, "listen at %s/%s", o->runtime, KEEPER_SOCKET);
        return 0;
}

int setup_new(struct keeper *k, const struct options *o, const char *program) {
        k->ephemeral = o->ephemeral;
        int r = remember_paths(k, o, program);
        if (r == 0)
                r = prepare_process();
        if (r == 0)
                r = join_cgroups(o);
        if (r == 0)
                r = open_all(k, o);
        if (r == 0)
                r = make_epoll(k);
        if (r < 0)
                return r;
        r = keeper_watch(k, k->listen, SOURCE_LISTEN, 0, EPOLLIN);
        if (r == 0)
                r = confine(o->runtime);
        if (r < 0)
                return complain(-r, "make a mount namespace of its own");
        k->own_mounts = open_high("/proc/self/ns/mnt", O_RDONLY);
        if (k->own_mounts < 0)
                return complain(-k->own_mounts, "open its own mount namespace");
        return 0;
}

static int open_table(int fd, struct resume_view *ret) {
        const void *data;
        size_t size;

        int r = sealed_map(fd, RESUME_SIZE_MAX, &data, &size);
        return r < 0 ? r : resume_open(data, size, ret);
}

/* What is left to fail here was tried a moment ago by setup_check(), in a process like this one. */
int setup_resume(struct keeper *k, const struct options *o, const char *program) {
        struct resume_view table;

        int r = prepare_process();
        if (r == 0)
                r = remember_paths(k, o, program);
        if (r < 0)
                return r;
        k->ephemeral = o->ephemeral;
        r = open_table(o->resume, &table);
        if (r < 0)
                return complain(-r, "read the table of the program before");
        resume_load(&table, k);
        uint32_t protocol = table.header->protocol;
        (void)munmap((void *)table.header, table.header->size);
        (void)close(o->resume);
        if (upgrade_inherit(k, false) < 0)
                return complain(EBADF, "take over the files of the program before");
        int init = load_init(o->init);
        if (init >= 0) { /* else the one before is better than none */
                (void)close(k->init);
                k->init = init;
        }
        r = make_epoll(k);
        if (r < 0)
                return r;
        r = keeper_watch(k, k->listen, SOURCE_LISTEN, 0, EPOLLIN);
        if (r == 0)
                r = upgrade_watch(k);
        if (r == 0)
                r = launch_watch_all(k);
        if (r == 0 && setns(k->own_mounts, CLONE_NEWNS) < 0)
                r = -errno;
        if (r < 0)
                return complain(-r, "go on where the program before was");
        server_resume(k, protocol);
        return 0;
}

int setup_check(const struct options *o) {
        const struct exec_report ready = { .kind = EXEC_REPORT_READY, .pid = getpid() };
        struct resume_view table;

        if (open_table(o->check, &table) < 0)
                return KEEPER_EXIT_TABLE;
        _cleanup_fd_ int init = load_init(o->init);
        if (init < 0)
                return KEEPER_EXIT_INIT;
        return io_write_all(STDOUT_FILENO, &ready, sizeof(ready)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
