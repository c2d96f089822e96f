/* Stacks: the entries of the manager's list. */
#pragma once

#include "manager.h"

/* An empty entry, in the manager's list. NULL: out of memory. */
struct stack_entry *stack_new(struct manager *m, const char *name);
void stack_free(struct stack_entry *s);
/* Its members, whom others depend on first; those that are not declared any more last. free() it; NULL: out of memory. */
struct member **stack_ordered(const struct stack_entry *s);
/* Writable layers of its starts that are over, left when somebody was killed, or the disk did not let go of them. */
void stack_sweep(struct stack_entry *s);
