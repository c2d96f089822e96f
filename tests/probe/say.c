/* say [OPTION...] MESSAGE...: sends to $NOTIFY_SOCKET as sd_notify(3) does, one datagram a message. "\n" in a message is a line break.
 *
 *   -s SOCKET   another one
 *   -n COUNT    so many file descriptors come along with each
 *   -z BYTES    each is filled up with "x" to that size; 0: nothing at all is in it
 *   -f COUNT    all of it so often, as fast as it goes, without waiting; prints how many were taken: "sent N of M"
 *   -w          waits until the reader has got so far (BARRIER=1), for five seconds
 *   -e          first prints "NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID pid", "-" for what is not set
 *   -l          lives on afterwards, until SIGTERM: exit 7
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_MAX = 128 * 1024, FDS_MAX = 253 };

static int sock = -1;

static void on_term(int signal) {
        (void)signal;
        _exit(7);
}

static void fail(const char *what) {
        perror(what);
        exit(1);
}

static void open_socket(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        if (!path) {
                (void)fputs("say: no NOTIFY_SOCKET\n", stderr);
                exit(1);
        }
        (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
        sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sock < 0 || connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
                fail(path);
}

static int send_one(const char *data, size_t size, const int *fds, size_t n_fds, int flags) {
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
        } control = { 0 };
        struct iovec iov = { (void *)(unsigned long)data, size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                msg.msg_control = control.space;
                msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        return sendmsg(sock, &msg, flags | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static size_t unescape(const char *text, char *out, long fill) {
        size_t n = 0;

        for (; *text && n < MESSAGE_MAX; text++) {
                if (text[0] == '\\' && text[1] == 'n') {
                        out[n++] = '\n';
                        text++;
                } else
                        out[n++] = *text;
        }
        while (fill > 0 && n < (size_t)fill && n < MESSAGE_MAX)
                out[n++] = 'x';
        return fill == 0 ? 0 : n;
}

static void wait_for_reader(void) {
        int ends[2];

        if (pipe(ends) < 0 || send_one("BARRIER=1", 9, &ends[1], 1, 0) < 0)
                fail("barrier");
        (void)close(ends[1]);
        struct pollfd p = { .fd = ends[0] };
        if (poll(&p, 1, 5000) != 1 || !(p.revents & POLLHUP)) {
                (void)fputs("say: the barrier was not answered\n", stderr);
                exit(1);
        }
}

static const char *value(const char *name) {
        return getenv(name) ? getenv(name) : "-";
}

int main(int argc, char **argv) {
        static char data[MESSAGE_MAX];
        static int fds[FDS_MAX];
        const char *path = getenv("NOTIFY_SOCKET");
        long n_fds = 0, fill = -1, count = 0, sent = 0;
        int option, wait = 0, lives = 0;

        while ((option = getopt(argc, argv, "s:n:z:f:wel")) != -1)
                switch (option) {
                case 's':
                        path = optarg;
                        break;
                case 'n':
                        n_fds = atol(optarg);
                        break;
                case 'z':
                        fill = atol(optarg);
                        break;
                case 'f':
                        count = atol(optarg);
                        break;
                case 'w':
                        wait = 1;
                        break;
                case 'e':
                        (void)printf("%s %s %s %d\n", value("NOTIFY_SOCKET"), value("WATCHDOG_USEC"), value("WATCHDOG_PID"),
                                     getpid());
                        (void)fflush(stdout);
                        break;
                case 'l':
                        lives = 1;
                        break;
                default:
                        return 2;
                }
        (void)signal(SIGTERM, on_term);
        open_socket(path);
        for (long n = 0; n < n_fds && n < FDS_MAX; n++)
                fds[n] = sock;
        for (long n = 0; n < (count ? count : 1); n++)
                for (int i = optind; i < argc; i++) {
                        size_t size = unescape(argv[i], data, fill);

                        if (send_one(data, size, fds, (size_t)n_fds, count ? MSG_DONTWAIT : 0) == 0)
                                sent++;
                        else if (!count || (errno != EAGAIN && errno != ETOOMANYREFS))
                                fail("send");
                }
        if (count)
                (void)printf("sent %ld of %ld\n", sent, count * (argc - optind));
        (void)fflush(stdout);
        if (wait)
                wait_for_reader();
        while (lives)
                (void)pause();
        return 0;
}
