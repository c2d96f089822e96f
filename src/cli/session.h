/* A terminal session with a command elsewhere: our terminal raw, its master here, bytes and sizes carried between them. */
#pragma once

#include "cli.h"

#include <signal.h>
#include <termios.h>

struct session {
        int master;             /* of the command's terminal; -EBADF: not yet, or it has ended */
        int signal_fd;          /* SIGWINCH, and what ends us: a raw terminal must be put back */
        sigset_t before;
        struct termios saved;
        bool raw, input;        /* input: ours goes to it, until it ends */
};

#define SESSION_NULL ((struct session){ .master = -EBADF, .signal_fd = -EBADF })

/* master is taken. Raw when standard input is a terminal and goes to it. */
int session_begin(struct session *s, int master, bool input, struct err *err);
/* Puts the terminal back. */
void session_done(struct session *s);
#define _cleanup_session_ _cleanup_(session_done)

/* Carries until the master has ended (0), a signal ended us (its number), or fd `other` is readable (-EAGAIN; -EBADF: none). */
int session_carry(struct session *s, int other);
/* What is still in the master, without waiting: the command has ended. */
void session_drain(struct session *s);
