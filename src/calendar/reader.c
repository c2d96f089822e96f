#include "reader.h"

#include <stdarg.h>
#include <string.h>

int reader_fault(struct reader *r, const char *at, const char *format, ...) {
        char words[ERR_TEXT_MAX];
        va_list ap;

        if (r->ret_at)
                *r->ret_at = (size_t)(at - r->text);
        va_start(ap, format);
        (void)vsnprintf(words, sizeof(words), format, ap);
        va_end(ap);
        return err_set(r->err, EINVAL, "%s", words);
}

struct shown reader_show(const char *at, const char *end) {
        struct shown s = { "the end" };
        size_t n = 0;

        if (at == end)
                return s;
        s.text[n++] = '"';
        for (; at < end && n <= WORD_SHOWN; at++)
                s.text[n++] = *at >= ' ' && *at <= '~' ? *at : '?';
        (void)strcpy(s.text + n, at < end ? "...\"" : "\"");
        return s;
}

struct shown reader_show_until(const struct reader *r, const char *p, const char *stops) {
        const char *end = p;

        while (end < r->end && (end == p || !strchr(stops, *end)))
                end++;
        return reader_show(p, end);
}

struct shown reader_show_word(const struct reader *r, const char *p) {
        return reader_show_until(r, p, " ");
}

char reader_peek(const struct reader *r) {
        return r->at < r->end ? *r->at : '\0';
}

bool reader_take(struct reader *r, const char *what) {
        size_t len = strlen(what);

        if ((size_t)(r->end - r->at) < len || memcmp(r->at, what, len) != 0)
                return false;
        r->at += len;
        return true;
}

void reader_skip_blanks(struct reader *r) {
        while (reader_peek(r) == ' ')
                r->at++;
}
