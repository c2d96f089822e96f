/* `ctrsup reload`: containers are told to read their configuration again, each as its `reload:` says; the answer waits for the commands. */
#pragma once

#include "manager.h"

/* The method's work: targets are checked. -EINVAL: one has no way to reload or does not run, and nobody was told. */
int member_reload(struct manager *m, struct control_call *call, const json_t *targets, struct err *err);
/* At the end of the supervisor: those that wait are answered. */
void member_reload_done(struct manager *m);
