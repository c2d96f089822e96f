/* journald's native socket, without ever waiting for it.
 *
 * Messages are batched and sent with MSG_DONTWAIT. What journald does not take at once (one batch at most) is kept, and the
 * journal is *congested*: nobody puts more, so the pipes fill and writers are slowed to journald's own speed while it makes
 * progress. When it makes none for JOURNAL_PATIENCE_USEC (a starved journald on a busy host makes some), or is not
 * there for JOURNAL_ABSENT_USEC (a restart), it is *stuck*: messages are dropped and counted until it takes one again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "source.h"

enum {
        JOURNAL_BATCH = 64,
        JOURNAL_IOVS = 4,
        JOURNAL_HEAD_MAX = 96,
        JOURNAL_PATIENCE_USEC = 1000000,
        JOURNAL_ABSENT_USEC = 200000,
        JOURNAL_RETRY_USEC = 20000,
        JOURNAL_STUCK_USEC = 100000
};

/* Whose message it is: counts what is lost, and holds the owner alive while something is kept. */
struct journal_owner {
        uint64_t dropped;
        unsigned kept;
};

struct journal_message {
        struct journal_owner *owner;
        const char *fields; /* "NAME=value\n" lines; must stay until journal_flush() */
        size_t fields_len;
        int priority;
        bool partial;
        const char *text; /* until journal_flush() too */
        size_t text_len;
};

struct journal_kept {
        struct journal_owner *owner;
        char *data;
        size_t len;
};

struct journal {
        struct source source;
        const char *path;
        int epoll_fd, fd;
        bool congested, stuck;
        bool impatient;      /* it was stuck, and has not taken a message since: no waiting */
        uint64_t since_usec; /* of the last progress, or of becoming stuck */
        uint64_t retry_usec; /* congested: look again then, whether the socket says something or not */
        size_t n;
        struct journal_message messages[JOURNAL_BATCH];
        char heads[JOURNAL_BATCH][JOURNAL_HEAD_MAX];
        struct iovec iovs[JOURNAL_BATCH][JOURNAL_IOVS];
        struct journal_kept kept[JOURNAL_BATCH];
        size_t n_kept, kept_at;
};

void journal_init(struct journal *j, const char *path, int epoll_fd);
void journal_done(struct journal *j);
/* -EAGAIN: congested, the message is not taken. 0: taken, or counted as dropped. */
int journal_put(struct journal *j, const struct journal_message *m, uint64_t now_usec);
void journal_flush(struct journal *j, uint64_t now_usec);
/* The socket is writable, or time has passed: goes on. Returns true when the congestion is over. */
bool journal_tend(struct journal *j, uint64_t now_usec);
/* When journal_tend() is due; UINT64_MAX: not. */
uint64_t journal_deadline(const struct journal *j);
