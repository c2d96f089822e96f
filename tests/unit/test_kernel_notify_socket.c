/* Real sockets in a folder of ours: who sent, what came along, and that nothing of it stays. */
#include "unit.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/notify_socket.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "store_tmp.h"

static int connect_to(const struct tmp *t, const char *name) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        (void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", t->fd, name);
        assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        return fd;
}

static size_t count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(d))
                n++;
        (void)closedir(d);
        return n;
}

/* The kernel says who it was; looking does not take, taking takes one. */
static void tells_the_sender(void **state) {
        const struct tmp *t = *state;
        struct notify_datagram d;
        int fd = -1;

        assert_int_equal(notify_socket_bind(t->fd, "a", &fd, NULL), 0);
        assert_int_equal(notify_socket_peek(fd, &d), 0);
        _cleanup_fd_ int to = connect_to(t, "a");
        assert_int_equal(send(to, "READY=1", 7, 0), 7);
        assert_int_equal(send(to, "WATCHDOG=1", 10, 0), 10);
        for (int n = 0; n < 2; n++) {
                assert_int_equal(notify_socket_peek(fd, &d), 1);
                assert_int_equal(d.size, 7);
                assert_memory_equal(d.data, "READY=1", 7);
                assert_int_equal(d.pid, getpid());
                assert_int_equal(d.uid, getuid());
                close_fd(d.pidfd);
        }
        notify_socket_drop(fd);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        assert_memory_equal(d.data, "WATCHDOG=1", 10);
        close_fd(d.pidfd);
        notify_socket_drop(fd);
        assert_int_equal(notify_socket_peek(fd, &d), 0);
        (void)close(fd);
}

/* Nothing, too much, and a sender that is no more by the time we look. */
static void sizes_and_the_dead(void **state) {
        const struct tmp *t = *state;
        static char big[NOTIFY_DATAGRAM_MAX + 100];
        struct notify_datagram d;
        int fd = -1;

        assert_int_equal(notify_socket_bind(t->fd, "b", &fd, NULL), 0);
        _cleanup_fd_ int to = connect_to(t, "b");
        memset(big, 'x', sizeof(big));
        assert_int_equal(send(to, "", 0, 0), 0);
        assert_int_equal(send(to, big, sizeof(big), 0), sizeof(big));
        pid_t child = fork();
        if (child == 0)
                _exit(send(to, "STATUS=bye", 10, 0) == 10 ? 0 : 1);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        assert_int_equal(d.size, 0);
        close_fd(d.pidfd);
        notify_socket_drop(fd);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        assert_int_equal(d.size, sizeof(big));
        close_fd(d.pidfd);
        notify_socket_drop(fd);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        assert_int_equal(d.size, 10);
        assert_int_equal(d.pid, child);
        assert_int_equal(d.uid, getuid());
        close_fd(d.pidfd);
        notify_socket_drop(fd);
        (void)close(fd);
}

/* What comes along is closed, however much it is; a barrier's other end sees that when its message was taken. */
static void keeps_no_fd(void **state) {
        const struct tmp *t = *state;
        struct notify_datagram d;
        int fd = -1, many[200], ends[2];
        char byte;

        assert_int_equal(notify_socket_bind(t->fd, "c", &fd, NULL), 0);
        _cleanup_fd_ int to = connect_to(t, "c");
        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        size_t before = count_fds();
        for (size_t n = 0; n < ARRAY_SIZE(many); n++)
                many[n] = to;
        assert_int_equal(io_send(to, "FDSTORE=1", 9, many, ARRAY_SIZE(many)), 0);
        assert_int_equal(io_send(to, "BARRIER=1", 9, &ends[1], 1), 0);
        (void)close(ends[1]);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        close_fd(d.pidfd);
        notify_socket_drop(fd);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        assert_memory_equal(d.data, "BARRIER=1", 9);
        assert_int_equal(d.pid, getpid());
        close_fd(d.pidfd);
        assert_int_equal(read(ends[0], &byte, 1), -1); /* not yet: what it says was not done */
        notify_socket_drop(fd);
        assert_int_equal(read(ends[0], &byte, 1), 0);
        assert_int_equal(count_fds(), before - 1);
        (void)close(ends[0]);
        (void)close(fd);
}

/* One that lost its reader is bound anew under the same name. */
static void takes_the_name_again(void **state) {
        const struct tmp *t = *state;
        struct notify_datagram d;
        int fd = -1;

        assert_int_equal(notify_socket_bind(t->fd, "d", &fd, NULL), 0);
        (void)close(fd);
        assert_int_equal(notify_socket_bind(t->fd, "d", &fd, NULL), 0);
        _cleanup_fd_ int to = connect_to(t, "d");
        assert_int_equal(send(to, "x", 1, 0), 1);
        assert_int_equal(notify_socket_peek(fd, &d), 1);
        close_fd(d.pidfd);
        (void)close(fd);
}

unit_main(tmp_test(tells_the_sender), tmp_test(sizes_and_the_dead), tmp_test(keeps_no_fd), tmp_test(takes_the_name_again));
