/* A plan as it came from the supervisor, in words. */
#pragma once

#include "cli.h"
#include "progress.h"

#include <jansson.h>

/* In the terminal's form or the pipe's. EXIT_OK, or an exit code with the words printed. */
int planview_put(const struct cli *c, const json_t *plan, bool terminal, struct buf *out);
/* Whether anything is to be done. */
bool planview_has_changes(const json_t *plan);
bool planview_replaces(const json_t *plan); /* something that is declared anew: an update */
/* Every container that is to change, for the picture. */
void planview_expect(const json_t *plan, struct progress *p, uint64_t now_usec);
