#include <ctrsup/base/diag.h>

#include <ctrsup/base/enumtab.h>

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const char *const id_names[] = {
        [DIAG_UNKNOWN_KEY] = "unknown-key",
        [DIAG_MISSING_KEY] = "missing-key",
        [DIAG_DUPLICATE_KEY] = "duplicate-key",
        [DIAG_WRONG_TYPE] = "wrong-type",
        [DIAG_BAD_VALUE] = "bad-value",
        [DIAG_BAD_SIZE] = "bad-size",
        [DIAG_BAD_DURATION] = "bad-duration",
        [DIAG_BAD_MODE] = "bad-mode",
        [DIAG_BAD_NAME] = "bad-name",
        [DIAG_BAD_CALENDAR] = "bad-calendar",
        [DIAG_BAD_FORMAT] = "bad-format",
        [DIAG_OUT_OF_RANGE] = "out-of-range",
        [DIAG_ONE_OF] = "one-of",
        [DIAG_CONFLICT] = "conflict",
        [DIAG_OVERLAP] = "overlap",
        [DIAG_CYCLE] = "cycle",
        [DIAG_NO_SUCH_REF] = "no-such-ref",
        [DIAG_AMBIGUOUS_REF] = "ambiguous-ref",
        [DIAG_RESERVED_PREFIX] = "reserved-prefix",
        [DIAG_UNKNOWN_CAP] = "unknown-cap",
        [DIAG_NOT_NAMESPACED] = "not-namespaced",
        [DIAG_NOT_FOUND] = "not-found",
        [DIAG_DIGEST_MISMATCH] = "digest-mismatch",
        [DIAG_TOO_LARGE] = "too-large",
        [DIAG_TOO_SMALL] = "too-small",
        [DIAG_TOO_MANY] = "too-many",
        [DIAG_DUPLICATE_TARGET] = "duplicate-target",
        [DIAG_INSECURE] = "insecure",
        [DIAG_UNSUPPORTED] = "unsupported",
        [DIAG_POLICY_REFUSED] = "policy-refused",
        [DIAG_IMMUTABLE] = "immutable",
        [DIAG_YAML_SYNTAX] = "yaml-syntax",
        [DIAG_YAML_UNSAFE] = "yaml-unsafe",
        [DIAG_UNSET_VARIABLE] = "unset-variable",
};
static_assert(ARRAY_SIZE(id_names) == _DIAG_ID_MAX, "every diag id has a name");

static const char *const severity_names[] = { [DIAG_ERROR] = "error", [DIAG_WARNING] = "warning" };
static_assert(ARRAY_SIZE(severity_names) == _DIAG_SEVERITY_MAX, "every severity has a name");

const char *diag_id_name(enum diag_id id) {
        return enumtab_name(id_names, ARRAY_SIZE(id_names), (int)id);
}

const char *diag_severity_name(enum diag_severity s) {
        return enumtab_name(severity_names, ARRAY_SIZE(severity_names), (int)s);
}

int diag_list_init(struct diag_list *list, const char *file) {
        *list = (struct diag_list){ .arena = arena_new() };
        if (!list->arena)
                return -ENOMEM;
        list->file = arena_strdup(list->arena, strcmp(file, "-") == 0 ? "<stdin>" : file);
        return list->file ? 0 : -ENOMEM;
}

void diag_list_done(struct diag_list *list) {
        arena_free(list->arena);
        *list = (struct diag_list){ 0 };
}

static const char *format_words(struct diag_list *list, const char *format, va_list ap) _printf_(2, 0);

static const char *format_words(struct diag_list *list, const char *format, va_list ap) {
        char text[2048];
        int n = vsnprintf(text, sizeof(text), format, ap);
        const char *copy = n < 0 ? NULL : arena_strdup(list->arena, text);

        if (!copy)
                list->failed = true;
        return copy ? copy : "out of memory";
}

static struct diag *add(struct diag_list *list, enum diag_severity severity, enum diag_id id, struct mark mark, const char *path,
                        const char *format, va_list ap) _printf_(6, 0);

static struct diag *add(struct diag_list *list, enum diag_severity severity, enum diag_id id, struct mark mark, const char *path,
                        const char *format, va_list ap) {
        size_t *seen = severity == DIAG_ERROR ? &list->errors : &list->warnings;

        (*seen)++;
        if (*seen > DIAG_MAX || list->n == ARRAY_SIZE(list->items)) {
                /* Only counted; the caller still gets somewhere to hang its hint. */
                struct diag *scratch = arena_new_of(list->arena, struct diag);
                static struct diag nowhere;

                return scratch ? scratch : &nowhere;
        }
        struct diag *d = &list->items[list->n++];
        *d = (struct diag){ .id = id, .severity = severity, .mark = mark };
        d->path = arena_strdup(list->arena, path ? path : "");
        d->message = format_words(list, format, ap);
        if (!d->path) {
                d->path = "";
                list->failed = true;
        }
        return d;
}

