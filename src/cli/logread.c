/* See logread.h. Here: the merge, the tail, following. */
#include "logread_source.h"

#include <ctrsup/base/cleanup.h>

#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

/* A log directory that is not there yet cannot be watched: look again now and then. */
enum { LOOK_AGAIN_MSEC = 500 };

/* The last lines of a backlog, copied, as a ring. */
struct ring {
        struct logread_line *lines;
        size_t size, n, at;
};

struct reading {
        struct logread_source **sources;
        size_t n;
        struct logread_source *journal; /* one of them, or NULL */
        const struct logread_options *options;
        logread_fn *fn;
        void *userdata;
        int inotify_fd;
        bool unwatched; /* a directory is missing */
        struct ring ring;
};

static void line_done(struct logread_line *l) {
        free((char *)(uintptr_t)l->stack);
        free((char *)(uintptr_t)l->container);
        free((char *)(uintptr_t)l->text);
        *l = (struct logread_line){ 0 };
}

static void reading_done(struct reading *r) {
        for (size_t i = 0; i < r->n; i++)
                (void)r->sources[i]->free(r->sources[i]);
        free(r->sources);
        (void)close_fd(r->inotify_fd);
        for (size_t i = 0; i < r->ring.size; i++)
                line_done(&r->ring.lines[i]);
        free(r->ring.lines);
}

/* It grows to `tail` only as lines come: somebody may ask for the last billion of ten. Never wrapped before it has grown up. */
static int ring_grow(struct ring *ring, uint64_t tail, struct err *err) {
        size_t size = ring->size ? ring->size * 2 : 256;

        if (size > tail)
                size = (size_t)tail;
        struct logread_line *grown = reallocarray(ring->lines, size, sizeof(*grown));
        if (!grown)
                return err_oom(err);
        memset(grown + ring->size, 0, (size - ring->size) * sizeof(*grown));
        ring->at = ring->n;
        ring->lines = grown;
        ring->size = size;
        return 0;
}

static int ring_put(struct ring *ring, uint64_t tail, const struct logread_line *l, struct err *err) {
        if (ring->n == ring->size && ring->size < tail) {
                int r = ring_grow(ring, tail, err);

                if (r < 0)
                        return r;
        }

        struct logread_line copy = *l;
        _cleanup_free_ char *stack = strdup(l->stack), *container = strdup(l->container), *text = malloc(l->len + 1);

        if (!stack || !container || !text)
                return err_oom(err);
        memcpy(text, l->text, l->len);
        copy.stack = take_ptr(stack);
        copy.container = take_ptr(container);
        copy.text = take_ptr(text);
        line_done(&ring->lines[ring->at]);
        ring->lines[ring->at] = copy;
        ring->at = (ring->at + 1) % ring->size;
        ring->n += ring->n < ring->size;
        return 0;
}

/* The source with the earliest waiting line; NULL: none has one. Of two at the same moment the first target's. */
static int find_earliest(struct reading *r, struct logread_source **ret, struct err *err) {
        *ret = NULL;
        for (size_t i = 0; i < r->n; i++) {
                struct logread_source *s = r->sources[i];

                if (!s->has_line) {
                        int got = s->next(s, &s->line, err);

                        if (got < 0)
                                return got;
                        s->has_line = got > 0;
                }
                if (s->has_line && (!*ret || s->line.realtime_usec < (*ret)->line.realtime_usec))
                        *ret = s;
        }
        return 0;
}

static bool is_stopped(const struct reading *r) {
        struct pollfd p = { .fd = r->options->stop_fd, .events = POLLIN };

        return p.fd >= 0 && poll(&p, 1, 0) > 0;
}

/* All there is now, in order: to the callback, or into the ring. */
static int drain(struct reading *r, bool to_ring, struct err *err) {
        for (unsigned n = 0;; n++) {
                struct logread_source *s;
                int code = find_earliest(r, &s, err);

                if (code < 0 || !s || (n % 1024 == 1023 && is_stopped(r)))
                        return code;
                s->has_line = false;
                code = to_ring ? ring_put(&r->ring, r->options->tail, &s->line, err) : r->fn(r->userdata, &s->line);
                if (code != 0)
                        return code;
        }
}

