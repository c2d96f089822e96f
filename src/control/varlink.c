#include <ctrsup/control/varlink.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum { READ_SIZE = 64 * 1024 };

int varlink_check_shape(const char *text, size_t len, struct err *err) {
        size_t depth = 0, values = 1;
        bool in_string = false;

        for (size_t i = 0; i < len; i++) {
                char c = text[i];

                if (in_string) {
                        if (c == '\\')
                                i++;
                        else if (c == '"')
                                in_string = false;
                        continue;
                }
                if (c == '"') {
                        in_string = true;
                } else if (c == '{' || c == '[') {
                        values++;
                        if (++depth > VARLINK_MAX_DEPTH)
                                return err_set(err, EBADMSG, "message is nested deeper than %d levels", VARLINK_MAX_DEPTH);
                } else if (c == '}' || c == ']') {
                        depth -= depth > 0;
                } else if (c == ',') {
                        values++;
                }
                if (values > VARLINK_MAX_VALUES)
                        return err_set(err, EBADMSG, "message has more than %d values", VARLINK_MAX_VALUES);
        }
        return 0;
}

int varlink_parse(const char *text, size_t len, json_t **ret, struct err *err) {
        json_error_t error;
        int r = varlink_check_shape(text, len, err);

        if (r < 0)
                return r;
        json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
        if (!object) {
                if (json_error_code(&error) == json_error_out_of_memory)
                        return err_oom(err);
                return err_set(err, EBADMSG, "message is no JSON: %s", error.text);
        }
        if (!json_is_object(object)) {
                json_decref(object);
                return err_set(err, EBADMSG, "message is no JSON object");
        }
        *ret = object;
        return 0;
}

static void close_fds(int *fds, size_t *n) {
        for (size_t i = 0; i < *n; i++)
                fds[i] = close_fd(fds[i]);
        *n = 0;
}

void varlink_message_done(struct varlink_message *m) {
        json_decref(m->object);
        m->object = NULL;
        close_fds(m->fds, &m->n_fds);
}

void varlink_wire_init(struct varlink_wire *w, int fd, size_t max_message) {
        *w = VARLINK_WIRE_NULL;
        w->fd = fd;
        w->max_message = max_message;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void varlink_wire_done(struct varlink_wire *w) {
        w->fd = close_fd(w->fd);
        close_fds(w->fds, &w->n_fds);
        close_fds(w->out_fds, &w->n_out_fds);
        buf_done(&w->in);
        buf_done(&w->out);
        *w = VARLINK_WIRE_NULL;
}

/* Keeps the fds of a received piece that ends at the byte before in.len, or closes them all and says -EPROTO. */
static int keep_fds(struct varlink_wire *w, struct msghdr *header, struct err *err) {
        bool too_many = header->msg_flags & MSG_CTRUNC;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (w->n_fds < VARLINK_MAX_FDS) {
                                w->fds[w->n_fds++] = fd;
                        } else {
                                too_many = true;
                                (void)close_fd(fd);
                        }
                }
                w->fds_at = w->in.len - 1;
        }
        if (too_many) {
                close_fds(w->fds, &w->n_fds);
                return err_set(err, EPROTO, "more than %d file descriptors came with a message", VARLINK_MAX_FDS);
        }
        return 0;
}

