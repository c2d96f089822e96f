#include "unit.h"

#include <ctrsup/keeper/client.h>
#include <ctrsup/kernel/io.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { MANY = 3000 };

static struct keeper_client *client_new(int *ret_other) {
        struct keeper_client *c;
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        assert_int_equal(keeper_client_adopt(ends[0], &c), 0);
        *ret_other = ends[1];
        return c;
}

static void name_of(char name[KEEPER_NAME_MAX], int n) {
        (void)snprintf(name, KEEPER_NAME_MAX, "fd %d", n);
}

/* A keeper that does not read loses nothing: all comes later, in order, with its fds; and the poller is told to wait for that. */
static void test_queue(void **state _unused_) {
        int other, sent = 0;
        struct keeper_client *c = client_new(&other);
        char name[KEEPER_NAME_MAX];

        assert_int_equal(keeper_client_events(c), EPOLLIN);
        for (; sent < MANY; sent++) {
                name_of(name, sent);
                if (sent % 10 == 0) {
                        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                        assert_int_equal(keeper_client_hold(c, name, fd), 0);
                        (void)close(fd); /* at once: it is the client's now */
                } else {
                        assert_int_equal(keeper_client_release(c, name), 0);
                }
        }
        assert_int_equal(keeper_client_events(c), EPOLLIN | EPOLLOUT);
        for (int got = 0, flushed = 0; got < MANY;) {
                struct keeper_message m;
                size_t size, n_fds;
                int fd = -EBADF, r = io_receive(other, &m, sizeof(m), &size, &fd, 1, &n_fds);
                if (r == -EAGAIN) {
                        assert_true(++flushed < MANY);
                        assert_int_equal(keeper_client_flush(c), 0);
                        continue;
                }
                assert_int_equal(r, 0);
                name_of(name, got);
                assert_string_equal(m.name, name);
                assert_int_equal(m.kind, got % 10 == 0 ? KEEPER_HOLD : KEEPER_RELEASE);
                assert_int_equal(n_fds, got % 10 == 0);
                (void)close_fd(fd);
                got++;
        }
        assert_int_equal(keeper_client_events(c), EPOLLIN);
        (void)keeper_client_free(c);
        (void)close(other);
}

/* A launch does not overtake what waits, and is not kept: its fds are the caller's. */
static void test_launch_waits(void **state _unused_) {
        static const uint8_t id[KEEPER_ID_SIZE] = { 1 };
        int other;
        struct keeper_client *c = client_new(&other);
        _cleanup_recipe_ struct recipe *r = recipe_new(
                &(struct recipe_head){ .kind = RECIPE_START, .cgroup_fd = -EBADF, .kill_fd = -EBADF, .userns_fd = -EBADF });
        struct err err = { 0 };

        while (keeper_client_events(c) == EPOLLIN)
                assert_int_equal(keeper_client_forget(c, id), 0);
        assert_int_equal(keeper_client_launch(c, id, "a/b.1", r, &err), -EAGAIN);
        (void)keeper_client_free(c);
        (void)close(other);
}

/* Bounded, and a keeper that is gone is told as such. */
static void test_bound(void **state _unused_) {
        static const uint8_t id[KEEPER_ID_SIZE] = { 1 };
        int other, r = 0, n = 0;
        struct keeper_client *c = client_new(&other);

        for (; r == 0 && n < 2 * KEEPER_CLIENT_QUEUE_MAX; n++)
                r = keeper_client_forget(c, id);
        assert_int_equal(r, -ENOBUFS);
        assert_in_range(n, KEEPER_CLIENT_QUEUE_MAX, KEEPER_CLIENT_QUEUE_MAX + 4096);
        (void)close(other);
        assert_int_equal(keeper_client_flush(c), -ECONNRESET);
        assert_int_equal(keeper_client_forget(c, id), -ECONNRESET);
        (void)keeper_client_free(c);
}

/* fds that wait are closed with the client. */
static void test_no_leak(void **state _unused_) {
        int other, before = open("/dev/null", O_RDONLY | O_CLOEXEC);
        struct keeper_client *c = client_new(&other);

        while (keeper_client_events(c) == EPOLLIN)
                assert_int_equal(keeper_client_hold(c, "x", before), 0);
        (void)keeper_client_free(c);
        (void)close(other); /* and with it what is in the socket */
        (void)close(before);
        int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_int_equal(after, before);
        (void)close(after);
}

/* --- a keeper that speaks another version --- */

struct stranger {
        char dir[64];
        pid_t pid;
};

/* Greets with a version, and after a SIGHUP (if it expects one) with another. */
static _Noreturn void be_stranger(int listener, int ready, uint32_t first, uint32_t then, bool blocks) {
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGHUP);
        (void)sigprocmask(blocks ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever assertion fails */
        (void)listen(listener, 4); /* here: SO_PEERCRED tells who did */
        (void)close(ready);
        for (uint32_t version = first;;) {
                int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                struct {
                        uint32_t kind, value;
                        char rest[700]; /* larger than any message of ours */
                } hello = { KEEPER_HELLO, version, "" };
                int32_t pid = getpid();
                memcpy((char *)&hello + offsetof(struct keeper_message, pid), &pid, sizeof(pid));
                (void)!send(sock, &hello, version == KEEPER_VERSION ? sizeof(struct keeper_message) : sizeof(hello), MSG_NOSIGNAL);
                if (version != then && blocks) {
                        /* By a signalfd, as the keeper does: in sigwait(3) a blocked signal does not show in SigBlk. */
                        struct signalfd_siginfo info;
                        (void)!read(signalfd(-1, &set, SFD_CLOEXEC), &info, sizeof(info));
                        version = then;
                        (void)close(sock);
                }
        }
}

