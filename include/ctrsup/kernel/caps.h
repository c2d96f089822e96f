/* Capabilities of the calling process, by raw system calls (libcap allocates). All return 0 or -errno. */
#pragma once

#include <stdint.h>

/* Drops everything not in the set (bit n = capability n) from the bounding set. */
int caps_bound(uint64_t set);
/* Permitted = effective = set, inheritable = ambient = empty. */
int caps_set(uint64_t set);
