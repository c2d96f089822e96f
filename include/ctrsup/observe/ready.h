/* What a container says of itself on its notify socket: the words of sd_notify(3), one datagram at a time. Pure.
 *
 * Whoever is in a container can send anything: a datagram is taken as a whole or not at all, and what it may do is what is listed here.
 * MAINPID= and FDSTORE=1 are known so that it can be said that they change nothing; other words are passed over, as a newer libsystemd
 * has more of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
        READY_SIZE_MAX = 4096,  /* of a datagram */
        READY_STATUS_SIZE = 256,
};

enum ready_word {
        READY_READY = 1 << 0,         /* READY=1 */
        READY_RELOADING = 1 << 1,     /* RELOADING=1: until the next READY=1 */
        READY_STOPPING = 1 << 2,      /* STOPPING=1 */
        READY_STATUS = 1 << 3,        /* STATUS=: status; "" takes it back */
        READY_WATCHDOG = 1 << 4,      /* WATCHDOG=1: it is alive */
        READY_TRIGGER = 1 << 5,       /* WATCHDOG=trigger: it says itself that it is not well */
        READY_WATCHDOG_USEC = 1 << 6, /* WATCHDOG_USEC=: watchdog_usec, how long it may be silent from now on */
        READY_EXTEND = 1 << 7,        /* EXTEND_TIMEOUT_USEC=: extend_usec, how long it needs from now on */
        READY_MAINPID = 1 << 8,       /* MAINPID=: refused */
        READY_FDSTORE = 1 << 9,       /* FDSTORE=1: refused */
};

struct ready_message {
        unsigned words;                 /* enum ready_word */
        uint64_t watchdog_usec;         /* > 0 */
        uint64_t extend_usec;           /* > 0 */
        char status[READY_STATUS_SIZE]; /* one line of clean text, cut */
};

/* data need not end with a NUL, and may with one. -EBADMSG: empty, too long, or a NUL within. Of a word that is said twice the last one
 * counts; a number that is none is passed over. */
int ready_parse(const char *data, size_t size, struct ready_message *ret);
