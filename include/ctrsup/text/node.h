/* A document as a tree of positioned nodes: what YAML and JSON have in common, before anybody knows what a key means.
 *
 * A scalar is its text as written plus whether it stood in quotes; nothing is typed here ("1.10" stays "1.10", "no" stays
 * "no"): the key decides, in text/schema. Nodes live in an arena and are never shared: an alias becomes a copy, so that a
 * later step may rewrite one place without touching another. A mapping keeps its keys in the file's order, unique.
 */
#pragma once

#include <ctrsup/base/arena.h>
#include <ctrsup/base/diag.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_kind { NODE_SCALAR, NODE_MAPPING, NODE_SEQUENCE, _NODE_KIND_MAX };

enum {
        NODE_QUOTED = 1 << 0,   /* the scalar stood in quotes, or is a block scalar: it is text, never null or a number */
        NODE_LITERAL = 1 << 1,  /* set by whoever read it as a number or a boolean: JSON prints it bare */
        NODE_UNKNOWN = 1 << 2,  /* there was a complaint about it: its text means nothing, readers pass it over */
};

struct node;
struct node_entry {
        struct node *key;       /* a scalar; NULL in a sequence */
        struct node *value;
};

struct node {
        enum node_kind kind;
        unsigned flags;
        struct mark mark;
        const char *text;       /* scalar: without NUL bytes inside; else NULL */
        struct node_entry *entries;
        uint32_t n;             /* entries */
        uint32_t size;          /* entries there is room for */
        uint32_t *sorted;       /* mapping: entries by key, for node_get(); NULL: none yet */
};

/* All return NULL when out of memory. */
struct node *node_new(struct arena *a, enum node_kind kind, struct mark mark);
struct node *node_scalar(struct arena *a, const char *text, unsigned flags, struct mark mark);
/* A deep copy; the texts are shared. Its nodes are counted into *count when that is not NULL. */
struct node *node_copy(struct arena *a, const struct node *n, size_t *count);
/* Appends an entry; 0 or -ENOMEM. The caller sees to it that the key is new. */
int node_add(struct arena *a, struct node *n, struct node *key, struct node *value);
void node_remove(struct node *n, uint32_t index);

/* Drops entries whose key an earlier entry has; each() (NULL: silently) hears of every pair first. 0 or -ENOMEM. */
int node_dedupe(struct arena *a, struct node *n, void (*each)(void *userdata, const struct node *first, const struct node *again),
                void *userdata);

/* The value of that key, NULL when there is none or n is not a mapping (or NULL). Builds an index once for a large mapping; when
 * that cannot be had it looks at every key. */
struct node *node_get(struct arena *a, struct node *n, const char *key);
/* Plain and empty, "~" or "null". */
bool node_is_null(const struct node *n);
/* Levels of mappings and lists: 0 for a scalar. */
size_t node_depth(const struct node *n);
/* How many nodes, keys counted too; recursion is bounded by the reader's depth. */
size_t node_count(const struct node *n);
/* A bare true, false or number. */
bool node_is_bare(const struct node *n);
/* "a mapping", "a list", "nothing", "a string": for "expected X, found Y". */
const char *node_kind_words(const struct node *n);

/* Where a walk through a tree is: steps on the callers' stacks, innermost first. */
struct path {
        const struct path *up;
        const char *key;        /* NULL: a list item, index */
        size_t index;
};

struct buf;
/* "containers.web.ports[0]"; a long key is cut, control characters are replaced. */
void path_put(const struct path *path, struct buf *out);

/* Calls visit for each key and list item below n, in order: a key with a scalar has the scalar's mark, any other the key's. Stops
 * at and returns the first result that is not 0; -ENOMEM. */
int node_each_mark(const struct node *n, int (*visit)(void *userdata, const char *path, struct mark mark), void *userdata);
