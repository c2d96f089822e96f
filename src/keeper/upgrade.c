/* A new program in the same process: on SIGHUP the file at the keeper's path is tried on the table as it is now, in a child,
 * while the keeper goes on serving; when that says it would do, the table as it is then is written down and the file executed.
 * Up to execve(2) every failure leaves the keeper as it was, and is told with HELLO. A second SIGHUP during a trial stays
 * pending, also over execve. */
#include "resume.h"
#include "sealed.h"

#include <ctrsup/kernel/exec.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

enum { TRIAL_USEC = 5000000, ARGV_MAX = 9 };

int upgrade_watch(struct keeper *k) {
        sigset_t set;

        k->upgrade = (struct upgrade){ .pidfd = -EBADF, .report = -EBADF, .deadline_usec = UINT64_MAX };
        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGHUP);
        int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        k->signals = fd;
        return keeper_watch(k, k->signals, SOURCE_SIGNAL, 0, EPOLLIN);
}

/* While a trial runs, signals wait in the process, not in us. */
static void listen_to_signals(struct keeper *k, bool listen) {
        struct epoll_event event = { .events = listen ? EPOLLIN : 0, .data.u64 = SOURCE_SIGNAL };

        (void)epoll_ctl(k->epoll, EPOLL_CTL_MOD, k->signals, &event);
}

static void fail(struct keeper *k, enum keeper_upgrade step, uint32_t error) {
        k->upgrade.step = step;
        k->upgrade.error = error;
        k->upgrade.deadline_usec = UINT64_MAX;
        k->hello = k->client >= 0;
        listen_to_signals(k, true);
}

/* The whole state in a sealed memfd, read back as the next program will read it. */
static int save(const struct keeper *k) {
        size_t size = resume_size(k);
        struct resume_view view;
        void *data;

        _cleanup_fd_ int fd = sealed_open("ctrsup-keeper", size, &data);
        if (fd < 0)
                return fd;
        resume_write(k, data);
        int sound = resume_open(data, size, &view);
        int r = sealed_close(fd, data, size);
        return r < 0 ? r : sound < 0 ? sound : take_fd(&fd);
}

static int enter(int mounts) {
        return setns(mounts, CLONE_NEWNS) < 0 ? -errno : 0;
}

/* Argument vectors: strings of the keeper's, and the number of the memfd. */
static void fill_argv(const struct keeper *k, const char *verb, const char *number, const char *argv[ARGV_MAX]) {
        size_t n = 0;

        argv[n++] = k->program;
        argv[n++] = "--runtime";
        argv[n++] = k->runtime_path;
        argv[n++] = "--init";
        argv[n++] = k->init_path;
        argv[n++] = verb;
        argv[n++] = number;
        if (k->ephemeral)
                argv[n++] = "--ephemeral";
        argv[n] = NULL;
}

static int execute(const struct keeper *k, const char *verb, int memfd) {
        char text[IO_DECIMAL_MAX], *envp[] = { NULL };
        const char *argv[ARGV_MAX];

        fill_argv(k, verb, io_decimal(text, memfd), argv);
        (void)execve(k->program, (char *const *)argv, envp);
        return -errno;
}

/* The child. Its stdout is the report pipe: what cannot be executed and what runs but is no keeper are told apart by it. */
static _Noreturn void try_program(const struct keeper *k, pid_t keeper, int memfd, int report) {
        struct exec_report failed = { .kind = EXEC_REPORT_FAILED };
        int r = 0;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || dup2(report, STDOUT_FILENO) < 0 || fcntl(memfd, F_SETFD, 0) < 0)
                r = -errno;
        if (getppid() != keeper) /* it died before it could kill us */
                _exit(127);
        if (r == 0)
                r = enter(k->host_mounts);
        if (r == 0)
                r = execute(k, "--check-resume", memfd);
        failed.error = (uint32_t)-r;
        (void)io_write_all(STDOUT_FILENO, &failed, sizeof(failed));
        _exit(127);
}

/* Which file is at the path: the one that is tried must be the one that is executed. */
static int identify(const struct keeper *k, dev_t *ret_dev, ino_t *ret_ino) {
        struct stat st;

        int r = enter(k->host_mounts);
        if (r < 0)
                return r;
        r = stat(k->program, &st) < 0 ? -errno : 0;
        int back = enter(k->own_mounts);
        if (r < 0)
                return r;
        *ret_dev = st.st_dev;
        *ret_ino = st.st_ino;
        return back;
}

static int begin_trial(struct keeper *k, int memfd) {
        struct upgrade *u = &k->upgrade;
        struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&u->pidfd, .exit_signal = SIGCHLD };
        pid_t keeper = getpid();
        int ends[2];

        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        u->report = ends[0];
        pid_t pid = sys_clone3(&args);
        if (pid == 0)
                try_program(k, keeper, memfd, ends[1]);
        int r = pid < 0 ? -errno : 0;
        (void)close(ends[1]);
        if (r < 0) {
                u->pidfd = -EBADF; /* a failed clone3 may have written it */
        } else {
                u->pid = pid;
                r = keeper_watch(k, u->pidfd, SOURCE_TRIAL, 0, EPOLLIN);
        }
        if (r < 0) {
                siginfo_t info;
                if (u->pid > 0) {
                        (void)sys_pidfd_send_signal(u->pidfd, SIGKILL);
                        (void)sys_waitid(P_PIDFD, (id_t)u->pidfd, &info, WEXITED, NULL);
                }
                u->pid = 0;
                u->pidfd = close_fd(u->pidfd);
                u->report = close_fd(u->report);
        }
        return r;
}

