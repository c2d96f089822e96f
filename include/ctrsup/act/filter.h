/* The filters of system calls that containers run under: each compiled once, for all launches that want the same. */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/spec/spec.h>

enum { ACT_FILTERS_MAX = 32 };

/* All zero: empty. The last ones that were asked for. */
struct act_filters {
        struct act_filter {
                char *profile; /* NULL: the default */
                uint64_t capabilities;
                int fd; /* sealed memfd */
        } items[ACT_FILTERS_MAX];
        size_t n, next; /* next: to be replaced when all are in use */
};

/* *ret: borrowed, until the next call; -EBADF: the container has none. */
int act_filter(struct act_filters *f, const struct spec_container *c, int *ret, struct err *err);
void act_filters_done(struct act_filters *f);
