/* The preparer's mounts. Host paths are opened in the host's mount namespace, as detached copies; everything else happens in
 * a private copy of the keeper's small one, so that the payload's copy of it is small too. */
#include "child.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/copytree.h>
#include <ctrsup/kernel/inroot.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/mounts.h>
#include <ctrsup/kernel/sys.h>

#include <limits.h>
#include <linux/magic.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int child_enter(struct child *c, enum child_place place) {
        if (c->place == place || (place == PLACE_KEEPER && c->place == PLACE_OWN))
                return 0;

        int fd = place == PLACE_HOST ? c->host_mounts : c->own_mounts;
        if (!(place == PLACE_OWN && c->place == PLACE_KEEPER) && setns(fd, CLONE_NEWNS) < 0)
                return -errno;
        if (place == PLACE_OWN && unshare(CLONE_NEWNS) < 0)
                return -errno;
        c->place = place;
        return 0;
}

uint64_t child_mount_attr(const struct recipe_op *op) {
        static const struct {
                unsigned flag;
                uint64_t attr;
        } map[] = {
                { RECIPE_RDONLY, MOUNT_ATTR_RDONLY },
                { RECIPE_NOSUID, MOUNT_ATTR_NOSUID },
                { RECIPE_NODEV, MOUNT_ATTR_NODEV },
                { RECIPE_NOEXEC, MOUNT_ATTR_NOEXEC },
        };
        uint64_t attr = 0;

        for (size_t i = 0; i < ARRAY_SIZE(map); i++)
                if (op->flags & map[i].flag)
                        attr |= map[i].attr;
        return attr;
}

static int idmap(struct child *c, int mount, bool recursive) {
        int r = mount_idmap(mount, c->fds[c->recipe->header->userns_fd], recursive);

        if (r < 0)
                c->detail = KEEPER_DETAIL_IDMAP;
        return r;
}

static int clone_directory(struct child *c, const struct recipe_op *op, int *ret) {
        struct stat st;

        int r = child_enter(c, PLACE_HOST);
        if (r < 0)
                return r;
        _cleanup_fd_ int fd = mount_clone(AT_FDCWD, recipe_string(c->recipe, op->str[0]), false);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISDIR(st.st_mode)) {
                c->detail = KEEPER_DETAIL_NOT_DIRECTORY;
                return -ENOTDIR;
        }
        *ret = take_fd(&fd);
        return 0;
}

int prepare_layer(struct child *c, const struct recipe_op *op) {
        int *slot = &c->slot[op->num[0]];
        int r = clone_directory(c, op, slot);

        return r == 0 && (op->flags & RECIPE_IDMAP) ? idmap(c, *slot, false) : r;
}

int prepare_upper(struct child *c, const struct recipe_op *op) {
        return clone_directory(c, op, &c->slot[op->num[0]]);
}

/* The place itself, as an fd: opened by the admin's path, then, for a part of a volume, below it without leaving it: what is
 * in a volume, containers made. */
static int open_source(const struct child *c, const struct recipe_op *op) {
        const char *path = recipe_string(c->recipe, op->str[0]), *below = recipe_string(c->recipe, op->str[1]);
        int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT && (op->flags & RECIPE_CREATE)) {
                if (mkdir(path, 0755) < 0 && errno != EEXIST)
                        return -errno;
                fd = open(path, O_PATH | O_CLOEXEC);
        }
        if (fd < 0)
                return -errno;
        if (!below)
                return fd;
        int inner = sys_openat2(fd, below, O_PATH, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
        int error = errno;
        (void)close(fd);
        return inner < 0 ? -error : inner;
}

int prepare_bind(struct child *c, const struct recipe_op *op) {
        int r = child_enter(c, PLACE_HOST);
        if (r < 0)
                return r;
        _cleanup_fd_ int source = open_source(c, op);
        if (source < 0)
                return source;
        _cleanup_fd_ int mount = mount_clone(source, NULL, true);
        if (mount < 0)
                return mount;
        if (op->flags & RECIPE_IDMAP) {
                r = idmap(c, mount, true);
                if (r < 0)
                        return r;
        }
        r = mount_change(mount, child_mount_attr(op), op->num[1], true);
        if (r == 0)
                c->slot[op->num[0]] = take_fd(&mount);
        return r;
}

/* The other container may have put anything at /dev/shm, so it has to be a tmpfs, reached without a link. */
int prepare_peer_shm(struct child *c, const struct recipe_op *op) {
        if (setns(c->fds[op->fd], CLONE_NEWNS) < 0)
                return -errno;
        c->place = PLACE_ELSEWHERE;
        _cleanup_fd_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        _cleanup_fd_ int shm = inroot_system(root, "dev/shm");
        if (shm < 0)
                return shm;
        if (mount_type(shm) != TMPFS_MAGIC)
                return -EINVAL;
        _cleanup_fd_ int mount = mount_clone(shm, NULL, false);
        if (mount < 0)
                return mount;
        int r = mount_change(mount, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, MS_PRIVATE, false);
        if (r == 0)
                c->slot[op->num[0]] = take_fd(&mount);
        return r;
}

