/* Somebody who watches lines live: the foreground `apply`. A slow one misses lines and is told how many; nobody waits for it. */
#pragma once

#include <ctrsup/base/logline.h>

#include "source.h"

struct subscriber {
        struct source source;
        uint64_t id;
        int fd;
        char *stack, *container; /* NULL: all */
        char *rest;              /* of a line that was taken half: it goes out before anything else */
        size_t rest_len, rest_at;
        uint64_t missed, missed_total;
        bool ended;
};

struct subscriber *subscriber_free(struct subscriber *s);
/* Takes the fd, also on failure. Registers it in the epoll set for when it can be written again, or was closed. */
int subscriber_new(struct subscriber **ret, int epoll_fd, uint64_t id, const char *stack, const char *container, int fd);
bool subscriber_wants(const struct subscriber *s, const char *stack, const char *container);
/* names: "shop web 1 ". Never blocks; sets `ended` when the other end is closed. */
void subscriber_put(struct subscriber *s, const char *names, const char *head, size_t head_len, const char *text, size_t len);
/* Writable again. */
void subscriber_tend(struct subscriber *s);
