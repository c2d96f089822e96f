#include <ctrsup/text/node.h>

#include <ctrsup/base/buf.h>

#include "utf8.h"

#include <string.h>

/* Below this many entries looking at each is faster than an index. */
enum { INDEX_FROM = 9, PATH_KEY_MAX = 80 };

struct node *node_new(struct arena *a, enum node_kind kind, struct mark mark) {
        struct node *n = arena_new_of(a, struct node);

        if (n)
                *n = (struct node){ .kind = kind, .mark = mark };
        return n;
}

struct node *node_scalar(struct arena *a, const char *text, unsigned flags, struct mark mark) {
        struct node *n = node_new(a, NODE_SCALAR, mark);

        if (n) {
                n->text = text;
                n->flags = flags;
        }
        return n;
}

static int make_room(struct arena *a, struct node *n, uint32_t size) {
        struct node_entry *entries = arena_array_of(a, struct node_entry, size);

        if (!entries)
                return -ENOMEM;
        if (n->n > 0)
                memcpy(entries, n->entries, n->n * sizeof(*entries));
        n->entries = entries;
        n->size = size;
        return 0;
}

int node_add(struct arena *a, struct node *n, struct node *key, struct node *value) {
        if (n->n == n->size && make_room(a, n, n->size ? n->size * 2 : 4) < 0)
                return -ENOMEM;
        n->entries[n->n++] = (struct node_entry){ key, value };
        n->sorted = NULL;
        return 0;
}

void node_remove(struct node *n, uint32_t index) {
        memmove(n->entries + index, n->entries + index + 1, (n->n - index - 1) * sizeof(*n->entries));
        n->n--;
        n->sorted = NULL;
}

struct node *node_copy(struct arena *a, const struct node *n, size_t *count) {
        struct node *copy = node_new(a, n->kind, n->mark);

        if (!copy)
                return NULL;
        copy->flags = n->flags;
        copy->text = n->text;
        if (count)
                (*count)++;
        if (n->n > 0 && make_room(a, copy, n->n) < 0)
                return NULL;
        for (uint32_t i = 0; i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                struct node *key = e->key ? node_copy(a, e->key, count) : NULL, *value = node_copy(a, e->value, count);

                if ((e->key && !key) || !value)
                        return NULL;
                copy->entries[copy->n++] = (struct node_entry){ key, value };
        }
        return copy;
}

static int compare_entries(const void *a, const void *b, void *userdata) {
        const struct node_entry *entries = userdata;
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        int r = strcmp(entries[x].key->text, entries[y].key->text);

        return r ? r : x < y ? -1 : 1;
}

static uint32_t *sorted_entries(struct arena *a, const struct node *n) {
        uint32_t *sorted = arena_array_of(a, uint32_t, n->n);

        if (!sorted)
                return NULL;
        for (uint32_t i = 0; i < n->n; i++)
                sorted[i] = i;
        qsort_r(sorted, n->n, sizeof(*sorted), compare_entries, n->entries);
        return sorted;
}

int node_dedupe(struct arena *a, struct node *n, void (*each)(void *userdata, const struct node *first, const struct node *again),
                void *userdata) {
        if (n->n < 2)
                return 0;
        uint32_t *sorted = sorted_entries(a, n), *first_of = arena_array_of(a, uint32_t, n->n), kept = 0;
        if (!sorted || !first_of)
                return -ENOMEM;
        for (uint32_t i = 0; i < n->n; i++) {
                bool again = i > 0 && strcmp(n->entries[sorted[i]].key->text, n->entries[sorted[i - 1]].key->text) == 0;

                first_of[sorted[i]] = again ? first_of[sorted[i - 1]] : sorted[i];
        }
        /* Complaints before entries move: first_of counts in the old places. */
        for (uint32_t i = 0; each && i < n->n; i++)
                if (first_of[i] != i)
                        each(userdata, n->entries[first_of[i]].key, n->entries[i].key);
        for (uint32_t i = 0; i < n->n; i++)
                if (first_of[i] == i)
                        n->entries[kept++] = n->entries[i];
        if (kept < n->n)
                n->sorted = NULL;
        else
                n->sorted = sorted;
        n->n = kept;
        return 0;
}

