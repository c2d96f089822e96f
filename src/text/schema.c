#include <ctrsup/text/schema.h>

#include <ctrsup/base/enumtab.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>

#include "utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const char *const change_names[] = {
        [CHANGE_META] = "meta", [CHANGE_LIVE] = "live", [CHANGE_REPLACE] = "replace", [CHANGE_IMMUTABLE] = "immutable"
};
static_assert(ARRAY_SIZE(change_names) == _CHANGE_MAX, "every class has a name");

const char *change_class_name(enum change_class c) {
        return enumtab_name(change_names, ARRAY_SIZE(change_names), (int)c);
}

const struct field *table_find(const struct table *t, const char *key) {
        for (size_t i = 0; i < t->n_fields; i++)
                if (strcmp(t->fields[i].key, key) == 0)
                        return &t->fields[i];
        return NULL;
}

void walk_oom(struct walk *w) {
        w->diags->failed = true;
}

const char *walk_keep(struct walk *w, const char *text) {
        const char *copy = arena_strdup(w->arena, text);

        if (!copy)
                walk_oom(w);
        return copy ? copy : "";
}

void *walk_alloc(struct walk *w, size_t count, size_t size) {
        void *p = arena_calloc(w->arena, count, size);

        if (!p)
                walk_oom(w);
        return p;
}

const char *walk_quote(struct walk *w, const char *text) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        render_quoted(text, &out);
        const char *copy = arena_strdup(w->diags->arena, buf_text(&out));
        if (!copy)
                walk_oom(w);
        return copy ? copy : "";
}

static bool given_before(const struct diag_list *diags, enum diag_id id, struct mark mark, const char *words) {
        for (size_t i = 0; mark.line > 0 && i < diags->n; i++) {
                const struct diag *d = &diags->items[i];

                if (d->id == id && d->mark.line == mark.line && d->mark.column == mark.column && strcmp(d->message, words) == 0)
                        return true;
        }
        return false;
}

static struct diag *complain(struct walk *w, enum diag_id id, struct mark mark, const char *below, const char *format, va_list ap)
        _printf_(5, 0);

static struct diag *complain(struct walk *w, enum diag_id id, struct mark mark, const char *below, const char *format,
                             va_list ap) {
        _cleanup_buf_ struct buf where = BUF_NULL;
        char words[1024];

        if (w->diags->errors >= DIAG_MAX) {
                w->diags->errors++; /* only counted: a hostile file can have a hundred thousand */
                return NULL;
        }
        (void)vsnprintf(words, sizeof(words), format, ap);
        utf8_disarm(words);
        if (given_before(w->diags, id, mark, words))
                return NULL;
        path_put(w->path, &where);
        if (below)
                buf_printf(&where, "%s%s", where.len ? "." : "", below);
        return diag_add(w->diags, id, mark, buf_text(&where), "%s", words);
}

struct diag *walk_complain(struct walk *w, enum diag_id id, struct mark mark, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        struct diag *d = complain(w, id, mark, NULL, format, ap);
        va_end(ap);
        return d;
}

struct diag *walk_complain_at(struct walk *w, enum diag_id id, struct mark mark, const char *below, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        struct diag *d = complain(w, id, mark, below, format, ap);
        va_end(ap);
        return d;
}

void walk_hint(struct walk *w, struct diag *d, const char *format, ...) {
        char words[1024];
        va_list ap;

        if (!d)
                return;
        va_start(ap, format);
        (void)vsnprintf(words, sizeof(words), format, ap);
        va_end(ap);
        utf8_disarm(words);
        if (d->hint)
                diag_hint(w->diags, d, "%s; %s", d->hint, words);
        else
                diag_hint(w->diags, d, "%s", words);
}

void walk_warn(struct walk *w, enum diag_id id, struct mark mark, const char *words, const char *hint) {
        _cleanup_buf_ struct buf where = BUF_NULL;

        if (given_before(w->diags, id, mark, words))
                return;
        path_put(w->path, &where);
        walk_hint(w, diag_warn(w->diags, id, mark, buf_text(&where), "%s", words), "%s", hint);
}

void walk_hint_buf(struct walk *w, struct diag *d, const struct buf *hint) {
        if (hint->len > 0)
                walk_hint(w, d, "%s", buf_text(hint));
}

static bool is_ignored(const char *key) {
        return strncmp(key, "x-", 2) == 0;
}

void schema_strip(const struct table *t, struct node *n) {
        if (n->kind != NODE_MAPPING)
                return;
        for (uint32_t i = n->n; i-- > 0;) {
                const struct node_entry *e = &n->entries[i];
                const struct field *f = table_find(t, e->key->text);

                if (is_ignored(e->key->text))
                        node_remove(n, i);
                else if (f && f->sub && f->type == &type_group)
                        schema_strip(f->sub, e->value);
                else if (f && f->sub)
                        for (uint32_t k = 0; k < e->value->n; k++)
                                schema_strip(f->sub, e->value->entries[k].value);
        }
}

