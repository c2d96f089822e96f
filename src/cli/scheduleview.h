/* The schedules of a stack file, where there is a clock. */
#pragma once

#include "document.h"

/* A warning for each expression that elapses no more. */
void scheduleview_warn(struct document *d, uint64_t now_usec);
/* The next runs of each job that has a schedule, in its zone. */
void scheduleview_put(const struct document *d, uint64_t now_usec, struct buf *out);
