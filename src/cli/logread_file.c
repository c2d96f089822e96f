/* A log in rotated files: web.1.log.2, .1, then web.1.log, and the next one when that is rotated while we read it. */
#include "logread_source.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK = 64 * 1024, ROTATED_MAX = 1000, PRIORITY_OUT = 6, PRIORITY_ERR = 3 };

struct file {
        struct logread_source source;
        const struct logread_target *target;
        const struct logread_options *options;
        int fd;                            /* -EBADF: none is there yet */
        int priority[_LOGLINE_STREAM_MAX]; /* of a line that goes on */
        bool continuing[_LOGLINE_STREAM_MAX];
        char *data;
        size_t at, len, room;
};

static struct logread_source *file_free(struct logread_source *s) {
        struct file *f = (struct file *)s;

        if (!f)
                return NULL;
        (void)close_fd(f->fd);
        free(f->data);
        free(f);
        return NULL;
}

/* 0 is the newest. */
static void name_of(const struct file *f, unsigned index, char buf[PATH_MAX]) {
        if (index == 0)
                (void)snprintf(buf, PATH_MAX, "%s", f->target->path);
        else
                (void)snprintf(buf, PATH_MAX, "%s.%u", f->target->path, index);
}

static bool exists(const struct file *f, unsigned index) {
        char path[PATH_MAX];

        name_of(f, index, path);
        return access(path, F_OK) == 0;
}

static int open_index(struct file *f, unsigned index, struct err *err) {
        char path[PATH_MAX];

        name_of(f, index, path);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return errno == ENOENT ? 0 : err_sys(err, errno, "open %s", path);
        (void)close_fd(f->fd);
        f->fd = fd;
        return 1;
}

/* Which of the files is the open one now; -1: it is none of them any more. */
static int find_open(const struct file *f) {
        struct stat ours, st;

        if (fstat(f->fd, &ours) < 0)
                return -1;
        for (unsigned i = 0; i < ROTATED_MAX; i++) {
                char path[PATH_MAX];

                name_of(f, i, path);
                if (stat(path, &st) < 0) {
                        if (i > 0)
                                return -1;
                        continue; /* between the rename and the making of the new one */
                }
                if (st.st_ino == ours.st_ino && st.st_dev == ours.st_dev)
                        return (int)i;
        }
        return -1;
}

static unsigned find_oldest(const struct file *f) {
        unsigned n = 0;

        while (n + 1 < ROTATED_MAX && exists(f, n + 1))
                n++;
        return n;
}

/* The end of one file: goes to the next newer one. 1: there is one, 0: not. */
static int step(struct file *f, struct err *err) {
        if (f->fd < 0) {
                int r = open_index(f, find_oldest(f), err);

                return r;
        }
        int index = find_open(f);
        if (index == 0)
                return 0;
        /* It was rotated away altogether: what is the oldest now came after it. */
        return open_index(f, index < 0 ? find_oldest(f) : (unsigned)index - 1, err);
}

/* Reads more behind what there is. 1: got some, 0: the end of all files for now. */
static int fill(struct file *f, struct err *err) {
        if (f->at > 0) {
                memmove(f->data, f->data + f->at, f->len - f->at);
                f->len -= f->at;
                f->at = 0;
        }
        if (f->room - f->len < CHUNK) {
                char *grown = realloc(f->data, f->len + 2 * CHUNK);

                if (!grown)
                        return err_oom(err);
                f->data = grown;
                f->room = f->len + 2 * CHUNK;
        }
        for (;;) {
                ssize_t n = f->fd < 0 ? 0 : read(f->fd, f->data + f->len, CHUNK);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return err_sys(err, errno, "read %s", f->target->path);
                if (n > 0) {
                        f->len += (size_t)n;
                        return 1;
                }
                int r = step(f, err);
                if (r <= 0)
                        return r;
        }
}

static bool take_record(struct file *f, const struct logline *l, struct logread_line *ret) {
        const struct logread_options *o = f->options;
        size_t level_len = 0;

        if (!f->continuing[l->stream]) {
                f->priority[l->stream] = l->stream == LOGLINE_STDERR ? PRIORITY_ERR : PRIORITY_OUT;
                level_len = logline_level(l->text, l->text_len, &f->priority[l->stream]);
        }
        f->continuing[l->stream] = l->partial;
        if (l->realtime_usec < o->since_usec || l->realtime_usec > o->until_usec || f->priority[l->stream] > o->max_priority)
                return false;
        *ret = (struct logread_line){ .stack = f->target->stack,
                                      .container = f->target->container,
                                      .replica = f->target->replica,
                                      .realtime_usec = l->realtime_usec,
                                      .priority = f->priority[l->stream],
                                      .partial = l->partial,
                                      .text = l->text + level_len,
                                      .len = l->text_len - level_len };
        return true;
}

static int file_next(struct logread_source *s, struct logread_line *ret, struct err *err) {
        struct file *f = (struct file *)s;

        for (;;) {
                char *line = f->len > f->at ? f->data + f->at : NULL, *end = line ? memchr(line, '\n', f->len - f->at) : NULL;
                struct logline l;

                if (!end) {
                        int r = fill(f, err);

                        if (r <= 0)
                                return r;
                        continue;
                }
                f->at += (size_t)(end - line) + 1;
                /* A record that is none (a disk that was full, another program's line) is passed over. */
                if (logline_parse(&l, line, (size_t)(end - line), false) >= 0 && take_record(f, &l, ret))
                        return 1;
        }
}

static uint64_t count_lines(const char *path) {
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        _cleanup_free_ char *data = malloc(CHUNK);
        uint64_t n = 0;
        ssize_t len;

        while (fd >= 0 && data && (len = read(fd, data, CHUNK)) > 0)
                for (const char *at = data; (at = memchr(at, '\n', (size_t)(data + len - at))); at++)
                        n++;
        return n;
}

/* Where to begin: with a tail and nothing else asked for, older files than needed are not read. */
static unsigned find_start(const struct file *f) {
        const struct logread_options *o = f->options;
        const bool plain = o->since_usec == 0 && o->until_usec == UINT64_MAX && o->max_priority == 7;
        const unsigned oldest = find_oldest(f);
        uint64_t lines = 0;

        for (unsigned i = 0; plain && i < oldest; i++) {
                char path[PATH_MAX];

                name_of(f, i, path);
                lines += count_lines(path);
                if (lines >= o->tail)
                        return i;
        }
        return oldest;
}

int logread_open_file(struct logread_source **ret, const struct logread_target *t, const struct logread_options *o,
                      struct err *err) {
        struct file *f = calloc(1, sizeof(*f));

        if (!f)
                return err_oom(err);
        *f = (struct file){ .source = { .next = file_next, .free = file_free }, .target = t, .options = o, .fd = -EBADF };
        int r = open_index(f, find_start(f), err);
        if (r < 0) {
                (void)file_free(&f->source);
                return r;
        }
        *ret = &f->source;
        return 0;
}
