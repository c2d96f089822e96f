/* See logfile.h. */
#include "logfile.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

int logfile_init(struct logfile *f, int logs_fd, gid_t group, const char *stack, const char *container, uint32_t replica) {
        *f = (struct logfile){ .logs_fd = logs_fd, .group = group, .dir_fd = -EBADF, .fd = -EBADF };
        /* They are names, not paths. */
        if (strchr(stack, '/') || strchr(container, '/') || stack[0] == '.' || container[0] == '.' || !*stack || !*container)
                return -EINVAL;
        f->stack = strdup(stack);
        if (!f->stack || asprintf(&f->name, "%s.%" PRIu32 ".log", container, replica) < 0) {
                f->name = NULL;
                return -ENOMEM;
        }
        return 0;
}

void logfile_done(struct logfile *f) {
        f->fd = close_fd(f->fd);
        f->dir_fd = close_fd(f->dir_fd);
        free(take_ptr(f->stack));
        free(take_ptr(f->name));
}

static int open_beneath(int dir_fd, const char *name, uint64_t flags, uint64_t mode) {
        const struct open_how how = { .flags = flags | O_CLOEXEC | O_NOFOLLOW,
                                      .mode = mode,
                                      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
        long fd = syscall(SYS_openat2, dir_fd, name, &how, sizeof(how));

        return fd < 0 ? -errno : (int)fd;
}

/* Where we may not give it away (a test without root) the file stays ours, and no wider readable. */
static void give_to_group(const struct logfile *f, int fd) {
        if (fchown(fd, (uid_t)-1, f->group) < 0)
                return;
}

/* Takes a torn record off the end. If even that fails, the reader sees one broken line. */
static void cut_back(const struct logfile *f, uint64_t size) {
        if (ftruncate(f->fd, (off_t)size) < 0)
                return;
}

static int open_dir(struct logfile *f) {
        if (f->dir_fd >= 0)
                return 0;
        bool made = mkdirat(f->logs_fd, f->stack, 0750) >= 0;
        if (!made && errno != EEXIST)
                return -errno;
        int fd = open_beneath(f->logs_fd, f->stack, O_RDONLY | O_DIRECTORY, 0);
        if (fd < 0)
                return fd;
        if (made)
                give_to_group(f, fd);
        f->dir_fd = fd;
        return 0;
}

static int open_log(struct logfile *f) {
        struct stat st;
        int r = open_dir(f);

        if (r < 0)
                return r;
        _cleanup_fd_ int fd = open_beneath(f->dir_fd, f->name, O_WRONLY | O_APPEND | O_CREAT, 0640);
        if (fd == -ENOENT) { /* the directory itself was removed under us */
                f->dir_fd = close_fd(f->dir_fd);
                r = open_dir(f);
                if (r < 0)
                        return r;
                fd = open_beneath(f->dir_fd, f->name, O_WRONLY | O_APPEND | O_CREAT, 0640);
        }
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_gid != f->group)
                give_to_group(f, fd);
        f->size = (uint64_t)st.st_size;
        (void)close_fd(f->fd);
        f->fd = take_fd(&fd);
        return 0;
}

/* .2 -> .3, .1 -> .2, the log -> .1. Names that are not there are no failure: somebody tidied up. */
static void rotate(struct logfile *f) {
        char from[NAME_MAX + 32], to[NAME_MAX + 32];

        for (uint64_t i = f->max_files; i > 0; i--) {
                (void)snprintf(to, sizeof(to), "%s.%" PRIu64, f->name, i);
                if (i > 1)
                        (void)snprintf(from, sizeof(from), "%s.%" PRIu64, f->name, i - 1);
                else
                        (void)snprintf(from, sizeof(from), "%s", f->name);
                (void)renameat(f->dir_fd, from, f->dir_fd, to);
        }
        if (f->max_files == 0)
                (void)unlinkat(f->dir_fd, f->name, 0);
        for (uint64_t i = f->max_files + 1;; i++) { /* from when more were kept */
                (void)snprintf(from, sizeof(from), "%s.%" PRIu64, f->name, i);
                if (unlinkat(f->dir_fd, from, 0) < 0)
                        break;
        }
        f->fd = close_fd(f->fd);
}

