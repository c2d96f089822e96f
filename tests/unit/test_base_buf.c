#include "unit.h"

#include <ctrsup/base/buf.h>

/* A fresh buffer reads as the empty text and may be done at once. */
static void empty_reads_as_empty(void **state _unused_) {
        struct buf b = BUF_NULL;

        assert_string_equal(buf_text(&b), "");
        assert_false(buf_failed(&b));
        buf_done(&b);
        buf_done(&b);
}

static void puts_in_order(void **state _unused_) {
        _cleanup_buf_ struct buf b = BUF_NULL;

        buf_puts(&b, "memory");
        buf_putc(&b, '=');
        buf_printf(&b, "%d%c", 512, 'M');
        buf_put(&b, " ignored", 1);
        buf_put(&b, NULL, 0);
        assert_string_equal(buf_text(&b), "memory=512M ");
        assert_int_equal(b.len, 12);
}

/* Bytes are bytes: a NUL inside is kept, and there is always one more behind the end. */
static void keeps_nul_bytes(void **state _unused_) {
        _cleanup_buf_ struct buf b = BUF_NULL;

        buf_put(&b, "a\0b", 3);
        assert_int_equal(b.len, 3);
        assert_memory_equal(b.data, "a\0b\0", 4);
}

/* Each length around the sizes at which the buffer grows is right, by every way of putting. */
static void grows_at_every_length(void **state _unused_) {
        for (size_t n = 0; n < 300; n++) {
                _cleanup_buf_ struct buf one = BUF_NULL, all = BUF_NULL, printed = BUF_NULL;
                char text[300];

                memset(text, 'q', n);
                text[n] = '\0';
                for (size_t i = 0; i < n; i++)
                        buf_putc(&one, 'q');
                buf_puts(&all, text);
                buf_printf(&printed, "%s", text);
                assert_string_equal(buf_text(&one), text);
                assert_string_equal(buf_text(&all), text);
                assert_string_equal(buf_text(&printed), text);
                assert_int_equal(printed.len, n);
                assert_true(n == 0 || printed.size > n);
        }
}

/* A put that cannot be satisfied sticks: later puts do nothing, take tells, and the text so far is not handed out. */
static void failure_is_sticky(void **state _unused_) {
        struct buf b = BUF_NULL;

        buf_puts(&b, "kept");
        buf_put(&b, "", SIZE_MAX - 8);
        assert_true(buf_failed(&b));
        buf_puts(&b, "more");
        buf_printf(&b, "%d", 1);
        assert_string_equal(buf_text(&b), "kept");
        assert_null(buf_take(&b));
        assert_string_equal(buf_text(&b), "");
        assert_false(buf_failed(&b));
        buf_done(&b);
}

/* Reset empties, forgets the failure and keeps the memory. */
static void reset_starts_anew(void **state _unused_) {
        _cleanup_buf_ struct buf b = BUF_NULL;

        buf_puts(&b, "old");
        char *memory = b.data;
        buf_put(&b, "", SIZE_MAX - 8);
        buf_reset(&b);
        assert_string_equal(buf_text(&b), "");
        buf_puts(&b, "new");
        assert_ptr_equal(b.data, memory);
        assert_string_equal(buf_text(&b), "new");
}

/* Take hands the text over, never NULL on success, and leaves a usable empty buffer. */
static void take_hands_over(void **state _unused_) {
        _cleanup_buf_ struct buf b = BUF_NULL;
        _cleanup_free_ char *empty = buf_take(&b);

        assert_string_equal(empty, "");
        buf_puts(&b, "mine");
        _cleanup_free_ char *text = buf_take(&b);
        assert_string_equal(text, "mine");
        assert_string_equal(buf_text(&b), "");
        assert_int_equal(b.len, 0);
}

unit_main(cmocka_unit_test(empty_reads_as_empty), cmocka_unit_test(puts_in_order), cmocka_unit_test(keeps_nul_bytes),
          cmocka_unit_test(grows_at_every_length), cmocka_unit_test(failure_is_sticky), cmocka_unit_test(reset_starts_anew),
          cmocka_unit_test(take_hands_over));
