/* One value of ctrsup.conf: its type, its bounds, its text. */
#include "settings_table.h"

#include <ctrsup/base/enumtab.h>
#include <ctrsup/base/num.h>
#include <ctrsup/text/suggest.h>

#include <stdarg.h>
#include <string.h>

static const char *type_words(const config_setting_t *v) {
        switch (config_setting_type(v)) {
        case CONFIG_TYPE_GROUP:
                return "a group";
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                return "a number";
        case CONFIG_TYPE_FLOAT:
                return "a number with a point";
        case CONFIG_TYPE_STRING:
                return "a string";
        case CONFIG_TYPE_BOOL:
                return config_setting_get_bool(v) ? "true" : "false";
        case CONFIG_TYPE_ARRAY:
        case CONFIG_TYPE_LIST:
                return "a list";
        default:
                return "nothing";
        }
}

struct reading {
        struct settings *s;
        const struct row *row;
        const config_setting_t *value;
        struct diag_list *diags;
        char path[ROW_PATH_SIZE];
};

static struct diag *complain(struct reading *r, enum diag_id id, const char *format, ...) _printf_(3, 4);
static struct diag *complain(struct reading *r, enum diag_id id, const char *format, ...) {
        struct mark mark = { .line = config_setting_source_line(r->value) };
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return diag_add(r->diags, id, mark, r->path, "%s", text);
}

static const char *want_string(struct reading *r, const char *what) {
        if (config_setting_type(r->value) == CONFIG_TYPE_STRING)
                return config_setting_get_string(r->value);
        struct diag *d = complain(r, DIAG_WRONG_TYPE, "expected %s, found %s", what, type_words(r->value));
        diag_hint(r->diags, d, "the default is %s", r->row->preset);
        return NULL;
}

static bool read_word(struct reading *r, int *at) {
        const struct row *row = r->row;
        const char *word = want_string(r, "a word in quotes");

        if (!word)
                return false;
        int value = enumtab_value(row->words, row->n_words, word);
        if (value >= 0) {
                *at = value;
                return true;
        }
        _cleanup_buf_ struct buf all = BUF_NULL;
        struct suggest nearest = suggest_begin(word);
        for (size_t i = 0; i < row->n_words; i++) {
                buf_printf(&all, "%s%s", i ? ", " : "", row->words[i]);
                suggest_offer(&nearest, row->words[i]);
        }
        struct diag *d = complain(r, DIAG_BAD_VALUE, "\"%s\" is none of %s", word, buf_text(&all));
        if (nearest.best)
                diag_hint(r->diags, d, "did you mean \"%s\"?", nearest.best);
        return false;
}

static bool check_path(struct reading *r, const char *path) {
        if (path[0] == '/' && strlen(path) < 1024)
                return true;
        (void)complain(r, DIAG_BAD_VALUE, "\"%s\" is not an absolute path", path);
        return false;
}

static bool read_path(struct reading *r, const char **at) {
        const char *path = want_string(r, "a path in quotes");

        if (!path || (r->row->kind == ROW_CGROUP && strcmp(path, "auto") == 0 ? false : !check_path(r, path)))
                return false;
        const char *copy = arena_strdup(r->s->arena, path);
        if (!copy)
                r->diags->failed = true;
        else
                *at = copy;
        return copy;
}

static bool read_texts(struct reading *r, struct spec_strings *at) {
        const config_setting_t *list = r->value;

        if (!config_setting_is_array(list) && !config_setting_is_list(list)) {
                struct diag *d = complain(r, DIAG_WRONG_TYPE, "expected a list, found %s", type_words(list));
                if (config_setting_type(list) == CONFIG_TYPE_STRING)
                        diag_hint(r->diags, d, "write [ \"%s\" ]", config_setting_get_string(list));
                return false;
        }
        size_t n = (size_t)config_setting_length(list);
        const char **items = arena_calloc(r->s->arena, n + 1, sizeof(*items));
        bool good = items != NULL;
        for (size_t i = 0; good && i < n; i++) {
                r->value = config_setting_get_elem(list, (unsigned)i);
                const char *text = want_string(r, "strings in the list");

                good = text && (r->row->kind != ROW_PATHS || check_path(r, text));
                if (good && text[0] == '\0') {
                        (void)complain(r, DIAG_BAD_VALUE, "an empty string names nothing");
                        good = false;
                }
                if (good)
                        items[i] = arena_strdup(r->s->arena, text);
                if (good && !items[i])
                        items = NULL, good = false;
        }
        if (!items)
                r->diags->failed = true;
        if (good)
                *at = (struct spec_strings){ .items = items, .n = n };
        return good;
}

static bool read_number(struct reading *r, uint64_t *at) {
        int type = config_setting_type(r->value);

        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
                struct diag *d = complain(r, DIAG_WRONG_TYPE, "expected a whole number, found %s", type_words(r->value));
                diag_hint(r->diags, d, "the default is %s", r->row->preset);
                return false;
        }
        long long n = config_setting_get_int64(r->value);
        if (n < 0 || (uint64_t)n < r->row->min || (uint64_t)n > r->row->max) {
                (void)complain(r, DIAG_OUT_OF_RANGE, "%lld is not in the range %llu to %llu", n, (unsigned long long)r->row->min,
                               (unsigned long long)r->row->max);
                return false;
        }
        if ((r->row->flags & ROW_BLOCKS) && n % 65536) {
                struct diag *d = complain(r, DIAG_BAD_VALUE, "%lld is not a multiple of 65536", n);
                diag_hint(r->diags, d, "write %lld", n / 65536 * 65536);
                return false;
        }
        *at = (uint64_t)n;
        return true;
}

