/* Removing what containers wrote takes as long as it takes: a helper process does it, one at a time. */
#pragma once

#include "manager.h"

/* Something may be in the trash: start the helper unless one runs. */
void trash_sweep(struct manager *m);
