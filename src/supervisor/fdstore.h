/* systemd's file descriptor store: a copy of each start's pidfd, log pipes and notify socket, for the case that keeper and supervisor die together. A
 * cache only: what is not in it is found by the cgroups and the records, what is in it and means nothing is dropped.
 *
 * Names: pid.<id>, out.<id>, err.<id>, ntf.<id>; <id> is the start's, 32 hex digits. FDPOLL=0: systemd would drop a pidfd just when it begins to
 * tell something.
 */
#pragma once

#include "manager.h"

/* What was passed at our exec: stored fds are kept for adoption, a listening socket becomes m->passed_socket. Once, before anything
 * is opened. */
int fdstore_load(struct manager *m, struct err *err);
/* The fd of that name, the caller's from now on; -EBADF: there is none. */
int fdstore_take(struct manager *m, const char *prefix, const char *id_text);
/* Stores what of the member's start is not there yet. */
void fdstore_put(struct manager *m, const struct member *b);
/* The start is over: its pidfd and notify socket; its pipes. */
void fdstore_drop_start(struct manager *m, const char *id_text);
void fdstore_drop_logs(struct manager *m, const char *id_text);
/* Adoption is over: what nobody took is dropped. */
void fdstore_sweep(struct manager *m);
void fdstore_done(struct manager *m);
