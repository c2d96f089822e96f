/* The field table for people and editors: `ctrsup explain`, `ctrsup schema`, ctrsup-stack(5). */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>

#include <jansson.h>

/* key: "limits.memory", "containers.web.limits.memory", "volumes[].type", or a last part that only one key has. -ENOENT with the
 * nearest key as hint. */
int explain_key(const char *key, struct buf *out, struct err *err);
/* All keys as a tree, one a line, with type and default; later ones are marked. */
void explain_tree(struct buf *out);
/* JSON Schema draft-07: a new reference, NULL when out of memory. A key that is not supported yet allows no value, so that an
 * editor marks it as `check` would, and says so in its description. */
json_t *explain_schema(void);
/* ctrsup-stack(5), in man(7) macros. */
void explain_man(struct buf *out);
