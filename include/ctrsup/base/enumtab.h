/* Words and the enum values they stand for, as a table indexed by value: `static const char *const names[_X_MAX]`.
 * Pair each table with `static_assert(ARRAY_SIZE(names) == _X_MAX)` and one test that walks it.
 */
#pragma once

#include <stddef.h>

/* The word for value; "?" when it is out of range or has none: for printing only. */
const char *enumtab_name(const char *const *names, size_t n, int value);
/* The value for word, or -EINVAL. Exact match. */
int enumtab_value(const char *const *names, size_t n, const char *word);
