/* What runs already and the policy would refuse now: it is left alone, and told once. */
#pragma once

#include "manager.h"

/* After the settings changed. old: those before; NULL: at the start. */
void policy_tell(struct manager *m, const struct settings *old);
