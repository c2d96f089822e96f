/* The payload after its root stands: names, session, and the last steps to the command. Who it becomes is in identity.c. */
#include "child.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/loopback.h>
#include <ctrsup/kernel/pty.h>
#include <ctrsup/kernel/seccomp.h>
#include <ctrsup/kernel/sys.h>

#include <limits.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Where settle_fds() puts what has to live until execve. */
enum { FD_REPORT = 3, FD_INIT = 4, FD_FREE = 5 };

int payload_hostname(struct child *c, const struct recipe_op *op) {
        const char *name = recipe_string(c->recipe, op->str[0]);

        return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

int payload_domainname(struct child *c, const struct recipe_op *op) {
        const char *name = recipe_string(c->recipe, op->str[0]);

        return setdomainname(name, strlen(name)) < 0 ? -errno : 0;
}

int payload_loopback(struct child *c _unused_, const struct recipe_op *op _unused_) {
        return loopback_up();
}

int payload_session(struct child *c _unused_, const struct recipe_op *op _unused_) {
        if (setsid() < 0)
                return -errno;
        /* an empty keyring of its own instead of the supervisor's */
        if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
                return -errno;
        return 0;
}

int payload_pty(struct child *c, const struct recipe_op *op) {
        _cleanup_fd_ int master = -EBADF, peer = -EBADF;

        int r = pty_open((unsigned)op->num[0], (unsigned)op->num[1], &master, &peer);
        if (r < 0)
                return r;
        if (ioctl(peer, TIOCSCTTY, 0) < 0)
                return -errno;
        r = io_send(c->fds[op->fd], "t", 1, &master, 1);
        if (r < 0)
                return r;
        for (size_t i = 0; i < 3; i++)
                c->stream[i] = (struct child_stream){ .fd = peer, .own = i == 0 };
        (void)take_fd(&peer);
        return 0;
}

int payload_stream(struct child *c, const struct recipe_op *op) {
        c->stream[op->num[0]] = (struct child_stream){ .fd = c->fds[op->fd], .own = op->flags & RECIPE_OWN };
        return 0;
}

int payload_rlimit(struct child *c _unused_, const struct recipe_op *op) {
        __rlimit_resource_t resource = (__rlimit_resource_t)op->num[0];
        struct rlimit now, limit = { .rlim_cur = op->num[1], .rlim_max = op->num[2] };

        if (getrlimit(resource, &now) < 0)
                return -errno;
        if ((op->flags & RECIPE_BEST_EFFORT) && limit.rlim_max > now.rlim_max) {
                limit.rlim_max = now.rlim_max;
                if (limit.rlim_cur > limit.rlim_max)
                        limit.rlim_cur = limit.rlim_max;
        }
        return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

int payload_umask(struct child *c _unused_, const struct recipe_op *op) {
        (void)umask((mode_t)op->num[0]);
        return 0;
}

/* Mapped now, while its fd is there; on from just before the command: what comes in between is ours and needs more. */
int payload_seccomp(struct child *c, const struct recipe_op *op) {
        struct stat st;

        if (fstat(c->fds[op->fd], &st) < 0)
                return -errno;
        if (st.st_size <= 0)
                return -EINVAL;
        void *filter = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, c->fds[op->fd], 0);
        if (filter == MAP_FAILED)
                return -errno;
        c->filter = filter;
        c->filter_size = (size_t)st.st_size;
        c->filter_op = c->op;
        return 0;
}

static int install_filter(struct child *c) {
        if (!c->filter)
                return 0;
        int r = seccomp_install(c->filter, c->filter_size);
        if (r < 0)
                c->op = c->filter_op;
        return r;
}

/* 0 to 2 the streams, 3 the report pipe, 4 ctrsup-init; all else is closed for good, not only on exec: a working directory of
 * /proc/self/fd/N must find nothing (CVE-2024-21626). The sources are above 4 (the keeper saw to that) and none is overwritten
 * before it was copied. */
static int settle_fds(struct child *c) {
        for (int i = 0; i < 3; i++)
                if (c->stream[i].fd >= 0 && dup2(c->stream[i].fd, i) < 0)
                        return -errno;
        if (dup3(c->report, FD_REPORT, O_CLOEXEC) < 0 || dup3(c->init, FD_INIT, O_CLOEXEC) < 0)
                return -errno;
        c->report = FD_REPORT;
        c->init = FD_INIT;
        c->root = -EBADF;
        return close_range(FD_FREE, UINT_MAX, 0) < 0 ? -errno : 0;
}

int payload_chdir(struct child *c, const struct recipe_op *op) {
        char cwd[PATH_MAX + 16];

        int r = settle_fds(c);
        if (r < 0)
                return r;
        if (chdir(recipe_string(c->recipe, op->str[0])) < 0)
                return -errno;
        /* outside our root the kernel says "(unreachable)/..." */
        if (sys_getcwd(cwd, sizeof(cwd)) < 0)
                return -errno;
        if (cwd[0] != '/') {
                c->detail = KEEPER_DETAIL_ESCAPE;
                return -EPERM;
        }
        return 0;
}

static void fill_vector(const struct recipe_view *v, const uint32_t *offsets, uint32_t n, char **to) {
        for (uint32_t i = 0; i < n; i++)
                to[i] = (char *)(v->strings + offsets[i]);
        to[n] = NULL;
}

int payload_command(struct child *c, const struct recipe_op *op) {
        static const enum keeper_detail details[] = {
                [EXEC_FAULT_NONE] = KEEPER_DETAIL_NONE,
                [EXEC_FAULT_INTERPRETER] = KEEPER_DETAIL_INTERPRETER,
                [EXEC_FAULT_NOT_EXECUTABLE] = KEEPER_DETAIL_NOT_EXECUTABLE,
                [EXEC_FAULT_NOEXEC_MOUNT] = KEEPER_DETAIL_NOEXEC_MOUNT,
        };
        char *argv[RECIPE_ARGV_MAX + 2], *envp[RECIPE_ARGV_MAX + 1], watchdog_pid[EXEC_WATCHDOG_PID_SIZE];
        const struct recipe_header *h = c->recipe->header;
        enum exec_fault fault = EXEC_FAULT_NONE;

        argv[0] = (char *)"ctrsup-init";
        fill_vector(c->recipe, c->recipe->argv, h->n_argv, argv + 1);
        fill_vector(c->recipe, c->recipe->envp, h->n_envp, envp);

        /* From here the container outlives the keeper. If the keeper died before, its end of the pipe is gone and this write
         * ends us by SIGPIPE. */
        if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
                return -errno;
        int r = child_report(c, EXEC_REPORT_READY, 0, 0);
        if (r < 0)
                return r;
        if (!(op->flags & RECIPE_INIT)) {
                exec_fill_watchdog_pid(envp, watchdog_pid);
                r = install_filter(c);
                if (r < 0)
                        return r;
                r = exec_search(recipe_string(c->recipe, op->str[0]), argv + 1, envp, &fault);
                c->detail = details[fault];
                return r;
        }
        if (fcntl(c->report, F_SETFD, 0) < 0) /* ctrsup-init goes on with it, and closes it */
                return -errno;
        r = install_filter(c);
        if (r < 0)
                return r;
        (void)syscall(SYS_execveat, c->init, "", argv, envp, AT_EMPTY_PATH);
        return -errno;
}
