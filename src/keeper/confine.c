/* The keeper's own mount namespace: a tmpfs, /proc and /sys, nothing else. A clone copies its caller's mount table, and 1,000
 * mounts of the host cost 2 ms at each launch; and /proc and /sys must be there, unobscured, for a container's user namespace
 * to be allowed to mount its own (user_namespaces(7)). */
#include "keeper.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/mounts.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int mount_at(const char *type, const char *path) {
        if (mkdir(path, 0555) < 0)
                return -errno;
        _cleanup_fd_ int mount = mount_new(type, NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        return mount < 0 ? mount : mount_attach_at(mount, AT_FDCWD, path);
}

int confine(const char *dir) {
        static const struct mount_option options[] = { { "size", "1m" }, { "mode", "0755" }, { NULL, NULL } };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        _cleanup_fd_ int root = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        if (root < 0)
                return root;
        int r = mount_attach_at(root, AT_FDCWD, dir);
        if (r < 0)
                return r;
        if (fchdir(root) < 0)
                return -errno;
        r = mount_at("proc", "proc");
        if (r == 0)
                r = mount_at("sysfs", "sys");
        if (r < 0)
                return r;
        if (mkdir("l", 0700) < 0 || mkdir("new", 0700) < 0)
                return -errno;
        if (sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
                return -errno;
        return chdir("/") < 0 ? -errno : 0;
}
