/* A client of the control socket: one call at a time, waiting with poll(). Whoever has more to wait for (signals, a terminal, a
 * clock) polls control_client_fd() itself and uses send and receive; the rest uses control_client_call().
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/control/varlink.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_SOCKET "/run/ctrsup/ctrsup.sock"

struct control_client;

struct control_request {
        const char *method;      /* "io.ctrsup.Manager.Status" */
        json_t *parameters;      /* borrowed; NULL: none */
        bool more, oneway;
        const int *fds;          /* borrowed */
        size_t n_fds;
};

struct control_answer {
        json_t *parameters;      /* an object */
        char *error;             /* full name, "io.ctrsup.Manager.NoSuchTarget"; NULL: none */
        bool continues;          /* more follow */
};

#define CONTROL_ANSWER_NULL ((struct control_answer){ 0 })
void control_answer_done(struct control_answer *a);
#define _cleanup_control_answer_ _cleanup_(control_answer_done)

/* Words and hint for people: "cannot reach the daemon at PATH: permission denied". -ENOENT, -ECONNREFUSED: nobody serves there;
 * -EACCES, -EPERM; others as connect(). */
int control_client_connect(const char *path, struct control_client **ret, struct err *err);
struct control_client *control_client_free(struct control_client *c); /* returns NULL; takes NULL */
static inline void control_client_freep(struct control_client **c) { *c = control_client_free(*c); }
#define _cleanup_control_client_ _cleanup_(control_client_freep)

int control_client_fd(const struct control_client *c);
short control_client_events(const struct control_client *c);  /* to poll() for: POLLIN, and POLLOUT while something is unsent */
/* Queues and sends what the socket takes at once; the rest goes with receive. -EMSGSIZE: longer than a server takes. */
int control_client_send(struct control_client *c, const struct control_request *request, struct err *err);
/* Never blocks: 1 got one, 0 nothing there yet, -EPIPE the server is gone, -EBADMSG it sent nonsense. */
int control_client_receive(struct control_client *c, struct control_answer *ret, struct err *err);
/* As receive, but waits; -ETIMEDOUT; timeout_usec UINT64_MAX: forever. EINTR is gone over. */
int control_client_wait(struct control_client *c, uint64_t timeout_usec, struct control_answer *ret, struct err *err);
/* Sends, and waits for the first reply. */
int control_client_call(struct control_client *c, const struct control_request *request, uint64_t timeout_usec, struct control_answer *ret,
                        struct err *err);
