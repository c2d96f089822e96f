/* The kept revisions of a stack, and what each changed. */
#pragma once

#include "manager.h"

int history_method(struct control_call *call, json_t *parameters, void *userdata);
/* What a revision declares, for whoever applies it again; without a number that of the newest one before the current. */
int history_method_document(struct control_call *call, json_t *parameters, void *userdata);
/* What `new` declares differently from `old`, by container: {"added": [...], "changed": [...], "removed": [...]}. Both are
 * documents as the client sent them. Pure; NULL: out of memory. */
json_t *history_changes(const json_t *old, const json_t *new);
