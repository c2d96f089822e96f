/* A whole regular file, read without ever blocking: a FIFO, a device, a socket or a directory is refused by its type. */
#pragma once

#include <ctrsup/base/err.h>

#include <stddef.h>

/* path "-" is standard input (which may be a pipe and may block). *ret is NUL-terminated behind *ret_len bytes; free() it.
 * -ENOENT, -EACCES, …; -EISDIR; -EINVAL: no regular file; -EFBIG: more than max bytes. The words name the path. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err);
