/* One supervisor a directory: flock(2), freed by the kernel when the last holder of the fd dies, however it dies. */
#pragma once

#include <ctrsup/base/err.h>

/* Takes <fd>/lock without waiting; hold *ret_fd as long as the lock. -EBUSY: another process has it; the words name it:
 * "another supervisor (pid 811) uses /run/ctrsup". where: the directory's name, for the words. */
int lock_take(int fd, const char *where, int *ret_fd, struct err *err);
