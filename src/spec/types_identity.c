/* Names, text, lists and maps of text: who and what a container is. */
#include "tables.h"

#include <ctrsup/base/num.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>

#include <ctype.h>
#include <string.h>

enum { ID_MAX = 65534, ARG_MAX_BYTES = 128 * 1024 };

static json_t *text_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[s,s]}", "type", "string", "integer");
}

/* ---- names ---- */

static void read_name(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a name");
        _cleanup_buf_ struct buf fixed = BUF_NULL;

        (void)f;
        if (!text)
                return;
        if (name_is_label(text)) {
                *(const char **)at = walk_keep(w, text);
                return;
        }
        struct diag *d = walk_complain(w, DIAG_BAD_NAME, n->mark, "%s is not a name: a-z, 0-9 and - inside, at most 63",
                                       walk_quote(w, text));
        name_fix(text, &fixed);
        if (fixed.len > 0)
                walk_hint(w, d, "write %s", buf_text(&fixed));
}

static json_t *name_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:s,s:s}", "type", "string", "pattern", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"));
}

const struct type type_name = {
        .name = "name", .units = "DNS label", .read = read_name, .put = type_put_text, .schema = name_schema
};

static void read_format(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_bare(w, n, "the number 1");

        (void)f;
        if (!text)
                return;
        if (strcmp(text, "1") == 0) {
                n->flags |= NODE_LITERAL;
                *(uint64_t *)at = 1;
                return;
        }
        walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a format this ctrsup knows", walk_quote(w, text)),
                  "write 1, or use a newer ctrsup");
}

static void put_format(const struct field *f, const void *at, struct buf *out) {
        (void)f;
        buf_printf(out, "%u", (unsigned)*(const uint64_t *)at);
}

static json_t *format_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:i}", "const", 1);
}

const struct type type_format = { .name = "whole number", .plain = sizeof(uint64_t), .read = read_format, .put = put_format, .schema = format_schema };

static void read_line(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "text");

        (void)f;
        if (!text)
                return;
        for (const char *p = text; *p; p++)
                if (iscntrl((unsigned char)*p)) {
                        walk_complain(w, DIAG_BAD_VALUE, n->mark,
                                      "expected one line of text, found a control character or a line break");
                        return;
                }
        *(const char **)at = walk_keep(w, text);
}

const struct type type_line = {
        .name = "text", .units = "one line", .read = read_line, .put = type_put_text, .schema = text_schema
};

static void read_tag(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a tag");

        (void)f;
        if (!text)
                return;
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p == 0x7f || p - text >= 128 || strchr("[]:", *p)) {
                        walk_complain(
                                w, DIAG_BAD_NAME, n->mark,
                                "%s is not a tag: up to 128 printable characters, no blanks, [, ] or :", walk_quote(w, text));
                        return;
                }
        if (!*text)
                walk_complain(w, DIAG_BAD_NAME, n->mark, "expected a tag, found empty text");
        else
                *(const char **)at = walk_keep(w, text);
}

const struct type type_tag = { .name = "text", .read = read_tag, .put = type_put_text, .schema = text_schema };

/* Labels with dots between; whole text at most `longest`. */
static bool is_hostname(const char *text, size_t longest) {
        size_t len = strlen(text), label = 0;

        if (len == 0 || len > longest)
                return false;
        for (size_t i = 0; i <= len; i++) {
                if (text[i] == '.' || !text[i]) {
                        if (label == 0 || label > 63 || text[i - 1] == '-' || text[i - label] == '-')
                                return false;
                        label = 0;
                } else if (isalnum((unsigned char)text[i]) || text[i] == '-')
                        label++;
                else
                        return false;
        }
        return true;
}

static void read_hostname(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a host name");
        _cleanup_buf_ struct buf fixed = BUF_NULL;

        (void)f;
        if (!text)
                return;
        /* 64: what the kernel's utsname holds. */
        if (is_hostname(text, 64)) {
                *(const char **)at = walk_keep(w, text);
                return;
        }
        struct diag *d = walk_complain(w, DIAG_BAD_NAME, n->mark,
                                       "%s is not a host name: letters, digits, - and dots, at most 64", walk_quote(w, text));
        name_fix(text, &fixed);
        if (fixed.len > 0)
                walk_hint(w, d, "write %s", buf_text(&fixed));
}

const struct type type_hostname = {
        .name = "host name", .units = "RFC 1123", .read = read_hostname, .put = type_put_text, .schema = text_schema
};

/* ---- users ---- */

/* Decimal 0 to 65534, no sign, no leading zero; a text of digits is never a name. */
static bool is_id(const char *text) {
        uint64_t id;

        return num_parse_u64(text, &id) == 0 && id <= ID_MAX;
}

