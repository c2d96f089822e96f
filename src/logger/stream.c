/* The pipes of a container: reading, holding back, ending. */
#include "logger.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

static void close_pipe(struct pipe *p) {
        p->fd = close_fd(p->fd); /* leaves the epoll set only with its last copy: see leave_epoll() */
        free(take_ptr(p->held));
        p->held_len = 0;
}

struct stream *stream_free(struct stream *s) {
        if (!s)
                return NULL;
        for (enum logline_stream i = 0; i < _LOGLINE_STREAM_MAX; i++)
                close_pipe(&s->pipes[i]);
        logfile_done(&s->file);
        if (s->suppressed + s->telling == 0)
                tally_release(s->tally);
        free(s->stack);
        free(s->container);
        free(s->names);
        free(s->fields);
        free(s);
        return NULL;
}

static void stream_freep(struct stream **s) {
        *s = stream_free(*s);
}

static int join_epoll(struct logger *l, struct pipe *p) {
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &p->source };

        return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, p->fd, &e) < 0 ? -errno : 0;
}

/* Always before close: the keeper holds the same open pipe, so that closing our fd would leave it in the set. */
static void leave_epoll(struct logger *l, struct pipe *p) {
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, p->fd, NULL);
}

void stream_update(struct stream *s, const struct wire_head *h) {
        s->rate_interval_usec = h->rate_interval_usec;
        s->rate_burst = h->rate_burst;
        s->file.max_size = h->file_max_size;
        s->file.max_files = h->file_max_files;
}

static int set_up(struct stream *s, struct logger *l, const struct wire_request *r) {
        const char *stack = r->strings[WIRE_STACK], *container = r->strings[WIRE_CONTAINER];

        if (!stack || !container || !r->strings[WIRE_INSTANCE] || !r->strings[WIRE_TAG] || r->head.driver >= _LOGGER_DRIVER_MAX)
                return -EINVAL;
        s->id = r->head.id;
        s->replica = r->head.replica;
        s->driver = (enum logger_driver)r->head.driver;
        s->level_prefix = r->head.flags & WIRE_LEVEL_PREFIX;
        s->stack = strdup(stack);
        s->container = strdup(container);
        s->fields = emit_make_fields(r);
        if (!s->stack || !s->container || !s->fields ||
            asprintf(&s->names, "%s %s %" PRIu32 " ", stack, container, s->replica) < 0)
                return -ENOMEM;
        int code = logfile_init(&s->file, l->logs_fd, l->group, stack, container, s->replica);
        if (code < 0)
                return code;
        stream_update(s, &r->head);
        s->tally = tally_find(&l->tally, r->strings[WIRE_INSTANCE]);
        if (s->tally && *s->tally > 0) { /* of a logger that was killed */
                s->suppressed = *s->tally;
                logger_care(l, 0);
        }
        return 0;
}

