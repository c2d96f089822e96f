/* The socket. One client at a time; a new one takes over. Requests are read only while there is room for their answers, and
 * nothing is ever waited for: a full socket sets `blocked` until epoll says otherwise. */
#include "keeper.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { ACCEPT_PAUSE_MSEC = 100 };

static void drop_client(struct keeper *k) {
        k->client = close_fd(k->client);
        k->n_replies = 0;
        k->listing = false;
        if (k->ephemeral && !k->ending) {
                k->ending = true;
                launch_kill_all(k);
        }
}

/* A client that is not heard is better told so: it comes again. */
static void watch_client(struct keeper *k, bool add) {
        struct epoll_event event = {
                .events = (k->n_replies < REPLIES_MAX ? EPOLLIN : 0) | (k->blocked ? EPOLLOUT : 0),
                .data.u64 = SOURCE_CLIENT,
        };

        if (epoll_ctl(k->epoll, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, k->client, &event) < 0)
                drop_client(k);
}

/* Ends that were told but not forgotten are told again: whoever heard them may be dead. */
static void greet(struct keeper *k) {
        k->hello = true;
        k->blocked = false;
        for (uint32_t i = 0; i < k->table.entries_end; i++) {
                struct entry *e = &k->table.entries[i];
                if (e->used)
                        e->tell_end = !entry_is_alive(e) && !e->forgotten;
        }
}

static void watch_listen(struct keeper *k, bool deaf) {
        struct epoll_event event = { .events = deaf ? 0 : EPOLLIN, .data.u64 = SOURCE_LISTEN };

        if (epoll_ctl(k->epoll, EPOLL_CTL_MOD, k->listen, &event) == 0)
                k->deaf = deaf;
}

void server_on_listen(struct keeper *k) {
        struct ucred peer;
        socklen_t size = sizeof(peer);
        _cleanup_fd_ int fd = accept4(k->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0) {
                /* Whoever waits stays there, so without a pause this would spin until an fd is free. */
                if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                        watch_listen(k, true);
                return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.uid != 0 || k->ending)
                return;
        if (k->client >= 0) {
                k->client = close_fd(k->client); /* taken over, so an ephemeral keeper lives on */
                k->n_replies = 0;
                k->listing = false;
        }
        k->client = take_fd(&fd);
        greet(k);
        watch_client(k, true);
        server_flush(k);
}

int server_timeout_msec(const struct keeper *k) {
        return k->deaf ? ACCEPT_PAUSE_MSEC : -1;
}

void server_tick(struct keeper *k) {
        if (!k->deaf)
                return;
        watch_listen(k, false);
        server_on_listen(k);
}

void server_resume(struct keeper *k, uint32_t protocol) {
        if (k->client < 0)
                return;
        if (protocol != KEEPER_VERSION) { /* it would not understand us; it comes again, or one that does */
                drop_client(k);
                return;
        }
        k->hello = true;
        watch_client(k, true);
        server_flush(k);
}

/* -- sending -- */

/* False: the socket takes no more now, or is gone. */
static bool send_message(struct keeper *k, const struct keeper_message *m, int fd) {
        int r = io_send(k->client, m, sizeof(*m), &fd, fd >= 0);

        if (r == 0)
                return true;
        if (io_is_passing(r))
                k->blocked = true;
        else
                drop_client(k);
        return false;
}

static void fill_from_entry(struct keeper_message *m, const struct entry *e) {
        memcpy(m->id, e->id, KEEPER_ID_SIZE);
        (void)strcpy(m->label, e->label);
        m->pid = e->pid;
        m->state = e->state;
        m->recipe_kind = e->kind;
        if (e->state == KEEPER_NOT_STARTED)
                m->failure = e->failure;
        else if (e->state == KEEPER_ENDED)
                m->exit = e->exit;
}

static bool send_about(struct keeper *k, const struct entry *e, enum keeper_message_kind kind) {
        struct keeper_message m = { .kind = kind };

        fill_from_entry(&m, e);
        return send_message(
                k, &m, kind == KEEPER_STARTED || (kind == KEEPER_LISTED && e->state == KEEPER_RUNNING) ? e->payload_fd : -EBADF);
}

static bool send_news(struct keeper *k) {
        for (uint32_t i = 0; i < k->table.entries_end; i++) {
                struct entry *e = &k->table.entries[i];
                if (!e->used)
                        continue;
                if (e->tell_started) {
                        if (!send_about(k, e, KEEPER_STARTED))
                                return false;
                        e->tell_started = false;
                }
                if (e->tell_end) {
                        if (!send_about(k, e, e->state == KEEPER_ENDED ? KEEPER_EXITED : KEEPER_FAILED))
                                return false;
                        e->tell_end = false;
                }
        }
        return true;
}

static bool send_replies(struct keeper *k) {
        while (k->n_replies > 0) {
                struct keeper_message *m = &k->replies[0];
                int fd = -EBADF;
                if (m->kind == KEEPER_DONE && m->value == KEEPER_TAKE) {
                        const struct held *h = held_find(&k->table, m->name);
                        fd = h ? h->fd : -EBADF;
                        m->error = h ? 0 : ENOENT;
                }
                if (!send_message(k, m, fd))
                        return false;
                k->n_replies--;
                memmove(&k->replies[0], &k->replies[1], sizeof(k->replies[0]) * k->n_replies);
        }
        return true;
}

