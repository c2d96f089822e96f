/* What the server's rooms share: server.c (listening, admission), connection.c (one client), call.c (one call), service.c
 * (org.varlink.service), path.c (the socket's place in the file system).
 *
 * A connection is dropped only from the event loop, never below a caller of control_reply(): whoever finds it broken dooms it,
 * and its defer source drops it. So a handler may walk its list of subscribers and reply to each.
 */
#pragma once

#include <ctrsup/control/server.h>
#include <ctrsup/control/varlink.h>

enum deadline { DEADLINE_NONE, DEADLINE_MESSAGE, DEADLINE_STALL };

struct connection {
        unsigned refs;                /* the server's list, and each call */
        struct control_server *server; /* NULL: dropped */
        struct connection *prev, *next;
        struct varlink_wire wire;
        sd_event_source *io, *defer, *timer;
        enum deadline deadline;
        bool had_message;             /* the first one has come */
        bool doomed;                  /* to be dropped by the loop */
        struct control_peer peer;
        gid_t *groups;
        enum control_right right;
        struct control_call *call;    /* being worked on, its replies are to come; borrowed */
};

struct control_call {
        unsigned refs;
        struct connection *connection; /* a reference */
        struct varlink_message message;
        const char *method;
        enum control_right needs;     /* of the method */
        bool more, oneway, answered;
        void (*on_disconnect)(struct control_call *c, void *userdata);
        void *disconnect_userdata;
};

enum { LISTENERS_MAX = 4 };

struct listener {
        struct control_server *server;
        int fd;
        sd_event_source *io;
        char *path;                   /* unlinked at the end; NULL: was passed to us */
};

struct control_server {
        struct control_server_args args;
        struct listener listeners[LISTENERS_MAX];
        size_t n_listeners;
        sd_event_source *resume;      /* while it is set accepting is paused */
        struct connection *connections;
        size_t n_connections;
};

/* Whether one more client of uid fits, with `all` there, `others` of them not root's and `same` of that uid. */
bool control_has_room(const struct control_server_args *args, uid_t uid, size_t all, size_t others, size_t same);

/* Takes fd. On failure nothing is left. */
int connection_new(struct control_server *s, int fd, const struct control_peer *peer, enum control_right right, struct err *err);
struct connection *connection_ref(struct connection *c);
struct connection *connection_unref(struct connection *c);
/* Closes it now; the callback of its open call runs. */
void connection_drop(struct connection *c);
void connection_doom(struct connection *c);
/* Queues a message and sends what goes: -ENOTCONN, -ENOBUFS (over the bounds: doomed), -ENOMEM. */
int connection_send(struct connection *c, const json_t *object);
/* After anything changed: which events and which deadline to wait for. progress: bytes went out. */
void connection_update(struct connection *c, bool progress);

/* NotPermitted {message, hint}; tells args.refused. method NULL: the whole client is refused. New reference, NULL: out of memory. */
json_t *control_refusal(const struct control_server *s, const struct control_peer *peer, const char *method);

/* A message of c: finds the method, checks the right, runs it. */
void call_dispatch(struct connection *c, struct varlink_message *message);

/* GetInfo and GetInterfaceDescription; the last has a NULL name. */
extern const struct control_method service_methods[];

json_t *control_message(const char *error, json_t *parameters, bool continues); /* takes parameters; NULL: out of memory */

/* The listening socket at path, as control_server_listen() says. */
int control_path_listen(const char *path, gid_t group, int *ret, struct err *err);
/* As control_server_permit() says, for one socket file. */
int control_path_permit(const char *path, const gid_t *groups, size_t n_groups, struct err *err);