int stream_new(struct stream **ret, struct logger *l, const struct wire_request *r, int out_fd, int err_fd) {
        _cleanup_fd_ int out = out_fd, error = err_fd;
        _cleanup_(stream_freep) struct stream *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->file.fd = s->file.dir_fd = -EBADF;
        s->pipes[LOGLINE_STDOUT] = (struct pipe){ { SOURCE_PIPE }, s, .fd = take_fd(&out), .which = LOGLINE_STDOUT };
        s->pipes[LOGLINE_STDERR] = (struct pipe){ { SOURCE_PIPE }, s, .fd = take_fd(&error), .which = LOGLINE_STDERR };
        int code = set_up(s, l, r);
        if (code < 0)
                return code;
        for (enum logline_stream i = 0; i < _LOGLINE_STREAM_MAX; i++) {
                struct pipe *p = &s->pipes[i];
                int flags;

                if (p->fd < 0)
                        continue;
                flags = fcntl(p->fd, F_GETFL);
                code = flags < 0 || fcntl(p->fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : join_epoll(l, p);
                if (code < 0) {
                        leave_epoll(l, &s->pipes[LOGLINE_STDOUT]);
                        return code;
                }
        }
        *ret = take_ptr(s);
        return 0;
}

/* Keeps what is left of the window for the next turn. */
static void hold(struct pipe *p, const char *rest, size_t len) {
        char *copy = len > 0 ? malloc(len) : NULL;

        if (len > 0 && !copy) { /* lost, and said so */
                p->stream->owner.dropped++;
                len = 0;
        } else if (len > 0)
                memcpy(copy, rest, len);
        free(p->held);
        p->held = copy;
        p->held_len = len;
}

/* The window may be p->held itself. */
static void process(struct logger *l, struct pipe *p, const char *window, size_t len) {
        struct split_piece piece;
        size_t at = 0;
        bool congested = false;

        while (!congested && split_next(window + at, len - at, p->at_end, &piece)) {
                congested = emit_piece(l, p, &piece) == -EAGAIN;
                if (!congested)
                        at += piece.consumed;
        }
        emit_flush(l, p->stream);
        if (at > 0 || window != p->held)
                hold(p, window + at, len - at);
        if (p->stream->owner.dropped > p->stream->reported_sink || p->stream->stats.dropped_rate > p->stream->reported_rate)
                logger_care(l, p->stream->report_usec);
        if (congested && !p->paused) {
                p->paused = true;
                leave_epoll(l, p);
        }
        if (p->at_end && !congested) {
                if (!p->paused)
                        leave_epoll(l, p);
                close_pipe(p);
                logger_care(l, 0);
        }
}

void stream_read(struct logger *l, struct pipe *p) {
        if (p->fd < 0 || p->paused)
                return;
        if (p->stream->driver == LOGGER_JOURNALD && l->journal.congested) { /* somebody before us in this turn made it so */
                p->paused = true;
                leave_epoll(l, p);
                return;
        }
        memcpy(l->work, p->held ?: "", p->held_len); /* LOGLINE_MAX at most: see process() */
        ssize_t n = read(p->fd, l->work + p->held_len, READ_SIZE);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        p->at_end = n <= 0; /* a pipe has no other failures */
        if (n > 0)
                p->read_bytes += (size_t)n;
        process(l, p, l->work, p->held_len + (n > 0 ? (size_t)n : 0));
}

void stream_resume(struct logger *l, struct stream *s) {
        for (enum logline_stream i = 0; i < _LOGLINE_STREAM_MAX; i++) {
                struct pipe *p = &s->pipes[i];

                if (!p->paused || p->fd < 0)
                        continue;
                process(l, p, p->held ?: "", p->held_len);
                if (l->journal.congested)
                        return;
                p->paused = false;
                if (p->fd >= 0 && join_epoll(l, p) < 0) { /* out of memory: read what there is, or it would hang for ever */
                        p->at_end = true;
                        close_pipe(p);
                        logger_care(l, 0);
                }
        }
}

void stream_aim(struct stream *s) {
        for (enum logline_stream i = 0; i < _LOGLINE_STREAM_MAX; i++) {
                struct pipe *p = &s->pipes[i];
                int waiting = 0;

                if (p->fd >= 0 && ioctl(p->fd, FIONREAD, &waiting) >= 0)
                        p->target = p->read_bytes + (uint64_t)waiting;
        }
}

static bool pipe_is_aimed(const struct pipe *p) {
        int waiting = 0;

        if (p->fd < 0 || (p->read_bytes >= p->target && !p->paused))
                return false;
        /* Empty before its time: somebody else reads the same pipe. */
        return p->paused || ioctl(p->fd, FIONREAD, &waiting) < 0 || waiting > 0;
}

bool stream_is_aimed(const struct stream *s) {
        return pipe_is_aimed(&s->pipes[LOGLINE_STDOUT]) || pipe_is_aimed(&s->pipes[LOGLINE_STDERR]) || s->owner.kept > 0;
}

/* Asked to leave with pipes that may never end: what was in them is read, the last line needs no line break. */
static void end_pipes(struct logger *l, struct stream *s) {
        for (enum logline_stream i = 0; i < _LOGLINE_STREAM_MAX; i++) {
                struct pipe *p = &s->pipes[i];

                if (p->fd < 0)
                        continue;
                p->at_end = true;
                process(l, p, p->held ?: "", p->held_len);
        }
}

static void report(struct logger *l, struct stream *s, bool final) {
        const uint64_t rate = s->stats.dropped_rate - s->reported_rate, sink = s->owner.dropped - s->reported_sink;
        struct logger_event e = { .kind = LOGGER_EVENT_DROPPED, .id = s->id };

        if (rate == 0 && sink == 0)
                return;
        if (!final && l->now_usec < s->report_usec) {
                logger_care(l, s->report_usec);
                return;
        }
        e.dropped = rate;
        if (rate > 0 && request_send_event(l, &e))
                s->reported_rate += rate;
        e.dropped = sink;
        e.sink = true;
        if (sink > 0 && request_send_event(l, &e))
                s->reported_sink += sink;
        s->report_usec = l->now_usec + REPORT_USEC;
}

bool stream_tend(struct logger *l, struct stream *s) {
        if (s->removing && !stream_is_aimed(s))
                end_pipes(l, s);

        const bool ended = s->pipes[LOGLINE_STDOUT].fd < 0 && s->pipes[LOGLINE_STDERR].fd < 0;
        if (s->suppressed > 0) {
                uint64_t over = s->window_usec + s->rate_interval_usec;

                if (!ended && l->now_usec < over)
                        logger_care(l, over);
                else if (emit_suppressed(l, s) >= 0)
                        emit_flush(l, s);
        }
        report(l, s, ended);
        if (!ended || s->suppressed > 0 || s->owner.kept > 0)
                return false;
        if (s->owner.dropped > s->reported_sink || s->stats.dropped_rate > s->reported_rate)
                return false; /* the socket is full: no count is lost */

        const struct logger_event e = { .kind = LOGGER_EVENT_EOF, .id = s->id };
        return request_send_event(l, &e);
}
