/* What an update does, and what came of the last one, for status, why, diff and who waits for an apply.
 *
 * How an instance ended that made an update fail is kept until the next apply, in memory and in the record of its revision: an extra one of
 * a start-first update is gone by then, and so is what it ran.
 */
#pragma once

#include "manager.h"

/* Update; null: none is under way, and the last one did not fail. */
json_t *update_tell(const struct stack_entry *s);
/* Of the stacks that one of targets (NULL: all) is of. */
json_t *update_tell_all(struct manager *m, const json_t *targets);

/* b makes the update of its stack's revision fail. */
void update_note_end(struct stack_entry *s, const struct member *b);
/* A new supervisor: ends as they were recorded, borrowed; NULL: none. revision: whose update failed. */
void update_recall_ends(struct stack_entry *s, uint64_t revision, json_t *ends);
void update_forget_ends(struct stack_entry *s);

/* Explanations of those that are meant by target and gone, appended to list. */
void update_add_gone(const struct stack_entry *s, const char *target, json_t *list);
bool update_has_gone(const struct manager *m, const char *target);
/* "one/api.1: exited with status 3" */
const char *update_failed_words(const struct member *b, char *buf, size_t size);