/* upper/ and work/ in the directory; overlayfs takes owner and mode of / from upper/, so a new one gets those of the base. */
static int make_upper(int dir, int base, bool persistent) {
        struct stat st;

        if ((mkdirat(dir, "upper", 0755) < 0 || mkdirat(dir, "work", 0700) < 0) && errno != EEXIST)
                return -errno;
        _cleanup_fd_ int upper = openat(dir, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (upper < 0 || fstat(base, &st) < 0)
                return -errno;
        int r = copytree_is_empty(upper);
        if (r <= 0)
                return r < 0 ? r : persistent ? 0 : -ENOTEMPTY;
        return fchown(upper, st.st_uid, st.st_gid) < 0 || fchmod(upper, st.st_mode & 07777) < 0 ? -errno : 0;
}

/* Attaches a mount at l/<name> of the keeper's tmpfs; in our own mount namespace, so nobody else sees it there. */
static int attach_scratch(int mount, const char *name) {
        if (mkdir(name, 0700) < 0 && errno != EEXIST)
                return -errno;
        return mount_attach_at(mount, AT_FDCWD, name);
}

/* Names relative to l/ keep 128 layers in the one page that mount(2) takes and silently cuts at; fsconfig(2) takes 255 bytes. */
int prepare_overlay(struct child *c, const struct recipe_op *op) {
        char options[2048] = "index=off,metacopy=off,redirect_dir=nofollow,", number[IO_DECIMAL_MAX];
        const int *layer = &c->slot[op->num[1]];
        size_t n = op->num[2];

        int r = child_enter(c, PLACE_OWN);
        if (r < 0)
                return r;
        r = make_upper(c->slot[op->num[3]], layer[0], (op->flags & RECIPE_PERSISTENT) != 0);
        if (r < 0)
                return r;
        if (chdir("/l") < 0)
                return -errno;
        r = attach_scratch(c->slot[op->num[3]], "u");
        if (r < 0)
                return r;
        char *end = stpcpy(options + strlen(options), op->flags & RECIPE_VOLATILE ? "volatile," : "");
        end = stpcpy(end, "upperdir=u/upper,workdir=u/work,lowerdir=");
        for (size_t i = n; i-- > 0;) { /* overlayfs wants the top first */
                const char *name = io_decimal(number, (long long)i);
                r = attach_scratch(layer[i], name);
                if (r < 0)
                        return r;
                end = stpcpy(stpcpy(end, name), i > 0 ? ":" : "");
        }
        if (mkdir("m", 0700) < 0 && errno != EEXIST)
                return -errno;
        if (mount("overlay", "m", "overlay", 0, options) < 0)
                return -errno;
        int fd = mount_clone(AT_FDCWD, "m", false);
        if (fd < 0)
                return fd;
        c->slot[op->num[0]] = fd;
        /* device nodes of a layer are no devices: those a container has are in /dev */
        r = mount_change(fd, MOUNT_ATTR_NODEV, 0, false);
        return r < 0 ? r : chdir("/") < 0 ? -errno : 0;
}

/* What is made from here on belongs to the container's root (on) or to the host's: an fsuid costs one call, a chown each costs
 * fifteen. SECBIT_NO_SETUID_FIXUP keeps the capabilities, or mknod(2) would be refused. */
static int make_as_root(const struct child *c, bool on) {
        if (prctl(PR_SET_SECUREBITS, on ? SECBIT_NO_SETUID_FIXUP : 0, 0, 0, 0) < 0)
                return -errno;
        (void)setfsuid(on ? c->recipe->header->root_uid : 0);
        (void)setfsgid(on ? c->recipe->header->root_gid : 0);
        return child_arm();
}

/* Real nodes on a tmpfs that the host's user namespace owns: binds of the host's cost a mount each, and a container's own
 * tmpfs would refuse to open them. */
int prepare_dev(struct child *c, const struct recipe_op *op) {
        static const struct {
                const char *name;
                unsigned major, minor;
        } nodes[] = { { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
                      { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
        static const char *const directories[] = { "pts", "shm", "mqueue" };
        static const struct {
                const char *name, *target;
        } links[] = {
                { "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
                { "stderr", "/proc/self/fd/2" }, { "core", "/proc/kcore" },      { "ptmx", "pts/ptmx" },
        };
        char uid[IO_DECIMAL_MAX], gid[IO_DECIMAL_MAX];
        const struct mount_option options[] = {
                { "size", "64k" },
                { "mode", "0755" },
                { "uid", io_decimal(uid, c->recipe->header->root_uid) },
                { "gid", io_decimal(gid, c->recipe->header->root_gid) },
                { NULL, NULL },
        };

        int r = child_enter(c, PLACE_OWN);
        if (r < 0)
                return r;
        _cleanup_fd_ int dev = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        if (dev < 0)
                return dev;
        r = make_as_root(c, true);
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(nodes); i++)
                r = mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0 ? -errno : 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++)
                r = mkdirat(dev, directories[i], 0755) < 0 ? -errno : 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(links); i++)
                r = symlinkat(links[i].target, dev, links[i].name) < 0 ? -errno : 0;
        if (r == 0)
                r = make_as_root(c, false);
        if (r == 0)
                c->slot[op->num[0]] = take_fd(&dev);
        return r;
}

/* Its folders and itself, step by step: in a tree where nobody but us has made anything. */
static int make_device(int dev, const char *path, const struct recipe_op *op) {
        _cleanup_fd_ int dir = -EBADF;
        char name[NAME_MAX + 1];

        for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
                size_t n = (size_t)(slash - path);
                if (n == 0 || n >= sizeof(name))
                        return -EINVAL;
                memcpy(name, path, n);
                name[n] = '\0';
                if (mkdirat(dir < 0 ? dev : dir, name, 0755) < 0 && errno != EEXIST)
                        return -errno;
                int next = openat(dir < 0 ? dev : dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (next < 0)
                        return -errno;
                close_fd(dir);
                dir = next;
        }
        return mknodat(dir < 0 ? dev : dir, path, (mode_t)op->num[1], makedev((unsigned)op->num[2], (unsigned)op->num[3])) < 0 ? -errno : 0;
}

int prepare_device(struct child *c, const struct recipe_op *op) {
        int r = make_as_root(c, true);

        if (r == 0)
                r = make_device(c->slot[op->num[0]], recipe_string(c->recipe, op->str[0]), op);
        int back = make_as_root(c, false);
        return r < 0 ? r : back;
}

static const char *const fs_names[] = {
        [RECIPE_FS_PROC] = "proc",   [RECIPE_FS_SYSFS] = "sysfs",   [RECIPE_FS_CGROUP2] = "cgroup2",
        [RECIPE_FS_TMPFS] = "tmpfs", [RECIPE_FS_DEVPTS] = "devpts", [RECIPE_FS_MQUEUE] = "mqueue",
};
_Static_assert(ARRAY_SIZE(fs_names) == _RECIPE_FS_MAX, "a name for each file system");

int child_mount(const struct recipe_op *op, const char *uid, const char *gid) {
        char size[IO_DECIMAL_MAX], octal[8] = "0000";
        const char *type = fs_names[op->num[1]];
        uint64_t attr = child_mount_attr(op);

        if (op->num[1] == RECIPE_FS_TMPFS) {
                for (int i = 0; i < 4; i++)
                        octal[i] = (char)('0' + (op->num[3] >> (9 - 3 * i) & 7));
                const struct mount_option options[] = {
                        { "size", io_decimal(size, (long long)op->num[2]) },
                        { "mode", octal },
                        { "uid", uid },
                        { "gid", gid },
                        { NULL, NULL },
                };
                return mount_new(type, options, attr);
        }
        if (op->num[1] == RECIPE_FS_DEVPTS) {
                static const struct mount_option options[] = {
                        { "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "0620" }, { "gid", "5" }, { NULL, NULL },
                };
                static const struct mount_option without_tty_group[] = {
                        { "newinstance", NULL }, { "ptmxmode", "0666" }, { "mode", "0620" }, { NULL, NULL }
                };
                int fd = mount_new(type, options, attr);
                return fd == -EINVAL ? mount_new(type, without_tty_group, attr) : fd; /* a map without gid 5 */
        }
        return mount_new(type, NULL, attr);
}

/* /proc shows the pid namespace its mounter is in, not the one its children will be in: so for a joined one, a short-lived
 * process inside it mounts. It shares our table of file descriptors; a pipe tells which one is the mount. */
static int mount_in_joined_pid(const struct recipe_op *op) {
        struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
        int ends[2], mount = -EIO;
        siginfo_t info;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid_t pid = sys_clone3(&args);
        if (pid == 0) {
                int fd = child_mount(op, "0", "0");
                (void)io_write_all(ends[1], &fd, sizeof(fd));
                _exit(0);
        }
        int error = errno;
        if (pid > 0) {
                (void)sys_waitid(P_PID, (id_t)pid, &info, WEXITED, NULL);
                (void)close(ends[1]);
                if (io_read_full(ends[0], &mount, sizeof(mount)) != sizeof(mount))
                        mount = -EIO;
        } else {
                (void)close(ends[1]);
                mount = -error;
        }
        (void)close(ends[0]);
        return mount;
}

int prepare_mount(struct child *c, const struct recipe_op *op) {
        char uid[IO_DECIMAL_MAX], gid[IO_DECIMAL_MAX];

        int r = child_enter(c, PLACE_OWN); /* a full view of /proc and /sys is what the kernel asks for */
        if (r < 0)
                return r;
        int fd = op->flags & RECIPE_JOINED_PID ? mount_in_joined_pid(op)
                                               : child_mount(op, io_decimal(uid, c->recipe->header->root_uid),
                                                             io_decimal(gid, c->recipe->header->root_gid));
        if (fd < 0)
                return fd;
        c->slot[op->num[0]] = fd;
        return 0;
}
