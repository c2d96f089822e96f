/* A keeper that does not read for a while loses nothing: what has no answer to wait for, or one that may come late, is kept
 * in order and sent when epoll says so. */
#include "client_private.h"

#include <ctrsup/kernel/io.h>

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

enum { QUEUE_FIRST_SIZE = 16 };

/* ETOOMANYREFS, too: more fds are on their way to it than it may have open. */
int client_sent(int r) {
        return r == -EPIPE ? -ECONNRESET : io_is_passing(r) ? -EAGAIN : r;
}

static int send_now(struct keeper_client *c, const struct keeper_message *m, int fd) {
        return client_sent(io_send(c->sock, m, sizeof(*m), &fd, fd >= 0));
}

static int grow(struct keeper_client *c) {
        size_t size = c->queue_size == 0 ? QUEUE_FIRST_SIZE : 2 * c->queue_size;

        if (c->n_queued < c->queue_size)
                return 0;
        if (size > KEEPER_CLIENT_QUEUE_MAX)
                return -ENOBUFS;
        struct client_queued *bigger = malloc(size * sizeof(*bigger));
        if (!bigger)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_queued; i++)
                bigger[i] = c->queue[(c->queue_first + i) % c->queue_size];
        free(c->queue);
        c->queue = bigger;
        c->queue_size = size;
        c->queue_first = 0;
        return 0;
}

int client_queue_send(struct keeper_client *c, const struct keeper_message *m, int fd) {
        _cleanup_fd_ int own = -EBADF;

        int r = keeper_client_flush(c);
        if (r < 0)
                return r;
        if (c->n_queued == 0) {
                r = send_now(c, m, fd);
                if (r != -EAGAIN)
                        return r;
        }
        r = grow(c);
        if (r < 0)
                return r;
        if (fd >= 0) { /* the caller closes his when he likes */
                own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (own < 0)
                        return -errno;
        }
        c->queue[(c->queue_first + c->n_queued) % c->queue_size] =
                (struct client_queued){ .message = *m, .fd = fd >= 0 ? take_fd(&own) : -EBADF };
        c->n_queued++;
        return 0;
}

int keeper_client_flush(struct keeper_client *c) {
        while (c->n_queued > 0) {
                struct client_queued *q = &c->queue[c->queue_first];
                int r = send_now(c, &q->message, q->fd);
                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        return r;
                q->fd = close_fd(q->fd);
                c->queue_first = (c->queue_first + 1) % c->queue_size;
                c->n_queued--;
        }
        return 0;
}

uint32_t keeper_client_events(const struct keeper_client *c) {
        return EPOLLIN | (c->n_queued > 0 ? EPOLLOUT : 0);
}

void client_queue_done(struct keeper_client *c) {
        for (size_t i = 0; i < c->n_queued; i++)
                (void)close_fd(c->queue[(c->queue_first + i) % c->queue_size].fd);
        free(c->queue);
        c->queue = NULL;
        c->queue_size = c->queue_first = c->n_queued = 0;
}
