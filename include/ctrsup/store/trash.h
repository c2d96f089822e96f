/* Removing what a container wrote: a tree of any depth, size and content.
 *
 * Two steps. Out of the way: one rename into <top>/.trash, at once, and the name is free again; <top> is the state's folder it
 * is in (stacks, volumes, persistent, ephemeral), since each may be a file system of its own. Then emptying, in a helper process:
 * no symlink is followed, no mount is crossed, and however deep the tree is, it takes four fds and no recursion: a directory that is
 * not empty is moved up beside the others and done later. Killed anywhere, the next one goes on.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>

/* Moves <fd>/name to the trash of top_fd. durable: it is gone after a power cut, too; not worth its 2 ms for what a reboot throws
 * away anyhow. -ENOENT when it is not there, -EBUSY: a mount point. */
int trash_put(int top_fd, int fd, const char *name, bool durable, struct err *err);
/* Removes all that is in the state's trash; blocks as long as that takes. The first thing that cannot be removed is the error, the
 * rest goes on. */
int trash_empty(int state_fd, struct err *err);
/* trash_empty() in a child process: *ret_pidfd becomes readable when it is done (reap it with waitid(P_PIDFD)), exit status 0 when all is
 * gone. 1: the trash is empty, nothing was started. */
int trash_empty_start(int state_fd, int *ret_pidfd, struct err *err);
