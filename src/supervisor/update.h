/* Updates: running instances give way to a new declaration, as their update_config says.
 *
 * The plan has the order (plan/actions.c); here is what becomes of each new instance: it is on trial until it stayed ready for `monitor`
 * (state/trial.h). When one fails, its failure_action decides: the whole stack goes back to the revision before, or the rest of the update
 * is left alone, or it goes on. The revision to go back to is in the stack's `current` record as long as the update is under way, so that a
 * new supervisor goes on with it.
 */
#pragma once

#include "manager.h"

/* The stack's plan has an action that is part of an update: its instance is on trial from now on. */
void update_begin(struct member *b);
/* May this action of the stack's plan begin: has the batch before it passed, and is the pause over? */
bool update_may_begin(struct stack_entry *s, const struct plan_action *a);
/* Looks at all that is on trial; the pump calls it. */
void update_tend(struct stack_entry *s);
/* Is it undecided still, and can it be expected to be decided? */
bool update_is_open(const struct stack_entry *s);
/* What comes after `g` may go back to: what this update began from, else g. NULL: nothing is updated. Borrowed. */
struct generation *update_fallback(const struct stack_entry *s, const struct plan *plan, bool same);
/* The stack has taken another declaration: fallback (may be NULL) is what it goes back to. */
void update_taken(struct stack_entry *s, struct generation *fallback);
/* A new supervisor: what was on trial is again. */
void update_resume(struct stack_entry *s);
/* The stack is removed, or freed: nothing is on trial any more. */
void update_drop(struct stack_entry *s);
