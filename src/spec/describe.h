/* One row of the field table in words, for explain, the JSON Schema and the man page. Private to spec. */
#pragma once

#include "tables.h"

void describe_type(const struct field *f, struct buf *out);    /* size (bytes, or K M G T P), or max */
void describe_preset(const struct field *f, struct buf *out);  /* required; 64M; nothing when there is none */
void describe_allowed(const struct field *f, struct buf *out); /* service, job; 1 to 10000; nothing when any */
const char *describe_change(enum change_class c);              /* live: written to the running container */
/* What a path has behind this key when it goes on: "", ".<name>", "[]". */
const char *describe_step(const struct field *f);
/* Whether the keys below f are shown below it; `defaults` has those of a container, which are shown there. */
bool describe_descends(const struct field *f);
