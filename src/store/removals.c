#include <ctrsup/store/removals.h>

#include "record.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/trash.h>

#include <stdio.h>
#include <unistd.h>

#define ORDER "remove"

int removals_open(int state_fd, int *ret_fd, struct err *err) {
        return dir_open_at(state_fd, "removing", 0, ret_fd, err);
}

/* mode 0: what is there; else made where it is not. */
static int open_both(int state_fd, mode_t mode, int *ret_stacks, int *ret_removing, struct err *err) {
        _cleanup_fd_ int top = -EBADF, stacks = -EBADF;

        int r = dir_open_at(state_fd, "stacks", mode, &stacks, err);
        if (r >= 0)
                r = dir_open_at(state_fd, "removing", mode, &top, err);
        if (r >= 0)
                r = dir_open_at(top, "stacks", mode, ret_removing, err);
        if (r >= 0)
                *ret_stacks = take_fd(&stacks);
        return r;
}

/* Without one, volumes stay: a folder in which nothing can be written can be removed, too. */
static int write_order(int stacks, const char *stack, bool volumes, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;

        int r = dir_open_at(stacks, stack, 0, &fd, err);
        if (!volumes) {
                if (r >= 0 && unlinkat(fd, ORDER, 0) < 0 && errno != ENOENT) /* of a removal that was refused */
                        return err_sys(err, errno, "unlink " ORDER);
                return r == -ENOENT ? r : 0;
        }
        if (r < 0)
                return r;
        _cleanup_json_ json_t *order = json_pack("{s:b}", "volumes", volumes);
        return order ? record_write(fd, ORDER, order, err) : err_oom(err);
}

int removals_begin(int state_fd, const char *stack, bool volumes, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF, removing = -EBADF;

        int r = open_both(state_fd, 0700, &stacks, &removing, err);
        if (r >= 0)
                r = write_order(stacks, stack, volumes, err);
        if (r < 0)
                return r;
        if (renameat2(stacks, stack, removing, stack, RENAME_NOREPLACE) < 0) {
                /* Left by a removal that was done but for this: the name was free again. */
                if (errno != EEXIST || trash_put(stacks, removing, stack, true, NULL) < 0 ||
                    renameat2(stacks, stack, removing, stack, RENAME_NOREPLACE) < 0)
                        return err_sys(err, errno, "move the stack's records");
        }
        if (fsync(removing) < 0 || fsync(stacks) < 0) {
                int code = errno;

                (void)renameat(removing, stack, stacks, stack); /* it was not said to be removed, so it is not */
                return err_sys(err, code, "move the stack's records on disk");
        }
        return 0;
}

int removals_with_volumes(int state_fd, const char *stack, bool *ret, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF, removing = -EBADF, fd = -EBADF;
        _cleanup_json_ json_t *order = NULL;

        int r = open_both(state_fd, 0, &stacks, &removing, err);
        if (r >= 0)
                r = dir_open_at(removing, stack, 0, &fd, err);
        if (r >= 0)
                r = record_read(fd, ORDER, &order, err);
        if (r == -ENOENT)
                *ret = false;
        else if (r >= 0)
                *ret = json_is_true(json_object_get(order, "volumes"));
        return r == -ENOENT ? 0 : r;
}

int removals_end(int state_fd, const char *stack, struct err *err) {
        _cleanup_fd_ int stacks = -EBADF, removing = -EBADF;

        int r = open_both(state_fd, 0, &stacks, &removing, err);
        if (r >= 0)
                r = trash_put(stacks, removing, stack, true, err);
        return r == -ENOENT ? 0 : r;
}
