/* What a text has to be before any parser sees it. */
#pragma once

#include <ctrsup/base/diag.h>

#include <stddef.h>

/* At most max bytes of UTF-8 without a byte order mark, NUL or other control characters. 0, or -EBADMSG with one complaint. */
int source_check(const char *text, size_t len, size_t max, struct diag_list *diags);
