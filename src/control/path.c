/* Where the socket is made: nobody but root (or we) may be able to put something else in its place. */
#include "parts.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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
