/* Runs inside the container, with its privileges, while a volume is filled from the image: both trees may be hostile. So each
 * name is one component relative to an open directory, O_NOFOLLOW, and the walk is a loop over a fixed stack of open
 * directories rather than a recursion.
 */
#include <ctrsup/kernel/copytree.h>

#include <ctrsup/base/cleanup.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum { DEPTH_MAX = 64, BUFFER = 4096, XATTR_MAX = 4096 };

struct level {
        int from, to;
        off_t next; /* where to go on reading `from` */
        struct stat st;
};

static bool is_dot(const char *name) {
        return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

int copytree_is_empty(int dir) {
        char buffer[BUFFER] __attribute__((aligned(8)));
        _cleanup_fd_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (;;) {
                long n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
                if (n <= 0)
                        return n < 0 ? -errno : 1;
                for (long at = 0; at < n;) {
                        const struct dirent64 *d = (const void *)(buffer + at);
                        if (!is_dot(d->d_name) && strcmp(d->d_name, "lost+found") != 0)
                                return 0;
                        at += d->d_reclen;
                }
        }
}

/* Attributes that carry meaning in a volume; whatever cannot be read or set is left. */
static void copy_xattrs(int from, int to) {
        char names[XATTR_MAX], value[XATTR_MAX];
        ssize_t size = flistxattr(from, names, sizeof(names));

        for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
                const char *name = names + at;
                if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0)
                        continue;
                ssize_t n = fgetxattr(from, name, value, sizeof(value));
                if (n >= 0)
                        (void)fsetxattr(to, name, value, (size_t)n, 0);
        }
}

/* Owner before mode: chown(2) takes set-uid bits away. Attributes last but times: security.capability falls with chown too. */
static int copy_attributes(int from, int to, const struct stat *st) {
        const struct timespec times[2] = { st->st_atim, st->st_mtim };

        if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
                return -errno;
        copy_xattrs(from, to);
        return futimens(to, times) < 0 ? -errno : 0;
}

static int copy_bytes(int from, int to) {
        for (;;) {
                ssize_t n = copy_file_range(from, NULL, to, NULL, SSIZE_MAX / 2, 0);
                if (n == 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        break;
        }
        if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
                return -errno;
        for (;;) {
                ssize_t n = sendfile(to, from, NULL, 1 << 30);
                if (n == 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

static int copy_file(int from, int to, const char *name) {
        _cleanup_fd_ int in = -EBADF, out = -EBADF;
        struct stat st;

        in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (in < 0)
                return -errno;
        if (fstat(in, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return 0;
        out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (out < 0)
                return -errno;
        int r = copy_bytes(in, out);
        return r < 0 ? r : copy_attributes(in, out, &st);
}

static int copy_link(int from, int to, const char *name, const struct stat *st) {
        const struct timespec times[2] = { st->st_atim, st->st_mtim };
        char target[PATH_MAX];
        ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (symlinkat(target, to, name) < 0)
                return -errno;
        if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_fifo(int to, const char *name, const struct stat *st) {
        if (mkfifoat(to, name, 0600) < 0 || fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        return fchmodat(to, name, st->st_mode & 07777, 0) < 0 ? -errno : 0;
}

/* Makes the directory and puts it on the stack; its attributes are set when it is left, or its time would not hold. */
static int enter_directory(struct level *parent, const char *name, struct level *ret) {
        _cleanup_fd_ int from = -EBADF, to = -EBADF;

        from = openat(parent->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (from < 0)
                return -errno;
        if (mkdirat(parent->to, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        to = openat(parent->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (to < 0 || fstat(from, &ret->st) < 0)
                return -errno;
        ret->from = take_fd(&from);
        ret->to = take_fd(&to);
        ret->next = 0;
        return 0;
}

/* 1: a directory was entered, *child is the new top; 0: done with this name; or -errno. */
static int copy_entry(struct level *top, const char *name, struct level *child) {
        struct stat st;

        if (fstatat(top->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;

        int r;
        switch (st.st_mode & S_IFMT) {
        case S_IFDIR:
                r = enter_directory(top, name, child);
                return r < 0 ? r : 1;
        case S_IFREG:
                r = copy_file(top->from, top->to, name);
                break;
        case S_IFLNK:
                r = copy_link(top->from, top->to, name, &st);
                break;
        case S_IFIFO:
                r = copy_fifo(top->to, name, &st);
                break;
        default:
                return 0;
        }
        return r == -EEXIST ? 0 : r; /* a second container filled it at the same time */
}

static int leave_directory(const struct level *top, bool keep) {
        int r = keep ? 0 : copy_attributes(top->from, top->to, &top->st);

        (void)close(top->from);
        (void)close(top->to);
        return r;
}

/* Reads on in the top directory until one is entered (1) or all is copied (0). */
static int copy_until_directory(struct level *top, struct level *child) {
        char buffer[BUFFER] __attribute__((aligned(8)));

        if (lseek(top->from, top->next, SEEK_SET) < 0)
                return -errno;
        for (;;) {
                long n = syscall(SYS_getdents64, top->from, buffer, sizeof(buffer));
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                for (long at = 0; at < n;) {
                        const struct dirent64 *d = (const void *)(buffer + at);
                        at += d->d_reclen;
                        top->next = (off_t)d->d_off;
                        if (is_dot(d->d_name))
                                continue;
                        int r = copy_entry(top, d->d_name, child);
                        if (r != 0)
                                return r;
                }
        }
}

int copytree(int from, int to, bool keep_root) {
        struct level stack[DEPTH_MAX];
        size_t depth = 0;
        int r;

        stack[0].from = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (stack[0].from < 0)
                return -errno;
        stack[0].to = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        stack[0].next = 0;
        if (stack[0].to < 0 || fstat(stack[0].from, &stack[0].st) < 0) {
                r = -errno;
                (void)close_fd(stack[0].to);
                (void)close(stack[0].from);
                return r;
        }
        for (;;) {
                struct level child;
                r = copy_until_directory(&stack[depth], &child);
                if (r == 1 && depth + 1 == DEPTH_MAX) {
                        (void)close(child.from);
                        (void)close(child.to);
                        r = -ELOOP;
                }
                if (r == 1) {
                        stack[++depth] = child;
                        continue;
                }
                int left = leave_directory(&stack[depth], depth == 0 && keep_root);
                if (r == 0)
                        r = left;
                if (r < 0 || depth == 0)
                        break;
                depth--;
        }
        while (r < 0 && depth > 0) {
                depth--;
                (void)close(stack[depth].from);
                (void)close(stack[depth].to);
        }
        return r;
}
