/* See client.h. */
#include "wire.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CHILD_CONTROL_FD = 3 };

/* In the child: no malloc, no stdio. Signals are set back; an own session keeps a terminal's Ctrl-C away. */
static void exec_logger(const struct logger_spawn *args, int control, int report) {
        char number[] = { '0' + CHILD_CONTROL_FD, '\0' };
        char *const argv[] = { (char *)"ctrsup-logger", (char *)"--control", number, (char *)"--logs", (char *)args->logs, NULL };
        char *const envp[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
        const struct sigaction standard = { .sa_handler = SIG_DFL };
        sigset_t all_on;
        int code;

        (void)sigemptyset(&all_on);
        (void)sigprocmask(SIG_SETMASK, &all_on, NULL);
        for (int sig = 1; sig < NSIG; sig++)
                (void)sigaction(sig, &standard, NULL);
        (void)setsid();
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        /* The error pipe must survive below: it moves above the control fd first. */
        int safe_report = fcntl(report, F_DUPFD_CLOEXEC, CHILD_CONTROL_FD + 1),
            safe_control = fcntl(control, F_DUPFD_CLOEXEC, CHILD_CONTROL_FD + 1);
        if (null >= 0 && safe_report >= 0 && safe_control >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 &&
            dup2(safe_control, CHILD_CONTROL_FD) >= 0 && close_range(CHILD_CONTROL_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC) >= 0)
                (void)execve(args->program, argv, envp);
        code = errno;
        if (write(safe_report, &code, sizeof(code)) < 0)
                _exit(126);
        _exit(127);
}

/* Waits for the exec: 0, or the errno it failed with. */
static int await_exec(int report) {
        int code = 0;
        ssize_t n;

        do
                n = read(report, &code, sizeof(code));
        while (n < 0 && errno == EINTR);
        return n == sizeof(code) ? code : 0;
}

int logger_spawn(const struct logger_spawn *args, int *ret_control, int *ret_pidfd, pid_t *ret_pid, struct err *err) {
        _cleanup_fd_ int ours = -EBADF, theirs = -EBADF, report_read = -EBADF, report_write = -EBADF, pidfd = -EBADF;
        int sockets[2], report[2], new_pidfd = -EBADF;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
                return err_sys(err, errno, "start the logger: make its socket");
        ours = sockets[0];
        theirs = sockets[1];
        if (pipe2(report, O_CLOEXEC) < 0)
                return err_sys(err, errno, "start the logger: make a pipe");
        report_read = report[0];
        report_write = report[1];

        struct clone_args clone = { .flags = CLONE_PIDFD | (args->cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0),
                                    .pidfd = (uintptr_t)&new_pidfd,
                                    .exit_signal = SIGCHLD,
                                    .cgroup = args->cgroup_fd >= 0 ? (unsigned)args->cgroup_fd : 0 };
        pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof(clone));
        if (pid < 0)
                return err_sys(err, errno, "start the logger: clone");
        if (pid == 0)
                exec_logger(args, theirs, report_write);
        pidfd = new_pidfd;
        report_write = close_fd(report_write);
        int code = await_exec(report_read);
        if (code != 0) {
                (void)waitpid(pid, NULL, 0);
                return err_sys(err, code, "start the logger: run %s", args->program);
        }
        *ret_control = take_fd(&ours);
        *ret_pidfd = take_fd(&pidfd);
        *ret_pid = pid;
        return 0;
}

static int send_request(int control, const struct wire_head *head, const char *const strings[_WIRE_STRING_MAX], const int *fds,
                        size_t n_fds, struct err *err) {
        static const char *const no_strings[_WIRE_STRING_MAX];
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
        } control_data = { 0 };
        char buf[WIRE_MAX];
        size_t len;
        int r = wire_encode(buf, head, strings ?: no_strings, &len);

        if (r < 0)
                return err_sys(err, -r, "tell the logger: a name");
        struct iovec iov = { buf, len };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        if (n_fds > 0) {
                msg.msg_control = &control_data;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                control_data.head = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                                      .cmsg_type = SCM_RIGHTS,
                                                      .cmsg_len = CMSG_LEN(sizeof(int) * n_fds) };
                memcpy(CMSG_DATA(&control_data.head), fds, sizeof(int) * n_fds);
        }
        ssize_t n;
        do
                n = sendmsg(control, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? err_sys(err, io_is_passing(-errno) ? EAGAIN : errno, "tell the logger") : 0;
}