struct diag *diag_add(struct diag_list *list, enum diag_id id, struct mark mark, const char *path, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        struct diag *d = add(list, DIAG_ERROR, id, mark, path, format, ap);
        va_end(ap);
        return d;
}

struct diag *diag_warn(struct diag_list *list, enum diag_id id, struct mark mark, const char *path, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        struct diag *d = add(list, DIAG_WARNING, id, mark, path, format, ap);
        va_end(ap);
        return d;
}

void diag_hint(struct diag_list *list, struct diag *d, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        d->hint = format_words(list, format, ap);
        va_end(ap);
}

void diag_note(struct diag_list *list, struct diag *d, struct mark mark, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        d->note = format_words(list, format, ap);
        d->note_mark = mark;
        va_end(ap);
}

static void print_place(const struct diag_list *list, struct mark mark, struct buf *out) {
        buf_puts(out, list->file);
        if (mark.line > 0)
                buf_printf(out, mark.column > 0 ? ":%u:%u" : ":%u", mark.line, mark.column);
        buf_puts(out, ": ");
}

/* Bytes of the character at s: columns count characters, the text is UTF-8. */
static size_t char_len(const char *s) {
        size_t n = 1;

        while (((unsigned char)s[n] & 0xc0) == 0x80)
                n++;
        return n;
}

/* The source line and a caret under the column; tabs are kept in the caret's lead so that it lines up. */
static void print_source(const char *source, struct mark mark, struct buf *out) {
        for (uint32_t line = 1; line < mark.line && *source; line++) {
                source += strcspn(source, "\n");
                source += *source == '\n';
        }
        size_t len = strcspn(source, "\r\n");
        if (mark.line == 0 || len == 0 || len > 200)
                return;
        buf_puts(out, "    ");
        buf_put(out, source, len);
        buf_puts(out, "\n    ");
        const char *end = source + len;
        for (uint32_t column = 1; column < mark.column && source < end; column++, source += char_len(source))
                buf_putc(out, *source == '\t' ? '\t' : ' ');
        buf_puts(out, "^\n");
}

static int compare_marks(const void *a, const void *b) {
        const struct diag *x = *(const struct diag *const *)a, *y = *(const struct diag *const *)b;

        if (x->mark.line != y->mark.line)
                return x->mark.line < y->mark.line ? -1 : 1;
        if (x->mark.column != y->mark.column)
                return x->mark.column < y->mark.column ? -1 : 1;
        return x < y ? -1 : 1;
}

static void print_count(const struct diag_list *list, struct buf *out) {
        buf_printf(out, "%s: ", list->file);
        if (list->errors > 0)
                buf_printf(out, "%zu error%s", list->errors, list->errors == 1 ? "" : "s");
        if (list->warnings > 0)
                buf_printf(out, "%s%zu warning%s", list->errors ? ", " : "", list->warnings, list->warnings == 1 ? "" : "s");
        if (list->errors > DIAG_MAX)
                buf_printf(out, " (the first %d are shown)", DIAG_MAX);
        if (list->failed)
                buf_puts(out, list->errors || list->warnings ? "; out of memory" : "out of memory");
        buf_putc(out, '\n');
}

void diag_print(const struct diag_list *list, const char *source, struct buf *out) {
        const struct diag *sorted[ARRAY_SIZE(list->items)];

        if (list->n == 0 && !list->failed)
                return;
        for (size_t i = 0; i < list->n; i++)
                sorted[i] = &list->items[i];
        qsort(sorted, list->n, sizeof(sorted[0]), compare_marks);

        for (size_t i = 0; i < list->n; i++) {
                const struct diag *d = sorted[i];

                print_place(list, d->mark, out);
                buf_printf(out, "%s: %s%s%s\n", diag_severity_name(d->severity), d->path, *d->path ? ": " : "", d->message);
                if (source)
                        print_source(source, d->mark, out);
                if (d->note) {
                        buf_puts(out, "    ");
                        print_place(list, d->note_mark, out);
                        buf_printf(out, "note: %s\n", d->note);
                }
                if (d->hint)
                        buf_printf(out, "    hint: %s\n", d->hint);
        }
        print_count(list, out);
}
