/* The logger: found again through the keeper or spawned, respawned when it dies, its events, and clients that follow lines. */
#pragma once

#include "manager.h"

#define LOGGER_HELD_NAME "logger" /* of its socket, at the keeper */

/* Spawns one and lets the keeper hold its socket. Streams that no logger has are added again. */
int logger_link_spawn(struct manager *m, struct err *err);
/* One that died as soon as it was there is followed by another after a second; false: not yet. */
bool logger_link_again(struct manager *m);
/* Now and then: a logger that could not be started is tried again. */
void logger_link_tend(struct manager *m);
/* A keeper that knows nothing took the old one's place. */
void logger_link_keeper_is_new(struct manager *m);
/* Its socket, or a log pipe, could not be given to the keeper. */
void logger_link_hold_again(struct manager *m);
/* From the keeper's table: it holds a logger's socket. */
void logger_link_listed(struct manager *m);
/* The keeper gave one back. */
void logger_link_taken(struct manager *m, const char *name, struct keeper_event *e);

/* Streams the lines of the targets (NULL: all) to the call until its client goes. */
int logger_link_attach(struct manager *m, struct control_call *call, json_t *targets);
/* Asks it to write what it has and end; its feeds end too. */
void logger_link_close(struct manager *m);
