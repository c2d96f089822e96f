#include <ctrsup/kernel/io.h>

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum { FDS_MAX = 253 }; /* SCM_MAX_FD */

int io_write_all(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

ssize_t io_read_full(int fd, void *data, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = read(fd, (char *)data + done, size - done);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

int io_write_text(int dir, const char *path, const char *text) {
        _cleanup_fd_ int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;

        size_t size = strlen(text);
        ssize_t n = write(fd, text, size);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EIO;
}

int io_send(int sock, const void *data, size_t size, const int *fds, size_t n_fds) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        } control;
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > FDS_MAX)
                return -E2BIG;
        if (n_fds > 0) {
                memset(control.space, 0, CMSG_SPACE(sizeof(int) * n_fds));
                msg.msg_control = control.space;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
        }
        ssize_t n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EIO;
}

/* Gathers the fds of all SCM_RIGHTS messages; those beyond max are closed. Returns how many came. */
static size_t collect_fds(struct msghdr *msg, int *fds, size_t max) {
        size_t n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < count; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (n < max)
                                fds[n] = fd;
                        else
                                (void)close(fd);
                        n++;
                }
        }
        return n;
}

int io_receive(int sock, void *data, size_t size, size_t *ret_size, int *fds, size_t max_fds, size_t *ret_n_fds) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        } control;
        struct iovec iov = { .iov_base = data, .iov_len = size };
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.space,
                .msg_controllen = sizeof(control.space),
        };

        ssize_t got = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (got < 0)
                return -errno;
        size_t n = collect_fds(&msg, fds, max_fds);
        const bool lost = msg.msg_flags & MSG_CTRUNC; /* there is room for as many as a packet may have */
        if ((msg.msg_flags & MSG_TRUNC) || lost || n > max_fds) {
                for (size_t i = 0; i < n && i < max_fds; i++)
                        (void)close(fds[i]);
                if ((msg.msg_flags & MSG_TRUNC) || n > max_fds)
                        return -EMSGSIZE;
                n = 0;
        }
        *ret_size = (size_t)got;
        *ret_n_fds = n;
        return lost ? IO_E_FDS_LOST : 0;
}

bool io_is_passing(int r) {
        return r == -EAGAIN || r == -EINTR || r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS || r == -ETOOMANYREFS;
}

const char *io_decimal(char buf[IO_DECIMAL_MAX], long long value) {
        unsigned long long v = value < 0 ? 0 - (unsigned long long)value : (unsigned long long)value;
        size_t i = IO_DECIMAL_MAX - 1;

        buf[i] = '\0';
        do {
                buf[--i] = (char)('0' + v % 10);
                v /= 10;
        } while (v > 0);
        if (value < 0)
                buf[--i] = '-';
        return buf + i;
}
