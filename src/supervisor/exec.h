/* `ctrsup exec`: a command beside the container's own, with the caller's streams. */
#pragma once

#include "manager.h"

struct exec_request {
        struct member *member;
        json_t *command;        /* array of strings, not empty */
        json_t *environment;    /* object of strings; NULL */
        const char *user, *working_dir; /* NULL: the container's */
        bool tty;
        unsigned rows, columns; /* of the terminal, 0: not known */
};

/* Takes the call's fds. Answers it with the pid, then the exit; a client that goes leaves the command running, as a closed
 * terminal would: its streams end. */
int exec_start(struct manager *m, struct control_call *call, const struct exec_request *request, struct err *err);
/* Is it an event of a session? Then it was dealt with. */
bool exec_keeper_event(struct manager *m, struct keeper_event *e);
void exec_done(struct manager *m, const char *why);