static bool was_removed(int fd) {
        struct stat st;

        return fstat(fd, &st) < 0 || st.st_nlink == 0;
}

/* As much as the disk takes; the length written, or -errno when nothing. */
static ssize_t write_all(int fd, const char *data, size_t len) {
        size_t done = 0;

        while (done < len) {
                ssize_t n = write(fd, data + done, len - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return done > 0 ? (ssize_t)done : n < 0 ? -errno : -EIO;
                done += (size_t)n;
        }
        return (ssize_t)done;
}

/* Of a write that was cut only whole records stay. */
static size_t keep_whole_records(struct logfile *f, const char *data, size_t written) {
        const char *end = memrchr(data, '\n', written);
        size_t whole = end ? (size_t)(end - data) + 1 : 0;

        if (whole < written)
                cut_back(f, f->size + whole);
        return whole;
}

static size_t count_records(const char *data, size_t len) {
        size_t n = 0;

        for (const char *at = data; (at = memchr(at, '\n', len - (size_t)(at - data))); at++)
                n++;
        return n;
}

static size_t lose(struct logfile *f, size_t records, int code, uint64_t now_usec) {
        f->lost += records;
        f->lost_code = code;
        f->retry_usec = now_usec + LOGFILE_RETRY_USEC;
        f->fd = close_fd(f->fd); /* the next try looks anew */
        return records;
}

/* The first good moment after a bad one says so in the log itself. */
static bool tell_lost(struct logfile *f) {
        char line[256], reason[64];
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        size_t n =
                logline_format_head(line, (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000, LOGLINE_STDERR, false);
        int m = snprintf(line + n, sizeof(line) - n, "<4>ctrsup: %" PRIu64 " lines lost: %s\n", f->lost,
                         strerror_r(f->lost_code, reason, sizeof(reason)));
        ssize_t written = write_all(f->fd, line, n + (size_t)m);
        if (written < (ssize_t)(n + (size_t)m)) {
                if (written > 0)
                        cut_back(f, f->size);
                return false;
        }
        f->size += (uint64_t)written;
        f->lost = 0;
        return true;
}

size_t logfile_flush(struct logfile *f, struct logfile_batch *b, uint64_t now_usec) {
        const size_t len = b->len, records = b->records;
        int r = 0;

        if (len == 0)
                return 0;
        b->len = b->records = 0;
        if (now_usec < f->retry_usec) {
                f->lost += records;
                return records;
        }
        if (f->fd < 0 || was_removed(f->fd))
                r = open_log(f);
        if (r < 0)
                return lose(f, records, -r, now_usec);
        if (f->lost > 0 && !tell_lost(f))
                return lose(f, records, ENOSPC, now_usec);
        f->retry_usec = 0;

        ssize_t written = write_all(f->fd, b->data, len);
        if (written == (ssize_t)len) {
                f->size += len;
                return 0;
        }
        size_t whole = written > 0 ? keep_whole_records(f, b->data, (size_t)written) : 0;
        f->size += whole;
        return lose(f, count_records(b->data + whole, len - whole), written < 0 ? (int)-written : ENOSPC, now_usec);
}

size_t logfile_put(struct logfile *f, struct logfile_batch *b, const char *head, size_t head_len, const char *text, size_t len,
                   uint64_t now_usec) {
        const size_t need = head_len + len + 1;
        size_t lost = 0;

        if (f->fd < 0 && now_usec >= f->retry_usec) /* the size must be known before it can be too big */
                (void)open_log(f);
        if (f->fd >= 0 && f->size + b->len + need > f->max_size && f->size + b->len > 0) {
                lost += logfile_flush(f, b, now_usec);
                if (f->fd >= 0) {
                        rotate(f);
                        (void)open_log(f);
                }
        }
        if (b->len + need > sizeof(b->data))
                lost += logfile_flush(f, b, now_usec);
        memcpy(mempcpy(b->data + b->len, head, head_len), text, len);
        b->data[b->len + need - 1] = '\n';
        b->len += need;
        b->records++;
        return lost;
}
