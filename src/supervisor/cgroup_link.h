/* The cgroups: where the root is, and what their events say: a leaf is empty, a group ran out of memory. */
#pragma once

#include "manager.h"

#define CGROUP_LINK_ROOT_FILE "cgroup" /* in the runtime folder: where the root is */

/* Finds and makes the root (the keeper must be there: where it lives says which one), and watches it. */
int cgroup_link_open(struct manager *m, struct err *err);
