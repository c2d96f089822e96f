/* "0-3,8": the kernel's lists of CPUs and memory nodes, as sets. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { CPULIST_MAX = 8192 }; /* NR_CPUS of any kernel so far */

struct cpulist {
        uint64_t bits[CPULIST_MAX / 64];
};

/* -EINVAL: not such a list, -ERANGE: a number above what any kernel has. The empty text is the empty set. */
int cpulist_parse(const char *text, struct cpulist *ret);
bool cpulist_is_equal(const struct cpulist *a, const struct cpulist *b);
/* The lowest member of a that is not in b, or -1. */
int cpulist_find_missing(const struct cpulist *a, const struct cpulist *b);
