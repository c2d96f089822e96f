/* What the daemon says of updates: lines on stderr, beside a result. */
#pragma once

#include "cli.h"

#include <jansson.h>

/* "shop: the update to revision 7 is paused: …", with what to do. */
void updateview_put(const json_t *update, struct buf *out);
void updateview_say_one(const struct cli *c, const json_t *update); /* null: nothing */
void updateview_say(const struct cli *c, const json_t *updates);
