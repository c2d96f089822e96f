#include <ctrsup/base/logline.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* What is formatted is parsed back, to the microsecond and with every byte of the text. */
static void round_trip(void **state) {
        (void)state;
        static const uint64_t times[] = { 0, 1, UINT64_C(1795478548123456), UINT64_C(4102444799999999),
                                          UINT64_C(951782400000000) };

        for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
                for (enum logline_stream s = 0; s < _LOGLINE_STREAM_MAX; s++)
                        for (int partial = 0; partial < 2; partial++) {
                                char line[LOGLINE_HEAD_MAX + 8];
                                size_t n = logline_format_head(line, times[i], s, partial);
                                struct logline l;

                                memcpy(line + n, "a\0 b<\xff", 6);
                                assert_int_equal(logline_parse(&l, line, n + 6, false), 0);
                                assert_true(l.realtime_usec == times[i]);
                                assert_int_equal(l.stream, s);
                                assert_int_equal(l.partial, partial);
                                assert_int_equal(l.text_len, 6);
                                assert_memory_equal(l.text, "a\0 b<\xff", 6);
                                assert_null(l.stack);
                        }
}

/* The form is the CRI one; other readers rely on it. */
static void form(void **state) {
        (void)state;
        char line[LOGLINE_HEAD_MAX];

        (void)logline_format_head(line, UINT64_C(1795478548123456), LOGLINE_STDERR, true);
        assert_string_equal(line, "2026-11-24T00:02:28.123456Z stderr P ");
}

static void names(void **state) {
        (void)state;
        static const char line[] = "shop web 12 2026-11-24T00:02:28.123456Z stdout F hello there";
        struct logline l;

        assert_int_equal(logline_parse(&l, line, strlen(line), true), 0);
        assert_memory_equal(l.stack, "shop", l.stack_len);
        assert_memory_equal(l.container, "web", l.container_len);
        assert_int_equal(l.replica, 12);
        assert_int_equal(l.text_len, strlen("hello there"));
        assert_int_equal(logline_parse(&l, line, strlen(line), false), -EBADMSG);
}

/* An empty line of a container is a record with an empty text. */
static void empty_text(void **state) {
        (void)state;
        static const char line[] = "2026-11-24T00:02:28.123456Z stdout F ";
        struct logline l;

        assert_int_equal(logline_parse(&l, line, strlen(line), false), 0);
        assert_int_equal(l.text_len, 0);
}

static void refused(void **state) {
        (void)state;
        static const char *const bad[] = {
                "",
                " ",
                "x",
                "2026-11-24T00:02:28.123456Z",
                "2026-11-24T00:02:28.123456Z stdout F",
                "2026-11-24T00:02:28.123456Z stdin F x",
                "2026-11-24T00:02:28.123456Z stdout Q x",
                "2026-11-24T00:02:28.123456Z stdout FF x",
                "2026-13-24T00:02:28.123456Z stdout F x",
                "2026-11-24T00:02:28.12345Z stdout F x",
                "2026-11-24 00:02:28.123456Z stdout F x",
                "1960-11-24T00:02:28.123456Z stdout F x",
                "2026-11-24T24:02:28.123456Z stdout F x",
                "+026-11-24T00:02:28.123456Z stdout F x",
        };
        struct logline l;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                assert_int_equal(logline_parse(&l, bad[i], strlen(bad[i]), false), -EBADMSG);
        assert_int_equal(logline_parse(&l, "a b x 2026-11-24T00:02:28.123456Z stdout F x", 44, true), -EBADMSG);
}

static void level(void **state) {
        (void)state;
        int priority = 6;

        assert_int_equal(logline_level("<3>x", 4, &priority), 3);
        assert_int_equal(priority, 3);
        priority = 6;
        assert_int_equal(logline_level("<8>x", 4, &priority), 0);
        assert_int_equal(logline_level("<3", 2, &priority), 0);
        assert_int_equal(logline_level("<33>x", 5, &priority), 0);
        assert_int_equal(logline_level("3>x", 3, &priority), 0);
        assert_int_equal(priority, 6);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(round_trip), cmocka_unit_test(form),    cmocka_unit_test(names),
                cmocka_unit_test(empty_text), cmocka_unit_test(refused), cmocka_unit_test(level),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
