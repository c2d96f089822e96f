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

/* Fills the empty `lines` of a Result's failures with the last lines of those containers' logs, as far as they can be read. */
void logsource_fill_failures(const struct cli *c, json_t *result);
