/* One client: reads a message when the last one is answered and its replies are gone, keeps the deadlines and the queue's bounds. */
#include "parts.h"

#include <sys/epoll.h>

struct connection *connection_ref(struct connection *c) {
        c->refs++;
        return c;
}

struct connection *connection_unref(struct connection *c) {
        if (!c || --c->refs > 0)
                return NULL;
        free(c->groups);
        free(c);
        return NULL;
}

void connection_drop(struct connection *c) {
        struct control_server *s = c->server;
        struct control_call *call = c->call;

        if (!s)
                return;
        c->server = NULL;
        c->call = NULL;
        if (c->prev)
                c->prev->next = c->next;
        else
                s->connections = c->next;
        if (c->next)
                c->next->prev = c->prev;
        s->n_connections--;
        c->io = sd_event_source_disable_unref(c->io);
        c->defer = sd_event_source_disable_unref(c->defer);
        c->timer = sd_event_source_disable_unref(c->timer);
        varlink_wire_done(&c->wire);
        if (call && call->on_disconnect) {
                _cleanup_control_call_ struct control_call *held = control_call_ref(call);

                call->on_disconnect(call, call->disconnect_userdata);
        }
        connection_unref(c);
}

void connection_doom(struct connection *c) {
        if (!c->server || c->doomed)
                return;
        c->doomed = true;
        (void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
}

/* Answers a message that is none, as far as the socket takes it at once, and hangs up. */
static void reject(struct connection *c, const struct err *err) {
        json_t *message = control_message(CONTROL_METHOD("Failed"),
                                          json_pack("{s:s, s:n, s:i}", "message", err->text, "hint", "errno", err->code), false);

        if (message && varlink_wire_put(&c->wire, message, NULL, 0, NULL) == 0)
                (void)varlink_wire_flush(&c->wire, NULL);
        json_decref(message);
        connection_doom(c);
}

static bool may_read(const struct connection *c) {
        return !c->doomed && !c->call && varlink_wire_queued(&c->wire) == 0;
}

/* One message and no more, so that a client who sends many waits its turn: what is left comes by the defer source. */
static void take_message(struct connection *c) {
        _cleanup_varlink_message_ struct varlink_message message = VARLINK_MESSAGE_NULL;
        struct err err = { 0 };

        if (!may_read(c))
                return;
        int r = varlink_wire_take(&c->wire, &message, &err);
        if (r < 0) {
                reject(c, &err);
        } else if (r > 0) {
                c->had_message = true;
                call_dispatch(c, &message);
                if (c->server && !c->doomed && c->wire.in.len > 0)
                        (void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
        } else if (c->wire.eof) {
                connection_doom(c);
        }
}

static int on_defer(sd_event_source *source _unused_, void *userdata) {
        struct connection *c = connection_ref(userdata);

        if (c->doomed)
                connection_drop(c);
        else
                take_message(c);
        connection_update(c, false);
        connection_unref(c);
        return 0;
}

static int on_deadline(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        connection_drop(userdata);
        return 0;
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t events, void *userdata) {
        struct connection *c = connection_ref(userdata);
        struct err err = { 0 };
        bool progress = false;

        if (events & EPOLLOUT) {
                size_t before = varlink_wire_queued(&c->wire);
                int r = varlink_wire_flush(&c->wire, NULL);

                progress = varlink_wire_queued(&c->wire) < before;
                if (r < 0 && r != -EAGAIN)
                        connection_doom(c);
                else if (may_read(c)) /* the next message, or the end, may have come already */
                        (void)sd_event_source_set_enabled(c->defer, SD_EVENT_ONESHOT);
        }
        if ((events & (EPOLLIN | EPOLLHUP)) && may_read(c)) {
                int r = varlink_wire_read(&c->wire, &err);

                if (r == -EMSGSIZE || r == -EPROTO || r == -ENOMEM)
                        reject(c, &err);
                else if (r < 0 && r != -EAGAIN)
                        connection_doom(c);
                else
                        take_message(c);
        }
        /* Both directions are closed: nobody will read an answer. What it sent before it went has been read above, a buffer full
         * at a time, and a call of it that is still open ends here. */
        if ((events & (EPOLLHUP | EPOLLERR)) &&
            (c->call || varlink_wire_queued(&c->wire) > 0 || (c->wire.eof && c->wire.in.len == 0)))
                connection_doom(c);
        connection_update(c, progress);
        connection_unref(c);
        return 0;
}

static void set_deadline(struct connection *c, enum deadline deadline, bool again) {
        const struct control_server_args *args = &c->server->args;
        uint64_t usec = deadline == DEADLINE_STALL ? args->stall_usec : args->message_usec;

        if (c->deadline == deadline && !again)
                return;
        c->deadline = deadline;
        if (deadline == DEADLINE_NONE) {
                if (c->timer)
                        (void)sd_event_source_set_enabled(c->timer, SD_EVENT_OFF);
                return;
        }
        int r;
        if (!c->timer) {
                r = sd_event_add_time_relative(args->event, &c->timer, CLOCK_MONOTONIC, usec, usec / 20, on_deadline, c);
                if (r >= 0)
                        (void)sd_event_source_set_priority(c->timer, args->priority);
        } else {
                r = sd_event_source_set_time_relative(c->timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                connection_doom(c);
}

void connection_update(struct connection *c, bool progress) {
        if (!c->server || c->doomed)
                return;
        bool queued = varlink_wire_queued(&c->wire) > 0;
        uint32_t events = (queued ? EPOLLOUT : 0u) | (may_read(c) && !c->wire.eof ? EPOLLIN : 0u);

        if (sd_event_source_set_io_events(c->io, events) < 0)
                connection_doom(c);
        if (queued)
                set_deadline(c, DEADLINE_STALL, progress);
        else if (!c->call && (!c->had_message || varlink_wire_is_partial(&c->wire)))
                set_deadline(c, DEADLINE_MESSAGE, false);
        else
                set_deadline(c, DEADLINE_NONE, false);
}

/* Over the bound of all queues together the client that reads least goes, not the one whose turn it happens to be. */
static void keep_total(struct control_server *s) {
        struct connection *longest = NULL;
        size_t total = 0;

        for (struct connection *c = s->connections; c; c = c->next) {
                if (c->doomed)
                        continue;
                total += varlink_wire_queued(&c->wire);
                if (!longest || varlink_wire_queued(&c->wire) > varlink_wire_queued(&longest->wire))
                        longest = c;
        }
        if (total > CONTROL_QUEUE_TOTAL)
                connection_doom(longest);
}

int connection_send(struct connection *c, const json_t *object) {
        if (!c->server || c->doomed)
                return -ENOTCONN;
        size_t before = varlink_wire_queued(&c->wire);
        int r = varlink_wire_put(&c->wire, object, NULL, 0, NULL);
        if (r == 0) {
                r = varlink_wire_flush(&c->wire, NULL);
                if (r == -EAGAIN)
                        r = 0;
        }
        size_t after = varlink_wire_queued(&c->wire);
        /* One reply alone may be longer than the bound; what must not happen is that they pile up. */
        if (r == 0 && before > 0 && after > CONTROL_QUEUE_MAX)
                r = -ENOBUFS;
        if (r < 0) {
                connection_doom(c);
                return r == -ENOBUFS || r == -ENOMEM ? r : -ENOTCONN;
        }
        keep_total(c->server);
        connection_update(c, after < before);
        return 0;
}

int connection_new(struct control_server *s, int fd, const struct control_peer *peer, enum control_right right, struct err *err) {
        struct connection *c = calloc(1, sizeof(*c));

        if (!c) {
                (void)close_fd(fd);
                return err_oom(err);
        }
        *c = (struct connection){ .refs = 1, .server = s, .peer = *peer, .right = right, .next = s->connections };
        varlink_wire_init(&c->wire, fd, right == CONTROL_ADMIN ? VARLINK_MAX_CALL : CONTROL_READER_MAX_CALL);
        if (c->next)
                c->next->prev = c;
        s->connections = c;
        s->n_connections++;

        int r = sd_event_add_io(s->args.event, &c->io, fd, EPOLLIN, on_io, c);
        if (r >= 0)
                r = sd_event_add_defer(s->args.event, &c->defer, on_defer, c);
        if (r >= 0)
                r = sd_event_source_set_enabled(c->defer, SD_EVENT_OFF);
        if (r < 0) {
                connection_drop(c);
                return err_sys(err, -r, "watch a client");
        }
        (void)sd_event_source_set_priority(c->io, s->args.priority);
        (void)sd_event_source_set_priority(c->defer, s->args.priority);
        connection_update(c, false);
        return 0;
}
