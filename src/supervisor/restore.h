/* What was applied before this supervisor: stacks and their members come back from the records, first as what was wanted and counted
 * (nothing runs yet as far as anybody knows); supervisor/adopt.h then finds what runs, and stack_resume() does the rest.
 */
#pragma once

#include "manager.h"

/* Every stack on record, also those on their way out. A stack that cannot be read is said and does not stand in the others' way; an error
 * that is ours (out of memory or of file descriptors) ends the start before anything is touched. */
int restore_all(struct manager *m, struct err *err);
/* With every reconcile: what was to be swept and could not be. */
void restore_tend(struct manager *m);
/* After adoption: what is wanted and does not run is started in order, what runs an older declaration is replaced, a removal goes on. */
void stack_resume(struct stack_entry *s);