void schema_fill_defaults(struct walk *w, const struct table *t, void *at) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                void *to = (char *)at + f->at;

                if (f->flags & (FIELD_LATER | FIELD_CLIENT))
                        continue;
                if (f->type == &type_group)
                        schema_fill_defaults(w, f->sub, to);
                else if (f->flags & FIELD_DEFAULT_INFINITE)
                        *(uint64_t *)to = UINT64_MAX;
                else if (f->preset)
                        f->type->read(w, f, &(struct node){ .kind = NODE_SCALAR, .text = f->preset }, to);
        }
}

static void complain_unknown(struct walk *w, const struct table *t, const struct node_entry *e) {
        struct suggest s = suggest_begin(e->key->text);
        _cleanup_buf_ struct buf hint = BUF_NULL;
        struct diag *d = walk_complain(w, DIAG_UNKNOWN_KEY, e->key->mark, "unknown key");

        if (!d)
                return;
        for (size_t i = 0; i < t->n_fields; i++)
                suggest_offer(&s, t->fields[i].key);
        if (w->foreign_key)
                w->foreign_key(w->path, e, &hint);
        if (hint.len == 0 && s.best)
                buf_printf(&hint, "did you mean \"%s\"?", s.best);
        walk_hint_buf(w, d, &hint);
}

static void read_field(struct walk *w, const struct table *t, const struct node_entry *e, void *at) {
        const struct field *f = table_find(t, e->key->text);

        if (!f)
                complain_unknown(w, t, e);
        else if (f->flags & FIELD_LATER)
                walk_complain(w, DIAG_UNSUPPORTED, e->key->mark, "not supported yet");
        else if (f->flags & FIELD_CLIENT) {
                /* In `defaults` it is checked where it is used, below the containers. */
                if (!w->partial)
                        walk_complain(w, DIAG_BAD_FORMAT, e->key->mark, "has to be resolved before a stack is sent");
        } else {
                w->key = e->key;
                f->type->read(w, f, e->value, (char *)at + f->at);
        }
}

static void complain_missing(struct walk *w, const struct table *t, const struct node_entry *entry) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];

                if (!(f->flags & FIELD_REQUIRED) || (w->partial && (f->flags & FIELD_INHERITABLE)))
                        continue;
                if (node_get(w->nodes, entry->value, f->key))
                        continue;
                struct diag *d = walk_complain(w, DIAG_MISSING_KEY, entry->key ? entry->key->mark : entry->value->mark,
                                               "missing key \"%s\"", f->key);
                if (f->example)
                        walk_hint(w, d, "write %s: %s", f->key, f->example);
        }
}

/* The entries of one mapping; the defaults are in place. */
static void read_mapping(struct walk *w, const struct table *t, const struct node_entry *entry, void *at) {
        struct node *n = entry->value;

        if (n->kind != NODE_MAPPING && !node_is_null(n)) {
                _cleanup_buf_ struct buf hint = BUF_NULL;

                if (t->short_form)
                        t->short_form(n, &hint);
                struct diag *d =
                        hint.len > 0 && n->kind == NODE_SCALAR
                                ? walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found the %s %s",
                                                t->short_form_name ? t->short_form_name : "short form", walk_quote(w, n->text))
                                : walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n));
                walk_hint_buf(w, d, &hint);
                return;
        }
        for (uint32_t i = 0; i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                struct path here = { .up = w->path, .key = e->key->text };

                if (is_ignored(e->key->text))
                        continue;
                w->path = &here;
                read_field(w, t, e, at);
                w->path = here.up;
        }
        complain_missing(w, t, entry);
        if (t->finish)
                t->finish(w, entry, at);
}

/* Over the defaults. */
static void read_over(struct walk *w, const struct table *t, const struct node_entry *entry, void *at) {
        if (t->key_at > 0 && entry->key)
                *(const char **)(void *)((char *)at + t->key_at - 1) = walk_keep(w, entry->key->text);
        read_mapping(w, t, entry, at);
}

void schema_read(struct walk *w, const struct table *t, const struct node_entry *entry, void *at) {
        schema_fill_defaults(w, t, at);
        read_over(w, t, entry, at);
}

static void read_group(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (n->kind != NODE_MAPPING && !node_is_null(n)) {
                struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n));

                if (f->example)
                        walk_hint(w, d, "write %s: %s", f->key, f->example);
                return;
        }
        read_mapping(w, f->sub, &(struct node_entry){ (struct node *)w->key, n }, at);
}

