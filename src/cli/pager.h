/* Long output through the user's pager, when standard output is a terminal. */
#pragma once

#include "cli.h"

#include <sys/types.h>

/* From here on standard output is the pager's input. Does nothing on a pipe, with --no-pager, or when there is none. 0: no pager
 * runs, else its pid, for pager_end(). */
pid_t pager_begin(const struct cli *c);
/* Closes its input and waits until the user is done. */
void pager_end(pid_t pager);