static int backlog(struct reading *r, struct err *err) {
        const uint64_t tail = r->options->tail;
        int code;

        if (tail == LOGREAD_ALL)
                return drain(r, false, err);
        if (tail == 0) { /* none of it; but following starts behind it */
                struct logread_source *s;

                do {
                        code = find_earliest(r, &s, err);
                        if (s)
                                s->has_line = false;
                } while (code >= 0 && s);
                return code;
        }
        code = drain(r, true, err);
        for (size_t i = 0; code == 0 && i < r->ring.n; i++)
                code = r->fn(r->userdata, &r->ring.lines[(r->ring.at + r->ring.size - r->ring.n + i) % r->ring.size]);
        return code;
}

static int watch_files(struct reading *r, const struct logread_target *targets, size_t n, struct err *err) {
        if (r->inotify_fd < 0)
                r->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (r->inotify_fd < 0)
                return err_sys(err, errno, "follow the log: inotify_init1");
        r->unwatched = false;
        for (size_t i = 0; i < n; i++) {
                char path[PATH_MAX];

                if (targets[i].driver != LOGREAD_FILE)
                        continue;
                (void)snprintf(path, sizeof(path), "%s", targets[i].path);
                if (inotify_add_watch(r->inotify_fd, dirname(path), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
                        continue;
                if (errno != ENOENT)
                        return err_sys(err, errno, "follow %s", targets[i].path);
                r->unwatched = true;
        }
        return 0;
}

static int follow(struct reading *r, const struct logread_target *targets, size_t n, struct err *err) {
        for (;;) {
                char events[4096];
                struct pollfd fds[] = { { .fd = r->options->stop_fd, .events = POLLIN },
                                        { .fd = r->inotify_fd, .events = POLLIN },
                                        { .fd = r->journal ? logread_journal_fd(r->journal) : -1, .events = POLLIN } };
                int code = drain(r, false, err);

                if (code != 0)
                        return code;
                if (poll(fds, ARRAY_SIZE(fds), r->unwatched ? LOOK_AGAIN_MSEC : -1) < 0 && errno != EINTR)
                        return err_sys(err, errno, "follow the log");
                if (fds[0].revents)
                        return 0;
                if (fds[1].revents)
                        while (read(r->inotify_fd, events, sizeof(events)) > 0)
                                ;
                if (fds[2].revents)
                        logread_journal_process(r->journal);
                if (r->unwatched) {
                        code = watch_files(r, targets, n, err);
                        if (code < 0)
                                return code;
                }
        }
}

static int open_sources(struct reading *r, const struct logread_target *targets, size_t n, struct err *err) {
        bool journal = false;

        r->sources = calloc(n + 1, sizeof(r->sources[0]));
        if (!r->sources)
                return err_oom(err);
        for (size_t i = 0; i < n; i++) {
                journal = journal || targets[i].driver == LOGREAD_JOURNAL;
                if (targets[i].driver != LOGREAD_FILE)
                        continue;
                int code = logread_open_file(&r->sources[r->n], &targets[i], r->options, err);
                if (code < 0)
                        return code;
                r->n++;
        }
        if (!journal)
                return 0;
        int code = logread_open_journal(&r->journal, targets, n, r->options, err);
        if (code >= 0)
                r->sources[r->n++] = r->journal;
        return code;
}

int logread_run(const struct logread_target *targets, size_t n, const struct logread_options *options, logread_fn *fn,
                void *userdata, struct err *err) {
        _cleanup_(reading_done) struct reading r = { .options = options, .fn = fn, .userdata = userdata, .inotify_fd = -EBADF };
        int code = 0;

        if (options->follow) /* before the first look, or a line between would be missed */
                code = watch_files(&r, targets, n, err);
        if (code >= 0)
                code = open_sources(&r, targets, n, err);
        if (code >= 0)
                code = backlog(&r, err);
        if (code == 0 && options->follow)
                code = follow(&r, targets, n, err);
        return code;
}
