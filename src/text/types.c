/* The types of scalars: how each is read, what is said when it cannot be, how it is printed and described. */
#include <ctrsup/text/schema.h>

#include <ctrsup/base/enumtab.h>
#include <ctrsup/base/num.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>

#include "fix.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

const char *walk_text(struct walk *w, const struct node *n, const char *what) {
        if (n->flags & NODE_UNKNOWN)
                return NULL;
        if (n->kind == NODE_SCALAR && !node_is_null(n))
                return n->text;
        walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected %s, found %s", what, node_kind_words(n));
        return NULL;
}

const char *walk_bare(struct walk *w, const struct node *n, const char *what) {
        const char *text = walk_text(w, n, what);

        if (!text || node_is_bare(n))
                return text;
        walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected %s, found the text %s", what, walk_quote(w, text)),
                  "remove the quotes");
        return NULL;
}

json_t *schema_or_variable(json_t *schema) {
        return json_pack("{s:[o,{s:s}]}", "anyOf", schema, "$ref", "#/definitions/variable");
}

static json_t *pattern(const char *regex) {
        return schema_or_variable(json_pack("{s:s,s:s}", "type", "string", "pattern", regex));
}

/* ---- text ---- */

static void read_string(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "text");

        (void)f;
        if (text)
                *(const char **)at = walk_keep(w, text);
}

void type_put_text(const struct field *f, const void *at, struct buf *out) {
        const char *text = *(const char *const *)at;

        (void)f;
        if (text)
                render_scalar(text, out);
}

static json_t *string_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

const struct type type_string = { .name = "text", .read = read_string, .put = type_put_text, .schema = string_schema };

/* ---- true or false ---- */

static void read_bool(struct walk *w, const struct field *f, struct node *n, void *at) {
        static const char *const yes[] = { "yes", "on", "y", "1", "true" }, *const no[] = { "no", "off", "n", "0", "false" };
        const char *text = walk_text(w, n, "true or false");

        (void)f;
        if (!text)
                return;
        if (node_is_bare(n) && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
                *(bool *)at = *text == 't';
                n->flags |= NODE_LITERAL;
                return;
        }
        struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected true or false, found %s", walk_quote(w, text));
        for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
                if (strcasecmp(text, yes[i]) == 0)
                        walk_hint(w, d, "write true%s", node_is_bare(n) ? "" : ", without quotes");
                if (strcasecmp(text, no[i]) == 0)
                        walk_hint(w, d, "write false%s", node_is_bare(n) ? "" : ", without quotes");
        }
}

static void put_bool(const struct field *f, const void *at, struct buf *out) {
        (void)f;
        buf_puts(out, *(const bool *)at ? "true" : "false");
}

static json_t *bool_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:s}", "type", "boolean"));
}

const struct type type_bool = {
        .name = "boolean", .plain = sizeof(bool), .read = read_bool, .put = put_bool, .schema = bool_schema
};

/* ---- integers ---- */

static int64_t int_max(const struct field *f) {
        return f->min || f->max ? f->max : INT64_MAX;
}

static const char *int_words(const struct field *f, char words[96]) {
        if (int_max(f) == INT64_MAX)
                (void)snprintf(words, 96, f->min > 0 ? "a whole number from %" PRId64 : "a whole number", f->min);
        else
                (void)snprintf(words, 96, "a whole number from %" PRId64 " to %" PRId64, f->min, int_max(f));
        if (f->flags & FIELD_MAX)
                strcat(words, " or max");
        if (f->flags & FIELD_INFINITE)
                strcat(words, " or infinity");
        return words;
}

/* "max" and "infinity" where they are allowed. */
static bool read_limitless(const struct field *f, const char *text, void *at) {
        if (!((f->flags & FIELD_MAX) && strcmp(text, "max") == 0) &&
            !((f->flags & FIELD_INFINITE) && strcmp(text, "infinity") == 0))
                return false;
        *(uint64_t *)at = UINT64_MAX;
        return true;
}

