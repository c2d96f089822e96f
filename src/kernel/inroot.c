#include <ctrsup/kernel/inroot.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/sys.h>

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define INSIDE (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

static int open_inside(int root, const char *path, uint64_t flags, uint64_t resolve) {
        /* -EAGAIN: something was renamed during the lookup and the kernel could not be sure. A container that shares a volume
         * can provoke it, so not for ever. */
        for (int i = 0; i < 64; i++) {
                int fd = sys_openat2(root, path, flags, 0, INSIDE | resolve);
                if (fd >= 0)
                        return fd;
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
        }
        return -EAGAIN;
}

int inroot_path(int root, const char *path) {
        return open_inside(root, path, O_PATH, 0);
}

int inroot_system(int root, const char *path) {
        return open_inside(root, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
}

int inroot_file(int root, const char *path) {
        _cleanup_fd_ int fd = open_inside(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        struct stat st;

        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        return take_fd(&fd);
}

/* Makes the entry `name` in dir; one that is there already is for the following lookup to judge. */
static int make_entry(int dir, const char *name, bool file) {
        if (!file)
                return mkdirat(dir, name, 0755) < 0 && errno != EEXIST ? -errno : 0;

        /* dir is O_PATH and the name one component: nothing is followed here */
        _cleanup_fd_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        return fd < 0 && errno != EEXIST ? -errno : 0;
}

int inroot_make(int root, const char *path, bool file) {
        char prefix[PATH_MAX];
        size_t len = strlen(path);
        _cleanup_fd_ int dir = fcntl(root, F_DUPFD_CLOEXEC, 3);

        if (dir < 0)
                return -errno;
        if (len >= sizeof(prefix))
                return -ENAMETOOLONG;
        for (size_t end = 0; end < len;) {
                while (path[end] == '/')
                        end++;
                if (path[end] == '\0')
                        break;
                size_t name = end;
                end += strcspn(path + end, "/");
                memcpy(prefix, path, end);
                prefix[end] = '\0';

                bool last = path[end + strspn(path + end, "/")] == '\0';
                uint64_t flags = O_PATH | (last && file ? 0 : O_DIRECTORY);
                int fd = open_inside(root, prefix, flags, 0);
                if (fd == -ENOENT) {
                        int r = make_entry(dir, prefix + name, last && file);
                        if (r < 0)
                                return r;
                        fd = open_inside(root, prefix, flags, 0);
                }
                if (fd < 0)
                        return fd;
                (void)close(dir);
                dir = fd;
        }

        struct stat st;
        if (fstat(dir, &st) < 0)
                return -errno;
        if (file && S_ISDIR(st.st_mode))
                return -EISDIR;
        return take_fd(&dir);
}