static bool send_list(struct keeper *k) {
        struct keeper_message m = { .kind = KEEPER_LISTED_FD };

        while (k->listing) {
                uint32_t at = k->list_at;
                if (at < k->table.entries_end) {
                        if (k->table.entries[at].used && !send_about(k, &k->table.entries[at], KEEPER_LISTED))
                                return false;
                        k->list_at++;
                        continue;
                }
                if (at < KEEPER_ENTRIES_MAX)
                        at = k->list_at = KEEPER_ENTRIES_MAX;
                if (at - KEEPER_ENTRIES_MAX < k->table.held_end) {
                        const struct held *h = &k->table.held[at - KEEPER_ENTRIES_MAX];
                        (void)strcpy(m.name, h->name);
                        if (h->name[0] != '\0' && !send_message(k, &m, -EBADF))
                                return false;
                        k->list_at++;
                        continue;
                }
                m = (struct keeper_message){ .kind = KEEPER_LIST_END };
                if (!send_message(k, &m, -EBADF))
                        return false;
                k->listing = false;
        }
        return true;
}

void server_flush(struct keeper *k) {
        if (k->client < 0 || k->blocked)
                return;
        if (k->hello) {
                struct keeper_message m = {
                        .kind = KEEPER_HELLO,
                        .value = KEEPER_VERSION,
                        .pid = getpid(),
                        .label = CTRSUP_VERSION,
                        .state = k->upgrade.step,
                        .error = k->upgrade.error,
                };
                k->hello = !send_message(k, &m, -EBADF);
        }
        if (!k->blocked && k->client >= 0 && send_replies(k) && send_list(k))
                (void)send_news(k);
        if (k->client >= 0)
                watch_client(k, false);
}

/* -- receiving -- */

static struct keeper_message *add_reply(struct keeper *k, uint32_t kind) {
        struct keeper_message *m = &k->replies[k->n_replies++]; /* room: nothing is read without */

        *m = (struct keeper_message){ .kind = kind };
        return m;
}

static void answer(struct keeper *k, const struct keeper_message *request, int r) {
        struct keeper_message *m = add_reply(k, KEEPER_DONE);

        m->value = request->kind;
        m->error = (uint32_t)-r;
        (void)strcpy(m->name, request->name);
}

static void on_launch(struct keeper *k, const struct keeper_message *m, size_t n_fds, bool fds_lost) {
        const struct launch launch = { .message = m, .fds = k->fds, .n_fds = n_fds };
        struct keeper_failure failure = { .stage = KEEPER_STAGE_KEEPER, .error = EMFILE, .op = RECIPE_NONE };

        if (!fds_lost && launch_begin(k, &launch, &failure) == 0)
                return;
        struct keeper_message *reply = add_reply(k, KEEPER_FAILED);
        memcpy(reply->id, m->id, KEEPER_ID_SIZE);
        (void)strcpy(reply->label, m->label);
        reply->state = KEEPER_NOT_STARTED;
        reply->failure = failure;
}

static void on_forget(struct keeper *k, const struct keeper_message *m) {
        struct entry *e = entry_find(&k->table, m->id);

        if (!e || entry_is_alive(e))
                return;
        e->forgotten = true;
        e->tell_started = e->tell_end = false;
        if (e->preparer == 0)
                entry_drop(&k->table, e);
}

static void on_quit(struct keeper *k, const struct keeper_message *m) {
        if (m->value == 1)
                launch_kill_all(k);
        else if (k->table.n_live > 0) {
                answer(k, m, -EBUSY);
                return;
        }
        k->ending = true;
}

static int on_hold(struct keeper *k, const struct keeper_message *m, size_t n_fds, bool fds_lost) {
        if (fds_lost)
                return -EMFILE;
        if (m->name[0] == '\0' || n_fds != 1)
                return -EINVAL;
        int r = held_put(&k->table, m->name, k->fds[0]);
        if (r == 0)
                k->fds[0] = -EBADF;
        return r;
}

static void handle(struct keeper *k, const struct keeper_message *m, size_t n_fds, bool fds_lost) {
        switch (m->kind) {
        case KEEPER_LAUNCH:
                on_launch(k, m, n_fds, fds_lost);
                break;
        case KEEPER_FORGET:
                on_forget(k, m);
                break;
        case KEEPER_LIST:
                k->listing = true;
                k->list_at = 0;
                break;
        case KEEPER_HOLD:
                answer(k, m, on_hold(k, m, n_fds, fds_lost));
                break;
        case KEEPER_TAKE:
                answer(k, m, 0); /* found when it is sent */
                break;
        case KEEPER_RELEASE:
                answer(k, m, held_drop(&k->table, m->name));
                break;
        case KEEPER_QUIT:
                on_quit(k, m);
                break;
        default: /* of a later version: it waits for an answer */
                answer(k, m, -EOPNOTSUPP);
        }
}

/* Both names are fixed-size fields that must end inside; the shorter one lies in the longer. */
static bool is_sound(const struct keeper_message *m, size_t size) {
        if (size != sizeof(*m))
                return false;
        size_t max = m->kind == KEEPER_LAUNCH ? KEEPER_LABEL_MAX : KEEPER_NAME_MAX;
        return memchr(m->label, '\0', max) != NULL;
}

void server_on_client(struct keeper *k, uint32_t events) {
        if (events & EPOLLOUT)
                k->blocked = false;
        while (k->client >= 0 && k->n_replies < REPLIES_MAX) {
                struct keeper_message m;
                size_t size = 0, n_fds = 0;
                int r = io_receive(k->client, &m, sizeof(m), &size, k->fds, ARRAY_SIZE(k->fds), &n_fds);
                if (io_is_passing(r))
                        break;
                if (r >= 0 && size > 0 && is_sound(&m, size))
                        handle(k, &m, n_fds, r == IO_E_FDS_LOST);
                else
                        drop_client(k); /* the end, or one that does not speak our language */
                for (size_t i = 0; i < n_fds; i++)
                        (void)close_fd(k->fds[i]);
        }
        if (k->client >= 0)
                server_flush(k);
}
