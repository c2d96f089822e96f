/* What a plan would write to a running container and the kernel would not take, or only by killing it: on v1 a memory limit below what is
 * in use is refused, on v2 it ends the container. */
#pragma once

#include "manager.h"

#include <ctrsup/plan/plan.h>

/* Complaints with the place of the key. */
void present_check(const struct stack_entry *s, const struct spec *to, const struct plan *plan, struct diag_list *diags);
