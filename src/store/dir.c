#include <ctrsup/store/dir.h>

#include <ctrsup/base/buf.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int open_beneath(int fd, const char *name, uint64_t flags) {
        struct open_how how = {
                .flags = flags | O_CLOEXEC | O_NOFOLLOW,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
        };
        int r = (int)syscall(SYS_openat2, fd, name, &how, sizeof(how));

        return r < 0 ? -errno : r;
}

/* passing: a component on the way, not the directory itself. */
static int check_dir(int fd, const char *shown, bool passing, struct err *err) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return err_sys(err, errno, "look at %s", shown);
        if (st.st_uid != 0 && st.st_uid != geteuid()) {
                (void)err_set(err, EPERM, "%s belongs to uid %u, who could put anything there", shown, st.st_uid);
                (void)err_hint(err, "chown root %s", shown);
                return -EPERM;
        }
        /* In a sticky directory nobody but us can rename or remove what is ours. */
        if ((st.st_mode & 022) && !(passing && (st.st_mode & S_ISVTX))) {
                (void)err_set(err, EPERM, "%s can be written by others (mode %04o)", shown, (unsigned)st.st_mode & 07777);
                (void)err_hint(err, "chmod go-w %s", shown);
                return -EPERM;
        }
        return 0;
}

/* Nothing but "." and "..", which take 24 bytes each. */
static bool is_empty(int fd) {
        struct dirent64 entries[2];
        ssize_t n = getdents64(fd, entries, sizeof(entries));

        return n >= 0 && n <= 2 * (ssize_t)(offsetof(struct dirent64, d_name) + 5) && lseek(fd, 0, SEEK_SET) == 0;
}

/* Made, and on disk under its name. An empty one that is there may be of a maker that was killed before its name was on disk; and one
 * whose name did not get there goes again, so that nobody takes it for safe. */
static int make_component(int fd, const char *name, mode_t mode) {
        bool made = mkdirat(fd, name, 0700) == 0;

        if (!made && errno != EEXIST)
                return -errno;
        int r = open_beneath(fd, name, O_RDONLY | O_DIRECTORY);
        if (r < 0)
                return r;
        if ((made && fchmod(r, mode) < 0) || ((made || is_empty(r)) && fsync(fd) < 0)) {
                int code = errno;

                (void)close_fd(r);
                if (made)
                        (void)unlinkat(fd, name, AT_REMOVEDIR);
                return -code;
        }
        return r;
}

static int open_component(int fd, const char *name, const char *shown, mode_t mode, int *ret_fd, struct err *err) {
        int r = open_beneath(fd, name, O_RDONLY | O_DIRECTORY);

        if (mode && (r == -ENOENT || (r >= 0 && is_empty(r)))) {
                (void)close_fd(r);
                r = make_component(fd, name, mode);
                if (r < 0 && r != -ELOOP && r != -ENOTDIR)
                        return err_sys(err, -r, "make %s", shown);
        }
        if (r == -ELOOP || r == -ENOTDIR) {
                (void)err_set(err, ENOTDIR, "%s is not a directory of its own (a symlink, or something else)", shown);
                (void)err_hint(err, "put a directory there, or configure the path it points to");
                return -ENOTDIR;
        }
        if (r < 0)
                return err_sys(err, -r, "open %s", shown);
        *ret_fd = r;
        return 0;
}

static int walk(const char *path, mode_t mode, int *ret_fd, struct err *err) {
        char shown[PATH_MAX];
        size_t at = 1;

        if (path[0] != '/' || strlen(path) >= sizeof(shown))
                return err_set(err, EINVAL, "\"%s\" is not an absolute path", path);
        _cleanup_fd_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return err_sys(err, errno, "open /");
        int r = check_dir(fd, "/", true, err);

        (void)strcpy(shown, path);
        while (r >= 0 && shown[at]) {
                size_t len = strcspn(shown + at, "/");
                char after = shown[at + len];

                if (len > 0) {
                        bool last = path[at + len + strspn(path + at + len, "/")] == '\0';
                        int next = -EBADF;

                        shown[at + len] = '\0';
                        r = open_component(fd, shown + at, shown, mode, &next, err);
                        if (r >= 0) {
                                (void)close_fd(fd);
                                fd = next;
                                r = check_dir(fd, shown, !last, err);
                        }
                        shown[at + len] = after;
                }
                at += len + (after != '\0');
        }
        if (r >= 0)
                *ret_fd = take_fd(&fd);
        return r;
}

int dir_open(const char *path, int *ret_fd, struct err *err) {
        return walk(path, 0, ret_fd, err);
}

int dir_make(const char *path, mode_t mode, int *ret_fd, struct err *err) {
        return walk(path, mode, ret_fd, err);
}

int dir_open_at(int fd, const char *name, mode_t mode, int *ret_fd, struct err *err) {
        _cleanup_fd_ int found = -EBADF;
        int r = open_component(fd, name, name, mode, &found, err);

        if (r >= 0)
                r = check_dir(found, name, false, err);
        if (r >= 0)
                *ret_fd = take_fd(&found);
        return r;
}

static int by_name(const void *a, const void *b) {
        return strverscmp(*(char *const *)a, *(char *const *)b);
}