static struct wire_head head_of(enum wire_kind kind, const struct logger_stream *s) {
        return (struct wire_head){
                .kind = kind,
                .id = s->id,
                .rate_interval_usec = s->rate_interval_usec,
                .rate_burst = s->rate_burst,
                .file_max_size = s->file_max_size,
                .file_max_files = s->file_max_files,
                .replica = s->replica,
                .driver = s->driver,
                .flags = s->level_prefix ? WIRE_LEVEL_PREFIX : 0,
        };
}

int logger_add(int control, const struct logger_stream *s, int out_fd, int err_fd, struct err *err) {
        const char *const strings[_WIRE_STRING_MAX] = { [WIRE_STACK] = s->stack,
                                                        [WIRE_CONTAINER] = s->container,
                                                        [WIRE_INSTANCE] = s->instance,
                                                        [WIRE_TAG] = s->tag,
                                                        [WIRE_IMAGE] = s->image };
        struct wire_head h = head_of(WIRE_ADD, s);
        int fds[WIRE_FDS_MAX];
        size_t n = 0;

        if (out_fd >= 0) {
                fds[n++] = out_fd;
                h.flags |= WIRE_HAS_OUT;
        }
        if (err_fd >= 0) {
                fds[n++] = err_fd;
                h.flags |= WIRE_HAS_ERR;
        }
        if (n == 0)
                return err_set(err, EINVAL, "tell the logger: a container without streams");
        return send_request(control, &h, strings, fds, n, err);
}

int logger_update(int control, const struct logger_stream *s, struct err *err) {
        const struct wire_head h = head_of(WIRE_UPDATE, s);

        return send_request(control, &h, NULL, NULL, 0, err);
}

static int send_plain(int control, enum wire_kind kind, uint64_t id, struct err *err) {
        const struct wire_head h = { .kind = kind, .id = id };

        return send_request(control, &h, NULL, NULL, 0, err);
}

int logger_remove(int control, uint64_t id, struct err *err) {
        return send_plain(control, WIRE_REMOVE, id, err);
}
int logger_stats(int control, uint64_t id, struct err *err) {
        return send_plain(control, WIRE_STATS, id, err);
}
int logger_flush(int control, uint64_t cookie, struct err *err) {
        return send_plain(control, WIRE_FLUSH, cookie, err);
}
int logger_unsubscribe(int control, uint64_t id, struct err *err) {
        return send_plain(control, WIRE_UNSUBSCRIBE, id, err);
}
int logger_quit(int control, struct err *err) {
        return send_plain(control, WIRE_QUIT, 0, err);
}

int logger_subscribe(int control, uint64_t id, const char *stack, const char *container, int fd, struct err *err) {
        const char *const strings[_WIRE_STRING_MAX] = { [WIRE_STACK] = stack, [WIRE_CONTAINER] = container };
        const struct wire_head h = { .kind = WIRE_SUBSCRIBE, .id = id };

        return send_request(control, &h, strings, &fd, 1, err);
}

int logger_receive(int control, struct logger_event *ret, struct err *err) {
        struct wire_event e;
        ssize_t n;

        do
                n = recv(control, &e, sizeof(e), MSG_DONTWAIT | MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n < 0 && io_is_passing(-errno))
                return 0;
        if (n < 0)
                return err_sys(err, errno, "hear the logger");
        if (n == 0)
                return err_set(err, EPIPE, "the logger is gone");
        if (n != sizeof(e) || e.version != WIRE_VERSION || e.kind != WIRE_EVENT || (unsigned)e.event.kind >= _LOGGER_EVENT_MAX)
                return err_set(err, EPROTO, "the logger speaks another language; it is of another version");
        *ret = e.event;
        return 1;
}
