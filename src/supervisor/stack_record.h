/* What is on disk of a stack: which revision is wanted, and what an operator stopped. */
#pragma once

#include "manager.h"

/* The revision g, applied by uid; fallback: what it goes back to when its update fails, NULL: it is none. A failure changed nothing. */
int stack_record(struct manager *m, const struct generation *g, const struct generation *fallback, uid_t uid, struct err *err);
/* Which revision is wanted, and the operator's marks, after a stop or start of some of its members or an update's end; what the disk does not take is owed (degraded.h). */
void stack_save_current(struct stack_entry *s);
/* A change was refused, perhaps when it was to be seen already. code: positive errno. */
void stack_record_refused(struct manager *m, const char *name, int code);
