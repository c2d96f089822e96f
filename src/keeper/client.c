#include "client_private.h"

#include <ctrsup/kernel/io.h>

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { HELLO_TIMEOUT_MSEC = 2000, HELLO_SIZE_MIN = 2 * sizeof(uint32_t), ANY_SIZE = 4096 };

static long long now_msec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int client_wait_hello(struct keeper_client *c, int timeout_msec) {
        long long end = now_msec() + timeout_msec;

        for (long long left = timeout_msec; left >= 0; left = end - now_msec()) {
                struct pollfd p = { .fd = c->sock, .events = POLLIN };
                union {
                        struct keeper_message message;
                        char bytes[ANY_SIZE];
                } got = { 0 };
                size_t size = 0, n_fds = 0;
                int fd = -EBADF;

                if (poll(&p, 1, (int)left) <= 0)
                        continue;
                int r = io_receive(c->sock, &got, sizeof(got), &size, &fd, 1, &n_fds);
                if (n_fds == 1)
                        (void)close(fd);
                if (io_is_passing(r))
                        continue;
                if (r < 0 || size == 0)
                        return -ECONNRESET;
                if (size < HELLO_SIZE_MIN || got.message.kind != KEEPER_HELLO)
                        continue;
                got.message.label[sizeof(got.message.label) - 1] = '\0';
                c->hello = got.message;
                return 0;
        }
        return -ETIMEDOUT;
}

static int say_version(const struct keeper_client *c, struct err *err) {
        return err_set(err, EPROTO, "the keeper (pid %d) speaks version %u of the protocol, we speak %d", (int)c->hello.pid,
                       c->hello.value, KEEPER_VERSION);
}

int client_open(struct keeper_client *c, struct err *err) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        c->sock = close_fd(c->sock);
        c->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->sock < 0)
                return err_sys(err, errno, "make a socket");
        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", c->runtime, KEEPER_SOCKET) >=
            sizeof(address.sun_path))
                return err_set(err, ENAMETOOLONG, "%s/%s is too long for a socket", c->runtime, KEEPER_SOCKET);
        if (connect(c->sock, (struct sockaddr *)&address, sizeof(address)) < 0)
                return err_sys(err, errno, "connect to the keeper at %s", address.sun_path);
        int r = client_wait_hello(c, HELLO_TIMEOUT_MSEC);
        if (r == -ETIMEDOUT)
                return err_set(err, ETIMEDOUT, "the keeper does not answer");
        if (r < 0)
                return err_set(err, ECONNREFUSED, "the keeper does not take us");
        return c->hello.value == KEEPER_VERSION ? 0 : say_version(c, err);
}

int keeper_client_connect(const char *runtime, struct keeper_client **ret, struct err *err) {
        _cleanup_keeper_client_ struct keeper_client *c = calloc(1, sizeof(*c));
        struct err first = { 0 };

        if (!c)
                return err_oom(err);
        c->sock = -EBADF;
        c->runtime = strdup(runtime);
        if (!c->runtime)
                return err_oom(err);
        int r = client_open(c, &first);
        if (r == -EPROTO) { /* it may be able to become one that we understand */
                r = client_upgrade(c, err);
                if (r == -EPROTO || (r == 0 && c->hello.value != KEEPER_VERSION))
                        return say_version(c, err);
                if (r < 0)
                        return err_wrap(err, "%s", first.text);
        } else if (r < 0) {
                return err_set(err, -r, "%s", first.text);
        }
        *ret = take_ptr(c);
        return 0;
}

int keeper_client_adopt(int sock, struct keeper_client **ret) {
        struct keeper_client *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->sock = sock;
        *ret = c;
        return 0;
}

struct keeper_client *keeper_client_free(struct keeper_client *c) {
        if (c) {
                client_queue_done(c);
                (void)close_fd(c->sock);
                free(c->runtime);
                free(c);
        }
        return NULL;
}

int keeper_client_fd(const struct keeper_client *c) {
        return c->sock;
}

pid_t keeper_client_pid(const struct keeper_client *c) {
        return c->hello.pid;
}

const char *keeper_client_build(const struct keeper_client *c) {
        return c->hello.label;
}

