#include <ctrsup/base/buf.h>

#include <stdarg.h>
#include <string.h>

void buf_done(struct buf *b) {
        free(b->data);
        *b = BUF_NULL;
}

void buf_reset(struct buf *b) {
        b->len = 0;
        b->failed = false;
        if (b->data)
                b->data[0] = '\0';
}

/* Makes room for `more` bytes and the NUL. */
static bool reserve(struct buf *b, size_t more) {
        if (b->failed)
                return false;
        if (b->size - b->len > more)
                return true;

        size_t size = b->size ? b->size : 64;
        while (size - b->len <= more) {
                if (size > SIZE_MAX / 2) {
                        b->failed = true;
                        return false;
                }
                size *= 2;
        }
        char *data = realloc(b->data, size);
        if (!data) {
                b->failed = true;
                return false;
        }
        b->data = data;
        b->size = size;
        return true;
}

void buf_put(struct buf *b, const void *data, size_t len) {
        if (!reserve(b, len))
                return;
        if (len > 0)
                memcpy(b->data + b->len, data, len);
        b->len += len;
        b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s) {
        buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c) {
        buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        if (n < 0 || !reserve(b, (size_t)n)) {
                b->failed = true;
                return;
        }
        va_start(ap, format);
        (void)vsnprintf(b->data + b->len, (size_t)n + 1, format, ap);
        va_end(ap);
        b->len += (size_t)n;
}

const char *buf_text(const struct buf *b) {
        return b->data ? b->data : "";
}

char *buf_take(struct buf *b) {
        if (b->failed) {
                buf_done(b);
                return NULL;
        }
        char *text = b->data ? b->data : strdup("");
        *b = BUF_NULL;
        return text;
}
