/* Directories nobody else can have a hand in, and small files that are either the old or the new ones, never torn.
 *
 * A directory is opened component by component without following a symlink; each must belong to root (or to who runs this) and be
 * writable for its owner only (a sticky one like /tmp may be passed through: nobody can swap what we own in it). Below an opened
 * one, everything is relative to its fd.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens path, an absolute one. -ENOTDIR: a symlink or a file; -EPERM: owner or mode; the words name the component and the cure. */
int dir_open(const char *path, int *ret_fd, struct err *err);
/* As above, making what is missing, every component with mode (the umask does not count) and on disk before it is used. */
int dir_make(const char *path, mode_t mode, int *ret_fd, struct err *err);
/* One directory below fd, which is checked as above; made when missing and mode is not 0. */
int dir_open_at(int fd, const char *name, mode_t mode, int *ret_fd, struct err *err);
/* Names in fd, without "." and "..", sorted by strverscmp; *ret is one malloc'ed block: free() it. hidden: also those that begin
 * with a dot. */
int dir_list(int fd, bool hidden, char ***ret, size_t *ret_n, struct err *err);

/* Replaces or makes the file `name` below fd: write, fsync, rename, fsync of the directory. A failure leaves the old one; only when it
 * was the very last step that failed, the new one is to be seen and may not be on disk: whoever says "nothing was changed" writes the
 * old one again (supervisor/degraded.h). */
int file_write(int fd, const char *name, const void *data, size_t len, mode_t mode, struct err *err);
/* The same without the fsyncs: for files on a tmpfs, which are gone after a power cut anyhow. */
int file_write_volatile(int fd, const char *name, const void *data, size_t len, mode_t mode, struct err *err);
/* The whole file, NUL-terminated behind *ret_len bytes; free() it. Regular files only. -ENOENT; -EFBIG: more than max. */
int file_read(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err);
/* Gone, durably; not there is fine. */
int file_remove(int fd, const char *name, struct err *err);
