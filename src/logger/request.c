/* The control socket: requests in, events out. */
#include "logger.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define RETRY_USEC UINT64_C(100000)

bool request_send_event(struct logger *l, const struct logger_event *e) {
        struct wire_event w = { .version = WIRE_VERSION, .kind = WIRE_EVENT, .event = *e };

        if (l->control_fd < 0)
                return true; /* nobody is left to know */
        return send(l->control_fd, &w, sizeof(w), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN;
}

void request_send_replies(struct logger *l) {
        size_t sent = 0;

        while (sent < l->n_replies && request_send_event(l, &l->replies[sent]))
                sent++;
        memmove(l->replies, l->replies + sent, (l->n_replies - sent) * sizeof(l->replies[0]));
        l->n_replies -= sent;
}

static void reply(struct logger *l, const struct logger_event *e) {
        if (l->n_replies < REPLIES_MAX) /* request_is_full() saw to that */
                l->replies[l->n_replies++] = *e;
}

static void refuse(struct logger *l, uint64_t id, int code) {
        const struct logger_event e = { .kind = LOGGER_EVENT_REFUSED, .id = id, .code = code };

        reply(l, &e);
}

static void add_stats(struct logger_stats *sum, const struct stream *s) {
        sum->lines += s->stats.lines;
        sum->bytes += s->stats.bytes;
        sum->dropped_rate += s->stats.dropped_rate;
        sum->dropped_sink += s->owner.dropped;
        sum->dropped_subscriber += s->stats.dropped_subscriber;
        sum->streams++;
}

static int add(struct logger *l, struct wire_request *r) {
        const unsigned has = r->head.flags & (WIRE_HAS_OUT | WIRE_HAS_ERR);
        const size_t wanted = (has & WIRE_HAS_OUT ? 1 : 0) + (has & WIRE_HAS_ERR ? 1 : 0);
        struct stream *s = logger_find(l, r->head.id);

        if (r->n_fds != wanted || wanted == 0)
                return -EINVAL;
        if (s) { /* added by the supervisor before, who may have died before it told of a change */
                stream_update(s, &r->head);
                return -EEXIST;
        }
        if (l->n_streams == l->room) {
                size_t room = l->room ? l->room * 2 : 64;
                struct stream **grown = reallocarray(l->streams, room, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                l->streams = grown;
                l->room = room;
        }
        int out = has & WIRE_HAS_OUT ? take_fd(&r->fds[0]) : -EBADF,
            error = has & WIRE_HAS_ERR ? take_fd(&r->fds[wanted - 1]) : -EBADF;
        int code = stream_new(&s, l, r, out, error);
        if (code < 0)
                return code;
        l->streams[l->n_streams++] = s;
        return 0;
}

static int update(struct logger *l, const struct wire_request *r) {
        struct stream *s = logger_find(l, r->head.id);

        if (!s)
                return -ENOENT;
        stream_update(s, &r->head);
        return 0;
}

static int remove_stream(struct logger *l, const struct wire_request *r) {
        struct stream *s = logger_find(l, r->head.id);

        if (!s)
                return 0; /* it ended by itself: EOF is on its way */
        stream_aim(s);
        s->removing = true;
        logger_care(l, 0);
        return 0;
}

static int give_stats(struct logger *l, const struct wire_request *r) {
        struct logger_event e = { .kind = LOGGER_EVENT_STATS, .id = r->head.id };

        if (r->head.id == 0) {
                e.stats = l->total;
                for (size_t i = 0; i < l->n_streams; i++)
                        add_stats(&e.stats, l->streams[i]);
        } else {
                const struct stream *s = logger_find(l, r->head.id);

                if (!s)
                        return -ENOENT;
                add_stats(&e.stats, s);
        }
        reply(l, &e);
        return 0;
}

static int flush(struct logger *l, const struct wire_request *r) {
        for (size_t i = 0; i < l->n_streams; i++)
                stream_aim(l->streams[i]);
        l->cookies[l->n_cookies++] = r->head.id;
        logger_care(l, 0);
        return 0;
}

void request_tend_flush(struct logger *l) {
        if (l->n_cookies == 0)
                return;
        for (size_t i = 0; i < l->n_streams; i++)
                if (stream_is_aimed(l->streams[i]))
                        return;
        for (size_t i = 0; i < l->n_cookies; i++) {
                const struct logger_event e = { .kind = LOGGER_EVENT_FLUSHED, .id = l->cookies[i] };

                reply(l, &e);
        }
        l->n_cookies = 0;
}

static int subscribe(struct logger *l, struct wire_request *r) {
        if (r->n_fds != 1)
                return -EINVAL;
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
                if (!l->subscribers[i])
                        return subscriber_new(&l->subscribers[i], l->epoll_fd, r->head.id, r->strings[WIRE_STACK],
                                              r->strings[WIRE_CONTAINER], take_fd(&r->fds[0]));
        return -EMFILE;
}

static int unsubscribe(struct logger *l, const struct wire_request *r) {
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
                if (l->subscribers[i] && l->subscribers[i]->id == r->head.id)
                        l->subscribers[i]->ended = true;
        return 0;
}

void request_quit(struct logger *l) {
        for (size_t i = 0; i < l->n_streams; i++) {
                stream_aim(l->streams[i]);
                l->streams[i]->removing = true;
        }
        l->quit_usec = l->now_usec + QUIT_USEC;
        logger_care(l, 0);
}

static void handle(struct logger *l, struct wire_request *r) {
        int code = 0;

        switch (r->head.kind) {
        case WIRE_ADD:
                code = add(l, r);
                break;
        case WIRE_UPDATE:
                code = update(l, r);
                break;
        case WIRE_REMOVE:
                code = remove_stream(l, r);
                break;
        case WIRE_STATS:
                code = give_stats(l, r);
                break;
        case WIRE_FLUSH:
                code = flush(l, r);
                break;
        case WIRE_SUBSCRIBE:
                code = subscribe(l, r);
                break;
        case WIRE_UNSUBSCRIBE:
                code = unsubscribe(l, r);
                break;
        case WIRE_QUIT:
                request_quit(l);
                break;
        default:
                code = -EPROTO;
        }
        if (code < 0)
                refuse(l, r->head.id, -code);
}

/* All fds of a message are taken, so that none leaks, whatever the message says of itself. */
static void take_fds(struct wire_request *r, struct msghdr *msg) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
                        if (r->n_fds < WIRE_FDS_MAX)
                                r->fds[r->n_fds++] = fd;
                        else
                                (void)close_fd(fd);
                }
        }
}

