#include <ctrsup/kernel/readfile.h>

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

static const char *kind_words(mode_t mode) {
        switch (mode & S_IFMT) {
        case S_IFDIR:
                return "a directory";
        case S_IFIFO:
                return "a FIFO";
        case S_IFSOCK:
                return "a socket";
        case S_IFBLK:
        case S_IFCHR:
                return "a device";
        default:
                return "no regular file";
        }
}

static int open_regular(const char *path, int *ret, struct err *err) {
        struct stat st;

        /* Without O_NONBLOCK the open of a FIFO waits for its writer. */
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0) {
                int code = errno;

                return err_sys(err, code == ENXIO ? EINVAL : code, "cannot open %s", path);
        }
        if (fstat(fd, &st) < 0)
                return err_sys(err, errno, "cannot look at %s", path);
        if (!S_ISREG(st.st_mode))
                return err_set(err, S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "%s is %s, not a file", path, kind_words(st.st_mode));
        *ret = take_fd(&fd);
        return 0;
}

/* Reads to the end, one byte more than allowed at most: what grows under our hands is too large like what was. */
static int read_all(int fd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *err) {
        _cleanup_free_ char *data = NULL;
        size_t len = 0, size = 0;

        for (;;) {
                if (len + 1 >= size) {
                        size = size ? size * 2 : 16384;
                        char *more = realloc(data, size);

                        if (!more)
                                return err_oom(err);
                        data = more;
                }
                size_t room = size - len - 1, left = max + 1 - len;
                ssize_t n = read(fd, data + len, room < left ? room : left);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_sys(err, errno, "cannot read %s", path);
                if (n == 0)
                        break;
                len += (size_t)n;
                if (len > max)
                        return err_set(err, EFBIG, "%s has more than the %zu bytes allowed", path, max);
        }
        data[len] = '\0';
        *ret = take_ptr(data);
        *ret_len = len;
        return 0;
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err) {
        _cleanup_fd_ int fd = -EBADF;

        if (strcmp(path, "-") == 0)
                return read_all(STDIN_FILENO, "standard input", max, ret, ret_len, err);
        int r = open_regular(path, &fd, err);
        return r < 0 ? r : read_all(fd, path, max, ret, ret_len, err);
}
