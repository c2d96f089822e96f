/* Where containers' lines are: from the daemon's status to what cli/logread reads. */
#pragma once

#include "cli.h"
#include "logread.h"

#include <jansson.h>

struct logsource {
        struct logread_target *items;   /* their strings are in containers */
        size_t n;
        json_t *containers;             /* a reference */
};

#define LOGSOURCE_NULL ((struct logsource){ 0 })
void logsource_done(struct logsource *l);
#define _cleanup_logsource_ _cleanup_(logsource_done)

/* Containers whose lines are kept where we cannot read them are left out, and named in `unread` ("shop/web: …", a line each). */
int logsource_make(json_t *containers, struct logsource *ret, struct buf *unread, struct err *err);

/* Adds the last n lines of a Container's log to the array `lines`, of those from since to until (usec of CLOCK_REALTIME, UINT64_MAX: now).
 * Returns why it cannot be read; NULL: it was. */
const char *logsource_tail(const json_t *container, uint64_t n, uint64_t since_usec, uint64_t until_usec, json_t *lines);

/* Fills the empty `lines` of a Result's failures with the last lines of those containers' logs, as far as they can be read. */
void logsource_fill_failures(json_t *result);
