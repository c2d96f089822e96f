/* A probe that is a command inside the container: through the keeper as `ctrsup exec`, in a cgroup of its own within the container's
 * leaf, with nothing of ours open but /dev/null and a pipe for what it says. It is ended as a whole at its timeout, and so is what it
 * leaves behind. One may outlive its outcome: until the keeper tells its end there is no other of its member.
 */
#pragma once

#include "manager.h"

enum { PROBE_OUTPUT_MAX = 4096, PROBE_OUTCOME_MAX = PROBE_OUTPUT_MAX + 128 };

/* b's; sets b->health->exec. The outcome comes by health_outcome(). -EAGAIN: the keeper has no room now. */
int probe_exec_begin(struct member *b, struct err *err);
/* Nobody wants to hear of it any more: it is ended, and forgotten when it has. */
void probe_exec_leave(struct member *b);
/* Takes it when it is about one of these. */
bool probe_exec_keeper_event(struct manager *m, struct keeper_event *e);
/* The keeper is gone: nobody will tell how they end, and that says nothing of who was probed. */
void probe_exec_lost(struct manager *m);
/* At the end of the supervisor. */
void probe_exec_done(struct manager *m);
