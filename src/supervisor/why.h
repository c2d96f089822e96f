/* Why containers are as they are, for `ctrsup why`. */
#pragma once

#include "manager.h"

json_t *why_explain(const struct member *b); /* Explanation; a new reference */
int why_method(struct control_call *call, json_t *parameters, void *userdata);
