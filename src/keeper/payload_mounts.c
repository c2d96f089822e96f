/* The payload builds its root. It has the container's privileges only, and reaches places in the image or in a volume through
 * c->root with RESOLVE_IN_ROOT alone: whatever another container plays with links meanwhile stays inside. */
#include "child.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/copytree.h>
#include <ctrsup/kernel/inroot.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/mounts.h>
#include <ctrsup/kernel/sys.h>

#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int payload_mount(struct child *c, const struct recipe_op *op) {
        int fd = child_mount(op, "0", "0");

        if (fd < 0)
                return fd;
        c->slot[op->num[0]] = fd;
        return 0;
}

int payload_root(struct child *c, const struct recipe_op *op) {
        int r = mount_attach_at(c->slot[op->num[0]], AT_FDCWD, "/new");
        if (r < 0)
                return r;
        c->root = c->slot[op->num[0]];
        return 0;
}

int payload_seed(struct child *c, const struct recipe_op *op) {
        int mount = c->slot[op->num[0]];
        struct stat st;

        int r = copytree_is_empty(mount);
        if (r <= 0)
                return r;
        _cleanup_fd_ int from = inroot_path(c->root, recipe_string(c->recipe, op->str[0]));
        if (from < 0)
                return from == -ENOENT ? 0 : from;
        if (fstat(from, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? copytree(from, mount, (op->flags & RECIPE_OWN) != 0) : 0;
}

/* What a system directory became is where later masks start from. */
static void note_system(struct child *c, int mount, const char *path) {
        if (strcmp(path, "/dev") == 0)
                c->dev = mount;
}

int payload_attach(struct child *c, const struct recipe_op *op) {
        const char *path = recipe_string(c->recipe, op->str[0]);
        int mount = c->slot[op->num[0]];
        struct stat st;

        if (op->flags & RECIPE_RDONLY) { /* only now: it was filled first */
                int r = mount_change(mount, MOUNT_ATTR_RDONLY, 0, true);
                if (r < 0)
                        return r;
        }
        if (fstat(mount, &st) < 0)
                return -errno;
        _cleanup_fd_ int target = -EBADF;
        if (op->flags & RECIPE_SYSTEM) {
                target = inroot_system(c->root, path);
                if (target == -ENOENT) {
                        _cleanup_fd_ int made = inroot_make(c->root, path, false);
                        target = made < 0 ? made : inroot_system(c->root, path);
                }
                if (target == -ELOOP)
                        c->detail = KEEPER_DETAIL_SYMLINK;
        } else {
                target = inroot_make(c->root, path, !S_ISDIR(st.st_mode));
                if (target == -ENOTDIR)
                        c->detail = KEEPER_DETAIL_NOT_DIRECTORY;
                else if (target == -EISDIR)
                        c->detail = KEEPER_DETAIL_NOT_FILE;
                else if (target < 0)
                        c->detail = KEEPER_DETAIL_MOUNT_POINT;
        }
        if (target < 0)
                return target;
        int r = mount_attach(mount, target);
        if (r == 0)
                note_system(c, mount, path);
        return r;
}

int payload_readonly(struct child *c, const struct recipe_op *op) {
        _cleanup_fd_ int place = inroot_path(c->root, recipe_string(c->recipe, op->str[0]));
        if (place < 0)
                return place == -ENOENT ? 0 : place;
        _cleanup_fd_ int mount = mount_clone(place, NULL, true);
        if (mount < 0)
                return mount;
        int r = mount_change(mount, MOUNT_ATTR_RDONLY, 0, true); /* the rest it has from where it is cloned */
        return r < 0 ? r : mount_attach(mount, place);
}

/* A file is hidden by the null device we made ourselves: never by a name in the image, CVE-2025-31133. */
static int mask_file(struct child *c, int place) {
        struct stat st;

        if (c->null < 0) {
                if (c->dev < 0)
                        return -EINVAL;
                c->null = openat(c->dev, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (c->null < 0 || fstat(c->null, &st) < 0)
                        return -errno;
                if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
                        return -EINVAL;
        }
        _cleanup_fd_ int mount = mount_clone(c->null, NULL, false);
        return mount < 0 ? mount : mount_attach(mount, place);
}

static int mask_directory(struct child *c, int place) {
        if (c->mask < 0) {
                static const struct mount_option options[] = { { "size", "4k" }, { "mode", "0555" }, { NULL, NULL } };
                c->mask =
                        mount_new("tmpfs", options, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
                return c->mask < 0 ? c->mask : mount_attach(c->mask, place);
        }
        _cleanup_fd_ int mount = mount_clone(c->mask, NULL, false);
        return mount < 0 ? mount : mount_attach(mount, place);
}

int payload_mask(struct child *c, const struct recipe_op *op) {
        struct stat st;
        _cleanup_fd_ int place = inroot_path(c->root, recipe_string(c->recipe, op->str[0]));
        if (place < 0)
                return place == -ENOENT || place == -ENOTDIR ? 0 : place;
        if (fstat(place, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? mask_directory(c, place) : mask_file(c, place);
}

int payload_seal(struct child *c, const struct recipe_op *op _unused_) {
        return mount_change(c->root, MOUNT_ATTR_RDONLY, 0, false);
}

/* pivot_root(".", "."), as its man page shows: no directory for the old root is needed in the image. */
int payload_pivot(struct child *c, const struct recipe_op *op _unused_) {
        if (fchdir(c->root) < 0)
                return -errno;
        if (sys_pivot_root(".", ".") < 0)
                return -errno;
        if (umount2(".", MNT_DETACH) < 0)
                return -errno;
        return chdir("/") < 0 ? -errno : 0;
}

/* Through the proc mount itself, wherever it is or will be; so not by a path that an image could bend. */
int payload_sysctl(struct child *c, const struct recipe_op *op) {
        char path[256] = "sys/";
        const char *key = recipe_string(c->recipe, op->str[0]), *value = recipe_string(c->recipe, op->str[1]);

        if (strlen(key) >= sizeof(path) - strlen(path))
                return -ENAMETOOLONG;
        (void)strcat(path, key);
        _cleanup_fd_ int fd = sys_openat2(c->slot[op->num[0]], path, O_WRONLY | O_NOCTTY, 0,
                                          RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        int r = fd < 0 ? -errno : mount_type(fd) != PROC_SUPER_MAGIC ? -EINVAL : io_write_all(fd, value, strlen(value));
        return r < 0 && (op->flags & RECIPE_BEST_EFFORT) ? 0 : r;
}
