/* Where the socket is made: nobody but root (or we) may be able to put something else in its place. */
#include "parts.h"

#include <ctrsup/base/buf.h>

#include <endian.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

enum { BACKLOG = 128 };

/* Others could swap a name below it: a folder that is not ours or root's, or that they may write to without the sticky bit. */
static int check_folder(int fd, const char *shown, struct err *err) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return err_sys(err, errno, "look at %s", shown);
        if (st.st_uid != 0 && st.st_uid != geteuid())
                return err_set(err, EPERM, "%s belongs to uid %u, not to root", shown, st.st_uid);
        if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0) {
                err_set(err, EPERM, "%s is writable for others (mode %04o)", shown, st.st_mode & 07777);
                return err_hint(err, "chmod go-w %s", shown);
        }
        return 0;
}

/* Walks from / to the folder of path, one component at a time. The last one is made when it is missing. */
static int check_folders(const char *path, struct err *err) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_fd_ int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *last = strrchr(path, '/');

        if (!copy)
                return err_oom(err);
        if (at < 0)
                return err_sys(err, errno, "open /");
        char *end = copy + (last - path);
        *end = '\0';
        for (char *name = copy; name < end;) {
                name += strspn(name, "/");
                char *stop = name + strcspn(name, "/");
                if (name == stop)
                        break;
                *stop = '\0';
                /* For messages: the path up to here, with the slashes that were cut put back. */
                for (char *p = copy; p < name; p++)
                        if (*p == '\0')
                                *p = '/';
                int fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 && errno == ENOENT && stop == end) {
                        if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
                                return err_sys(err, errno, "make the folder %s", copy);
                        fd = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                }
                if (fd < 0) {
                        int code = errno;

                        err_sys(err, code, "open the folder %s", copy);
                        return code == ENOTDIR ? err_hint(err, "no component may be a symbolic link") : -code;
                }
                (void)close_fd(at);
                at = fd;
                int r = check_folder(at, copy, err);
                if (r < 0)
                        return r;
                name = stop + 1;
        }
        return 0;
}

/* A socket nobody answers on is what a killed supervisor leaves; anything else is not ours to remove. */
static int remove_stale(const struct sockaddr_un *address, struct err *err) {
        const char *path = address->sun_path;
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : err_sys(err, errno, "look at %s", path);
        if (!S_ISSOCK(st.st_mode))
                return err_set(err, EEXIST, "%s is there and no socket", path);
        _cleanup_fd_ int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (probe < 0)
                return err_sys(err, errno, "make a socket");
        if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED)
                return err_set(err, EADDRINUSE, "another supervisor serves %s", path);
        if (unlink(path) < 0 && errno != ENOENT)
                return err_sys(err, errno, "remove the stale socket %s", path);
        return 0;
}

int control_path_listen(const char *path, gid_t group, int *ret, struct err *err) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (path[0] != '/')
                return err_set(err, EINVAL, "control socket %s: the path must be absolute", path);
        if (strlen(path) >= sizeof(address.sun_path))
                return err_set(err, ENAMETOOLONG, "control socket %s: longer than %zu bytes", path, sizeof(address.sun_path) - 1);
        memcpy(address.sun_path, path, strlen(path) + 1);

        int r = check_folders(path, err);
        if (r < 0)
                return err_wrap(err, "control socket %s", path);
        r = remove_stale(&address, err);
        if (r < 0)
                return r;
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return err_sys(err, errno, "make a socket");
        /* Mode first, bind after: bind() makes the file with the socket's own mode, so it is never open to others. Nobody can
         * connect before listen(), so the group comes in between. */
        if (fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                return err_sys(err, errno, "bind the control socket %s", path);
        if ((group != (gid_t)-1 && chown(path, (uid_t)-1, group) < 0) || chmod(path, group == (gid_t)-1 ? 0600 : 0660) < 0 ||
            listen(fd, BACKLOG) < 0) {
                int code = errno;

                (void)unlink(path);
                return err_sys(err, code, "listen on the control socket %s", path);
        }
        *ret = take_fd(&fd);
        return 0;
}

static void put_entry(struct buf *acl, uint16_t tag, uint16_t perm, uint32_t id) {
        struct posix_acl_xattr_entry e = { .e_tag = htole16(tag), .e_perm = htole16(perm), .e_id = htole32(id) };

        buf_put(acl, &e, sizeof(e));
}

static bool is_before(const gid_t *groups, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (groups[k] == groups[i])
                        return true;
        return false;
}

/* Root and the groups: read and write, as connect(2) wants it; nobody else. */
static void make_acl(const gid_t *groups, size_t n, struct buf *out) {
        const struct posix_acl_xattr_header head = { .a_version = htole32(POSIX_ACL_XATTR_VERSION) };
        const uint16_t all = ACL_READ | ACL_WRITE;

        buf_put(out, &head, sizeof(head));
        put_entry(out, ACL_USER_OBJ, all, (uint32_t)ACL_UNDEFINED_ID);
        put_entry(out, ACL_GROUP_OBJ, all, (uint32_t)ACL_UNDEFINED_ID);
        for (size_t i = 1; i < n; i++)
                if (!is_before(groups, i))
                        put_entry(out, ACL_GROUP, all, groups[i]);
        put_entry(out, ACL_MASK, all, (uint32_t)ACL_UNDEFINED_ID);
        put_entry(out, ACL_OTHER, 0, (uint32_t)ACL_UNDEFINED_ID);
}

int control_path_permit(const char *path, const gid_t *groups, size_t n_groups, struct err *err) {
        _cleanup_fd_ int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_buf_ struct buf acl = BUF_NULL;
        char by_fd[48];
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return err_sys(err, errno, "look at it");
        if (!S_ISSOCK(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()))
                return err_set(err, EPERM, "there is something else in its place");
        (void)snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
        if (n_groups > 0 && fchownat(fd, "", (uid_t)-1, groups[0], AT_EMPTY_PATH) < 0)
                return err_sys(err, errno, "give it to gid %u", groups[0]);
        if (n_groups > 1) {
                make_acl(groups, n_groups, &acl);
                if (buf_failed(&acl))
                        return err_oom(err);
                if (setxattr(by_fd, XATTR_NAME_POSIX_ACL_ACCESS, acl.data, acl.len, 0) == 0)
                        return 0;
                (void)err_sys(err, errno, "let %zu groups connect by an ACL", n_groups);
        } else if (removexattr(by_fd, XATTR_NAME_POSIX_ACL_ACCESS) < 0 && errno != ENODATA && errno != EOPNOTSUPP)
                return err_sys(err, errno, "remove its ACL");
        if (chmod(by_fd, n_groups > 0 ? 0660 : 0600) < 0)
                return err_sys(err, errno, "set its mode");
        return n_groups > 1 ? -EOPNOTSUPP : 0;
}