static bool is_user_name(const char *text) {
        size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

        return len > 0 && len <= 32 && !text[len] && ((text[0] >= 'a' && text[0] <= 'z') || text[0] == '_');
}

/* "USER" or "USER:GROUP" with each part an id or, where names is set, a name. */
static bool is_owner(const char *text, bool names) {
        size_t len = strcspn(text, ":");
        char user[40];

        if (len >= sizeof(user))
                return false;
        memcpy(user, text, len);
        user[len] = '\0';
        const char *group = text[len] ? text + len + 1 : NULL;
        return (is_id(user) || (names && is_user_name(user))) && (!group || is_id(group) || (names && is_user_name(group)));
}

static void complain_owner(struct walk *w, const struct node *n, bool names) {
        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not %s", walk_quote(w, n->text),
                                       names ? "a user: expected uid, name, uid:gid or name:group"
                                             : "an owner: expected uid or uid:gid, as seen inside");

        walk_hint(w, d, names ? "ids are 0 to 65534 in decimal, names start with a-z or _" : "ids are 0 to 65534 in decimal");
}

static void read_owner(struct walk *w, struct node *n, bool names, void *at) {
        const char *text = walk_text(w, n, names ? "a user" : "an owner");

        if (text && is_owner(text, names))
                *(const char **)at = walk_keep(w, text);
        else if (text)
                complain_owner(w, n, names);
}

static void read_user(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        read_owner(w, n, true, at);
}

static void read_ids(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        read_owner(w, n, false, at);
}

const struct type type_user = { .name = "user", .read = read_user, .put = type_put_text, .schema = text_schema };
const struct type type_ids = { .name = "owner", .read = read_ids, .put = type_put_text, .schema = text_schema };

/* ---- lists of text ---- */

/* Checks one item; false: it complained. */
typedef bool (*check_item)(struct walk *w, const struct node *n);

static void read_strings(struct walk *w, struct node *n, const char *what, check_item check, struct spec_strings *ret) {
        struct spec_strings list = { walk_alloc(w, n->n, sizeof(const char *)), 0 };

        if (!list.items)
                return;
        for (uint32_t i = 0; i < n->n; i++) {
                struct path here = { .up = w->path, .index = i };

                w->path = &here;
                const char *text = walk_text(w, n->entries[i].value, what);
                if (text && (!check || check(w, n->entries[i].value)))
                        list.items[list.n++] = walk_keep(w, text);
                w->path = here.up;
        }
        *ret = list;
}

static void put_strings(const struct field *f, const void *at, struct buf *out) {
        const struct spec_strings *list = at;

        (void)f;
        buf_putc(out, '[');
        for (size_t i = 0; i < list->n; i++) {
                if (i > 0)
                        buf_puts(out, ", ");
                render_scalar(list->items[i], out);
        }
        buf_putc(out, ']');
}

static json_t *strings_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:{s:[s,s,s]}}", "type", "array", "items", "type", "string", "number", "boolean");
}

static bool check_argument(struct walk *w, const struct node *n) {
        if (strlen(n->text) < ARG_MAX_BYTES)
                return true;
        walk_complain(w, DIAG_TOO_LARGE, n->mark, "an argument of %zu bytes; the kernel takes less than 131072", strlen(n->text));
        return false;
}

static void put_shell(const char *text, struct buf *out) {
        _cleanup_buf_ struct buf quoted = BUF_NULL;

        render_scalar(text, &quoted);
        const char *mark = *buf_text(&quoted) == '"' ? "" : "\"";
        buf_printf(out, "[/bin/sh, -c, %s%s%s]", mark, buf_text(&quoted), mark);
}

static void read_argv(struct walk *w, const struct field *f, struct node *n, void *at) {
        _cleanup_buf_ struct buf list = BUF_NULL, shell = BUF_NULL;

        (void)f;
        if (n->kind == NODE_SEQUENCE) {
                if (n->n > 0)
                        read_strings(w, n, "text", check_argument, at);
                return;
        }
        struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a list, found %s", node_kind_words(n));
        if (n->kind != NODE_SCALAR || node_is_null(n) || strlen(n->text) > 200)
                return;
        put_shell(n->text, &shell);
        if (words_as_list(n->text, &list))
                walk_hint(w, d, "write %s; for a shell: %s", buf_text(&list), buf_text(&shell));
        else
                walk_hint(w, d, "write %s", buf_text(&shell));
}

const struct type type_argv = { .name = "list of text", .read = read_argv, .put = put_strings, .schema = strings_schema };