int varlink_wire_read(struct varlink_wire *w, struct err *err) {
        char piece[READ_SIZE];
        union {
                char space[CMSG_SPACE(sizeof(int) * VARLINK_MAX_FDS)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { .iov_base = piece, .iov_len = sizeof(piece) };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        ssize_t n = recvmsg(w->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0) {
                int code = errno;

                return code == EAGAIN || code == EINTR || code == ENOMEM || code == ENOBUFS ? -EAGAIN
                                                                                            : err_sys(err, code, "receive");
        }
        if (n == 0) {
                w->eof = true;
                return 0;
        }
        /* Fds that came before, for a message that is still to be taken: a second set is one too many. */
        if (w->n_fds > 0 && header.msg_controllen > 0)
                header.msg_flags |= MSG_CTRUNC;
        buf_put(&w->in, piece, (size_t)n);
        int r = keep_fds(w, &header, err);
        if (r < 0)
                return r;
        if (buf_failed(&w->in))
                return err_oom(err);

        const char *end = memchr(w->in.data + w->scanned, '\0', w->in.len - w->scanned);
        size_t len = end ? (size_t)(end - w->in.data) : w->in.len;
        w->scanned = len;
        if (len > w->max_message)
                return err_set(err, EMSGSIZE, "message is longer than %zu bytes", w->max_message);
        return 0;
}

/* Drops the first n bytes. The memory of a long message is not kept for the short ones to come. */
static void drop_front(struct varlink_wire *w, size_t n) {
        size_t rest = w->in.len - n;

        if (rest == 0 && w->in.size > READ_SIZE * 2) {
                buf_done(&w->in);
        } else {
                memmove(w->in.data, w->in.data + n, rest);
                w->in.len = rest;
                w->in.data[rest] = '\0';
        }
        w->scanned = 0;
        w->fds_at = w->fds_at >= n ? w->fds_at - n : 0;
}

int varlink_wire_take(struct varlink_wire *w, struct varlink_message *ret, struct err *err) {
        const char *end = w->in.len > 0 ? memchr(w->in.data + w->scanned, '\0', w->in.len - w->scanned) : NULL;
        json_t *object;

        if (!end) {
                w->scanned = w->in.len;
                return w->in.len > w->max_message ? err_set(err, EMSGSIZE, "message is longer than %zu bytes", w->max_message)
                                                  : 0;
        }
        size_t len = (size_t)(end - w->in.data);
        if (len > w->max_message)
                return err_set(err, EMSGSIZE, "message is longer than %zu bytes", w->max_message);
        int r = varlink_parse(w->in.data, len, &object, err);
        if (r < 0)
                return r;
        *ret = VARLINK_MESSAGE_NULL;
        ret->object = object;
        if (w->n_fds > 0 && w->fds_at <= len) {
                for (size_t i = 0; i < w->n_fds; i++)
                        ret->fds[i] = take_fd(&w->fds[i]);
                ret->n_fds = w->n_fds;
                w->n_fds = 0;
        }
        drop_front(w, len + 1);
        return 1;
}

bool varlink_wire_is_partial(const struct varlink_wire *w) {
        return w->in.len > 0 && !memchr(w->in.data, '\0', w->in.len);
}

static int put_text(const char *text, size_t size, void *userdata) {
        struct buf *b = userdata;

        buf_put(b, text, size);
        return buf_failed(b) ? -1 : 0;
}

static int keep_out_fds(struct varlink_wire *w, const int *fds, size_t n_fds, struct err *err) {
        if (varlink_wire_queued(w) > 0)
                return err_set(err, EBUSY, "file descriptors cannot be queued behind a message");
        if (n_fds > VARLINK_MAX_FDS)
                return err_set(err, EINVAL, "more than %d file descriptors for a message", VARLINK_MAX_FDS);
        for (size_t i = 0; i < n_fds; i++) {
                int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

                if (fd < 0) {
                        int code = errno;

                        close_fds(w->out_fds, &w->n_out_fds);
                        return err_sys(err, code, "duplicate file descriptor %d", fds[i]);
                }
                w->out_fds[w->n_out_fds++] = fd;
        }
        return 0;
}

int varlink_wire_put(struct varlink_wire *w, const json_t *object, const int *fds, size_t n_fds, struct err *err) {
        if (n_fds > 0) {
                int r = keep_out_fds(w, fds, n_fds, err);
                if (r < 0)
                        return r;
        }
        if (w->out_at > 0 && w->out_at >= w->out.len / 2) {
                memmove(w->out.data, w->out.data + w->out_at, w->out.len - w->out_at);
                w->out.len -= w->out_at;
                w->out_at = 0;
        }
        size_t before = w->out.len;
        if (json_dump_callback(object, put_text, &w->out, JSON_COMPACT) == 0)
                buf_put(&w->out, "", 1);
        else
                w->out.failed = true;
        if (buf_failed(&w->out)) {
                /* Half a message must never go out: back to where the queue ended. */
                w->out.len = before;
                w->out.failed = false;
                close_fds(w->out_fds, &w->n_out_fds);
                return err_oom(err);
        }
        return 0;
}

static ssize_t send_some(struct varlink_wire *w) {
        union {
                char space[CMSG_SPACE(sizeof(int) * VARLINK_MAX_FDS)];
                struct cmsghdr align;
        } control = { 0 };
        struct iovec iov = { .iov_base = w->out.data + w->out_at, .iov_len = varlink_wire_queued(w) };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (w->n_out_fds > 0) {
                header.msg_control = &control;
                header.msg_controllen = CMSG_SPACE(sizeof(int) * w->n_out_fds);
                struct cmsghdr *c = CMSG_FIRSTHDR(&header);
                *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                       .cmsg_type = SCM_RIGHTS,
                                       .cmsg_len = CMSG_LEN(sizeof(int) * w->n_out_fds) };
                memcpy(CMSG_DATA(c), w->out_fds, sizeof(int) * w->n_out_fds);
        }
        return sendmsg(w->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int varlink_wire_flush(struct varlink_wire *w, struct err *err) {
        while (varlink_wire_queued(w) > 0) {
                ssize_t n = send_some(w);

                if (n < 0) {
                        int code = errno;

                        if (code == EINTR)
                                continue;
                        return code == EAGAIN ? -EAGAIN : err_sys(err, code, "send");
                }
                close_fds(w->out_fds, &w->n_out_fds);
                w->out_at += (size_t)n;
        }
        w->out_at = 0;
        if (w->out.size > READ_SIZE * 2)
                buf_done(&w->out);
        else
                buf_reset(&w->out);
        return 0;
}