/* 1: one was handled, 0: none there, -EAGAIN: later, -EPIPE: the other end is closed for good, or nothing can be heard from it. */
static int receive_one(struct logger *l) {
        union {
                struct cmsghdr head;
                char space[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
        } control = { 0 };
        char data[WIRE_MAX];
        struct iovec iov = { data, sizeof(data) };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        struct wire_request r = { .fds = { -EBADF, -EBADF } };
        ssize_t n = recvmsg(l->control_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return errno == EINTR ? 1 : errno == EAGAIN ? 0 : io_is_passing(-errno) ? -EAGAIN : -EPIPE;
        if (n == 0)
                return -EPIPE;
        take_fds(&r, &msg);
        int code = msg.msg_flags & MSG_TRUNC ? -EBADMSG : wire_decode(&r, data, (size_t)n);
        if (code < 0)
                refuse(l, code == -EPROTO || n < (ssize_t)sizeof(r.head) ? 0 : r.head.id, -code);
        else
                handle(l, &r);
        for (size_t i = 0; i < WIRE_FDS_MAX; i++)
                (void)close_fd(r.fds[i]);
        return 1;
}

void request_receive(struct logger *l) {
        int r = 1;

        l->retry_usec = 0;
        while (l->control_fd >= 0 && r > 0) {
                if (request_is_full(l)) {
                        l->requests_wait = true;
                        return;
                }
                r = receive_one(l);
                if (r == -EAGAIN) { /* out of memory: nothing will wake us for what is there already */
                        l->requests_wait = true;
                        l->retry_usec = l->now_usec + RETRY_USEC;
                        return;
                }
                if (r < 0) { /* supervisor and keeper are both gone: the pipes are read to their ends */
                        l->control_fd = close_fd(l->control_fd);
                        l->n_replies = 0;
                        logger_care(l, 0);
                }
        }
        l->requests_wait = false;
}
