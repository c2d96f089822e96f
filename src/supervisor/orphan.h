/* Containers whose keeper was killed: they go on, are watched by their pidfds, and how they end is told by their zombies or pidfds
 * (observe/exit.h), or nobody knows. A keeper that came after holds their pidfds, for the next supervisor.
 */
#pragma once

#include "manager.h"

/* From now on b is one: it runs, and no keeper is its parent. */
void orphan_begin(struct member *b);
/* All that run are; the keeper that was theirs is gone. */
void orphan_all(struct manager *m);
/* A keeper that knows nothing is there: it gets the fds of those that run. */
void orphan_hold_all(struct manager *m);
/* Its main process has ended, as far as the pidfd tells: posts the end when somebody tells how it was, or that nobody will. false: ask again
 * soon. For the pump. */
bool orphan_ask(struct member *b);
/* One that runs and whose pidfd did not get here (no file to spare) is looked for: who has none cannot be signalled. */
void orphan_find_pidfd(struct member *b);
/* It ended: its pidfd is watched no more. Before that is closed: the keeper and systemd have it too, so the loop would hear of it yet. */
void orphan_unwatch(struct member *b);
/* It is over. */
void orphan_end(struct member *b);
/* Name under which a keeper holds the pidfd: "pid.<id>". */
void orphan_name_held(char buf[KEEPER_NAME_MAX], const char *id_text);