static bool check_group(struct walk *w, const struct node *n) {
        if (is_id(n->text) || is_user_name(n->text))
                return true;
        walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a group", walk_quote(w, n->text)),
                  "ids are 0 to 65534 in decimal, names start with a-z or _");
        return false;
}

static void read_groups(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        if (n->kind == NODE_SEQUENCE)
                read_strings(w, n, "a group", check_group, at);
        else
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a list, found %s", node_kind_words(n)),
                          "write [%s]", n->kind == NODE_SCALAR && *n->text ? n->text : "render");
}

const struct type type_groups = { .name = "list of groups", .read = read_groups, .put = put_strings, .schema = strings_schema };

/* ---- maps of text ---- */

/* [A=b, C] -> {A: b, C: ""} */
static void put_list_as_map(const struct node *n, struct buf *out) {
        buf_puts(out, "write {");
        for (uint32_t i = 0; i < n->n && i < 4; i++) {
                const char *text = n->entries[i].value->text ? n->entries[i].value->text : "";
                size_t len = strcspn(text, "=");

                buf_printf(out, "%s%.*s: ", i ? ", " : "", (int)len, text);
                render_scalar(text[len] ? text + len + 1 : "", out);
        }
        buf_puts(out, n->n > 4 ? ", ...}" : "}");
}

static void read_pairs(struct walk *w, struct node *n, bool (*check)(struct walk *w, const struct node_entry *e),
                       struct spec_pairs *ret) {
        _cleanup_buf_ struct buf hint = BUF_NULL;

        if (n->kind != NODE_MAPPING) {
                if (node_is_null(n))
                        return;
                struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n));
                if (n->kind == NODE_SEQUENCE && n->n > 0)
                        put_list_as_map(n, &hint);
                walk_hint_buf(w, d, &hint);
                return;
        }
        struct spec_pairs pairs = { walk_alloc(w, n->n, sizeof(struct spec_pair)), 0 };
        for (uint32_t i = 0; pairs.items && i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                struct path here = { .up = w->path, .key = e->key->text };

                w->path = &here;
                if (check(w, e))
                        pairs.items[pairs.n++] = (struct spec_pair){ walk_keep(w, e->key->text), walk_keep(w, e->value->text) };
                w->path = here.up;
        }
        *ret = pairs;
}

static void put_pairs(const struct field *f, const void *at, struct buf *out) {
        const struct spec_pairs *pairs = at;

        (void)f;
        buf_putc(out, '{');
        for (size_t i = 0; i < pairs->n; i++) {
                if (i > 0)
                        buf_puts(out, ", ");
                render_scalar(pairs->items[i].key, out);
                buf_puts(out, ": ");
                render_scalar(pairs->items[i].value, out);
        }
        buf_putc(out, '}');
}

static json_t *pairs_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:{s:[s,s,s]}}", "type", "object", "additionalProperties", "type", "string", "number", "boolean");
}

static bool check_value(struct walk *w, const struct node_entry *e) {
        if (e->value->kind == NODE_SCALAR && node_is_null(e->value)) {
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, e->value->mark, "%.64s has no value", e->key->text),
                          "write %.64s: \"\" or remove it", e->key->text);
                return false;
        }
        return walk_text(w, e->value, "text") != NULL;
}

static bool check_variable(struct walk *w, const struct node_entry *e) {
        const char *name = e->key->text;
        size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (len == 0 || name[len] || isdigit((unsigned char)name[0])) {
                walk_complain(w, DIAG_BAD_NAME, e->key->mark,
                              "%s is not the name of a variable: letters, digits and _, no digit first", walk_quote(w, name));
                return false;
        }
        return check_value(w, e) && check_argument(w, e->value);
}

static bool check_label(struct walk *w, const struct node_entry *e) {
        static const char reserved[] = "io.ctrsup.";

        if (strncmp(e->key->text, reserved, strlen(reserved)) == 0) {
                walk_complain(w, DIAG_RESERVED_PREFIX, e->key->mark, "labels that start with io.ctrsup. are ctrsup's own");
                return false;
        }
        if (!*e->key->text) {
                walk_complain(w, DIAG_BAD_NAME, e->key->mark, "a label needs a name");
                return false;
        }
        return check_value(w, e);
}

static void read_annotations(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        read_pairs(w, n, check_value, at);
}

static void read_labels(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        read_pairs(w, n, check_label, at);
}

static void read_environment(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        read_pairs(w, n, check_variable, at);
}

const struct type type_pairs = { .name = "map of text", .read = read_annotations, .put = put_pairs, .schema = pairs_schema };
const struct type type_labels = { .name = "map of text", .read = read_labels, .put = put_pairs, .schema = pairs_schema };
const struct type type_environment = {
        .name = "map of text", .read = read_environment, .put = put_pairs, .schema = pairs_schema
};
