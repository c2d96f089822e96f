/* What goes over the control socket: one SOCK_SEQPACKET message a request or event, fixed head, then the strings.
 *
 * Both ends run on one host, but may be of two versions while ctrsup is upgraded: `version` is checked, and numbers are never
 * reused. Nothing in a message is trusted to be in bounds. */
#pragma once

#include <ctrsup/logger/client.h>

#include <stddef.h>

enum { WIRE_VERSION = 1, WIRE_MAX = 4096, WIRE_FDS_MAX = 2 };

enum wire_kind {
        WIRE_ADD = 1,
        WIRE_UPDATE = 2,
        WIRE_REMOVE = 3,
        WIRE_STATS = 4,
        WIRE_FLUSH = 5,
        WIRE_SUBSCRIBE = 6,
        WIRE_UNSUBSCRIBE = 7,
        WIRE_QUIT = 8,
        WIRE_EVENT = 64,
};

enum wire_string { WIRE_STACK, WIRE_CONTAINER, WIRE_INSTANCE, WIRE_TAG, WIRE_IMAGE, _WIRE_STRING_MAX };

enum { WIRE_HAS_OUT = 1, WIRE_HAS_ERR = 2, WIRE_LEVEL_PREFIX = 4 };

struct wire_head {
        uint32_t version, kind;
        uint64_t id;
        uint64_t rate_interval_usec, rate_burst, file_max_size, file_max_files;
        uint32_t replica, driver, flags;
        uint16_t lengths[_WIRE_STRING_MAX]; /* 0xffff: NULL */
        uint16_t reserved;
};

struct wire_event {
        uint32_t version, kind;
        struct logger_event event;
};

/* A request as received: the strings are in `text`, NUL-terminated. */
struct wire_request {
        struct wire_head head;
        const char *strings[_WIRE_STRING_MAX];
        char text[WIRE_MAX + _WIRE_STRING_MAX];
        int fds[WIRE_FDS_MAX];
        size_t n_fds;
};

/* The bytes of a request; -EMSGSIZE when a string is too long, -EINVAL when one holds a line break or control character. */
int wire_encode(char buf[WIRE_MAX], const struct wire_head *head, const char *const strings[_WIRE_STRING_MAX], size_t *ret_len);
/* -EPROTO: another version, -EBADMSG: not a request. Does not touch ret->fds. */
int wire_decode(struct wire_request *ret, const void *data, size_t len);
