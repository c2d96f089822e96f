#include "logger/split.h"
#include "logger/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lines, empty ones and binary ones too, one after the other; a start of a line waits. */
static void lines(void **state) {
        (void)state;
        static const char text[] = "one\n\na\0b\nrest";
        struct split_piece p;
        size_t at = 0, len = sizeof(text) - 1;

        assert_true(split_next(text, len, false, &p));
        assert_int_equal(p.len, 3);
        assert_false(p.partial);
        at += p.consumed;
        assert_true(split_next(text + at, len - at, false, &p));
        assert_int_equal(p.len, 0);
        at += p.consumed;
        assert_true(split_next(text + at, len - at, false, &p));
        assert_int_equal(p.len, 3);
        assert_memory_equal(p.text, "a\0b", 3);
        at += p.consumed;
        assert_false(split_next(text + at, len - at, false, &p));
        assert_true(split_next(text + at, len - at, true, &p));
        assert_int_equal(p.len, 4);
        assert_int_equal(p.consumed, 4);
        assert_false(p.partial);
        assert_false(split_next(text, 0, true, &p));
}

/* The longest line that is one record, and the shortest that is two. */
static void long_lines(void **state) {
        (void)state;
        char *text = malloc(LOGLINE_MAX + 2);
        struct split_piece p;

        memset(text, 'x', LOGLINE_MAX + 2);
        assert_false(split_next(text, LOGLINE_MAX, false, &p));
        assert_true(split_next(text, LOGLINE_MAX + 1, false, &p));
        assert_true(p.partial);
        assert_int_equal(p.len, LOGLINE_MAX);
        assert_int_equal(p.consumed, LOGLINE_MAX);
        text[LOGLINE_MAX] = '\n';
        assert_true(split_next(text, LOGLINE_MAX + 2, false, &p));
        assert_false(p.partial);
        assert_int_equal(p.len, LOGLINE_MAX);
        assert_int_equal(p.consumed, LOGLINE_MAX + 1);
        free(text);
}

/* A cut never goes through a UTF-8 character, but bytes that are none do not move it for ever. */
static void cuts(void **state) {
        (void)state;
        char *text = malloc(LOGLINE_MAX + 8);
        struct split_piece p;

        memset(text, 'x', LOGLINE_MAX + 8);
        memcpy(text + LOGLINE_MAX - 2, "\xf0\x9f\x98\x80", 4);
        assert_true(split_next(text, LOGLINE_MAX + 8, false, &p));
        assert_int_equal(p.len, LOGLINE_MAX - 2);
        memset(text, 0x80, LOGLINE_MAX + 8);
        assert_true(split_next(text, LOGLINE_MAX + 8, false, &p));
        assert_int_equal(p.len, LOGLINE_MAX);
        free(text);
}

static void wire_round_trip(void **state) {
        (void)state;
        const struct wire_head head = { .kind = WIRE_ADD, .id = 7, .rate_burst = 9, .replica = 3, .flags = WIRE_HAS_ERR };
        const char *const strings[_WIRE_STRING_MAX] = { "shop", "web", "0123456789abcdef", "a tag", NULL };
        struct wire_request r = { 0 };
        char buf[WIRE_MAX];
        size_t len;

        assert_int_equal(wire_encode(buf, &head, strings, &len), 0);
        assert_int_equal(wire_decode(&r, buf, len), 0);
        assert_int_equal(r.head.id, 7);
        assert_int_equal(r.head.rate_burst, 9);
        assert_string_equal(r.strings[WIRE_STACK], "shop");
        assert_string_equal(r.strings[WIRE_TAG], "a tag");
        assert_null(r.strings[WIRE_IMAGE]);
        for (size_t cut = 0; cut < len; cut++) /* every shorter message is refused */
                assert_int_equal(wire_decode(&r, buf, cut), -EBADMSG);
        ((struct wire_head *)(void *)buf)->version = WIRE_VERSION + 1;
        assert_int_equal(wire_decode(&r, buf, len), -EPROTO);
}

/* A name with a line break would forge a field of the journal. */
static void wire_refuses(void **state) {
        (void)state;
        const struct wire_head head = { .kind = WIRE_ADD };
        const char *const forged[_WIRE_STRING_MAX] = { "shop", "web\nPRIORITY=0", "i", "t" };
        char long_tag[LOGGER_TAG_MAX + 2], buf[WIRE_MAX];
        size_t len;

        memset(long_tag, 'x', sizeof(long_tag));
        long_tag[LOGGER_TAG_MAX + 1] = '\0';
        const char *const too_long[_WIRE_STRING_MAX] = { "shop", "web", "i", long_tag };
        assert_int_equal(wire_encode(buf, &head, forged, &len), -EINVAL);
        assert_int_equal(wire_encode(buf, &head, too_long, &len), -EMSGSIZE);

        const char *const fine[_WIRE_STRING_MAX] = { "shop", "web", "i", "t" };
        struct wire_request r = { 0 };
        assert_int_equal(wire_encode(buf, &head, fine, &len), 0);
        buf[sizeof(struct wire_head)] = '\n';
        assert_int_equal(wire_decode(&r, buf, len), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines),           cmocka_unit_test(long_lines),   cmocka_unit_test(cuts),
                cmocka_unit_test(wire_round_trip), cmocka_unit_test(wire_refuses),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
