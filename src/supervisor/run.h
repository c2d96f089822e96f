/* `ctrsup run`: one container with the caller's streams; ends when it ends, with its code. */
#pragma once

#include "manager.h"

/* Applies the document in fd; the loop then runs until the container has ended. Errors are printed to stderr as a user of `ctrsup
 * run` is to read them; the exit code (125 to 127) comes back, 0: it is on its way. */
int run_begin(struct manager *m, int document_fd);
/* The pump asks after each round: has it ended? Sets the exit code and ends the manager then. */
void run_check(struct manager *m);
