/* What supervisors that were killed with SIGKILL left, those of `ctrsup run` and in the foreground: nobody takes their containers over.
 * Their keepers have ended them; what a keeper could not, because it was killed too, ends here. */
#pragma once

#include "manager.h"

/* The folders must be there, and ours locked. What is in use is left alone; what cannot be removed is tried by the next one. */
void leftovers_sweep(struct manager *m);

/* Takes what there is of such a supervisor out of its folder, and the folder itself. */
void leftovers_remove_folder(int fd, const char *path);
