/* Taking over what runs: a supervisor that begins asks the keeper, looks at the cgroups, and believes the records last.
 *
 *   keeper's table    says what runs, is being started, or ended meanwhile and how: as if it happened now
 *   populated leaves  whose process no keeper has (it was killed): adopted by the record's pid and start time, or as the oldest process of the
 *                     leaf; never started a second time
 *   records           what they say ran and nobody has any more has ended: as the stored pidfd tells, or unknown
 *
 * What is left over then belongs to nobody: a populated leaf of ours without a declaration is killed, an empty one removed. Only
 * <root>/<stack>/<container>.<n>/payload.<gen> is ours; whatever else is below the root is left alone. Of a stack whose records cannot be
 * read nothing is touched. Until all that is decided nothing is launched, and the supervisor is not ready.
 */
#pragma once

#include "manager.h"

/* Asks the keeper; the answers come as its events. Again for a keeper that took the place of one that died over it. */
int adopt_begin(struct manager *m, struct err *err);
/* KEEPER_LISTED, KEEPER_LISTED_FD, KEEPER_LIST_END, and DONE of a TAKE of "pid.<id>". */
void adopt_entry(struct manager *m, struct keeper_event *e);
/* STARTED, FAILED or EXITED meanwhile. It is listed, too, before or after, for it stays in the table until we say FORGET. */
void adopt_news(struct manager *m, struct keeper_event *e);
void adopt_held(struct manager *m, const char *name);
void adopt_list_end(struct manager *m);
bool adopt_taken(struct manager *m, const char *name, struct keeper_event *e);
/* With every reconcile: leaves that were busy when they were to go. */
void adopt_tend(struct manager *m);
void adopt_done(struct manager *m);
