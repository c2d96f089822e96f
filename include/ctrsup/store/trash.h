/* Removing what a container wrote: a tree of any depth, size and content.
 *
 * Two steps. Out of the way: one rename into <state>/trash, at once, durable, the name is free again. Then emptying, in a helper
 * process: no symlink is followed, no mount is crossed, and however deep the tree is, it takes three fds and no recursion:
 * a directory that is not empty is moved up beside the others and done later. Killed anywhere, the next one goes on.
 */
#pragma once

#include <ctrsup/base/err.h>

/* Moves <fd>/name to the trash. -ENOENT when it is not there. */
int trash_put(int state_fd, int fd, const char *name, struct err *err);
/* Removes all that is in the trash; blocks as long as that takes. The first thing that cannot be removed is the error, the rest
 * goes on. */
int trash_empty(int state_fd, struct err *err);
/* trash_empty() in a child process: *ret_pidfd becomes readable when it is done, exit status 0 when all is gone. 1: the trash is
 * empty, nothing was started. */
int trash_empty_start(int state_fd, int *ret_pidfd, struct err *err);
