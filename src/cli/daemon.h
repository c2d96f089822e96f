/* Talking to a supervisor: finding it, calling it, and its errors as words and exit codes. */
#pragma once

#include "cli.h"

#include <ctrsup/control/client.h>
#include <ctrsup/control/server.h>

#include <jansson.h>

#define FOREGROUND_DIR "/run/ctrsup/fg"

/* The socket a foreground supervisor of that stack serves. */
char *daemon_foreground_socket(const char *stack); /* NULL: out of memory */
/* Connects to the daemon; where there is none, to the foreground supervisor of `stack` (NULL: to the only one there is).
 * 0, or -errno with words: -ENOENT, -ECONNREFUSED: nobody serves there. */
int daemon_connect(const struct cli *c, const char *stack, struct control_client **ret, struct err *err);
/* Says why it did not, and gives the exit code. */
int daemon_unreached(const struct cli *c, int r, const struct err *err);
/* The same with the failure printed: an exit code. stack: a target of it is fine ("shop/web"). */
int daemon_open(const struct cli *c, const char *target, struct control_client **ret);

/* One call with one reply; parameters are taken. 0, or an exit code with the words printed. */
int daemon_call(const struct cli *c, struct control_client *client, const char *method, json_t *parameters, struct control_answer *ret);
/* Sends a call that gets several replies; parameters are taken. 0 or an exit code. */
int daemon_send(const struct cli *c, struct control_client *client, const char *method, json_t *parameters);

/* What an error reply means: an exit code, with words in err. diagnostics of an InvalidDocument are in `details`. */
int daemon_error_code(const struct control_answer *a, struct err *err, struct buf *details);
/* Diagnostic objects, as `check` prints its own. */
void daemon_put_diagnostics(const json_t *list, struct buf *out);
/* 65, or 77 when it is only the host's policy that refuses. */
int daemon_diagnostics_code(const json_t *list);
/* Prints it; returns the code. */
int daemon_fail(const struct cli *c, const struct control_answer *a);
/* A failure of ours while talking. */
int daemon_lost(const struct cli *c, int r, const struct err *err);

/* --timeout as the interface wants it: seconds, NULL when none was given. New reference. */
json_t *daemon_timeout(const struct cli *c);
