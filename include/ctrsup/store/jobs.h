/* Which jobs of a stack have succeeded, and as what they were declared then: <state>/stacks/<stack>/jobs. It outlives a boot, so that a
 * migration that was done is not done again; it goes with the stack's records.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <jansson.h>

/* *ret: container -> its declaration, a reference for the caller; an empty object when there is none, or when it cannot be read (then err
 * says why: it is set aside, and the jobs run again). Only errors of ours are returned: -ENOMEM, -EMFILE. */
int jobs_read(int state_fd, const char *stack, json_t **ret, struct err *err);
/* Durably. */
int jobs_write(int state_fd, const char *stack, json_t *succeeded, struct err *err);
