/* What the parts of ctrsup-logger share.
 *
 *     pipe -> split -> rate limit -> journal | file | nothing, and the subscribers
 *
 * One thread, one epoll set. Every ready pipe gets one read of READ_SIZE a turn, so that a flood of one container cannot keep the
 * others waiting. Memory a container is bounded: between turns a pipe keeps the unfinished end of a line (LOGLINE_MAX) and,
 * while the journal is congested, what one read had brought; it is not read on then. */
#pragma once

#include "journal.h"
#include "logfile.h"
#include "split.h"
#include "subscriber.h"
#include "tally.h"
#include "wire.h"

#include <ctrsup/base/logline.h>

enum { READ_SIZE = 64 * 1024, SUBSCRIBERS_MAX = 16, REPLIES_MAX = 64, REPORT_USEC = 1000000, QUIT_USEC = 2000000 };

struct stream;

struct pipe {
        struct source source;
        struct stream *stream;
        int fd; /* -EBADF: none, or ended */
        enum logline_stream which;
        bool continuing; /* the last piece was partial: what comes is the same line's, with the same priority */
        int priority;
        bool paused; /* the journal is congested: out of the epoll set */
        bool at_end; /* EOF was read; only what is held is left */
        char *held;
        size_t held_len;
        uint64_t read_bytes, target; /* flush and remove: done when this much was read */
};

/* One container. */
struct stream {
        uint64_t id;
        char *stack, *container;
        uint32_t replica;
        char *names;  /* "shop web 1 ", for subscribers */
        char *fields; /* journal fields, one a line */
        enum logger_driver driver;
        bool level_prefix;
        uint64_t rate_interval_usec, rate_burst;
        uint64_t window_usec, in_window, suppressed; /* of the rate limit: start, lines passed, lines not */
        uint64_t telling; /* so many are told of by what is not written yet */
        uint64_t *tally;  /* the sum of both, for the next logger; NULL: not kept */
        struct pipe pipes[_LOGLINE_STREAM_MAX];
        struct logfile file;
        struct journal_owner owner;
        struct logger_stats stats;
        uint64_t reported_rate, reported_sink, report_usec;
        bool removing;
};

struct logger {
        struct source control, signal;
        int epoll_fd, control_fd, signal_fd, logs_fd;
        gid_t group;
        struct journal journal;
        struct tally tally;
        struct logfile_batch batch;
        struct stream **streams;
        size_t n_streams, room;
        struct subscriber *subscribers[SUBSCRIBERS_MAX];
        struct logger_stats total;        /* of the streams that have ended */
        uint64_t now_usec, realtime_usec; /* of this turn; monotonic, wall clock */
        uint64_t care_usec;               /* when streams must be looked at; UINT64_MAX: never */
        uint64_t cookies[REPLIES_MAX];
        size_t n_cookies;
        struct logger_event replies[REPLIES_MAX];
        size_t n_replies;
        bool care_each_turn;         /* a flush or a removal is under way: what it waits for makes events */
        bool requests_wait;          /* not all were read, for lack of room for replies */
        uint64_t retry_usec;         /* there was no memory to hear them with: then again; 0: there was */
        size_t resume_at;            /* whose turn it is after a congestion */
        uint64_t quit_usec;          /* 0: no; else the latest moment to end */
        char head[LOGLINE_HEAD_MAX]; /* the last one made: lines of one read have the same time */
        size_t head_len;
        uint64_t head_usec;
        enum logline_stream head_stream;
        bool head_partial;
        char work[LOGLINE_MAX + READ_SIZE];
};

/* logger.c: the loop */
int logger_run(struct logger *l);
struct logger *logger_free(struct logger *l);
void logger_care(struct logger *l, uint64_t when_usec);
static inline struct stream *logger_find(const struct logger *l, uint64_t id) {
        for (size_t i = 0; i < l->n_streams; i++)
                if (l->streams[i]->id == id)
                        return l->streams[i];
        return NULL;
}

/* request.c: the control socket */
void request_receive(struct logger *l);
void request_quit(struct logger *l); /* also for SIGTERM */
void request_tend_flush(struct logger *l);
/* false: the socket is full; EPOLLOUT tells. */
bool request_send_event(struct logger *l, const struct logger_event *e);
void request_send_replies(struct logger *l);
/* More replies could not be kept: read no request until these are out. */
static inline bool request_is_full(const struct logger *l) {
        return l->n_replies + l->n_cookies + 1 >= REPLIES_MAX;
}

/* stream.c: pipes */
struct stream *stream_free(struct stream *s);
/* Takes the fds (-EBADF: none), also on failure. */
int stream_new(struct stream **ret, struct logger *l, const struct wire_request *r, int out_fd, int err_fd);
void stream_update(struct stream *s, const struct wire_head *h);
void stream_read(struct logger *l, struct pipe *p);
void stream_resume(struct logger *l, struct stream *s); /* the congestion is over */
/* Everything that the pipes hold now shall be read: sets the targets. */
void stream_aim(struct stream *s);
bool stream_is_aimed(const struct stream *s); /* still on the way there */
/* Time has come: notes of suppressed lines, reports, the end. true: it has ended and can be freed. */
bool stream_tend(struct logger *l, struct stream *s);

/* emit.c: where a piece of a line goes */
char *emit_make_fields(const struct wire_request *r); /* NULL: out of memory */
/* -EAGAIN: the journal is congested, nothing was taken. */
int emit_piece(struct logger *l, struct pipe *p, const struct split_piece *piece);
void emit_flush(struct logger *l, struct stream *s);
/* Tells of suppressed lines, when the window is over or at the end. -EAGAIN as above. */
int emit_suppressed(struct logger *l, struct stream *s);