static int seal_recipe(const struct recipe *recipe, struct err *err) {
        _cleanup_buf_ struct buf bytes = BUF_NULL;
        _cleanup_fd_ int fd = -EBADF;

        int r = recipe_finish(recipe, &bytes);
        if (r == -E2BIG)
                return err_set(err, E2BIG, "the container has more arguments, mounts or environment than a launch can carry");
        if (r < 0)
                return err_oom(err);
        fd = memfd_create("recipe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return err_sys(err, errno, "make a memfd");
        r = io_write_all(fd, bytes.data, bytes.len);
        if (r < 0)
                return err_sys(err, -r, "write the recipe");
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                return err_sys(err, errno, "seal the recipe");
        return take_fd(&fd);
}

int keeper_client_launch(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE], const char *label,
                         const struct recipe *recipe, struct err *err) {
        struct keeper_message m = { .kind = KEEPER_LAUNCH };
        int fds[RECIPE_FDS_MAX + 1];
        size_t n;

        if (strlen(label) >= sizeof(m.label))
                return err_set(err, ENAMETOOLONG, "the name %s is too long", label);
        (void)strcpy(m.label, label);
        memcpy(m.id, id, sizeof(m.id));
        _cleanup_fd_ int sealed = seal_recipe(recipe, err);
        if (sealed < 0)
                return sealed;
        const int *more = recipe_fds(recipe, &n);
        fds[0] = sealed;
        memcpy(fds + 1, more, n * sizeof(int));
        int r = keeper_client_flush(c); /* what was asked before comes before */
        if (r == 0)
                r = c->n_queued > 0 ? -EAGAIN : io_send(c->sock, &m, sizeof(m), fds, n + 1);
        if (r < 0)
                r = client_sent(r);
        return r < 0 ? err_sys(err, -r, "send %s to the keeper", label) : 0;
}

static int send_id(struct keeper_client *c, enum keeper_message_kind kind, const uint8_t id[KEEPER_ID_SIZE]) {
        struct keeper_message m = { .kind = kind };

        memcpy(m.id, id, sizeof(m.id));
        return client_queue_send(c, &m, -EBADF);
}

static int send_name(struct keeper_client *c, enum keeper_message_kind kind, const char *name, int fd) {
        struct keeper_message m = { .kind = kind };

        if (name[0] == '\0' || strlen(name) >= sizeof(m.name))
                return -EINVAL;
        (void)strcpy(m.name, name);
        return client_queue_send(c, &m, fd);
}

int keeper_client_forget(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE]) {
        return send_id(c, KEEPER_FORGET, id);
}

int keeper_client_list(struct keeper_client *c) {
        const struct keeper_message m = { .kind = KEEPER_LIST };

        return client_queue_send(c, &m, -EBADF);
}

int keeper_client_hold(struct keeper_client *c, const char *name, int fd) {
        return send_name(c, KEEPER_HOLD, name, fd);
}

int keeper_client_take(struct keeper_client *c, const char *name) {
        return send_name(c, KEEPER_TAKE, name, -EBADF);
}

int keeper_client_release(struct keeper_client *c, const char *name) {
        return send_name(c, KEEPER_RELEASE, name, -EBADF);
}

int keeper_client_quit(struct keeper_client *c, bool kill) {
        const struct keeper_message m = { .kind = KEEPER_QUIT, .value = kill };

        return client_queue_send(c, &m, -EBADF);
}

int keeper_client_read(struct keeper_client *c, struct keeper_event *ret) {
        struct keeper_event event = KEEPER_EVENT_NULL;
        size_t size, n_fds;
        int fd = -EBADF;

        int r = io_receive(c->sock, &event.message, sizeof(event.message), &size, &fd, 1, &n_fds);
        if (io_is_passing(r))
                return 0;
        if (r < 0)
                return r == -EMSGSIZE ? -EBADMSG : -ECONNRESET;
        if (n_fds == 1)
                event.fd = fd;
        if (size == 0) {
                keeper_event_done(&event);
                return -ECONNRESET;
        }
        const struct keeper_message *m = &event.message;
        if (size != sizeof(*m) || m->kind >= _KEEPER_MESSAGE_MAX || !memchr(m->label, '\0', sizeof(m->label))) {
                keeper_event_done(&event);
                return -EBADMSG;
        }
        if (m->kind == KEEPER_HELLO)
                c->hello = *m;
        *ret = event;
        return 1;
}
