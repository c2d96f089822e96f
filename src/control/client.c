#include <ctrsup/control/client.h>

#include <grp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

struct control_client {
        struct varlink_wire wire;
};

void control_answer_done(struct control_answer *a) {
        json_decref(a->parameters);
        free(a->error);
        *a = CONTROL_ANSWER_NULL;
}

/* Whose the socket is: its owner may have named another group than the preset one. */
static int not_permitted(const char *path, int code, struct err *err) {
        const struct group *group = NULL;
        struct stat st;
        bool seen = stat(path, &st) == 0;

        if (seen && (st.st_mode & 0020) != 0)
                group = getgrgid(st.st_gid);
        err_set(err, code, "cannot reach the daemon at %s: permission denied", path);
        if (seen && (st.st_mode & 0020) == 0)
                (void)err_hint(err, "run as root");
        else if (seen && !group)
                (void)err_hint(err, "run as root or as a member of the group %u (newgrp, or log in again)", st.st_gid);
        else
                (void)err_hint(err, "run as root or as a member of group \"%s\" (newgrp, or log in again)",
                               group ? group->gr_name : "ctrsup");
        return -code;
}

static int unreachable(const char *path, int code, struct err *err) {
        static const struct {
                int code;
                const char *words, *hint;
        } reasons[] = {
                { ENOENT, "there is no such socket",
                  "is it running? systemctl status ctrsup, or start it: systemctl start ctrsup" },
                { ECONNREFUSED, "nobody answers", "it has ended or was killed: systemctl status ctrsup" },
                { EAGAIN, "too many clients wait already", "try again" },
        };

        if (code == EACCES || code == EPERM)
                return not_permitted(path, code, err);
        for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
                if (reasons[i].code != code)
                        continue;
                err_set(err, code, "cannot reach the daemon at %s: %s", path, reasons[i].words);
                (void)err_hint(err, "%s", reasons[i].hint);
                return -code; /* the number counts, also for a caller without err */
        }
        return err_sys(err, code, "cannot reach the daemon at %s", path);
}

int control_client_connect(const char *path, struct control_client **ret, struct err *err) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(address.sun_path))
                return err_set(err, ENAMETOOLONG, "cannot reach the daemon at %s: the path is longer than %zu bytes", path,
                               sizeof(address.sun_path) - 1);
        memcpy(address.sun_path, path, strlen(path) + 1);
        /* Non-blocking also while connecting: a supervisor that hangs leaves its queue full, and we say so instead of waiting. */
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_sys(err, errno, "make a socket");
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return unreachable(path, errno, err);
        struct control_client *c = calloc(1, sizeof(*c));
        if (!c)
                return err_oom(err);
        varlink_wire_init(&c->wire, take_fd(&fd), VARLINK_MAX_REPLY);
        *ret = c;
        return 0;
}

struct control_client *control_client_free(struct control_client *c) {
        if (c)
                varlink_wire_done(&c->wire);
        free(c);
        return NULL;
}

int control_client_fd(const struct control_client *c) {
        return c->wire.fd;
}

short control_client_events(const struct control_client *c) {
        return (short)(POLLIN | (varlink_wire_queued(&c->wire) > 0 ? POLLOUT : 0));
}

/* A server that refuses us says why and hangs up before it reads: then sending fails, and the reason is there to be received. */
static int flush(struct control_client *c, struct err *err) {
        int r = varlink_wire_flush(&c->wire, err);

        if (r == -EAGAIN)
                return 0;
        if (r == -EPIPE || r == -ECONNRESET) {
                c->wire.out_at = c->wire.out.len;
                return 0;
        }
        return r;
}

int control_client_send(struct control_client *c, const struct control_request *request, struct err *err) {
        json_t *message = json_pack("{s:s, s:O*}", "method", request->method, "parameters", request->parameters);

        if (!message || (request->more && json_object_set_new(message, "more", json_true()) < 0) ||
            (request->oneway && json_object_set_new(message, "oneway", json_true()) < 0)) {
                json_decref(message);
                return err_oom(err);
        }
        size_t before = varlink_wire_queued(&c->wire);
        int r = varlink_wire_put(&c->wire, message, request->fds, request->n_fds, err);
        json_decref(message);
        if (r < 0)
                return r;
        if (varlink_wire_queued(&c->wire) - before > VARLINK_MAX_CALL) {
                c->wire.out.len -= varlink_wire_queued(&c->wire) - before;
                return err_set(err, EMSGSIZE, "the call would be longer than %d bytes", VARLINK_MAX_CALL);
        }
        return flush(c, err);
}

static int read_answer(json_t *object, struct control_answer *ret, struct err *err) {
        json_t *parameters = json_object_get(object, "parameters"), *error = json_object_get(object, "error");

        if ((parameters && !json_is_object(parameters)) || (error && !json_is_string(error)))
                return err_set(err, EBADMSG, "the daemon's answer is no Varlink reply");
        *ret = (struct control_answer){
                .parameters = parameters ? json_incref(parameters) : json_object(),
                .error = error ? strdup(json_string_value(error)) : NULL,
                .continues = json_is_true(json_object_get(object, "continues")),
        };
        if (ret->parameters && (ret->error || !error))
                return 1;
        control_answer_done(ret);
        return err_oom(err);
}

int control_client_receive(struct control_client *c, struct control_answer *ret, struct err *err) {
        int r = flush(c, err);

        if (r < 0)
                return err_wrap(err, "talk to the daemon");
        for (;;) {
                _cleanup_varlink_message_ struct varlink_message message = VARLINK_MESSAGE_NULL;

                r = varlink_wire_take(&c->wire, &message, err);
                if (r < 0)
                        return err_wrap(err, "the daemon's answer");
                if (r > 0)
                        return read_answer(message.object, ret, err);
                if (c->wire.eof)
                        return err_set(err, EPIPE, "the daemon closed the connection");
                r = varlink_wire_read(&c->wire, err);
                if (r == -EAGAIN)
                        return 0;
                if (r == -ECONNRESET)
                        return err_set(err, EPIPE, "the daemon closed the connection");
                if (r < 0)
                        return err_wrap(err, "talk to the daemon");
        }
}

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

int control_client_wait(struct control_client *c, uint64_t timeout_usec, struct control_answer *ret, struct err *err) {
        uint64_t now = now_usec(), end = timeout_usec > UINT64_MAX - now ? UINT64_MAX : now + timeout_usec;

        for (;;) {
                int r = control_client_receive(c, ret, err);

                if (r != 0)
                        return r;
                now = now_usec();
                if (now >= end)
                        return err_set(err, ETIMEDOUT, "the daemon did not answer in time");
                /* Rounded up: a wait of the last half millisecond must not become a busy one. */
                uint64_t rest = (end - now + 999) / 1000;
                struct pollfd p = { .fd = c->wire.fd, .events = control_client_events(c) };
                if (poll(&p, 1, end == UINT64_MAX ? -1 : rest > 60000 ? 60000 : (int)rest) < 0 && errno != EINTR)
                        return err_sys(err, errno, "poll");
        }
}

int control_client_call(struct control_client *c, const struct control_request *request, uint64_t timeout_usec,
                        struct control_answer *ret, struct err *err) {
        int r = control_client_send(c, request, err);

        return r < 0 ? r : control_client_wait(c, timeout_usec, ret, err);
}
