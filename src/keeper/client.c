#include <ctrsup/keeper/client.h>

#include <ctrsup/kernel/io.h>

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { HELLO_TIMEOUT_MSEC = 2000 };

struct keeper_client {
        int sock;
        pid_t pid;
};

static int wait_hello(struct keeper_client *c, struct err *err) {
        struct pollfd p = { .fd = c->sock, .events = POLLIN };
        struct keeper_event event = KEEPER_EVENT_NULL;

        int r = poll(&p, 1, HELLO_TIMEOUT_MSEC);
        if (r <= 0)
                return err_set(err, ETIMEDOUT, "the keeper does not answer");
        r = keeper_client_read(c, &event);
        if (r <= 0)
                return err_set(err, ECONNREFUSED, "the keeper does not take us");
        keeper_event_done(&event);
        if (event.message.kind != KEEPER_HELLO || event.message.value != KEEPER_VERSION)
                return err_set(err, EPROTO, "the keeper speaks version %u of the protocol, we speak %d", event.message.value,
                               KEEPER_VERSION);
        c->pid = event.message.pid;
        return 0;
}

int keeper_client_connect(const char *runtime, struct keeper_client **ret, struct err *err) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_keeper_client_ struct keeper_client *c = calloc(1, sizeof(*c));

        if (!c)
                return err_oom(err);
        c->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->sock < 0)
                return err_sys(err, errno, "make a socket");
        if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", runtime, KEEPER_SOCKET) >=
            sizeof(address.sun_path))
                return err_set(err, ENAMETOOLONG, "%s/%s is too long for a socket", runtime, KEEPER_SOCKET);
        if (connect(c->sock, (struct sockaddr *)&address, sizeof(address)) < 0)
                return err_sys(err, errno, "connect to the keeper at %s", address.sun_path);
        int r = wait_hello(c, err);
        if (r < 0)
                return r;
        *ret = take_ptr(c);
        return 0;
}

struct keeper_client *keeper_client_free(struct keeper_client *c) {
        if (c) {
                (void)close_fd(c->sock);
                free(c);
        }
        return NULL;
}

int keeper_client_fd(const struct keeper_client *c) {
        return c->sock;
}

pid_t keeper_client_pid(const struct keeper_client *c) {
        return c->pid;
}

static int send_message(struct keeper_client *c, const struct keeper_message *m, const int *fds, size_t n) {
        int r = io_send(c->sock, m, sizeof(*m), fds, n);

        return r == -EPIPE ? -ECONNRESET : r;
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
        int r = send_message(c, &m, fds, n + 1);
        return r < 0 ? err_sys(err, -r, "send %s to the keeper", label) : 0;
}

static int send_id(struct keeper_client *c, enum keeper_message_kind kind, const uint8_t id[KEEPER_ID_SIZE]) {
        struct keeper_message m = { .kind = kind };

        memcpy(m.id, id, sizeof(m.id));
        return send_message(c, &m, NULL, 0);
}

static int send_name(struct keeper_client *c, enum keeper_message_kind kind, const char *name, const int *fd) {
        struct keeper_message m = { .kind = kind };

        if (name[0] == '\0' || strlen(name) >= sizeof(m.name))
                return -EINVAL;
        (void)strcpy(m.name, name);
        return send_message(c, &m, fd, fd != NULL);
}

int keeper_client_forget(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE]) {
        return send_id(c, KEEPER_FORGET, id);
}

int keeper_client_list(struct keeper_client *c) {
        const struct keeper_message m = { .kind = KEEPER_LIST };

        return send_message(c, &m, NULL, 0);
}

int keeper_client_hold(struct keeper_client *c, const char *name, int fd) {
        return send_name(c, KEEPER_HOLD, name, &fd);
}

int keeper_client_take(struct keeper_client *c, const char *name) {
        return send_name(c, KEEPER_TAKE, name, NULL);
}

int keeper_client_release(struct keeper_client *c, const char *name) {
        return send_name(c, KEEPER_RELEASE, name, NULL);
}

int keeper_client_quit(struct keeper_client *c, bool kill) {
        const struct keeper_message m = { .kind = KEEPER_QUIT, .value = kill };

        return send_message(c, &m, NULL, 0);
}

int keeper_client_read(struct keeper_client *c, struct keeper_event *ret) {
        struct keeper_event event = KEEPER_EVENT_NULL;
        size_t size, n_fds;
        int fd = -EBADF;

        int r = io_receive(c->sock, &event.message, sizeof(event.message), &size, &fd, 1, &n_fds);
        if (r == -EAGAIN || r == -EINTR)
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
        *ret = event;
        return 1;
}
