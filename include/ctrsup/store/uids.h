/* Which 65536 host ids belong to which container: <state>/uids, one file, shared by every supervisor of the host under its lock.
 *
 * A container keeps its block as long as its name lives, so that what it wrote to disk stays its own. A block is handed out only
 * when nothing else claims it: no other container, no range of /etc/subuid or /etc/subgid.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stdint.h>

enum { UIDS_BLOCK = 65536 };

struct uid_range {
        uint64_t first, count;
};

/* The block of stack/container, the same as last time, or a new one out of `count` blocks from `base` (a multiple of UIDS_BLOCK).
 * taken: ranges that are somebody else's (uids_host_ranges()). -ENOSPC: all are given; -EBADMSG: the file cannot be read: it
 * is left alone, since guessing here would hand one container's files to another. */
int uids_take(int state_fd, uint64_t base, uint64_t count, const struct uid_range *taken, size_t n_taken, const char *stack,
              const char *container, uint32_t *ret_first, struct err *err);
/* The name is gone. container NULL: all of the stack. Nothing there is fine. */
int uids_release(int state_fd, const char *stack, const char *container, struct err *err);

/* A block for as long as this process holds *ret_lock, recorded nowhere: for what does not outlive its process. Lock files
 * <fd>/uids.<first> tell others; one whose holder died is free. -ENOSPC. */
int uids_borrow(int fd, uint64_t base, uint64_t count, const struct uid_range *taken, size_t n_taken, uint32_t *ret_first, int *ret_lock,
                struct err *err);
/* Gives it back; takes the lock. */
void uids_return(int fd, uint32_t first, int lock);

/* The ranges of a subuid(5) file's text, added to the malloc'ed *ranges. Lines that are none are skipped, as its readers do. */
int uids_parse_subids(const char *text, struct uid_range **ranges, size_t *n);
/* /etc/subuid and /etc/subgid of this host; a missing file is fine. free() *ret. */
int uids_host_ranges(struct uid_range **ret, size_t *ret_n, struct err *err);
