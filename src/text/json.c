#include <ctrsup/text/json.h>

#include <ctrsup/base/buf.h>
#include <ctrsup/base/num.h>
#include <ctrsup/text/yaml.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct reader {
        struct arena *arena;
        struct diag_list *diags;
        const json_t *marks;
        struct buf path;
        size_t nodes;
};

/* "3,33,3,42"; an array of the four in documents of before, which cost five times as much to read. */
static struct mark mark_at(const struct reader *r) {
        const json_t *m = r->marks ? json_object_get(r->marks, buf_text(&r->path)) : NULL;
        const char *text = json_string_value(m);
        uint32_t n[4] = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(n); i++) {
                json_int_t value = json_integer_value(json_array_get(m, i));

                if (text && *text >= '0' && *text <= '9') {
                        char *end;

                        value = strtoll(text, &end, 10);
                        text = *end == ',' ? end + 1 : "";
                }
                n[i] = value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
        }
        return (struct mark){ n[0], n[1], n[2], n[3] };
}

static int refuse(struct reader *r, const char *words) {
        diag_add(r->diags, DIAG_YAML_UNSAFE, mark_at(r), buf_text(&r->path), "%s", words);
        return -EBADMSG;
}

/* A number as a stack file would have it: integers, and decimals of up to three places. */
static char *number_text(struct arena *a, const json_t *value) {
        char text[NUM_TEXT_MAX];
        double real = json_number_value(value);

        if (json_is_integer(value))
                return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (real >= 0 && real < 1e15 && fabs(real * 1000 - rint(real * 1000)) < 1e-3)
                return arena_strdup(a, num_format_milli(text, (uint64_t)llrint(real * 1000)));
        return arena_printf(a, "%.17g", real);
}

static struct node *scalar(struct reader *r, const json_t *value, struct mark mark) {
        const char *text = json_is_true(value)     ? "true"
                           : json_is_false(value)  ? "false"
                           : json_is_null(value)   ? ""
                           : json_is_number(value) ? number_text(r->arena, value)
                                                   : arena_strdup(r->arena, json_string_value(value));

        return text ? node_scalar(r->arena, text, json_is_string(value) ? NODE_QUOTED : 0, mark) : NULL;
}

static int read_value(struct reader *r, const json_t *value, unsigned depth, struct node **ret);

/* One entry of n, with ".key" or "[index]" behind the path while it is read. */
static int read_entry(struct reader *r, struct node *n, const char *key, const json_t *value, unsigned depth) {
        size_t len = r->path.len;
        struct node *k = NULL, *v;

        if (key)
                buf_printf(&r->path, "%s%s", len ? "." : "", key);
        else
                buf_printf(&r->path, "[%u]", n->n);
        if (buf_failed(&r->path))
                return -ENOMEM;
        if (key) {
                char *text = arena_strdup(r->arena, key);

                r->nodes++;
                k = text ? node_scalar(r->arena, text, NODE_QUOTED, mark_at(r)) : NULL;
                if (!k)
                        return -ENOMEM;
        }
        int e = read_value(r, value, depth + 1, &v);
        if (e == 0)
                e = node_add(r->arena, n, k, v);
        r->path.len = len;
        r->path.data[len] = '\0';
        return e;
}

static int read_value(struct reader *r, const json_t *value, unsigned depth, struct node **ret) {
        struct mark mark = mark_at(r);
        int e = 0;

        if (++r->nodes > YAML_MAX_NODES)
                return refuse(r, "more than 100000 values");
        if (!json_is_object(value) && !json_is_array(value)) {
                *ret = scalar(r, value, mark);
                return *ret ? 0 : -ENOMEM;
        }
        if (depth >= YAML_MAX_DEPTH)
                return refuse(r, "nested deeper than 32 levels");
        struct node *n = node_new(r->arena, json_is_object(value) ? NODE_MAPPING : NODE_SEQUENCE, mark);
        if (!n)
                return -ENOMEM;
        if (json_is_object(value)) {
                const char *key;
                json_t *item;

                json_object_foreach((json_t *)value, key, item) if (e == 0) e = read_entry(r, n, key, item, depth);
        } else
                for (size_t i = 0; e == 0 && i < json_array_size(value); i++)
                        e = read_entry(r, n, NULL, json_array_get(value, i), depth);
        *ret = n;
        return e;
}

int json_to_nodes(const json_t *value, const json_t *marks, struct arena *a, struct diag_list *diags, struct node **ret) {
        struct reader r = { .arena = a, .diags = diags, .marks = json_is_object(marks) ? marks : NULL };
        struct node *root;
        int e = read_value(&r, value, 0, &root);

        buf_done(&r.path);
        if (e == 0)
                *ret = root;
        return e;
}

static json_t *scalar_json(const struct node *n) {
        uint64_t u;
        int64_t i;

        if (node_is_null(n))
                return json_null();
        if (!(n->flags & NODE_LITERAL))
                return json_string(n->text);
        if (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)
                return json_boolean(n->text[0] == 't');
        if (num_parse_i64(n->text, &i) == 0)
                return json_integer(i);
        if (num_parse_milli(n->text, &u) == 0)
                return json_real((double)u / 1000);
        return json_string(n->text);
}

json_t *json_from_nodes(const struct node *n) {
        json_t *json = n->kind == NODE_MAPPING ? json_object() : n->kind == NODE_SEQUENCE ? json_array() : scalar_json(n);

        for (uint32_t i = 0; json && i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                json_t *value = json_from_nodes(e->value); /* the setters below take NULL as a failure */
                int r = e->key ? json_object_set_new(json, e->key->text, value) : json_array_append_new(json, value);

                if (r < 0) {
                        json_decref(json);
                        return NULL;
                }
        }
        return json;
}

static int add_mark(void *userdata, const char *path, struct mark m) {
        char place[4 * NUM_TEXT_MAX];

        if (m.line == 0)
                return 0;
        (void)snprintf(place, sizeof(place), "%" PRIu32 ",%" PRIu32 ",%" PRIu32 ",%" PRIu32, m.line, m.column, m.end_line, m.end_column);
        return json_object_set_new(userdata, path, json_string(place)) < 0 ? -ENOMEM : 0;
}

json_t *json_marks(const struct node *n) {
        json_t *marks = json_object();

        if (marks && node_each_mark(n, add_mark, marks) < 0) {
                json_decref(marks);
                return NULL;
        }
        return marks;
}