/* What else people write for "no limit". */
static void hint_limitless(struct walk *w, const struct field *f, const char *text, struct diag *d) {
        static const char *const others[] = { "-1", "max", "unlimited", "infinity", "inf", "none" };

        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (strcasecmp(text, others[i]) == 0) {
                        if (f->flags & (FIELD_MAX | FIELD_INFINITE))
                                walk_hint(w, d, "write %s for no limit", f->flags & FIELD_MAX ? "max" : "infinity");
                        else if (i > 0)
                                walk_hint(w, d, "this one needs a limit");
                }
}

static void read_int(struct walk *w, const struct field *f, struct node *n, void *at) {
        char words[96];
        const char *text = n->kind == NODE_SCALAR && read_limitless(f, n->text, at) ? NULL : walk_bare(w, n, int_words(f, words));
        int64_t value;

        if (!text)
                return;
        int r = num_parse_i64(text, &value);
        if (r == -EINVAL) {
                struct diag *d = walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected %s, found %s", words, walk_quote(w, text));

                hint_limitless(w, f, text, d);
                if (w->foreign_value) {
                        _cleanup_buf_ struct buf hint = BUF_NULL;

                        w->foreign_value(f, text, &hint);
                        walk_hint_buf(w, d, &hint);
                }
                return;
        }
        if (r < 0 || value < f->min || value > int_max(f)) {
                struct diag *d = walk_complain(w, DIAG_OUT_OF_RANGE, n->mark, "%.40s is out of range, expected %s", text, words);

                hint_limitless(w, f, text, d);
                return;
        }
        n->flags |= NODE_LITERAL;
        *(int64_t *)at = value;
}

static void put_int(const struct field *f, const void *at, struct buf *out) {
        if (*(const uint64_t *)at == UINT64_MAX && (f->flags & (FIELD_MAX | FIELD_INFINITE)))
                buf_puts(out, f->flags & FIELD_MAX ? "max" : "infinity");
        else
                buf_printf(out, "%" PRId64, *(const int64_t *)at);
}

static json_t *int_schema(const struct field *f) {
        json_t *schema = json_pack("{s:s,s:I}", "type", "integer", "minimum", (json_int_t)f->min);

        if (schema && int_max(f) != INT64_MAX)
                json_object_set_new(schema, "maximum", json_integer(f->max));
        if (!(f->flags & (FIELD_MAX | FIELD_INFINITE)))
                return schema_or_variable(schema);
        return json_pack("{s:[o,{s:s},{s:s}]}", "anyOf", schema, "const", f->flags & FIELD_MAX ? "max" : "infinity", "$ref",
                         "#/definitions/variable");
}

const struct type type_int = {
        .name = "whole number", .plain = sizeof(int64_t), .read = read_int, .put = put_int, .schema = int_schema
};

/* ---- sizes ---- */

static bool size_in_range(struct walk *w, const struct field *f, const struct node *n, uint64_t value) {
        char text[NUM_TEXT_MAX];

        if (f->min > 0 && value < (uint64_t)f->min) {
                walk_complain(w, DIAG_TOO_SMALL, n->mark, "%s is too small, the least is %s", n->text,
                              num_format_size(text, (uint64_t)f->min));
                return false;
        }
        if (value > (f->max > 0 ? (uint64_t)f->max : (uint64_t)INT64_MAX)) {
                walk_complain(w, DIAG_OUT_OF_RANGE, n->mark, "%s is too large, the most is %s", n->text,
                              num_format_size(text, f->max > 0 ? (uint64_t)f->max : (uint64_t)INT64_MAX));
                return false;
        }
        return true;
}

static void read_size(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, f->flags & FIELD_MAX ? "a size or max" : "a size");
        char fixed[NUM_TEXT_MAX];
        uint64_t value;

        if (!text || read_limitless(f, text, at))
                return;
        int r = num_parse_size(text, &value);
        if (r == 0) {
                if (size_in_range(w, f, n, value))
                        *(uint64_t *)at = value;
                return;
        }
        if (r == -ERANGE) {
                walk_complain(w, DIAG_OUT_OF_RANGE, n->mark, "%.40s is more than any machine has", text);
                return;
        }
        struct diag *d = walk_complain(w, DIAG_BAD_SIZE, n->mark, "%s is not a size", walk_quote(w, text));
        hint_limitless(w, f, text, d);
        if (d && d->hint)
                return;
        walk_hint(w, d, "write %s (K, M, G, T; 1M = 1048576 bytes)",
                  fix_size(fixed, text) ? fixed : "a number and a unit, such as 512M");
}

