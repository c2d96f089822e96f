/* Jobs that have succeeded as they are declared (store/jobs.h): `rerun: on-change` does not do them again, not even after a boot. */
#pragma once

#include "manager.h"

/* Of a stack that comes back from its records. Only an error of ours; what cannot be read is said. */
int jobs_load(struct stack_entry *s, struct err *err);
/* Is it a job that has succeeded as it is declared, and is not to run again for that? */
bool jobs_has_succeeded(const struct member *b);
/* When it just has: that is recorded; what the disk does not take is owed (degraded.h). */
void jobs_note(struct member *b);
