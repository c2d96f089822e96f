/* KEY=VALUE files, as systemd's EnvironmentFile=: blank lines and lines that start with # or ; are skipped, values may stand in
 * single or double quotes, a backslash at the end of a line joins lines, nothing is expanded.
 */
#pragma once

#include <ctrsup/base/arena.h>
#include <ctrsup/base/err.h>

#include <stddef.h>

struct envfile {
        struct envfile_entry { const char *key, *value; } *items;
        size_t n;
};

/* Entries in the file's order, a later one of the same key last. -EBADMSG with "line 3: …" in err; -ENOMEM. */
int envfile_read(const char *text, size_t len, struct arena *a, struct envfile *ret, struct err *err);