struct node *node_get(struct arena *a, struct node *n, const char *key) {
        if (!n || n->kind != NODE_MAPPING)
                return NULL;
        if (n->n >= INDEX_FROM && !n->sorted)
                n->sorted = sorted_entries(a, n);
        if (n->n < INDEX_FROM || !n->sorted) {
                for (uint32_t i = 0; i < n->n; i++)
                        if (strcmp(n->entries[i].key->text, key) == 0)
                                return n->entries[i].value;
                return NULL;
        }
        for (uint32_t low = 0, high = n->n; low < high;) {
                uint32_t middle = low + (high - low) / 2;
                int r = strcmp(n->entries[n->sorted[middle]].key->text, key);

                if (r == 0)
                        return n->entries[n->sorted[middle]].value;
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

bool node_is_null(const struct node *n) {
        return n->kind == NODE_SCALAR && !(n->flags & NODE_QUOTED) &&
               (!*n->text || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

bool node_is_bare(const struct node *n) {
        return n->kind == NODE_SCALAR && !(n->flags & NODE_QUOTED);
}

size_t node_count(const struct node *n) {
        size_t count = 1;

        for (uint32_t i = 0; i < n->n; i++)
                count += (n->entries[i].key ? 1u : 0u) + node_count(n->entries[i].value);
        return count;
}

size_t node_depth(const struct node *n) {
        size_t deepest = 0;

        if (n->kind == NODE_SCALAR)
                return 0;
        for (uint32_t i = 0; i < n->n; i++) {
                size_t depth = node_depth(n->entries[i].value);

                deepest = depth > deepest ? depth : deepest;
        }
        return deepest + 1;
}

const char *node_kind_words(const struct node *n) {
        switch (n->kind) {
        case NODE_MAPPING:
                return "a mapping";
        case NODE_SEQUENCE:
                return "a list";
        case NODE_SCALAR:
        case _NODE_KIND_MAX:
                break;
        }
        return node_is_null(n) ? "nothing" : "a string";
}

static void put_key(const char *key, struct buf *out) {
        char shown[PATH_KEY_MAX + 1];
        size_t len = strlen(key), end = len;

        if (len > PATH_KEY_MAX)
                for (end = PATH_KEY_MAX; end > 0 && ((unsigned char)key[end] & 0xc0) == 0x80; end--)
                        ;
        (void)snprintf(shown, sizeof(shown), "%.*s", (int)end, key);
        utf8_disarm(shown);
        buf_puts(out, shown);
        if (end < len)
                buf_puts(out, "...");
}

void path_put(const struct path *path, struct buf *out) {
        if (!path)
                return;
        path_put(path->up, out);
        if (path->key) {
                if (out->len > 0)
                        buf_putc(out, '.');
                put_key(path->key, out);
        } else
                buf_printf(out, "[%zu]", path->index);
}

struct mark_walk {
        int (*visit)(void *userdata, const char *path, struct mark mark);
        void *userdata;
        struct buf path;
};

static int each_mark(struct mark_walk *w, const struct node *n) {
        size_t len = w->path.len;

        for (uint32_t i = 0; i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];

                if (e->key) {
                        if (len > 0)
                                buf_putc(&w->path, '.');
                        buf_puts(&w->path, e->key->text);
                } else
                        buf_printf(&w->path, "[%u]", i);
                if (buf_failed(&w->path))
                        return -ENOMEM;
                int r = w->visit(w->userdata, buf_text(&w->path),
                                 e->key && e->value->kind != NODE_SCALAR ? e->key->mark : e->value->mark);
                if (r == 0)
                        r = each_mark(w, e->value);
                if (r != 0)
                        return r;
                w->path.len = len;
                w->path.data[len] = '\0';
        }
        return 0;
}

int node_each_mark(const struct node *n, int (*visit)(void *userdata, const char *path, struct mark mark), void *userdata) {
        struct mark_walk w = { .visit = visit, .userdata = userdata };
        int r = each_mark(&w, n);

        buf_done(&w.path);
        return r;
}
