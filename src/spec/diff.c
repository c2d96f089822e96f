#include <ctrsup/spec/diff.h>

#include "tables.h"

#include <string.h>

struct diff {
        struct arena *arena;
        struct spec_changes found;
        size_t size;
        bool failed;
};

/* Where the comparison is; written out only for what differs. */
struct place {
        const struct place *up; /* NULL: the outermost */
        const char *key;        /* NULL: the item at index of a list */
        size_t index;
};

static void put_place(const struct place *p, struct buf *out) {
        if (p->up)
                put_place(p->up, out);
        if (!p->key)
                buf_printf(out, "[%zu]", p->index);
        else
                buf_printf(out, "%s%s", p->up ? "." : "", p->key);
}

static void diff_tables(struct diff *d, const struct table *t, const struct place *up, const void *old, const void *new);

static const char *keep(struct diff *d, const char *text) {
        const char *copy = arena_strdup(d->arena, text);

        d->failed = d->failed || !copy;
        return copy;
}

/* Either text may be NULL: not there. */
static void add(struct diff *d, const struct field *f, const struct place *at, const char *old, const char *new) {
        _cleanup_buf_ struct buf path = BUF_NULL;

        if (d->found.n == d->size) {
                size_t size = d->size ? d->size * 2 : 16;
                struct spec_change *more = arena_array_of(d->arena, struct spec_change, size);

                if (!more) {
                        d->failed = true;
                        return;
                }
                if (d->found.n > 0)
                        memcpy(more, d->found.items, d->found.n * sizeof(*more));
                d->found.items = more;
                d->size = size;
        }
        put_place(at, &path);
        d->failed = d->failed || buf_failed(&path);
        d->found.items[d->found.n++] = (struct spec_change){ .path = keep(d, buf_text(&path)),
                                                             .change = f->change,
                                                             .old_text = old ? keep(d, old) : NULL,
                                                             .new_text = new ? keep(d, new) : NULL,
                                                             .field = f };
}

static const char *text_or_null(const struct buf *b) {
        return b->len > 0 ? buf_text(b) : NULL;
}

/* Seen without writing them out. */
static bool same_at_sight(const struct field *f, const void *old, const void *new) {
        if (f->type->plain > 0)
                return memcmp(old, new, f->type->plain) == 0;
        if (f->type->put != type_put_text)
                return false;
        const char *a = *(const char *const *)old, *b = *(const char *const *)new;
        return a == b || (a && b && strcmp(a, b) == 0);
}

static void diff_values(struct diff *d, const struct field *f, const struct place *at, const void *old, const void *new) {
        _cleanup_buf_ struct buf before = BUF_NULL, after = BUF_NULL;

        if (same_at_sight(f, old, new))
                return;
        f->type->put(f, old, &before);
        f->type->put(f, new, &after);
        d->failed = d->failed || buf_failed(&before) || buf_failed(&after);
        if (strcmp(buf_text(&before), buf_text(&after)) != 0)
                add(d, f, at, text_or_null(&before), text_or_null(&after));
}

static const char *pair_value(const struct spec_pairs *pairs, const char *key, size_t guess) {
        if (guess < pairs->n && strcmp(pairs->items[guess].key, key) == 0)
                return pairs->items[guess].value; /* the usual case: nothing moved */
        for (size_t i = 0; i < pairs->n; i++)
                if (strcmp(pairs->items[i].key, key) == 0)
                        return pairs->items[i].value;
        return NULL;
}

static void diff_pairs(struct diff *d, const struct field *f, const struct place *at, const struct spec_pairs *old,
                       const struct spec_pairs *new) {
        for (size_t i = 0; i < old->n + new->n; i++) {
                bool first = i < old->n;
                const struct spec_pair *p = first ? &old->items[i] : &new->items[i - old->n];
                const char *other = pair_value(first ? new : old, p->key, first ? i : i - old->n);

                if (first ? (other && strcmp(other, p->value) == 0) : other != NULL)
                        continue;
                add(d, f, &(struct place){ .up = at, .key = p->key }, first ? p->value : NULL, first ? other : p->value);
        }
}

