#include <ctrsup/text/envfile.h>

#include <ctrsup/base/buf.h>

#include "utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct reader {
        const char *at, *end;
        unsigned line;
};

static bool name_is_good(const char *s, size_t len) {
        for (size_t i = 0; i < len; i++)
                if (!isalnum((unsigned char)s[i]) && s[i] != '_')
                        return false;
        return len > 0 && !isdigit((unsigned char)s[0]);
}

static char peek(const struct reader *r) {
        return r->at < r->end ? *r->at : '\n';
}

static void skip_blanks(struct reader *r) {
        while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r'))
                r->at++;
}

static void skip_line(struct reader *r) {
        while (r->at < r->end && *r->at != '\n')
                r->at++;
        r->at += r->at < r->end;
        r->line++;
}

/* Behind the opening quote; 0, or -EINVAL when the file ends before the closing one. */
static int read_quoted(struct reader *r, char quote, struct buf *out) {
        for (; r->at < r->end; r->at++) {
                char c = *r->at;

                if (c == quote) {
                        r->at++;
                        return 0;
                }
                if (c == '\n')
                        r->line++;
                if (c == '\\' && quote == '"' && r->at + 1 < r->end) {
                        c = *++r->at;
                        if (c == '\n') {
                                r->line++;
                                continue;
                        }
                        if (!strchr("\"\\`$", c))
                                buf_putc(out, '\\');
                }
                buf_putc(out, c);
        }
        return -EINVAL;
}

/* Bare text up to the end of the line; blanks at its end are cut, a backslash takes the next character as it is. */
static void read_bare(struct reader *r, struct buf *out) {
        size_t keep = out->len;

        for (; r->at < r->end && *r->at != '\n'; r->at++) {
                bool escaped = *r->at == '\\' && r->at + 1 < r->end;

                if (escaped && *++r->at == '\n') {
                        r->line++;
                        continue;
                }
                if (escaped || !strchr(" \t\r", *r->at)) {
                        buf_putc(out, *r->at);
                        keep = out->len;
                } else
                        buf_putc(out, *r->at);
        }
        if (out->data) {
                out->len = keep;
                out->data[keep] = '\0';
        }
}

static int read_value(struct reader *r, struct buf *out, struct err *err) {
        unsigned line = r->line;

        skip_blanks(r);
        if (peek(r) == '"' || peek(r) == '\'') {
                if (read_quoted(r, *r->at++, out) < 0)
                        return err_set(err, EBADMSG, "line %u: a quote is not closed", line);
                skip_blanks(r);
                if (peek(r) != '\n')
                        return err_set(err, EBADMSG, "line %u: text behind the closing quote", r->line);
        } else
                read_bare(r, out);
        return buf_failed(out) ? err_oom(err) : 0;
}

static int read_entry(struct reader *r, struct arena *a, struct envfile_entry *ret, struct err *err) {
        const char *start = r->at, *equals = memchr(start, '=', (size_t)(r->end - start)),
                   *eol = memchr(start, '\n', (size_t)(r->end - start));
        _cleanup_buf_ struct buf value = BUF_NULL;

        if (!equals || (eol && equals > eol))
                return err_set(err, EBADMSG, "line %u: no \"=\" in this line", r->line);
        size_t len = (size_t)(equals - start);
        while (len > 0 && strchr(" \t", start[len - 1]))
                len--;
        if (!name_is_good(start, len))
                return err_set(err, EBADMSG, "line %u: \"%.*s\" is not a name", r->line, (int)(len < 40 ? len : 40), start);
        r->at = equals + 1;
        int e = read_value(r, &value, err);
        if (e < 0)
                return e;
        *ret = (struct envfile_entry){ arena_strndup(a, start, len), arena_strdup(a, buf_text(&value)) };
        return ret->key && ret->value ? 0 : err_oom(err);
}

int envfile_read(const char *text, size_t len, struct arena *a, struct envfile *ret, struct err *err) {
        struct reader r = { text, text + len, 1 };
        size_t lines = 1, equals = 0, n = 0;

        for (size_t i = 0; i < len; i++) {
                lines += text[i] == '\n';
                equals += text[i] == '=';
                if (!text[i])
                        return err_set(err, EBADMSG, "line %zu: a NUL byte", lines);
        }
        for (size_t i = 0, step; i < len; i += step) {
                uint32_t cp;

                step = utf8_decode(text + i, len - i, &cp);
                if (step == 0)
                        return err_set(err, EBADMSG, "the file is not UTF-8");
        }
        struct envfile_entry *items = arena_array_of(a, struct envfile_entry, lines < equals ? lines : equals);
        if (!items)
                return err_oom(err);
        while (r.at < r.end) {
                skip_blanks(&r);
                if (!strchr("#;\n", peek(&r))) {
                        int e = read_entry(&r, a, &items[n], err);

                        if (e < 0)
                                return e;
                        n++;
                }
                skip_line(&r);
        }
        *ret = (struct envfile){ items, n };
        return 0;
}
