/* What runs against what is declared. Limits are looked at with every reconcile and set right; the rest when somebody asks. */
#pragma once

#include "manager.h"

/* Sets limits right that somebody changed, and says so, once for each. */
void drift_tend(struct manager *m);
int drift_method(struct control_call *call, json_t *parameters, void *userdata);
