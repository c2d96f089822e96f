/* A growing byte string. Invariant: data is NULL or NUL-terminated at data[len].
 * An allocation failure is sticky: later puts do nothing, and buf_take() and buf_failed() tell, so that a renderer of a
 * hundred puts checks once.
 */
#pragma once

#include <ctrsup/base/cleanup.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
        char *data;
        size_t len, size;
        bool failed;
};

#define BUF_NULL ((struct buf){ 0 })

void buf_done(struct buf *b);
void buf_reset(struct buf *b);                            /* empty, keeps the memory, clears failed */
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);
static inline bool buf_failed(const struct buf *b) { return b->failed; }
/* The text, "" when empty; valid until the next put. */
const char *buf_text(const struct buf *b);
/* Hands the text to the caller (free with free()), NULL when a put failed. The buffer is empty afterwards. */
char *buf_take(struct buf *b);

#define _cleanup_buf_ _cleanup_(buf_done)
