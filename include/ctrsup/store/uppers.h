/* The writable layers on disk: <state>/persistent/<stack>/<container>.<n>/{upper,work}, kept, and
 * <state>/ephemeral/<stack>/<container>.<n>.<generation>/{upper,work}, new for every start.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct upper_name {
        bool persistent;
        const char *stack, *container;
        uint32_t replica;
        uint64_t generation;    /* not for persistent ones */
};

enum { UPPER_PATH_SIZE = 256 };
/* The folder of upper and work, below the state directory. Returns buf. */
const char *uppers_path(const struct upper_name *u, char buf[UPPER_PATH_SIZE]);
/* Makes upper and work, owned by uid:gid (the container's root on the host), mode 0755; finds a persistent one that is there.
 * An ephemeral one of that generation that is there is a left-over and is thrown away first. */
int uppers_ensure(int state_fd, const struct upper_name *u, uid_t uid, gid_t gid, struct err *err);
/* Out of the way at once (store/trash.h); not there is fine. */
int uppers_remove(int state_fd, const struct upper_name *u, struct err *err);
/* The ephemeral ones of a stack for which keep() says no: of starts that are over, left by whoever was killed before it could throw them
 * away. Out of the way as above. */
int uppers_sweep(int state_fd, const char *stack, bool (*keep)(void *userdata, const struct upper_name *u), void *userdata, struct err *err);
/* Every ephemeral and persistent one of a stack. */
int uppers_remove_stack(int state_fd, const char *stack, struct err *err);
