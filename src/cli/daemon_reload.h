/* daemon reload: the daemon's settings and the files of its stacks.d. */
#pragma once

#include "daemon.h"

/* keep_going: what the daemon runs at its start: wrong files do not keep the others back. An exit code. */
int daemon_reload(struct cli *c, bool keep_going);