static void stranger_start(struct stranger *s, uint32_t first, uint32_t then, bool blocks) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void)strcpy(s->dir, "/tmp/ctrsup-unit.XXXXXX");
        assert_non_null(mkdtemp(s->dir));
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", s->dir, KEEPER_SOCKET);
        int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        int ends[2];
        char byte;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        s->pid = fork();
        if (s->pid == 0) {
                (void)close(ends[0]);
                be_stranger(listener, ends[1], first, then, blocks);
        }
        (void)close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 0);
        (void)close(ends[0]);
        (void)close(listener);
}

static void stranger_end(struct stranger *s, bool lives) {
        char path[128];
        siginfo_t info = { 0 };

        assert_int_equal(waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG), 0);
        assert_int_equal(info.si_pid == 0, lives);
        (void)kill(s->pid, SIGKILL);
        (void)waitid(P_PID, (id_t)s->pid, &info, WEXITED);
        (void)snprintf(path, sizeof(path), "%s/%s", s->dir, KEEPER_SOCKET);
        (void)unlink(path);
        (void)rmdir(s->dir);
}

/* It upgrades to ours: connected. It cannot: a sentence, no connection, and it lives: nothing was sent that would end it. */
static void test_other_version(void **state _unused_) {
        struct keeper_client *c = NULL;
        struct stranger s;
        struct err err = { 0 };

        if (geteuid() != 0) /* a keeper is root's, or it is none */
                skip();
        stranger_start(&s, KEEPER_VERSION + 1, KEEPER_VERSION, true);
        assert_int_equal(keeper_client_connect(s.dir, &c, &err), 0);
        assert_int_equal(keeper_client_pid(c), s.pid);
        c = keeper_client_free(c);
        stranger_end(&s, true);

        stranger_start(&s, KEEPER_VERSION + 1, KEEPER_VERSION + 2, true);
        assert_int_equal(keeper_client_connect(s.dir, &c, &err), -EPROTO);
        assert_non_null(strstr(err.text, "speaks version 3 of the protocol, we speak 1"));
        stranger_end(&s, true);

        err = (struct err){ 0 };
        stranger_start(&s, KEEPER_VERSION - 1, KEEPER_VERSION, false);
        assert_int_equal(keeper_client_connect(s.dir, &c, &err), -EOPNOTSUPP);
        assert_non_null(strstr(err.text, "speaks version 0 of the protocol, we speak 1: the keeper"));
        assert_non_null(strstr(err.text, "cannot be upgraded in place"));
        assert_null(c);
        stranger_end(&s, true);
}

/* Each reason has words of its own. */
static void test_words(void **state _unused_) {
        char seen[16][ERR_TEXT_MAX];
        size_t n = 0;

        for (uint32_t step = 1; step < _KEEPER_UPGRADE_MAX; step++)
                for (uint32_t error = step == KEEPER_UPGRADE_REFUSED ? 64 : 1; error < (step == KEEPER_UPGRADE_REFUSED ? 68 : 2); error++) {
                        const struct keeper_message m = { .kind = KEEPER_HELLO, .pid = 7, .state = step, .error = error };
                        struct err err = { 0 };
                        assert_true(keeper_upgrade_explain(&m, &err) < 0);
                        assert_non_null(strstr(err.text, "the keeper (pid 7) goes on as it is: "));
                        for (size_t i = 0; i < n; i++)
                                assert_string_not_equal(seen[i], err.text);
                        (void)strcpy(seen[n++], err.text);
                }
        assert_int_equal(n, 8);
        assert_int_equal(keeper_upgrade_explain(&(struct keeper_message){ .kind = KEEPER_HELLO }, NULL), 0);
}

/* A process that may not have one more file gets the message all the same, once, and the next one as well. */
static void test_no_room_for_fd(void **state _unused_) {
        const struct keeper_message m = { .kind = KEEPER_STARTED, .pid = 17 };
        struct keeper_event e = KEEPER_EVENT_NULL;
        struct rlimit limit, none;
        int other, sent;
        struct keeper_client *c = client_new(&other);

        sent = open("/dev/null", O_RDONLY | O_CLOEXEC);
        for (int n = 0; n < 2; n++)
                assert_int_equal(io_send(other, &m, sizeof(m), &sent, 1), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        none = (struct rlimit){ 0, limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        int r = keeper_client_read(c, &e);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(r, 1);
        assert_int_equal(e.message.pid, 17);
        assert_true(e.fd < 0);
        assert_int_equal(keeper_client_read(c, &e), 1);
        assert_true(e.fd >= 0);
        keeper_event_done(&e);
        (void)close(sent);
        (void)close(other);
        (void)keeper_client_free(c);
}

unit_main(cmocka_unit_test(test_queue), cmocka_unit_test(test_no_room_for_fd), cmocka_unit_test(test_launch_waits), cmocka_unit_test(test_bound),
          cmocka_unit_test(test_no_leak), cmocka_unit_test(test_other_version), cmocka_unit_test(test_words));
