/* Paths inside a container's root. Every lookup is openat2(RESOLVE_IN_ROOT): symbolic links and ".." stay inside, /proc's
 * magic links are not followed. What comes back is an fd of the place itself, to be used instead of the path from then on.
 * All return an fd (CLOEXEC) or 0, or -errno. No allocation.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* O_PATH of what path names. */
int inroot_path(int root, const char *path);
/* The same where an image must not redirect: -ELOOP when any part is a symbolic link; -ENOTDIR when it is no directory. */
int inroot_system(int root, const char *path);
/* For reading a regular file: -EINVAL for anything else; never blocks on a FIFO. */
int inroot_file(int root, const char *path);
/* O_PATH of a directory or (file) an empty file at path, made step by step where missing: 0755 and 0644. Symbolic links on
 * the way are followed inside the root; one that leads nowhere is -ENOENT. -ENOTDIR, -EISDIR: the wrong thing is there. */
int inroot_make(int root, const char *path, bool file);
