/* Memory with one lifetime: a parsed generation lives in one arena, is immutable, and is freed as one.
 * Blocks never move, so pointers into an arena stay valid until arena_free(). Memory comes zeroed and aligned for any type.
 */
#pragma once

#include <ctrsup/base/cleanup.h>

#include <stddef.h>

struct arena;

struct arena *arena_new(void);                       /* NULL: out of memory */
struct arena *arena_free(struct arena *a);           /* returns NULL; takes NULL */
/* All return NULL when out of memory or when count * size overflows. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_calloc(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *format, ...) _printf_(2, 3);
size_t arena_bytes(const struct arena *a);           /* handed out so far: lets a loader keep its cap */

static inline void arena_freep(struct arena **a) { *a = arena_free(*a); }
#define _cleanup_arena_ _cleanup_(arena_freep)
#define arena_new_of(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_array_of(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))
