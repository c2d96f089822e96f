/* The document that goes from the client to the supervisor, and what the supervisor makes of it. */
#include <ctrsup/spec/load.h>

#include <ctrsup/text/json.h>
#include <ctrsup/text/render.h>

#include "pass.h"
#include "tables.h"

#include <string.h>

struct marks {
        struct spec *spec;
        size_t size;
};

static int count_mark(void *userdata, const char *path, struct mark mark) {
        (void)path;
        ((struct marks *)userdata)->size += mark.line > 0;
        return 0;
}

static int keep_mark(void *userdata, const char *path, struct mark mark) {
        struct spec *s = ((struct marks *)userdata)->spec;

        if (mark.line == 0)
                return 0;
        s->marks[s->n_marks].path = arena_strdup(s->arena, path);
        s->marks[s->n_marks].mark = mark;
        return s->marks[s->n_marks++].path ? 0 : -ENOMEM;
}

static int compare_marks(const void *a, const void *b) {
        return strcmp(((const struct spec_mark *)a)->path, ((const struct spec_mark *)b)->path);
}

static int keep_marks(struct spec *s, const struct node *root) {
        struct marks m = { .spec = s };

        if (node_each_mark(root, count_mark, &m) < 0)
                return -ENOMEM;
        s->marks = arena_array_of(s->arena, struct spec_mark, m.size);
        if (!s->marks || node_each_mark(root, keep_mark, &m) < 0)
                return -ENOMEM;
        if (s->n_marks > 0)
                qsort(s->marks, s->n_marks, sizeof(*s->marks), compare_marks);
        return 0;
}

int spec_read(struct walk *w, const char *file, struct node *root, struct spec **ret) {
        _cleanup_arena_ struct arena *arena = arena_new();
        struct spec *s = arena ? arena_new_of(arena, struct spec) : NULL;

        if (!s)
                return -ENOMEM;
        w->arena = arena;
        schema_read(w, &stack_table, &(struct node_entry){ NULL, root }, s);
        s->file = arena_strdup(arena, file);
        s->arena = arena;
        if (w->diags->failed || !s->file)
                return -ENOMEM;
        if (diag_errors(w->diags) > 0)
                return -EBADMSG;
        if (keep_marks(s, root) < 0)
                return -ENOMEM;
        (void)take_ptr(arena);
        *ret = s;
        return 0;
}

static int escape_variables(struct arena *a, struct node *n) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        for (uint32_t i = 0; i < n->n; i++)
                if (escape_variables(a, n->entries[i].value) < 0)
                        return -ENOMEM;
        if (n->kind != NODE_SCALAR || !strstr(n->text, "${"))
                return 0;
        for (const char *p = n->text; *p; p++) {
                if (strncmp(p, "${", 2) == 0)
                        buf_putc(&out, '$');
                buf_putc(&out, *p);
        }
        n->text = buf_failed(&out) ? NULL : arena_strdup(a, buf_text(&out));
        return n->text ? 0 : -ENOMEM;
}

int stack_render(const struct stack *s, struct buf *out) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct node *copy = a ? node_copy(a, s->nodes, NULL) : NULL;

        if (!copy || escape_variables(a, copy) < 0)
                return -ENOMEM;
        render_yaml(copy, out);
        return buf_failed(out) ? -ENOMEM : 0;
}

json_t *stack_document(const struct stack *s) {
        json_t *stack = json_from_nodes(s->nodes), *marks = json_marks(s->nodes);

        return json_pack("{s:s, s:o, s:o}", "file", s->spec->file, "stack", stack, "marks", marks);
}

static int read_document(const json_t *document, bool accepted, struct diag_list *diags, struct spec **ret) {
        _cleanup_arena_ struct arena *nodes = arena_new();
        const json_t *stack = json_object_get(document, "stack"), *marks = json_object_get(document, "marks");
        const char *file = json_string_value(json_object_get(document, "file"));
        struct node *root;

        if (!nodes)
                return -ENOMEM;
        if (file) {
                const char *shown = arena_strdup(diags->arena, strcmp(file, "-") == 0 ? "<stdin>" : file);

                if (!shown)
                        return -ENOMEM;
                diags->file = shown;
        }
        if (!file || !json_is_object(stack)) {
                diag_add(diags, DIAG_BAD_FORMAT, MARK_NULL, NULL, "expected a document with \"file\" and \"stack\"");
                return -EBADMSG;
        }
        int r = json_to_nodes(stack, marks, nodes, diags, &root);
        if (r < 0)
                return r;
        struct walk w = { .nodes = nodes, .diags = diags, .accepted = accepted, .foreign_key = foreign_key, .foreign_value = foreign_value };
        return spec_read(&w, file, root, ret);
}

int spec_from_document(const json_t *document, struct diag_list *diags, struct spec **ret) {
        return read_document(document, false, diags, ret);
}

int spec_from_record(const json_t *document, struct diag_list *diags, struct spec **ret) {
        return read_document(document, true, diags, ret);
}

static json_t *diag_json(const struct diag_list *list, const struct diag *d) {
        json_t *hint = d->hint ? json_string(d->hint) : json_null();

        return json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:o}", "file", list->file, "line", (int)d->mark.line,
                         "column", (int)d->mark.column, "endLine", (int)d->mark.end_line, "endColumn", (int)d->mark.end_column,
                         "path", d->path, "id", diag_id_name(d->id), "severity", diag_severity_name(d->severity), "message",
                         d->message, "hint", hint);
}

json_t *diag_list_json(const struct diag_list *diags) {
        json_t *all = json_array();

        for (size_t i = 0; all && i < diags->n; i++)
                if (json_array_append_new(all, diag_json(diags, &diags->items[i])) < 0) {
                        json_decref(all);
                        return NULL;
                }
        return all;
}