static void closedir_ptr(DIR **d) {
        if (*d)
                (void)closedir(*d);
}

/* The names of b, each with its NUL, as a sorted array with the texts behind it: one block. */
static int names_block(const struct buf *b, size_t n, char ***ret, struct err *err) {
        char **block = malloc((n + 1) * sizeof(char *) + b->len);

        if (!block)
                return err_oom(err);
        char *text = (char *)(block + n + 1);
        if (b->len > 0)
                memcpy(text, b->data, b->len);
        for (size_t i = 0; i < n; i++, text += strlen(text) + 1)
                block[i] = text;
        block[n] = NULL;
        qsort(block, n, sizeof(char *), by_name);
        *ret = block;
        return 0;
}

int dir_list(int fd, bool hidden, char ***ret, size_t *ret_n, struct err *err) {
        _cleanup_buf_ struct buf names = BUF_NULL;
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        size_t n = 0;

        if (own < 0)
                return err_sys(err, errno, "list directory");
        _cleanup_(closedir_ptr) DIR *dir = fdopendir(own);
        if (!dir) {
                (void)close_fd(own);
                return err_oom(err);
        }
        for (;;) {
                errno = 0;
                const struct dirent *e = readdir(dir);

                if (!e && errno)
                        return err_sys(err, errno, "list directory");
                if (!e)
                        break;
                if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || (e->d_name[0] == '.' && !hidden))
                        continue;
                buf_put(&names, e->d_name, strlen(e->d_name) + 1);
                n++;
        }
        if (buf_failed(&names))
                return err_oom(err);
        int r = names_block(&names, n, ret, err);
        if (r >= 0)
                *ret_n = n;
        return r;
}

static int write_all(int fd, const char *data, size_t len) {
        while (len > 0) {
                ssize_t n = write(fd, data, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                data += n;
                len -= (size_t)n;
        }
        return 0;
}

/* The new contents, on disk, under a name nobody reads. */
static int write_beside(int fd, const char *tmp, const void *data, size_t len, mode_t mode, bool sync) {
        _cleanup_fd_ int out = openat(fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (out < 0)
                return -errno;
        int r = write_all(out, data, len);
        if (r >= 0 && (fchmod(out, mode) < 0 || (sync && fsync(out) < 0)))
                r = -errno;
        return r;
}

static int replace(int fd, const char *name, const void *data, size_t len, mode_t mode, bool sync, struct err *err) {
        char tmp[NAME_MAX + 1];

        if ((size_t)snprintf(tmp, sizeof(tmp), ".%s.tmp", name) >= sizeof(tmp))
                return err_set(err, ENAMETOOLONG, "\"%s\" is too long for a file's name", name);
        int r = write_beside(fd, tmp, data, len, mode, sync);
        if (r == -EEXIST) { /* of a writer that was killed */
                (void)unlinkat(fd, tmp, 0);
                r = write_beside(fd, tmp, data, len, mode, sync);
        }
        if (r >= 0 && renameat(fd, tmp, fd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void)unlinkat(fd, tmp, 0);
                return err_sys(err, -r, "write %s", name);
        }
        if (sync && fsync(fd) < 0)
                return err_sys(err, errno, "write %s to disk", name);
        return 0;
}

int file_write(int fd, const char *name, const void *data, size_t len, mode_t mode, struct err *err) {
        return replace(fd, name, data, len, mode, true, err);
}

int file_write_volatile(int fd, const char *name, const void *data, size_t len, mode_t mode, struct err *err) {
        return replace(fd, name, data, len, mode, false, err);
}

int file_read(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err) {
        struct stat st;
        _cleanup_fd_ int in = open_beneath(fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);

        if (in == -ELOOP)
                return err_set(err, ELOOP, "%s is a symlink", name);
        if (in < 0)
                return err_sys(err, -in, "open %s", name);
        if (fstat(in, &st) < 0)
                return err_sys(err, errno, "look at %s", name);
        if (!S_ISREG(st.st_mode))
                return err_set(err, EINVAL, "%s is not a regular file", name);
        if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
                return err_set(err, EPERM, "%s can be written by others (uid %u, mode %04o)", name, st.st_uid,
                               (unsigned)st.st_mode & 07777);
        if ((uint64_t)st.st_size > max)
                return err_set(err, EFBIG, "%s has %lld bytes; no more than %zu are read", name, (long long)st.st_size, max);

        size_t size = (size_t)st.st_size, len = 0;
        _cleanup_free_ char *data = malloc(size + 1);
        if (!data)
                return err_oom(err);
        while (len < size) {
                ssize_t n = read(in, data + len, size - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_sys(err, errno, "read %s", name);
                if (n == 0)
                        break;
                len += (size_t)n;
        }
        data[len] = '\0';
        *ret = take_ptr(data);
        *ret_len = len;
        return 0;
}

int file_remove(int fd, const char *name, struct err *err) {
        if (unlinkat(fd, name, 0) < 0)
                return errno == ENOENT ? 0 : err_sys(err, errno, "remove %s", name);
        if (fsync(fd) < 0)
                return err_sys(err, errno, "remove %s from disk", name);
        return 0;
}
