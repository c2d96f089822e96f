/* What containers use now, for `ctrsup top`. */
#pragma once

#include "manager.h"

/* One page of those that run, from the from-th container on. targets: NULL: all. */
int usage_reply(struct manager *m, struct control_call *call, const json_t *targets, json_int_t from);
