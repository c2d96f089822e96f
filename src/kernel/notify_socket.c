#include <ctrsup/kernel/notify_socket.h>

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* asm-generic/socket.h and linux/socket.h of 6.5 */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

int notify_socket_bind(int dir_fd, const char *name, int *ret_fd, struct err *err) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const int yes = 1;

        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_sys(err, errno, "make a notify socket");
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
                return err_sys(err, errno, "ask for who sends to a notify socket");
        (void)setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &yes, sizeof(yes)); /* an older kernel tells the pid only */
        (void)unlinkat(dir_fd, name, 0);
        /* A path of our own may be longer than an address can be. */
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return err_sys(err, errno, "bind a notify socket");
        /* Whatever the umask is: the container's users are others. */
        if (fchmodat(dir_fd, name, 0666, 0) < 0)
                return err_sys(err, errno, "open a notify socket to all who reach it");
        *ret_fd = take_fd(&fd);
        return 0;
}

static void take_control(struct msghdr *msg, struct notify_datagram *d) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET)
                        continue;
                if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
                        struct ucred who;

                        memcpy(&who, CMSG_DATA(c), sizeof(who));
                        d->pid = who.pid;
                        d->uid = who.uid;
                } else if (c->cmsg_type == SCM_PIDFD && c->cmsg_len == CMSG_LEN(sizeof(int))) {
                        close_fd(d->pidfd);
                        memcpy(&d->pidfd, CMSG_DATA(c), sizeof(int));
                } else if (c->cmsg_type == SCM_RIGHTS) {
                        for (size_t n = 0; n < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); n++) {
                                int fd;

                                memcpy(&fd, CMSG_DATA(c) + n * sizeof(int), sizeof(int));
                                (void)close(fd);
                        }
                }
        }
}

int notify_socket_peek(int fd, struct notify_datagram *ret) {
        /* Room for a barrier's one fd: of more the kernel gives us none beyond, and drops them with the datagram. */
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(struct ucred)) + 2 * CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = { .iov_base = ret->data, .iov_len = sizeof(ret->data) };
        struct msghdr msg = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space)
        };

        ssize_t n = recvmsg(fd, &msg, MSG_PEEK | MSG_TRUNC | MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        ret->pid = 0;
        ret->uid = (uid_t)-1;
        ret->pidfd = -EBADF;
        ret->size = (size_t)n;
        take_control(&msg, ret);
        return 1;
}

void notify_socket_drop(int fd) {
        (void)recv(fd, NULL, 0, MSG_DONTWAIT | MSG_TRUNC);
}