static const char *item_key(const struct table *t, const char *item) {
        return *(const char *const *)(const void *)(item + t->key_at - 1);
}

static const char *find_item(const struct table *t, const char *items, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(item_key(t, items + i * t->size), key) == 0)
                        return items + i * t->size;
        return NULL;
}

/* One item on each side; NULL: not there. */
static void diff_item(struct diff *d, const struct field *f, const struct place *at, const char *old, const char *new) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (old && new) {
                diff_tables(d, f->sub, at, old, new);
                return;
        }
        schema_put(f->sub, old ? old : new, &text);
        add(d, f, at, old ? buf_text(&text) : NULL, old ? NULL : buf_text(&text));
}

/* Items of a list are compared by their place, of a map by their name. */
static void diff_items(struct diff *d, const struct field *f, const struct place *at, const void *old, const void *new) {
        const char *a = *(const char *const *)old, *b = *(const char *const *)new;
        size_t n_a = field_count_get(f, old), n_b = field_count_get(f, new);

        if (f->type == &type_list) {
                for (size_t i = 0; i < n_a || i < n_b; i++)
                        diff_item(d, f, &(struct place){ .up = at, .index = i }, i < n_a ? a + i * f->sub->size : NULL,
                                  i < n_b ? b + i * f->sub->size : NULL);
                return;
        }
        for (size_t i = 0; i < n_a + n_b; i++) {
                const char *item = i < n_a ? a + i * f->sub->size : b + (i - n_a) * f->sub->size, *key = item_key(f->sub, item);
                const char *other = i < n_a ? find_item(f->sub, b, n_b, key) : find_item(f->sub, a, n_a, key);

                if (i >= n_a && other)
                        continue;
                diff_item(d, f, &(struct place){ .up = at, .key = key }, i < n_a ? item : NULL, i < n_a ? other : item);
        }
}

static bool is_pairs(const struct type *t) {
        return t == &type_pairs || t == &type_labels || t == &type_environment || t == &type_sysctls;
}

static void diff_tables(struct diff *d, const struct table *t, const struct place *up, const void *old, const void *new) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                const void *a = (const char *)old + f->at, *b = (const char *)new + f->at;
                const struct place at = { .up = up, .key = f->key };

                if ((f->flags & (FIELD_LATER | FIELD_CLIENT)) || f->sub == &container_table)
                        continue;
                if (f->type == &type_group)
                        diff_tables(d, f->sub, &at, a, b);
                else if (f->type == &type_list || f->type == &type_map)
                        diff_items(d, f, &at, a, b);
                else if (is_pairs(f->type))
                        diff_pairs(d, f, &at, a, b);
                else
                        diff_values(d, f, &at, a, b);
        }
}

static int diff_structs(struct arena *a, const struct table *t, const void *old, const void *new, struct spec_changes *ret) {
        struct diff d = { .arena = a };

        if (old != new)
                diff_tables(&d, t, NULL, old, new);
        if (d.failed)
                return -ENOMEM;
        *ret = d.found;
        return 0;
}

int spec_diff_container(struct arena *a, const struct spec_container *old, const struct spec_container *new,
                        struct spec_changes *ret) {
        return diff_structs(a, &container_table, old, new, ret);
}

int spec_diff_stack(struct arena *a, const struct spec *old, const struct spec *new, struct spec_changes *ret) {
        return diff_structs(a, &stack_table, old, new, ret);
}

enum change_class spec_changes_class(const struct spec_changes *c) {
        enum change_class strongest = CHANGE_META;

        for (size_t i = 0; i < c->n; i++)
                if (c->items[i].change > strongest)
                        strongest = c->items[i].change;
        return strongest;
}
