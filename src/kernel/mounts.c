#include <ctrsup/kernel/mounts.h>

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/vfs.h>

int mount_clone(int dir, const char *path, bool recursive) {
        unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);

        if (!path || path[0] == '\0') {
                path = "";
                flags |= AT_EMPTY_PATH;
        }
        int fd = open_tree(dir, path, flags);
        return fd < 0 ? -errno : fd;
}

int mount_change(int mount, uint64_t attr, uint64_t propagation, bool recursive) {
        struct mount_attr a = { .attr_set = attr, .propagation = propagation };

        return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0 ? -errno : 0;
}

int mount_idmap(int mount, int userns, bool recursive) {
        struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned)userns };

        return mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a, sizeof(a)) < 0 ? -errno : 0;
}

int mount_attach(int mount, int target) {
        return move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

int mount_attach_at(int mount, int dir, const char *path) {
        return move_mount(mount, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

int mount_new(const char *type, const struct mount_option *options, uint64_t attr) {
        _cleanup_fd_ int fs = fsopen(type, FSOPEN_CLOEXEC);
        if (fs < 0)
                return -errno;

        for (; options && options->key; options++) {
                unsigned cmd = options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
                if (fsconfig(fs, cmd, options->key, options->value, 0) < 0)
                        return -errno;
        }
        if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        int fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attr);
        return fd < 0 ? -errno : fd;
}

long mount_type(int fd) {
        struct statfs st;

        return fstatfs(fd, &st) < 0 ? -errno : (long)st.f_type;
}
