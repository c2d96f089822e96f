/* What keeps a member from starting: whom it depends on (state/dependency.h); and from stopping: who depends on it, and is on its way
 * down. Asked before every event, so that a start or a stop becomes a wait where it has to; and by the pump, which gives whoever waits
 * its turn. */
#pragma once

#include "manager.h"

/* true: it may start. Else *ret (may be NULL) is the member it waits for (NULL: one that is not there), and words (may be NULL) say so. */
bool gate_is_open(const struct member *b, const struct member **ret, char words[MESSAGE_SIZE]);
/* Will it stay shut until somebody says otherwise? */
bool gate_is_hopeless(const struct member *b);
bool gate_is_needed(const struct member *b);
/* Gives it its turn, to start or to stop, if it waits for that. */
void gate_tend(struct member *b);