static bool read_duration(struct reading *r, uint64_t *at) {
        uint64_t usec;

        if (config_setting_type(r->value) == CONFIG_TYPE_INT) {
                struct diag *d = complain(r, DIAG_BAD_DURATION, "%d has no unit", config_setting_get_int(r->value));
                diag_hint(r->diags, d, "write \"%ds\"", config_setting_get_int(r->value));
                return false;
        }
        const char *text = want_string(r, "a duration in quotes");
        if (!text)
                return false;
        if (num_parse_duration(text, &usec) < 0) {
                struct diag *d = complain(r, DIAG_BAD_DURATION, "\"%s\" is not a duration", text);
                diag_hint(r->diags, d, "write it like 30s, 500ms or 1m30s");
                return false;
        }
        if (usec < r->row->min || usec > r->row->max) {
                char low[NUM_TEXT_MAX], high[NUM_TEXT_MAX];

                (void)complain(r, DIAG_OUT_OF_RANGE, "\"%s\" is not in the range %s to %s", text,
                               num_format_duration(low, r->row->min), num_format_duration(high, r->row->max));
                return false;
        }
        *at = usec;
        return true;
}

static bool read_bool(struct reading *r, bool *at) {
        if (config_setting_type(r->value) != CONFIG_TYPE_BOOL) {
                (void)complain(r, DIAG_WRONG_TYPE, "expected true or false, found %s", type_words(r->value));
                return false;
        }
        *at = config_setting_get_bool(r->value);
        return true;
}

/* Saying what is done anyway is fine: a file with all settings in it, as the manual shows them, loads. */
static bool read_later(struct reading *r) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        settings_text(r->value, &text);
        if (strcmp(buf_text(&text), r->row->preset) == 0)
                return true;
        struct diag *d = complain(r, DIAG_UNSUPPORTED, "not supported yet");
        diag_hint(r->diags, d, "remove it, or write %s", r->row->preset);
        return false;
}

bool settings_read(struct settings *s, const struct row *row, const config_setting_t *value, struct diag_list *diags) {
        struct reading r = { .s = s, .row = row, .value = value, .diags = diags };
        void *at = (char *)s + row->at;

        (void)settings_path(row, r.path);
        switch (row->kind) {
        case ROW_WORD:
                return read_word(&r, at);
        case ROW_PATH:
        case ROW_CGROUP:
                return read_path(&r, at);
        case ROW_TEXTS:
        case ROW_PATHS:
                return read_texts(&r, at);
        case ROW_NUMBER:
                return read_number(&r, at);
        case ROW_DURATION:
                return read_duration(&r, at);
        case ROW_BOOL:
                return read_bool(&r, at);
        case ROW_LATER:
                return read_later(&r);
        case _ROW_KIND_MAX:
                break;
        }
        return false;
}

static void put_quoted(const char *text, struct buf *out) {
        buf_putc(out, '"');
        for (; *text; text++)
                if (*text == '"' || *text == '\\')
                        buf_printf(out, "\\%c", *text);
                else if (*text == '\n')
                        buf_puts(out, "\\n");
                else
                        buf_putc(out, *text);
        buf_putc(out, '"');
}

/* libconfig bounds the depth: its parser gives up long before our stack would. */
void settings_text(const config_setting_t *v, struct buf *out) {
        static const char *const open[] = { [CONFIG_TYPE_GROUP] = "{ ", [CONFIG_TYPE_ARRAY] = "[ ", [CONFIG_TYPE_LIST] = "( " };
        static const char *const close[] = { [CONFIG_TYPE_GROUP] = "}", [CONFIG_TYPE_ARRAY] = " ]", [CONFIG_TYPE_LIST] = " )" };

        switch (config_setting_type(v)) {
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                buf_printf(out, "%lld", config_setting_get_int64(v));
                break;
        case CONFIG_TYPE_FLOAT:
                buf_printf(out, "%g", config_setting_get_float(v));
                break;
        case CONFIG_TYPE_STRING:
                put_quoted(config_setting_get_string(v), out);
                break;
        case CONFIG_TYPE_BOOL:
                buf_puts(out, config_setting_get_bool(v) ? "true" : "false");
                break;
        default: {
                bool group = config_setting_is_group(v);

                buf_puts(out, open[config_setting_type(v)]);
                for (int i = 0; i < config_setting_length(v); i++) {
                        const config_setting_t *item = config_setting_get_elem(v, (unsigned)i);

                        if (group)
                                buf_printf(out, "%s = ", config_setting_name(item));
                        else if (i > 0)
                                buf_puts(out, ", ");
                        settings_text(item, out);
                        if (group)
                                buf_puts(out, "; ");
                }
                buf_puts(out, close[config_setting_type(v)]);
        }
        }
}
