#include <ctrsup/spec/explain.h>

#include <ctrsup/text/suggest.h>

#include "describe.h"

#include <string.h>

enum { TREE_COLUMN = 34, TYPE_COLUMN = 24 };

/* ---- finding a key ---- */

struct found {
        const struct field *field;
        char path[256]; /* as the reference writes it: containers.<name>.limits.memory */
};

static void extend(char path[256], const char *more) {
        size_t len = strlen(path);

        (void)snprintf(path + len, 256 - len, "%s", more);
}

/* Follows key through t: dots between, list items as [] or [0] or not at all, names of a map as anything. */
static bool follow(const struct table *t, const char *key, struct found *ret) {
        for (;;) {
                size_t len = strcspn(key, ".[");
                char word[64];

                if (len == 0 || len >= sizeof(word))
                        return false;
                memcpy(word, key, len);
                word[len] = '\0';
                const struct field *f = table_find(t, word);
                if (!f)
                        return false;
                extend(ret->path, *ret->path ? "." : "");
                extend(ret->path, word);
                ret->field = f;
                key += len;
                if (*key == '[') {
                        if (f->type != &type_list)
                                return false;
                        key += strcspn(key, "]") + (strchr(key, ']') != NULL);
                }
                if (*key == '.' && f->type == &type_map) {
                        key++;
                        key += strcspn(key, ".");
                }
                if (!*key)
                        return true;
                if (*key++ != '.' || !f->sub)
                        return false;
                extend(ret->path, describe_step(f));
                t = f->sub;
        }
}

/* Calls visit for every key, parents first. */
static void each_key(const struct table *t, const char *prefix,
                     void (*visit)(void *userdata, const char *path, const struct field *f), void *userdata) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                char path[256] = "";

                extend(path, prefix);
                extend(path, *prefix ? "." : "");
                extend(path, f->key);
                visit(userdata, path, f);
                if (describe_descends(f)) {
                        extend(path, describe_step(f));
                        each_key(f->sub, path, visit, userdata);
                }
        }
}

struct lookup {
        const char *word;
        struct found found;
        size_t n;
        struct buf all; /* the paths of those found */
        struct suggest nearest;
        char nearest_path[256];
};

static void look(void *userdata, const char *path, const struct field *f) {
        struct lookup *l = userdata;

        const char *best = l->nearest.best;
        suggest_offer(&l->nearest, f->key);
        if (l->nearest.best != best)
                (void)snprintf(l->nearest_path, sizeof(l->nearest_path), "%s", path);
        if (strcmp(f->key, l->word) != 0)
                return;
        l->found.field = f;
        (void)snprintf(l->found.path, sizeof(l->found.path), "%s", path);
        if (l->n < 8)
                buf_printf(&l->all, "%s%s", l->n ? ", " : "", path);
        l->n++;
}

static int find_key(const char *key, struct found *ret, struct err *err) {
        const char *last = strrchr(key, '.') ? strrchr(key, '.') + 1 : key;
        struct lookup l = { .word = last, .nearest = suggest_begin(last) };

        *ret = (struct found){ 0 };
        if (follow(&stack_table, key, ret))
                return 0;
        *ret = (struct found){ .path = "containers.<name>" };
        if (follow(&container_table, key, ret))
                return 0;
        each_key(&stack_table, "", look, &l);
        if (l.n == 1 && last == key) {
                *ret = l.found;
                buf_done(&l.all);
                return 0;
        }
        err_set(err, ENOENT, l.n > 1 && last == key ? "%s is the name of several keys" : "no key %s", key);
        if (l.n > 0)
                err_hint(err, "did you mean %s?", buf_text(&l.all));
        else if (spec_foreign_word(key))
                err_hint(err, "%s", spec_foreign_word(key));
        else if (l.nearest.best)
                err_hint(err, "did you mean %s?", l.nearest_path);
        else
                err_hint(err, "ctrsup explain alone lists them all");
        buf_done(&l.all);
        return -ENOENT;
}

/* ---- one key ---- */

static void put_line(const char *label, const char *text, struct buf *out) {
        if (*text)
                buf_printf(out, "    %-9s %s\n", label, text);
}

static void put_keys(const struct table *t, struct buf *out) {
        buf_puts(out, "\nKeys:\n");
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                _cleanup_buf_ struct buf preset = BUF_NULL;

                describe_preset(f, &preset);
                buf_printf(out, "    %-18s %s%s", f->key, f->flags & FIELD_LATER ? "(not supported yet) " : "", f->doc);
                if (preset.len > 0)
                        buf_printf(out, f->flags & FIELD_REQUIRED ? " (%s)" : " (default: %s)", buf_text(&preset));
                buf_putc(out, '\n');
                if (buf_failed(&preset))
                        out->failed = true;
        }
}

int explain_key(const char *key, struct buf *out, struct err *err) {
        _cleanup_buf_ struct buf type = BUF_NULL, preset = BUF_NULL, allowed = BUF_NULL;
        struct found found;
        int r = find_key(key, &found, err);

        if (r < 0)
                return r;
        const struct field *f = found.field;
        describe_type(f, &type);
        describe_preset(f, &preset);
        describe_allowed(f, &allowed);
        buf_printf(out, "%s\n    %s\n\n", found.path, f->doc);
        put_line("type:", buf_text(&type), out);
        put_line("default:", buf_text(&preset), out);
        put_line("allowed:", buf_text(&allowed), out);
        put_line("change:", describe_change(f->change), out);
        if (f->example)
                buf_printf(out, "    %-9s %s: %s\n", "example:", f->key, f->example);
        if (f->flags & FIELD_LATER)
                put_line("note:", "not supported yet", out);
        if (describe_descends(f))
                put_keys(f->sub, out);
        else if (f->sub)
                buf_puts(out, "\nKeys: those of a container, see ctrsup explain containers\n");
        return buf_failed(out) ? err_oom(err) : 0;
}

/* ---- the tree ---- */

static void put_tree(const struct table *t, int indent, struct buf *out) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                _cleanup_buf_ struct buf preset = BUF_NULL;

                describe_preset(f, &preset);
                const char *last = f->flags & FIELD_LATER ? "(not supported yet)" : buf_text(&preset);
                buf_printf(out, "%*s%-*s ", indent, "", TREE_COLUMN - indent, f->key);
                if (*last)
                        buf_printf(out, "%-*s %s\n", TYPE_COLUMN, f->type->name, last);
                else
                        buf_printf(out, "%s\n", f->type->name);
                if (!describe_descends(f))
                        continue;
                if (f->type == &type_map)
                        buf_printf(out, "%*s<name>\n", indent + 2, "");
                put_tree(f->sub, indent + (f->type == &type_map ? 4 : 2), out);
        }
}

void explain_tree(struct buf *out) {
        buf_printf(out, "%-*s %-*s %s\n", TREE_COLUMN, "KEY", TYPE_COLUMN, "TYPE", "DEFAULT");
        put_tree(&stack_table, 0, out);
        buf_printf(out, "%-*s %-*s %s\n", TREE_COLUMN, "x-*", TYPE_COLUMN, "anything", "ignored, in every mapping above");
}
