/* Stacks on their way out: one rename takes <state>/stacks/<stack> to <state>/removing/stacks/<stack>, durably, before anything of it is
 * stopped. From then on it does not come back; what it left (containers that stop, writable layers, ids, volumes) is given back by
 * this supervisor or by the next one, also after a power cut.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stddef.h>

/* volumes: its named volumes go, too. -ENOENT: there is no such stack. A failure leaves the stack as it was. */
int removals_begin(int state_fd, const char *stack, bool volumes, struct err *err);
/* The folder to give to store/revisions.h as state_fd, to list and read the stacks that are being removed. -ENOENT: there never was one. */
int removals_open(int state_fd, int *ret_fd, struct err *err);
/* Of a stack in there: do its volumes go? */
int removals_with_volumes(int state_fd, const char *stack, bool *ret, struct err *err);
/* Nothing of it is left: its records go to the trash. Not there is fine. */
int removals_end(int state_fd, const char *stack, struct err *err);
