/* The supervisor's side of ctrsup-logger: one process that reads the containers' stdout and stderr pipes.
 *
 * Start: logger_spawn() gives the control socket (SOCK_SEQPACKET), to be HELD by the keeper too, so that the next supervisor goes
 * on with the same logger. The read ends of the pipes are HELD by the keeper: when the logger dies, the supervisor spawns another
 * and ADDs them again, and what was in the pipes is not lost.
 *
 * A container is never blocked by a log: its lines go as fast as journald takes them; one that takes none is waited for 1 s (0.2 s
 * when it is not there), once, then lines are dropped and counted until it takes one again. A disk that is full: likewise, at once.
 *
 * Every call sends one message and never blocks: -EAGAIN means the logger is behind, try again when the fd is writable; -EPIPE
 * or -ECONNRESET that it is gone. Answers and events come back on the same fd in order: logger_receive().
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum logger_driver { LOGGER_JOURNALD, LOGGER_FILE, LOGGER_NONE, _LOGGER_DRIVER_MAX };

enum { LOGGER_NAME_MAX = 255, LOGGER_TAG_MAX = 512 };

/* One container's pair of pipes. Strings at most LOGGER_NAME_MAX, the tag LOGGER_TAG_MAX bytes, without line breaks. */
struct logger_stream {
        uint64_t id; /* the caller's; must not be in use */
        const char *stack, *container;
        uint32_t replica;
        const char *instance; /* CTRSUP_INSTANCE_ID: 32 hex digits */
        const char *tag;      /* SYSLOG_IDENTIFIER and CONTAINER_TAG */
        const char *image;    /* IMAGE_NAME; NULL: none */
        enum logger_driver driver;
        uint64_t rate_interval_usec, rate_burst; /* interval 0: no rate limit */
        uint64_t file_max_size, file_max_files;  /* LOGGER_FILE: <logs>/<stack>/<container>.<replica>.log */
        bool level_prefix;                       /* honour "<N>" at the start of a line */
};

struct logger_stats {
        uint64_t lines, bytes;               /* read from the pipes */
        uint64_t dropped_rate, dropped_sink; /* lines: over the rate; that the journal or the disk did not take */
        uint64_t dropped_subscriber;         /* lines a slow subscriber missed */
        uint32_t streams;
};

enum logger_event_kind {
        LOGGER_EVENT_EOF,     /* id: both its pipes have ended and every line is written or counted; the id is free again */
        LOGGER_EVENT_DROPPED, /* id, dropped, sink: that many lines more were not written */
        LOGGER_EVENT_STATS,   /* id (0: all), stats */
        LOGGER_EVENT_FLUSHED, /* id: the cookie of logger_flush() */
        LOGGER_EVENT_REFUSED, /* id, code: an ADD, UPDATE or SUBSCRIBE failed, positive errno */
        _LOGGER_EVENT_MAX,
};

struct logger_event {
        enum logger_event_kind kind;
        uint64_t id;
        uint64_t dropped;
        bool sink; /* DROPPED: by the journal or the disk, not by the rate limit */
        int code;
        struct logger_stats stats;
};

struct logger_spawn {
        const char *program; /* path of ctrsup-logger */
        const char *logs;    /* directory of the file driver; made when missing (0755) */
        int cgroup_fd;       /* clone into this v2 cgroup; -1: the caller's */
};

/* Starts the program. Both fds are CLOEXEC; the caller watches the pidfd and respawns. */
int logger_spawn(const struct logger_spawn *args, int *ret_control, int *ret_pidfd, pid_t *ret_pid, struct err *err);

/* The fds stay the caller's (hand the same ones to the keeper); -1: that stream has none. */
int logger_add(int control, const struct logger_stream *s, int out_fd, int err_fd, struct err *err);
/* Live keys only: rate_interval_usec, rate_burst, file_max_size, file_max_files. */
int logger_update(int control, const struct logger_stream *s, struct err *err);
/* Reads what the pipes hold now, then closes them; EOF(id) follows. Not needed when the pipes end by themselves. */
int logger_remove(int control, uint64_t id, struct err *err);
int logger_stats(int control, uint64_t id, struct err *err);
/* Everything that was in the pipes when this arrives is written (or counted) before FLUSHED(cookie) is sent. */
int logger_flush(int control, uint64_t cookie, struct err *err);
/* Live lines to fd (a pipe or a stream socket; it is made non-blocking): base/logline.h has the form. stack NULL: all stacks,
 * container NULL: all of that stack. A slow reader misses lines, and a line says how many. Ends when the other end closes or
 * with logger_unsubscribe(). id: the caller's. */
int logger_subscribe(int control, uint64_t id, const char *stack, const char *container, int fd, struct err *err);
int logger_unsubscribe(int control, uint64_t id, struct err *err);
/* Write what is in the pipes now, then exit. Without it the logger ends when the control socket and all pipes have. */
int logger_quit(int control, struct err *err);

/* One event: 1 got one, 0 nothing there, -EPIPE the logger is gone. Never blocks. */
int logger_receive(int control, struct logger_event *ret, struct err *err);

/* `driver: direct`: a stream of journald's stdout protocol, write end for the container. Call it from inside the container's
 * cgroup for the entry's _SYSTEMD_CGROUP/_SYSTEMD_UNIT (journald asks for them per message, so lines of the payload carry its
 * own anyway). Lines have SYSLOG_IDENTIFIER=tag, PRIORITY, _TRANSPORT=stdout, _STREAM_ID and the writer's _PID, _COMM, _EXE; no
 * CTRSUP_* or CONTAINER_* fields are possible on such a stream. -ENOENT, -ECONNREFUSED: no journald. */
int logger_direct_stream(const char *tag, int priority, bool level_prefix, int *ret_fd, struct err *err);
/* Whether journald's native socket is there: what `driver: auto` asks. */
bool logger_journal_is_there(void);