/* Each entry of n through sub, in order. */
static void read_items(struct walk *w, const struct field *f, struct node *n, void *at) {
        char *items = walk_alloc(w, n->n, f->sub->size);

        if (!items)
                return;
        for (uint32_t i = 0; i < n->n; i++) {
                struct node_entry *e = &n->entries[i];
                struct path here = { .up = w->path, .key = e->key ? e->key->text : NULL, .index = i };
                char *item = items + i * f->sub->size, *last = items + (n->n - 1) * f->sub->size;

                /* The defaults are the same for all: made once, in the last. */
                if (i == 0)
                        schema_fill_defaults(w, f->sub, last);
                if (item != last)
                        memcpy(item, last, f->sub->size);
                w->path = &here;
                read_over(w, f->sub, e, item);
                w->path = here.up;
        }
        *(void **)at = items;
        *field_count(f, at) = n->n;
}

static void read_list(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (n->kind != NODE_SEQUENCE) {
                struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a list, found %s", node_kind_words(n));

                if (f->example)
                        walk_hint(w, d, "write %s: %s", f->key, f->example);
                return;
        }
        if (f->min > 0 && n->n < (uint64_t)f->min)
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "expected at least one item, found none");
        if (f->max > 0 && n->n > (uint64_t)f->max) {
                walk_complain(w, DIAG_TOO_MANY, n->mark, "%u items, more than the %lld allowed", n->n, (long long)f->max);
                return;
        }
        if (n->n > 0)
                read_items(w, f, n, at);
}

static void read_map(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (n->kind != NODE_MAPPING && !node_is_null(n)) {
                struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n));

                if (f->example)
                        walk_hint(w, d, "write %s: %s", f->key, f->example);
                return;
        }
        if (f->min > 0 && n->n < (uint64_t)f->min)
                walk_complain(w, DIAG_MISSING_KEY, n->mark, "expected at least one %s, found none", f->sub->noun);
        if (f->max > 0 && n->n > (uint64_t)f->max) {
                walk_complain(w, DIAG_TOO_MANY, n->mark, "%u entries, more than the %lld allowed", n->n, (long long)f->max);
                return;
        }
        if (n->n > 0)
                read_items(w, f, n, at);
}

/* Nothing, or the default, as put() writes it; a file mode stands in quotes there. */
static bool is_preset(const struct field *f, const char *text) {
        bool quoted = f->type == &type_mode;
        size_t len = f->preset ? strlen(f->preset) : 0;

        if (!*text || (strcmp(text, "{}") == 0 && !(f->flags & FIELD_EMPTY)) || strcmp(text, "[]") == 0)
                return true;
        return f->preset && strlen(text) == len + (quoted ? 2 : 0) && strncmp(text + quoted, f->preset, len) == 0;
}

static void put_fields(const struct table *t, const void *at, struct buf *out) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                const void *from = (const char *)at + f->at;
                _cleanup_buf_ struct buf value = BUF_NULL;

                if (f->flags & (FIELD_LATER | FIELD_CLIENT))
                        continue;
                if (f->type == &type_group) {
                        _cleanup_buf_ struct buf inner = BUF_NULL;

                        put_fields(f->sub, from, &inner);
                        if (inner.len > 0)
                                buf_printf(&value, "{%s}", buf_text(&inner));
                } else
                        f->type->put(f, from, &value);
                if (is_preset(f, buf_text(&value)))
                        continue;
                buf_printf(out, "%s%s: %s", out->len ? ", " : "", f->key, buf_text(&value));
        }
}

void schema_put(const struct table *t, const void *at, struct buf *out) {
        _cleanup_buf_ struct buf inner = BUF_NULL;

        put_fields(t, at, &inner);
        buf_printf(out, "{%s}", buf_text(&inner));
}

static void put_group(const struct field *f, const void *at, struct buf *out) {
        schema_put(f->sub, at, out);
}

static void put_items(const struct field *f, const void *at, struct buf *out) {
        const char *items = *(const char *const *)at;
        bool map = f->type == &type_map;

        buf_putc(out, map ? '{' : '[');
        for (size_t i = 0; i < field_count_get(f, at); i++) {
                const char *item = items + i * f->sub->size;
                _cleanup_buf_ struct buf inner = BUF_NULL;

                put_fields(f->sub, item, &inner);
                if (i > 0)
                        buf_puts(out, ", ");
                if (map)
                        buf_printf(out, "%s: ", *(const char *const *)(const void *)(item + f->sub->key_at - 1));
                buf_printf(out, "{%s}", buf_text(&inner));
        }
        buf_putc(out, map ? '}' : ']');
}

const struct type type_group = { .name = "mapping", .read = read_group, .put = put_group };
const struct type type_list = { .name = "list of mappings", .read = read_list, .put = put_items };
const struct type type_map = { .name = "map of mappings", .read = read_map, .put = put_items };
