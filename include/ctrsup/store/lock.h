/* One supervisor a directory: flock(2), freed by the kernel when the last holder of the fd dies, however it dies. */
#pragma once

#include <ctrsup/base/err.h>

/* flock(LOCK_EX | LOCK_NB), tried again for up to patience_usec: a child that was just forked holds its parent's locks until it has
 * closed or exec'd, and outlives a parent that is killed. 0, -EWOULDBLOCK or another -errno. */
int lock_try(int fd, unsigned patience_usec);

/* Takes <fd>/lock without waiting; hold *ret_fd as long as the lock. -EBUSY: another process has it; the words name it:
 * "another supervisor (pid 811) uses /run/ctrsup". where: the directory's name, for the words. */
int lock_take(int fd, const char *where, int *ret_fd, struct err *err);
