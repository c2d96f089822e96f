/* Mounts as file descriptors: detached mounts are made, changed and attached without a path of the container ever being
 * followed outside it. All return an fd or 0, or -errno; fds are CLOEXEC. No allocation, no stdio.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A detached copy of the mount at path, with all that is mounted below it when recursive. path NULL or "": of dir itself. */
int mount_clone(int dir, const char *path, bool recursive);
/* Adds MOUNT_ATTR_* to a mount (and those below it). propagation: MS_PRIVATE, MS_SLAVE, MS_SHARED or 0. */
int mount_change(int mount, uint64_t attr, uint64_t propagation, bool recursive);
/* Files keep the ids they have on disk, seen through the user namespace. -EINVAL: the file system cannot. */
int mount_idmap(int mount, int userns, bool recursive);
/* Puts a detached mount on the directory or file target (an O_PATH fd). */
int mount_attach(int mount, int target);
int mount_attach_at(int mount, int dir, const char *path);

struct mount_option {
        const char *key, *value; /* value NULL: a flag */
};

/* A new detached mount of a file system type; options end with { NULL }. */
int mount_new(const char *type, const struct mount_option *options, uint64_t attr);
/* f_type of statfs(2), or -errno. */
long mount_type(int fd);
