/* The control socket's server, on the caller's sd-event loop. It never blocks and is never waited for.
 *
 * Who: SO_PEERCRED and SO_PEERGROUPS are read at accept() and `rights` decides before the first byte of the peer is looked at. A
 * peer without rights gets one NotPermitted and is closed; a method asks for CONTROL_READ or CONTROL_ADMIN, and is refused before its
 * parameters are looked at.
 *
 * Limits: max_clients at once, max_per_uid of them for one uid; root is not counted by uid, and the last RESERVED of the places are
 * only root's, so that no group of others can lock it out. A message must be complete CONTROL_MESSAGE_USEC after its first byte
 * (the first one: after accept). A reader that is not root may send 64 KiB at a time, an admin VARLINK_MAX_CALL. Replies wait in
 * a bounded queue: above CONTROL_QUEUE_MAX for one client, above CONTROL_QUEUE_TOTAL for all (then the longest goes), or
 * without any progress for CONTROL_STALL_USEC, the client is dropped. Out of fds: accepting pauses, nothing spins.
 *
 * Calls: one at a time per client; the next one is read when the last is answered. A handler answers at once or keeps the
 * call (control_call_ref) and answers from a later event. A call whose last reference goes without an answer is answered with
 * Failed. When the client goes, replies to its calls return -ENOTCONN, and the call's disconnect callback has run.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define CONTROL_INTERFACE "io.ctrsup.Manager"
#define CONTROL_METHOD(name) CONTROL_INTERFACE "." name

enum { CONTROL_MAX_CLIENTS = 64, CONTROL_MAX_PER_UID = 8, CONTROL_RESERVED_FOR_ROOT = 8 };
enum { CONTROL_READER_MAX_CALL = 64 * 1024, CONTROL_QUEUE_MAX = 4 * 1024 * 1024, CONTROL_QUEUE_TOTAL = 12 * 1024 * 1024 };
#define CONTROL_MESSAGE_USEC UINT64_C(5000000)
#define CONTROL_STALL_USEC UINT64_C(10000000)

struct control_server;
struct control_call;

enum control_right { CONTROL_NONE, CONTROL_READ, CONTROL_ADMIN };

struct control_peer {
        uid_t uid;
        gid_t gid;
        pid_t pid;            /* of whoever connected; may be gone or another by now: for messages only */
        const gid_t *groups;  /* supplementary */
        size_t n_groups;
};

bool control_peer_in_group(const struct control_peer *p, gid_t gid);

struct control_method {
        const char *name;     /* "io.ctrsup.Manager.Apply" */
        /* parameters: borrowed for the time of the call (json_incref to keep), always an object. 0: answered, or will be; -errno:
         * the server answers Failed with the words of the errno, unless there was an answer. */
        int (*handler)(struct control_call *call, json_t *parameters, void *userdata);
        enum control_right right; /* least; CONTROL_NONE is an error */
};

struct control_server_args {
        sd_event *event;
        int64_t priority;                      /* of its sources; sd_event_source_set_priority() */
        const struct control_method *methods;  /* must outlive the server */
        size_t n_methods;
        enum control_right (*rights)(const struct control_peer *peer, void *userdata);
        /* Told of each refusal before it is answered: of a call, or (method NULL) of a client as a whole. hint: for the client, what
         * would help it. May be NULL. */
        void (*refused)(const struct control_peer *peer, const char *method, char hint[ERR_HINT_MAX], void *userdata);
        void *userdata;                        /* for rights, refused and handlers */
        size_t max_clients, max_per_uid;       /* 0: the defaults above */
        uint64_t message_usec, stall_usec;     /* 0: the defaults above */
};

int control_server_new(const struct control_server_args *args, struct control_server **ret, struct err *err);
/* Drops every client (their disconnect callbacks run), closes the sockets, unlinks those it made. Takes NULL, returns NULL. */
struct control_server *control_server_free(struct control_server *s);
static inline void control_server_freep(struct control_server **s) { *s = control_server_free(*s); }

/* Makes the socket at path: 0660, root and group (-1: only root, 0600). The folder above is made (0755) when missing. Every
 * component must be root's or ours and not writable for others (sticky folders are fine), none a symbolic link. A stale socket
 * is replaced; -EADDRINUSE when something answers on it. */
int control_server_listen(struct control_server *s, const char *path, gid_t group, struct err *err);
/* A listening socket that was passed to us (systemd); taken, also on failure. */
int control_server_listen_fd(struct control_server *s, int fd, struct err *err);
/* A connected stream socket, as if accepted: rights and limits apply. Taken, also on failure. */
int control_server_add_client(struct control_server *s, int fd, struct err *err);
/* Who may connect at all, root apart: the sockets' owning group and their ACL. The rights are looked at besides. -EOPNOTSUPP: the
 * ACL could not be set, only the first group can connect. */
int control_server_permit(struct control_server *s, const gid_t *groups, size_t n_groups, struct err *err);
/* The rights may have changed: asks again for each client. Who has none any more, or is in a call that it may not make any more, is
 * dropped; only whose call this is (may be NULL) gets its answer first. */
void control_server_review(struct control_server *s, const struct control_call *asking);
/* Those that are there stay. */
void control_server_set_max_clients(struct control_server *s, size_t n);
size_t control_server_n_clients(const struct control_server *s);
/* True when no call is open and every reply is sent: a supervisor that ends waits for this, with a deadline. */
bool control_server_is_idle(const struct control_server *s);

/* --- calls --- */
struct control_call *control_call_ref(struct control_call *c);
struct control_call *control_call_unref(struct control_call *c); /* returns NULL; takes NULL */
static inline void control_call_unrefp(struct control_call **c) { *c = control_call_unref(*c); }
#define _cleanup_control_call_ _cleanup_(control_call_unrefp)

const char *control_call_method(const struct control_call *c);
const struct control_peer *control_call_peer(const struct control_call *c);
enum control_right control_call_right(const struct control_call *c);
bool control_call_more(const struct control_call *c);   /* the client takes several replies */
bool control_call_oneway(const struct control_call *c); /* it takes none: they are thrown away */
bool control_call_is_open(const struct control_call *c); /* not answered, and the client is there */
/* Bytes that wait for this client: a stream of lines may leave some out rather than be dropped. */
size_t control_call_queued(const struct control_call *c);
size_t control_call_n_fds(const struct control_call *c);
/* The i-th fd that came with the call, the caller's from now on; -EBADF when there is none. The others are closed with the call. */
int control_call_take_fd(struct control_call *c, size_t i);
/* Runs once when the client goes before the answer; not when it was answered. NULL: none. The call holds no reference for it. */
void control_call_on_disconnect(struct control_call *c, void (*callback)(struct control_call *c, void *userdata), void *userdata);

/* Answers. parameters (an object; NULL: empty) is taken, also on failure. continues: more replies follow; only after
 * control_call_more(), else -EPROTO. -ENOTCONN: nobody is there any more. -EALREADY: it was answered. */
int control_reply(struct control_call *c, json_t *parameters, bool continues);
/* name: "NoSuchTarget" (of our interface) or a full one with dots. Ends the call. parameters as above. */
int control_error(struct control_call *c, const char *name, json_t *parameters);
/* Failed {message, hint, errno} from err. */
int control_fail(struct control_call *c, const struct err *err);
/* org.varlink.service.InvalidParameter: missing, or of the wrong type. */
int control_invalid_parameter(struct control_call *c, const char *parameter);
