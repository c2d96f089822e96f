/* What is on disk of a stack: which revision is wanted, and what an operator stopped. */
#pragma once

#include "manager.h"

/* The revision g, applied by uid. A failure changed nothing. */
int stack_record(struct manager *m, const struct generation *g, uid_t uid, struct err *err);
/* The operator's marks after a stop or start of some of its members; what the disk does not take is owed (degraded.h). */
void stack_save_stopped(struct stack_entry *s);
/* A change was refused, perhaps when it was to be seen already. code: positive errno. */
void stack_record_refused(struct manager *m, const char *name, int code);
