/* Why containers are as they are, for `ctrsup why`. */
#pragma once

#include "manager.h"

int why_method(struct control_call *call, json_t *parameters, void *userdata);
