/* Listening, admission and the list of clients. */
#include "parts.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { ACCEPT_AT_ONCE = 16 };
#define ACCEPT_PAUSE_USEC UINT64_C(100000)

bool control_peer_in_group(const struct control_peer *p, gid_t gid) {
        if (p->gid == gid)
                return true;
        for (size_t i = 0; i < p->n_groups; i++)
                if (p->groups[i] == gid)
                        return true;
        return false;
}

bool control_has_room(const struct control_server_args *args, uid_t uid, size_t all, size_t others, size_t same) {
        size_t reserved = args->max_clients / 8 < CONTROL_RESERVED_FOR_ROOT ? args->max_clients / 8 : CONTROL_RESERVED_FOR_ROOT;

        if (all >= args->max_clients)
                return false;
        return uid == 0 || (same < args->max_per_uid && others < args->max_clients - reserved);
}

/* groups: malloc'ed, what peer points into. */
static int read_peer(int fd, struct control_peer *peer, gid_t **groups, struct err *err) {
        struct ucred cred;
        socklen_t len = sizeof(cred);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return err_sys(err, errno, "read the peer's credentials");
        *peer = (struct control_peer){ .uid = cred.uid, .gid = cred.gid, .pid = cred.pid };
        len = 0;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0)
                return 0;
        if (errno != ERANGE)
                return err_sys(err, errno, "read the peer's groups");
        *groups = malloc(len);
        if (!*groups)
                return err_oom(err);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, *groups, &len) < 0)
                return err_sys(err, errno, "read the peer's groups");
        peer->groups = *groups;
        peer->n_groups = len / sizeof(gid_t);
        return 0;
}

/* One last word to somebody who is not let in. What does not fit a fresh socket at once is not said. Takes parameters. */
static void refuse(int fd, const char *error, json_t *parameters) {
        json_t *message = control_message(error, parameters, false);
        char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;

        if (text)
                (void)send(fd, text, strlen(text) + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        free(text);
        json_decref(message);
}

int control_server_add_client(struct control_server *s, int fd_taken, struct err *err) {
        _cleanup_fd_ int fd = fd_taken;
        _cleanup_free_ gid_t *groups = NULL;
        struct control_peer peer;
        size_t others = 0, same = 0;

        int r = read_peer(fd, &peer, &groups, err);
        if (r < 0)
                return r;
        enum control_right right = s->args.rights(&peer, s->args.userdata);
        if (right == CONTROL_NONE) {
                refuse(fd, CONTROL_METHOD("NotPermitted"), control_refusal(s, &peer, NULL));
                return err_set(err, EPERM, "uid %u has no rights", peer.uid);
        }
        for (const struct connection *c = s->connections; c; c = c->next) {
                others += c->peer.uid != 0;
                same += c->peer.uid == peer.uid;
        }
        if (!control_has_room(&s->args, peer.uid, s->n_connections, others, same)) {
                refuse(fd, CONTROL_METHOD("Busy"), json_pack("{s:s}", "message", "too many clients"));
                return err_set(err, EUSERS, "too many clients");
        }
        r = connection_new(s, take_fd(&fd), &peer, right, err);
        if (r == 0)
                s->connections->groups = take_ptr(groups);
        return r;
}

static int on_resume(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        struct control_server *s = userdata;

        for (size_t i = 0; i < s->n_listeners; i++)
                (void)sd_event_source_set_enabled(s->listeners[i].io, SD_EVENT_ON);
        return 0;
}

/* The client that waits stays readable, so without a pause the loop would spin until somebody else closes an fd. */
static void pause_accepting(struct control_server *s) {
        if (sd_event_source_set_time_relative(s->resume, ACCEPT_PAUSE_USEC) < 0 ||
            sd_event_source_set_enabled(s->resume, SD_EVENT_ONESHOT) < 0)
                return;
        for (size_t i = 0; i < s->n_listeners; i++)
                (void)sd_event_source_set_enabled(s->listeners[i].io, SD_EVENT_OFF);
}

static int on_connect(sd_event_source *source _unused_, int listen_fd, uint32_t events _unused_, void *userdata) {
        struct listener *l = userdata;

        for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
                int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd >= 0) {
                        (void)control_server_add_client(l->server, fd, NULL);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        pause_accepting(l->server);
                if (errno != ECONNABORTED && errno != EINTR)
                        break;
        }
        return 0;
}

static int add_listener(struct control_server *s, int *fd, char **path, struct err *err) {
        struct listener *l = &s->listeners[s->n_listeners];

        if (s->n_listeners == LISTENERS_MAX)
                return err_set(err, E2BIG, "more than %d control sockets", LISTENERS_MAX);
        int r = sd_event_add_io(s->args.event, &l->io, *fd, EPOLLIN, on_connect, l);
        if (r < 0)
                return err_sys(err, -r, "watch the control socket");
        (void)sd_event_source_set_priority(l->io, s->args.priority);
        l->server = s;
        l->fd = take_fd(fd);
        l->path = path ? take_ptr(*path) : NULL;
        s->n_listeners++;
        return 0;
}