static void on_signal(struct keeper *k) {
        struct signalfd_siginfo info;

        if (read(k->signals, &info, sizeof(info)) != sizeof(info) || k->upgrade.pid != 0)
                return;
        int r = identify(k, &k->upgrade.dev, &k->upgrade.ino);
        if (r < 0) {
                fail(k, KEEPER_UPGRADE_EXECUTE, (uint32_t)-r);
                return;
        }
        _cleanup_fd_ int memfd = save(k);
        r = memfd < 0 ? memfd : begin_trial(k, memfd);
        if (r < 0) {
                fail(k, KEEPER_UPGRADE_SAVE, (uint32_t)-r);
                return;
        }
        k->upgrade.deadline_usec = keeper_now_usec() + TRIAL_USEC;
        listen_to_signals(k, false);
}

/* -- over the edge -- */

static int set_inherit(int fd, bool inherit) {
        return fd >= 0 && fcntl(fd, F_SETFD, inherit ? 0 : FD_CLOEXEC) < 0 ? -errno : 0;
}

int upgrade_inherit(const struct keeper *k, bool inherit) {
        const int own[] = { k->lock, k->listen, k->client, k->runtime, k->host_mounts, k->own_mounts, k->init };
        int worst = 0;

        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                worst = set_inherit(own[i], inherit) < 0 ? -EBADF : worst;
        for (uint32_t i = 0; i < k->table.entries_end; i++) {
                const struct entry *e = &k->table.entries[i];
                if (e->used && (set_inherit(e->preparer_fd, inherit) < 0 || set_inherit(e->payload_fd, inherit) < 0 ||
                                set_inherit(e->report_fd, inherit) < 0 || set_inherit(e->kill_fd, inherit) < 0))
                        worst = -EBADF;
        }
        for (uint32_t i = 0; i < k->table.held_end; i++)
                if (k->table.held[i].name[0] != '\0')
                        worst = set_inherit(k->table.held[i].fd, inherit) < 0 ? -EBADF : worst;
        return worst;
}

/* Returns only when it failed, with everything as before. */
static int become(struct keeper *k, int memfd) {
        struct stat st;

        int r = upgrade_inherit(k, true);
        if (r == 0)
                r = set_inherit(memfd, true);
        if (r == 0)
                r = enter(k->host_mounts);
        if (r == 0 && stat(k->program, &st) < 0)
                r = -errno;
        if (r == 0 && (st.st_dev != k->upgrade.dev || st.st_ino != k->upgrade.ino))
                r = -ESTALE;
        if (r == 0)
                r = execute(k, "--resume", memfd);
        (void)enter(k->own_mounts);
        (void)upgrade_inherit(k, false);
        return r;
}

static bool trial_succeeded(struct keeper *k, const siginfo_t *info, bool late) {
        struct exec_report report = { 0 };

        ssize_t n = read(k->upgrade.report, &report, sizeof(report)); /* smaller than PIPE_BUF: whole or not there */
        if (n != sizeof(report))
                report.kind = 0;
        if (late)
                fail(k, KEEPER_UPGRADE_SLOW, ETIMEDOUT);
        else if (report.kind == EXEC_REPORT_FAILED)
                fail(k, KEEPER_UPGRADE_EXECUTE, report.error);
        else if (info->si_code != CLD_EXITED)
                fail(k, KEEPER_UPGRADE_DIED, (uint32_t)info->si_status);
        else if (info->si_status != 0 || report.kind != EXEC_REPORT_READY)
                fail(k, KEEPER_UPGRADE_REFUSED, (uint32_t)info->si_status);
        else
                return true;
        return false;
}

static void on_trial(struct keeper *k) {
        struct upgrade *u = &k->upgrade;
        siginfo_t info = { 0 };

        if (u->pid == 0 || sys_waitid(P_PIDFD, (id_t)u->pidfd, &info, WEXITED | WNOHANG, NULL) < 0 || info.si_pid == 0)
                return;
        bool good = trial_succeeded(k, &info, u->deadline_usec == UINT64_MAX);
        u->pid = 0;
        u->pidfd = close_fd(u->pidfd);
        u->report = close_fd(u->report);
        if (!good)
                return;
        _cleanup_fd_ int memfd = save(k);
        if (memfd < 0) {
                fail(k, KEEPER_UPGRADE_SAVE, (uint32_t)-memfd);
                return;
        }
        int r = become(k, memfd);
        fail(k, KEEPER_UPGRADE_EXECUTE, (uint32_t)-r);
}

void upgrade_on_event(struct keeper *k, enum source source) {
        if (source == SOURCE_SIGNAL)
                on_signal(k);
        else
                on_trial(k);
}

int upgrade_timeout_msec(const struct keeper *k) {
        uint64_t now = keeper_now_usec(), at = k->upgrade.deadline_usec;

        return at == UINT64_MAX ? -1 : at <= now ? 0 : (int)((at - now) / 1000) + 1;
}

/* Its end is an event like any other: a program that hangs in the kernel must not make us wait for it. */
void upgrade_tick(struct keeper *k) {
        if (k->upgrade.pid == 0 || k->upgrade.deadline_usec > keeper_now_usec())
                return;
        (void)sys_pidfd_send_signal(k->upgrade.pidfd, SIGKILL);
        k->upgrade.deadline_usec = UINT64_MAX;
}
