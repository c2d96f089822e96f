/* What people write who have never seen a calendar expression: "every 5 minutes", "every day", "2 hours". */
#pragma once

#include <ctrsup/base/buf.h>

#include <stdbool.h>

/* Whether text is one that can be told in a calendar expression, which goes to out. */
bool phrase_translate(const char *text, struct buf *out);
