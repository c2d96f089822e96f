/* Notes how each run of a member ended, for `why`. */
#pragma once

#include "manager.h"

#include <ctrsup/state/last_end.h>

/* Of b's state before the event e. */
struct last_end_before {
        enum end_by by;
        enum stop_cause cause;
};
struct last_end_before last_end_look(struct member *b, const struct event *e);
/* What the last supervisor of this boot noted. */
void last_end_recall(struct member *b, const struct last_end *was);
/* After the event: what takes it down, if something does now, and how it ended, if it did. Before health_follow(), which forgets. */
void last_end_note(struct member *b, const struct last_end_before *before, const struct step *st, const struct now *now);
