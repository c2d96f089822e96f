/* Everything down in order, for a shutdown, and up again: followers before whom they follow, each by its own signal and grace.
 *
 * It leaves no operator's mark: what was stopped by hand stays so, all else comes back. While it lasts nothing is started, whoever
 * asks. One that a client asked for outlives the supervisor (a file in the runtime directory, which ends with the boot).
 */
#pragma once

#include "manager.h"

/* io.ctrsup.Manager.Quiesce and Resume. */
int quiesce_method(struct control_call *call, json_t *parameters, void *manager);
int quiesce_method_resume(struct control_call *call, json_t *parameters, void *manager);
/* At the start: is one under way, or is the system on its way down? */
void quiesce_restore(struct manager *m);
/* SIGTERM: when the system goes down, all stacks go first; else they stay. Ends the loop, at once or then. */
void quiesce_on_end(struct manager *m);
/* What has become possible, from the pump. */
void quiesce_tend(struct manager *m);
void quiesce_done(struct manager *m);
