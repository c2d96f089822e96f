/* Calls that need the whole picture wait while what runs is taken over: nobody is told to try again only because the supervisor
 * has just started. */
#pragma once

#include "manager.h"

typedef int (*defer_handler)(struct control_call *call, json_t *parameters, void *manager);

/* true: handler will be called again, later; the caller returns 0. */
bool defer_call(struct manager *m, struct control_call *call, json_t *parameters, defer_handler handler);
/* The picture is whole: in the order in which they came. */
void defer_run(struct manager *m);
/* At the end; the server answers them. */
void defer_done(struct manager *m);
