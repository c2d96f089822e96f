#include <ctrsup/kernel/userns.h>

#include <ctrsup/base/buf.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* Ends the helper by closing the pipe it reads; reaps it by pidfd, so that no SIGCHLD handler of the caller is needed. */
static void end_helper(int *pipe_write, int pidfd) {
        siginfo_t info;

        *pipe_write = close_fd(*pipe_write);
        while (sys_waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED, NULL) < 0 && errno == EINTR)
                ;
}

/* Clones the helper: it waits for the end of the pipe and exits. */
static int start_helper(pid_t *ret_pid, int *ret_pidfd, int *ret_write, struct err *err) {
        int pidfd = -EBADF, ends[2];
        struct clone_args args = {
                .flags = CLONE_NEWUSER | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                .pidfd = (uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
        };

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_sys(err, errno, "make a pipe");
        pid_t pid = sys_clone3(&args);
        if (pid == 0) {
                char byte;

                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)close(ends[1]);
                while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
                        ;
                _exit(0);
        }
        int code = errno;
        (void)close(ends[0]);
        if (pid < 0) {
                (void)close(ends[1]);
                err_sys(err, code, "make a user namespace");
                return code == ENOSPC ? err_hint(err, "raise the sysctl user.max_user_namespaces") : -code;
        }
        *ret_pid = pid;
        *ret_pidfd = pidfd;
        *ret_write = ends[1];
        return 0;
}

/* The kernel takes a map in one write(2) of at most a page. */
static int write_map(pid_t pid, const char *file, const struct id_map *maps, size_t n, struct err *err) {
        _cleanup_buf_ struct buf path = BUF_NULL, text = BUF_NULL;

        buf_printf(&path, "/proc/%d/%s", (int)pid, file);
        for (size_t i = 0; i < n; i++)
                buf_printf(&text, "%u %u %u\n", maps[i].inside, maps[i].outside, maps[i].count);
        if (buf_failed(&path) || buf_failed(&text))
                return err_oom(err);
        int r = io_write_text(AT_FDCWD, buf_text(&path), buf_text(&text));
        return r < 0 ? err_sys(err, -r, "write %s of a user namespace", file) : 0;
}

int userns_new(const struct id_map *uids, size_t n_uids, const struct id_map *gids, size_t n_gids, int *ret_fd, struct err *err) {
        int pidfd = -EBADF, pipe_write = -EBADF;
        char path[64];
        pid_t pid = -1;

        if (n_uids == 0 || n_uids > ID_MAPS_MAX || n_gids == 0 || n_gids > ID_MAPS_MAX)
                return err_set(err, EINVAL, "an id map has 1 to %d lines", ID_MAPS_MAX);
        int r = start_helper(&pid, &pidfd, &pipe_write, err);
        if (r < 0)
                return r;
        r = write_map(pid, "uid_map", uids, n_uids, err);
        if (r == 0)
                r = write_map(pid, "gid_map", gids, n_gids, err);
        if (r == 0) {
                (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
                int fd = open(path, O_RDONLY | O_CLOEXEC);
                if (fd < 0)
                        r = err_sys(err, errno, "open the new user namespace");
                else
                        *ret_fd = fd;
        }
        end_helper(&pipe_write, pidfd);
        (void)close_fd(pidfd);
        return r;
}

int userns_root(const struct id_map *maps, size_t n, uint32_t *ret_outside) {
        for (size_t i = 0; i < n; i++)
                if (maps[i].inside == 0 && maps[i].count > 0) {
                        *ret_outside = maps[i].outside;
                        return 0;
                }
        return -ENOENT;
}

static bool is_same(int a, int b) {
        struct stat x, y;

        return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

int userns_of(pid_t pid, int *ret_fd, struct err *err) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
        _cleanup_fd_ int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), fd = open(path, O_RDONLY | O_CLOEXEC);
        if (own < 0 || fd < 0)
                return err_sys(err, errno, "open %s", path);
        for (;;) { /* 32 levels at most, user_namespaces(7) */
                int parent = ioctl(fd, NS_GET_PARENT);

                if (parent < 0)
                        return err_sys(err, errno, "look above %s", path);
                if (is_same(parent, own)) {
                        (void)close(parent);
                        *ret_fd = take_fd(&fd);
                        return 0;
                }
                (void)close(fd);
                fd = parent;
        }
}
