/* A table for people, by libsmartcols: as wide as the terminal, or, when piped, as wide as it is. */
#pragma once

#include "cli.h"

struct table_column {
        const char *name;
        bool right;             /* numbers */
        bool may_shrink;        /* cut when the terminal is narrow */
};

struct table_view;

struct table_view *table_new(const struct cli *c, const struct table_column *columns, size_t n); /* NULL: out of memory */
struct table_view *table_free(struct table_view *t); /* returns NULL; takes NULL */
static inline void table_freep(struct table_view **t) { *t = table_free(*t); }
#define _cleanup_table_ _cleanup_(table_freep)

/* A new line; the cells are copied. color: a name as libsmartcols has it, for the cell `colored`; NULL: none. */
void table_row(struct table_view *t, const char *const *cells, size_t colored, const char *color);
/* Adds the table to out; nothing when it has no rows. */
void table_put(struct table_view *t, struct buf *out);
