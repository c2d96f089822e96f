/* See subscriber.h. */
#include "subscriber.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>

struct subscriber *subscriber_free(struct subscriber *s) {
        if (!s)
                return NULL;
        (void)close_fd(s->fd);
        free(s->stack);
        free(s->container);
        free(s->rest);
        free(s);
        return NULL;
}

static void subscriber_freep(struct subscriber **s) {
        *s = subscriber_free(*s);
}

int subscriber_new(struct subscriber **ret, int epoll_fd, uint64_t id, const char *stack, const char *container, int fd) {
        _cleanup_fd_ int owned = fd;
        _cleanup_(subscriber_freep) struct subscriber *s = calloc(1, sizeof(*s));
        struct epoll_event e = { .events = EPOLLOUT | EPOLLET, .data.ptr = s };

        if (!s)
                return -ENOMEM;
        s->source = (struct source){ SOURCE_SUBSCRIBER };
        s->id = id;
        s->fd = take_fd(&owned);
        if ((stack && !(s->stack = strdup(stack))) || (container && !(s->container = strdup(container))))
                return -ENOMEM;
        int flags = fcntl(s->fd, F_GETFL);
        if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK) < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e) < 0)
                return -errno; /* EPERM: a regular file; the file driver is for that */
        *ret = take_ptr(s);
        return 0;
}

bool subscriber_wants(const struct subscriber *s, const char *stack, const char *container) {
        return (!s->stack || strcmp(s->stack, stack) == 0) && (!s->container || strcmp(s->container, container) == 0);
}

static void write_rest(struct subscriber *s) {
        while (s->rest && !s->ended) {
                ssize_t n = write(s->fd, s->rest + s->rest_at, s->rest_len - s->rest_at);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        s->ended = errno != EAGAIN;
                        return;
                }
                s->rest_at += (size_t)n;
                if (s->rest_at == s->rest_len)
                        free(take_ptr(s->rest));
        }
}

/* true: gone out, or what did not is kept as the rest; false: not a byte of it went. */
static bool write_line(struct subscriber *s, const struct iovec iov[4], size_t total) {
        ssize_t n;

        do
                n = writev(s->fd, iov, 4);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
                s->ended = errno != EAGAIN;
                return false;
        }
        if ((size_t)n == total)
                return true;
        char *at = s->rest = malloc(total);
        if (!s->rest) { /* half a line went and the rest cannot be kept: better an end than a torn line */
                s->ended = true;
                return false;
        }
        for (size_t i = 0; i < 4; i++)
                at = mempcpy(at, iov[i].iov_base, iov[i].iov_len);
        s->rest_at = (size_t)n;
        s->rest_len = total;
        return true;
}

static bool put_line(struct subscriber *s, const char *names, const char *head, size_t head_len, const char *text, size_t len) {
        const struct iovec iov[4] = {
                { (char *)(uintptr_t)names, strlen(names) },
                { (char *)(uintptr_t)head, head_len },
                { (char *)(uintptr_t)text, len },
                { (char *)(uintptr_t) "\n", 1 },
        };

        return write_line(s, iov, iov[0].iov_len + head_len + len + 1);
}

void subscriber_put(struct subscriber *s, const char *names, const char *head, size_t head_len, const char *text, size_t len) {
        write_rest(s);
        if (s->ended)
                return;
        if (!s->rest && s->missed > 0) {
                char words[64];
                int n = snprintf(words, sizeof(words), "<4>ctrsup: %" PRIu64 " lines missed", s->missed);

                if (put_line(s, names, head, head_len, words, (size_t)n))
                        s->missed = 0;
        }
        if (s->ended)
                return;
        if (s->rest || s->missed > 0 || !put_line(s, names, head, head_len, text, len)) {
                if (s->ended) /* nobody is there to have missed it */
                        return;
                s->missed++;
                s->missed_total++;
        }
}

void subscriber_tend(struct subscriber *s) {
        write_rest(s);
}
