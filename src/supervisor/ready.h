/* What the service manager is told of our own life: taking over, ready, reloading, going. */
#pragma once

#include "manager.h"

/* From now on the service manager gives us the time we need, as long as we show that we go on. */
int ready_open(struct manager *m, struct err *err);
void ready_done(struct manager *m);
