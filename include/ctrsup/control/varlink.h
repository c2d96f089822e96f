/* The Varlink wire: one JSON object and a NUL byte is a message, over a stream socket, fds by SCM_RIGHTS beside it.
 *
 * A message is refused before it is parsed when it is longer than the wire's cap, nested deeper than VARLINK_MAX_DEPTH or of more
 * than VARLINK_MAX_VALUES values (a small text can make a big tree), and by the parser when it is no UTF-8, has a key
 * twice, or "\u0000" in a string. A wire never blocks; who owns the fd waits.
 *
 * Fds belong to the message that holds the last byte they came with: the kernel ends a read behind the piece that carries
 * fds, so that is exact for a sender that puts them beside the first bytes of one message. More than VARLINK_MAX_FDS for a
 * message end the wire with -EPROTO, and all are closed.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        VARLINK_MAX_CALL = 1024 * 1024,             /* bytes of a call */
        VARLINK_MAX_REPLY = 16 * 1024 * 1024,       /* and of a reply, which a client believes more than a server a client */
        VARLINK_MAX_DEPTH = 64,
        VARLINK_MAX_VALUES = 250000,
        VARLINK_MAX_FDS = 4,
};

/* Text without its NUL -> object, new reference. -EBADMSG with what is wrong in err, -ENOMEM. */
int varlink_parse(const char *text, size_t len, json_t **ret, struct err *err);
/* -EBADMSG when text is nested deeper or has more values than the caps; does not look at the grammar. */
int varlink_check_shape(const char *text, size_t len, struct err *err);

struct varlink_message {
        json_t *object;
        int fds[VARLINK_MAX_FDS];
        size_t n_fds;
};

#define VARLINK_MESSAGE_NULL ((struct varlink_message){ .fds = { -EBADF, -EBADF, -EBADF, -EBADF } })
void varlink_message_done(struct varlink_message *m);
#define _cleanup_varlink_message_ _cleanup_(varlink_message_done)

struct varlink_wire {
        int fd;
        size_t max_message;           /* bytes of one incoming message; may be lowered or raised at any time */
        struct buf in;                /* received, not yet handed out */
        size_t scanned;               /* so many bytes of it hold no NUL */
        int fds[VARLINK_MAX_FDS];     /* came with the byte in.data[fds_at] */
        size_t n_fds, fds_at;
        bool eof;                     /* the other side will send no more */
        struct buf out;               /* whole messages; those before out_at are sent */
        size_t out_at;
        int out_fds[VARLINK_MAX_FDS]; /* go with the next byte sent */
        size_t n_out_fds;
};

#define VARLINK_WIRE_NULL ((struct varlink_wire){ .fd = -EBADF })

/* Takes fd, which is made non-blocking and CLOEXEC. */
void varlink_wire_init(struct varlink_wire *w, int fd, size_t max_message);
void varlink_wire_done(struct varlink_wire *w);

/* Reads what is there, at most one buffer full: 0 (see w->eof), -EAGAIN nothing there, -EMSGSIZE a message that is too long,
 * -EPROTO too many fds, else -errno of recvmsg(). */
int varlink_wire_read(struct varlink_wire *w, struct err *err);
/* The next whole message: 1 got one, 0 none yet, -EBADMSG, -EMSGSIZE, -ENOMEM. ret's content is the caller's. */
int varlink_wire_take(struct varlink_wire *w, struct varlink_message *ret, struct err *err);
/* Whether some bytes of a message have come, but not all. */
bool varlink_wire_is_partial(const struct varlink_wire *w);
/* Queues one message; does not send. The fds (borrowed, duplicated) go with its first byte, which is only possible when
 * nothing is queued: else -EBUSY. -ENOMEM. */
int varlink_wire_put(struct varlink_wire *w, const json_t *object, const int *fds, size_t n_fds, struct err *err);
/* Sends what the socket takes: 0 all is sent, -EAGAIN some is left, else -errno. */
int varlink_wire_flush(struct varlink_wire *w, struct err *err);
static inline size_t varlink_wire_queued(const struct varlink_wire *w) { return w->out.len - w->out_at; }