static void put_size(const struct field *f, const void *at, struct buf *out) {
        char text[NUM_TEXT_MAX];

        if (*(const uint64_t *)at == SIZE_INFINITY && !(f->flags & FIELD_MAX))
                return;
        buf_puts(out, num_format_size(text, *(const uint64_t *)at));
}

static json_t *size_schema(const struct field *f) {
        json_t *number = json_pack("{s:s,s:i}", "type", "integer", "minimum", 0);
        json_t *text = json_pack("{s:s,s:s}", "type", "string", "pattern",
                                 f->flags & FIELD_MAX ? "^((0|[1-9][0-9]*)[KMGTP]?|max)$" : "^(0|[1-9][0-9]*)[KMGTP]?$");

        return json_pack("{s:[o,o,{s:s}]}", "anyOf", number, text, "$ref", "#/definitions/variable");
}

const struct type type_size = { .name = "size",
                                .units = "bytes, or K M G T P (1024-based)",
                                .plain = sizeof(uint64_t),
                                .read = read_size,
                                .put = put_size,
                                .schema = size_schema };

/* ---- durations ---- */

static bool all_digits(const char *text) {
        return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool duration_in_range(struct walk *w, const struct field *f, const struct node *n, uint64_t value) {
        uint64_t max = f->max > 0 ? (uint64_t)f->max : (uint64_t)INT64_MAX;
        char low[NUM_TEXT_MAX], high[NUM_TEXT_MAX];

        if (value >= (uint64_t)(f->min > 0 ? f->min : 0) && value <= max)
                return true;
        if (f->max > 0)
                walk_complain(w, DIAG_OUT_OF_RANGE, n->mark, "%s is out of range, expected %s to %s", n->text,
                              num_format_duration(low, (uint64_t)f->min), num_format_duration(high, max));
        else
                walk_complain(w, DIAG_OUT_OF_RANGE, n->mark,
                              value > max ? "%s is more than any clock has" : "%s is too short, the least is %s", n->text,
                              num_format_duration(low, (uint64_t)f->min));
        return false;
}

static void read_duration(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a duration");
        char fixed[NUM_TEXT_MAX];
        uint64_t value;

        if (!text || read_limitless(f, text, at))
                return;
        bool negative = (f->flags & FIELD_SIGNED) && *text == '-';
        const char *digits = text + negative;
        int r = num_parse_duration(digits, &value);
        if (r == 0) {
                if (!duration_in_range(w, f, n, value))
                        return;
                if (f->flags & FIELD_SIGNED)
                        *(int64_t *)at = negative ? -(int64_t)value : (int64_t)value;
                else
                        *(uint64_t *)at = value;
                return;
        }
        if (r == -ERANGE) {
                walk_complain(w, DIAG_OUT_OF_RANGE, n->mark, "%.40s is more than any clock has", text);
                return;
        }
        if (all_digits(digits)) {
                walk_hint(w, walk_complain(w, DIAG_BAD_DURATION, n->mark, "%.40s has no unit", text), "write %.40ss%s%s", text,
                          fix_bare_seconds(fixed, digits) ? " or " : "", fix_bare_seconds(fixed, digits) ? fixed : "");
                return;
        }
        struct diag *d = walk_complain(w, DIAG_BAD_DURATION, n->mark, "%s is not a duration", walk_quote(w, text));
        hint_limitless(w, f, text, d);
        if (d && !d->hint && fix_duration(fixed, text))
                walk_hint(w, d, "write %s", fixed);
        else if (d && !d->hint)
                walk_hint(w, d, "write numbers with w, d, h, m, s, ms or us, the largest first, such as 1m30s");
}

static void put_duration(const struct field *f, const void *at, struct buf *out) {
        char text[NUM_TEXT_MAX];
        int64_t value = *(const int64_t *)at;

        if ((f->flags & FIELD_SIGNED) && value < 0) {
                buf_putc(out, '-');
                value = -value;
        }
        buf_puts(out, num_format_duration(text, (uint64_t)value));
}

static json_t *duration_schema(const struct field *f) {
        const char *words = f->flags & FIELD_INFINITE ? "|infinity" : "";
        char regex[160];

        (void)snprintf(regex, sizeof(regex), "^(%s([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?([0-9]+us)?%s)$",
                       f->flags & FIELD_SIGNED ? "-?" : "", words);
        return pattern(regex);
}

const struct type type_duration = { .name = "duration",
                                    .plain = sizeof(uint64_t),
                                    .units = "w d h m s ms us, falling: 1m30s",
                                    .read = read_duration,
                                    .put = put_duration,
                                    .schema = duration_schema };

/* ---- file modes ---- */

static void read_mode(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a file mode");
        char fixed[NUM_TEXT_MAX];
        mode_t value;

        if (!text)
                return;
        if (num_parse_mode(text, &value) < 0) {
                walk_hint(w, walk_complain(w, DIAG_BAD_MODE, n->mark, "%s is not a file mode", walk_quote(w, text)), "write %s",
                          fix_mode(fixed, text) ? fixed : "four octal digits, such as \"0755\"");
                return;
        }
        if (f->max > 0 && value > (mode_t)f->max) {
                walk_complain(w, DIAG_BAD_MODE, n->mark, "%s is out of range, expected \"%04o\" to \"%04o\"", walk_quote(w, text),
                              (unsigned)f->min, (unsigned)f->max);
                return;
        }
        *(mode_t *)at = value;
}

static void put_mode(const struct field *f, const void *at, struct buf *out) {
        (void)f;
        buf_printf(out, "\"%04o\"", *(const mode_t *)at);
}

static json_t *mode_schema(const struct field *f) {
        (void)f;
        /* An unquoted 0440 is a number to an editor's YAML parser, and right here: its text is what counts. */
        return json_pack("{s:[{s:s,s:s},{s:s},{s:s}]}", "anyOf", "type", "string", "pattern", "^[0-7]{4}$", "type", "integer",
                         "$ref", "#/definitions/variable");
}

const struct type type_mode = { .name = "file mode",
                                .units = "four octal digits",
                                .plain = sizeof(mode_t),
                                .read = read_mode,
                                .put = put_mode,
                                .schema = mode_schema };

/* ---- enumerations ---- */

static void put_words(const struct field *f, struct buf *out) {
        for (size_t i = 0; i < f->n_words; i++)
                if (f->words[i])
                        buf_printf(out, "%s%s", out->len ? ", " : "", f->words[i]);
}

static void read_enum(struct walk *w, const struct field *f, struct node *n, void *at) {
        _cleanup_buf_ struct buf words = BUF_NULL, hint = BUF_NULL;
        int value = n->kind == NODE_SCALAR && !node_is_null(n) ? enumtab_value(f->words, f->n_words, n->text) : -1;

        if (value >= 0) {
                *(int *)at = value;
                return;
        }
        put_words(f, &words);
        const char *expected = f->n_words > 1 && strchr(buf_text(&words), ',') ? "one of " : "";
        char what[512];
        (void)snprintf(what, sizeof(what), "%s%s", expected, buf_text(&words));
        const char *text = walk_text(w, n, what);
        if (!text)
                return;
        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "expected %s, found %s", what, walk_quote(w, text));
        struct suggest s = suggest_begin(text);
        for (size_t i = 0; i < f->n_words; i++)
                if (f->words[i])
                        suggest_offer(&s, f->words[i]);
        if (w->foreign_value)
                w->foreign_value(f, text, &hint);
        if (hint.len == 0 && s.best)
                buf_printf(&hint, "did you mean \"%s\"?", s.best);
        walk_hint_buf(w, d, &hint);
}

static void put_enum(const struct field *f, const void *at, struct buf *out) {
        int value = *(const int *)at;

        if (value >= 0 && (size_t)value < f->n_words && f->words[value])
                render_scalar(f->words[value], out);
}

static json_t *enum_schema(const struct field *f) {
        json_t *values = json_array();

        for (size_t i = 0; values && i < f->n_words; i++)
                if (f->words[i])
                        json_array_append_new(values, json_string(f->words[i]));
        return schema_or_variable(json_pack("{s:o}", "enum", values));
}

const struct type type_enum = { .name = "word", .plain = sizeof(int), .read = read_enum, .put = put_enum, .schema = enum_schema };
