/* Sends entries to journald or to stderr; never waits. What does not go out is counted, and said with the next that does. */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/report/event.h>

struct reporter {
        int journal_fd;         /* connected datagram socket; -EBADF: lines go to stderr */
        int stderr_fd;          /* -EBADF: not there */
        int level;              /* entries of a higher priority number are left out */
        uint64_t dropped;       /* since the last one that went out */
        char journal_path[108]; /* a journald that was restarted is at the same place */
};

#define REPORTER_NULL ((struct reporter){ .journal_fd = -EBADF, .stderr_fd = -EBADF, .level = 6 })

/* journal_path: NULL: /run/systemd/journal/socket. -ENOENT, -ECONNREFUSED: no journald. */
int reporter_open_journal(struct reporter *r, const char *journal_path, struct err *err);
void reporter_done(struct reporter *r);
/* Out of memory, a full socket, a dead journald: counted as dropped, no error; the words then go to stderr_fd if it is there. */
void reporter_send(struct reporter *r, const struct report_event *e);
