/* See journal.h. The wire form is systemd's "Native Journal Protocol": NAME=value lines, and for a value of any bytes the name,
 * a line break, its length as 64 bits little endian, the value, a line break. */
#include "journal.h"

#include <ctrsup/base/cleanup.h>

#include <endian.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>

void journal_init(struct journal *j, const char *path, int epoll_fd) {
        *j = (struct journal){ .source = { SOURCE_JOURNAL }, .path = path, .epoll_fd = epoll_fd, .fd = -EBADF };
}

static void forget_kept(struct journal *j, bool dropped) {
        for (; j->kept_at < j->n_kept; j->kept_at++) {
                struct journal_kept *k = &j->kept[j->kept_at];

                k->owner->kept--;
                k->owner->dropped += dropped;
                free(k->data);
        }
        j->kept_at = j->n_kept = 0;
}

void journal_done(struct journal *j) {
        forget_kept(j, true);
        j->fd = close_fd(j->fd);
}

static int open_socket(struct journal *j) {
        struct epoll_event e = { .events = EPOLLOUT | EPOLLET, .data.ptr = &j->source };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const int room = 8 << 20; /* cut to wmem_max: messages of one batch should fit */

        if (j->fd >= 0)
                return 0;
        if (strlen(j->path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        (void)strcpy(address.sun_path, j->path);
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
            epoll_ctl(j->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
                return -errno;
        j->fd = take_fd(&fd);
        return 0;
}

/* What a failed send means: true, this message will never go; false, journald is behind or away. */
static bool is_hopeless(struct journal *j, int code) {
        switch (code) {
        case EAGAIN:
        case ENOBUFS:
        case ENOMEM:
                return false;
        case ECONNREFUSED:
        case ECONNRESET:
        case ENOTCONN:
        case EPIPE:
        case ENOENT:
        case EBADF:
                j->fd = close_fd(j->fd); /* journald was stopped: its next socket is another one */
                return false;
        default:
                return true; /* EMSGSIZE */
        }
}

static void progress(struct journal *j, uint64_t now_usec) {
        j->impatient = false;
        j->since_usec = now_usec;
}

static void give_up(struct journal *j, uint64_t now_usec) {
        forget_kept(j, true);
        j->congested = false;
        j->stuck = true;
        j->impatient = true;
        j->since_usec = now_usec;
}

static size_t build(struct journal *j, size_t i) {
        const struct journal_message *m = &j->messages[i];
        char *head = j->heads[i];
        uint64_t len = htole64(m->text_len);
        int n = snprintf(head, JOURNAL_HEAD_MAX, "PRIORITY=%d\n%sMESSAGE\n", m->priority,
                         m->partial ? "CONTAINER_PARTIAL_MESSAGE=true\n" : "");

        memcpy(head + n, &len, sizeof(len));
        j->iovs[i][0] = (struct iovec){ (char *)(uintptr_t)m->fields, m->fields_len };
        j->iovs[i][1] = (struct iovec){ head, (size_t)n + sizeof(len) };
        j->iovs[i][2] = (struct iovec){ (char *)(uintptr_t)m->text, m->text_len };
        j->iovs[i][3] = (struct iovec){ (char *)(uintptr_t) "\n", 1 };
        return m->fields_len + (size_t)n + sizeof(len) + m->text_len + 1;
}

int journal_put(struct journal *j, const struct journal_message *m, uint64_t now_usec) {
        if (j->n == JOURNAL_BATCH)
                journal_flush(j, now_usec);
        if (j->congested)
                return -EAGAIN;
        if (j->stuck) {
                m->owner->dropped++;
                return 0;
        }
        j->messages[j->n++] = *m;
        return 0;
}

/* Copies what was not sent: its bytes live in buffers that the caller needs back. */
static void keep(struct journal *j, size_t from) {
        for (size_t i = from; i < j->n; i++) {
                size_t len = build(j, i);
                char *data = malloc(len), *at = data;

                if (!data) {
                        j->messages[i].owner->dropped++;
                        continue;
                }
                for (size_t k = 0; k < JOURNAL_IOVS; k++)
                        at = mempcpy(at, j->iovs[i][k].iov_base, j->iovs[i][k].iov_len);
                j->messages[i].owner->kept++;
                j->kept[j->n_kept++] = (struct journal_kept){ j->messages[i].owner, data, len };
        }
}

/* Returns how many of the batch are done with, sent or hopeless. */
static size_t send_batch(struct journal *j, uint64_t now_usec) {
        struct mmsghdr headers[JOURNAL_BATCH];
        size_t done = 0;

        for (size_t i = 0; i < j->n; i++) {
                (void)build(j, i);
                headers[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = j->iovs[i], .msg_iovlen = JOURNAL_IOVS } };
        }
        while (done < j->n && open_socket(j) >= 0) {
                int sent = sendmmsg(j->fd, headers + done, (unsigned)(j->n - done), MSG_DONTWAIT | MSG_NOSIGNAL);

                if (sent > 0) {
                        done += (size_t)sent;
                        progress(j, now_usec);
                } else if (sent < 0 && errno == EINTR)
                        continue;
                else if (sent < 0 && is_hopeless(j, errno))
                        j->messages[done++].owner->dropped++;
                else
                        break;
        }
        return done;
}

void journal_flush(struct journal *j, uint64_t now_usec) {
        size_t done;

        if (j->n == 0)
                return;
        done = send_batch(j, now_usec);
        if (done < j->n) {
                keep(j, done);
                j->congested = true;
                j->retry_usec = now_usec + JOURNAL_RETRY_USEC;
                if (j->impatient)
                        give_up(j, now_usec);
                else
                        j->since_usec = now_usec;
        }
        j->n = 0;
}

bool journal_tend(struct journal *j, uint64_t now_usec) {
        if (j->stuck && now_usec - j->since_usec >= JOURNAL_STUCK_USEC)
                j->stuck = false; /* the next message asks */
        if (!j->congested)
                return false;
        while (j->kept_at < j->n_kept && open_socket(j) >= 0) {
                struct journal_kept *k = &j->kept[j->kept_at];
                ssize_t n = send(j->fd, k->data, k->len, MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && !is_hopeless(j, errno))
                        break;
                k->owner->dropped += n < 0;
                k->owner->kept--;
                free(k->data);
                j->kept_at++;
                progress(j, now_usec);
        }
        if (j->kept_at < j->n_kept) {
                j->retry_usec = now_usec + JOURNAL_RETRY_USEC;
                if (now_usec - j->since_usec < (j->fd < 0 ? JOURNAL_ABSENT_USEC : JOURNAL_PATIENCE_USEC))
                        return false;
                give_up(j, now_usec);
                return true; /* to read on, and drop */
        }
        j->kept_at = j->n_kept = 0;
        j->congested = false;
        return true;
}

uint64_t journal_deadline(const struct journal *j) {
        return j->congested ? j->retry_usec : j->stuck ? j->since_usec + JOURNAL_STUCK_USEC : UINT64_MAX;
}