int control_server_listen(struct control_server *s, const char *path, gid_t group, struct err *err) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_fd_ int fd = -EBADF;

        if (!copy)
                return err_oom(err);
        int r = control_path_listen(path, group, &fd, err);
        if (r < 0)
                return r;
        r = add_listener(s, &fd, &copy, err);
        if (r < 0)
                (void)unlink(path);
        return r;
}

int control_server_listen_fd(struct control_server *s, int fd_taken, struct err *err) {
        _cleanup_fd_ int fd = fd_taken;
        int listening = 0, type = 0;
        socklen_t len = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
                return err_sys(err, errno, "passed control socket");
        if (!listening || type != SOCK_STREAM)
                return err_set(err, EINVAL, "passed control socket: it is no listening stream socket");
        /* We accept until there is nobody left, which on a blocking socket would wait for somebody. */
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
                return err_sys(err, errno, "passed control socket");
        return add_listener(s, &fd, NULL, err);
}

int control_server_new(const struct control_server_args *args, struct control_server **ret, struct err *err) {
        struct control_server *s;

        for (size_t i = 0; i < args->n_methods; i++)
                if (args->methods[i].right == CONTROL_NONE)
                        return err_set(err, EINVAL, "%s: it is not said who may call it", args->methods[i].name);
        s = calloc(1, sizeof(*s));
        if (!s)
                return err_oom(err);
        s->args = *args;
        s->args.event = sd_event_ref(args->event);
        s->args.max_clients = args->max_clients ? args->max_clients : CONTROL_MAX_CLIENTS;
        s->args.max_per_uid = args->max_per_uid ? args->max_per_uid : CONTROL_MAX_PER_UID;
        s->args.message_usec = args->message_usec ? args->message_usec : CONTROL_MESSAGE_USEC;
        s->args.stall_usec = args->stall_usec ? args->stall_usec : CONTROL_STALL_USEC;
        /* Made now, with the timerfd it needs: when it is wanted there are no fds left. */
        int r = sd_event_add_time_relative(s->args.event, &s->resume, CLOCK_MONOTONIC, 0, 0, on_resume, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->resume, SD_EVENT_OFF);
        if (r < 0) {
                control_server_free(s);
                return err_sys(err, -r, "set a timer");
        }
        *ret = s;
        return 0;
}

struct control_server *control_server_free(struct control_server *s) {
        if (!s)
                return NULL;
        while (s->connections)
                connection_drop(s->connections);
        for (size_t i = 0; i < s->n_listeners; i++) {
                struct listener *l = &s->listeners[i];

                sd_event_source_disable_unref(l->io);
                (void)close_fd(l->fd);
                if (l->path)
                        (void)unlink(l->path);
                free(l->path);
        }
        sd_event_source_disable_unref(s->resume);
        sd_event_unref(s->args.event);
        free(s);
        return NULL;
}

int control_server_permit(struct control_server *s, const gid_t *groups, size_t n_groups, struct err *err) {
        for (size_t i = 0; i < s->n_listeners; i++) {
                struct sockaddr_un address;
                socklen_t len = sizeof(address);
                char path[sizeof(address.sun_path) + 1] = "";

                if (getsockname(s->listeners[i].fd, (struct sockaddr *)&address, &len) < 0)
                        return err_sys(err, errno, "look at the control socket");
                if (len > offsetof(struct sockaddr_un, sun_path)) /* else it has no name */
                        memcpy(path, address.sun_path, len - offsetof(struct sockaddr_un, sun_path));
                if (path[0] != '/')
                        continue;
                int r = control_path_permit(path, groups, n_groups, err);
                if (r < 0)
                        return err_wrap(err, "control socket %s", path);
        }
        return 0;
}

void control_server_review(struct control_server *s, const struct control_call *asking) {
        for (struct connection *c = s->connections; c; c = c->next) {
                c->right = s->args.rights(&c->peer, s->args.userdata);
                c->wire.max_message = c->right == CONTROL_ADMIN ? VARLINK_MAX_CALL : CONTROL_READER_MAX_CALL;
                if ((c->right == CONTROL_NONE || (c->call && c->right < c->call->needs)) && (!asking || c != asking->connection))
                        connection_doom(c);
        }
}

void control_server_set_max_clients(struct control_server *s, size_t n) {
        s->args.max_clients = n;
}

size_t control_server_n_clients(const struct control_server *s) {
        return s->n_connections;
}

bool control_server_is_idle(const struct control_server *s) {
        for (const struct connection *c = s->connections; c; c = c->next)
                if (c->call || varlink_wire_queued(&c->wire) > 0)
                        return false;
        return true;
}
