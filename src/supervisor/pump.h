/* What has become possible is done here, whenever something changed: see manager.h. */
#pragma once

#include "manager.h"

int pump_new(struct manager *m);
/* Nothing runs, is under way or is to be given back. */
bool pump_is_idle(const struct manager *m);
