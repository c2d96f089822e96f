#include "unit.h"

#include <ctrsup/base/num.h>

/* Each table row is one promise of num.h: the text, the answer, the value when the answer is 0. */
struct row {
        const char *text;
        int answer;
        uint64_t value;
};

enum { UNTOUCHED = 77 };
#define MAX_TEXT "18446744073709551615" /* UINT64_MAX */
#define MAX_PLUS "18446744073709551616"

static void check_rows(const struct row *rows, size_t n, int (*parse)(const char *, uint64_t *)) {
        for (size_t i = 0; i < n; i++) {
                uint64_t value = UNTOUCHED;
                int r = parse(rows[i].text, &value);

                if (r != rows[i].answer || value != (r == 0 ? rows[i].value : UNTOUCHED))
                        fail_msg("\"%s\": got %d, %llu", rows[i].text, r, (unsigned long long)value);
        }
}

static void whole_numbers(void **state _unused_) {
        static const struct row rows[] = {
                { "0", 0, 0 },          { "1", 0, 1 },           { "42", 0, 42 },       { MAX_TEXT, 0, UINT64_MAX },
                { MAX_PLUS, -ERANGE, 0 }, { "99999999999999999999999", -ERANGE, 0 },
                { "", -EINVAL, 0 },     { "-1", -EINVAL, 0 },    { "+1", -EINVAL, 0 },  { " 1", -EINVAL, 0 },
                { "1 ", -EINVAL, 0 },   { "1.0", -EINVAL, 0 },   { "1e3", -EINVAL, 0 }, { "0x10", -EINVAL, 0 },
                { "00", -EINVAL, 0 },   { "007", -EINVAL, 0 },   { "1_000", -EINVAL, 0 },
                /* too long and not a number: what it is counts first */
                { MAX_PLUS "x", -EINVAL, 0 },
        };
        check_rows(rows, ARRAY_SIZE(rows), num_parse_u64);
}

static void signed_numbers(void **state _unused_) {
        static const struct {
                const char *text;
                int answer;
                int64_t value;
        } rows[] = {
                { "0", 0, 0 },
                { "-0", 0, 0 },
                { "-1000", 0, -1000 },
                { "9223372036854775807", 0, INT64_MAX },
                { "-9223372036854775808", 0, INT64_MIN },
                { "9223372036854775808", -ERANGE, 0 },
                { "-9223372036854775809", -ERANGE, 0 },
                { "-", -EINVAL, 0 },
                { "--1", -EINVAL, 0 },
                { "+1", -EINVAL, 0 },
                { "- 1", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t value = UNTOUCHED;
                int r = num_parse_i64(rows[i].text, &value);

                if (r != rows[i].answer || value != (r == 0 ? rows[i].value : UNTOUCHED))
                        fail_msg("\"%s\": got %d, %lld", rows[i].text, r, (long long)value);
        }
}

static void sizes(void **state _unused_) {
        static const struct row rows[] = {
                { "0", 0, 0 },
                { "4096", 0, 4096 },
                { "1K", 0, 1024 },
                { "512M", 0, UINT64_C(512) << 20 },
                { "2G", 0, UINT64_C(2) << 30 },
                { "3T", 0, UINT64_C(3) << 40 },
                { "16383P", 0, UINT64_C(16383) << 50 },
                { "16384P", -ERANGE, 0 },
                { "18446744073709551614", 0, UINT64_MAX - 1 },
                /* UINT64_MAX stands for "max", so the number itself is out of range */
                { MAX_TEXT, -ERANGE, 0 },
                { MAX_PLUS, -ERANGE, 0 },
                { "512m", -EINVAL, 0 },
                { "512MB", -EINVAL, 0 },
                { "512MiB", -EINVAL, 0 },
                { "1.5G", -EINVAL, 0 },
                { "1E", -EINVAL, 0 },
                { "K", -EINVAL, 0 },
                { "1 K", -EINVAL, 0 },
                { "-1K", -EINVAL, 0 },
                { "01K", -EINVAL, 0 },
                { "max", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };
        check_rows(rows, ARRAY_SIZE(rows), num_parse_size);
}

static void durations(void **state _unused_) {
        static const struct row rows[] = {
                { "0", 0, 0 },
                { "0s", 0, 0 },
                { "0ms", 0, 0 },
                { "1us", 0, 1 },
                { "500ms", 0, 500000 },
                { "10s", 0, 10000000 },
                { "1m", 0, 60000000 },
                { "1m30s", 0, 90000000 },
                { "1h0m5s", 0, UINT64_C(3605000000) },
                { "1w2d3h4m5s6ms7us", 0, UINT64_C(788645006007) },
                { "90m", 0, UINT64_C(5400000000) },
                { "30500568w", 0, UINT64_C(30500568) * 604800000000 },
                { "30500569w", -ERANGE, 0 },
                { "18446744073709551614us", 0, UINT64_MAX - 1 },
                { MAX_TEXT "us", -ERANGE, 0 },
                { MAX_PLUS "us", -ERANGE, 0 },
                { "90", -EINVAL, 0 },
                { "00", -EINVAL, 0 },
                { "1", -EINVAL, 0 },
                { "s", -EINVAL, 0 },
                { "30s1m", -EINVAL, 0 },
                { "1s1s", -EINVAL, 0 },
                { "1m 30s", -EINVAL, 0 },
                { "1.5s", -EINVAL, 0 },
                { "1m30", -EINVAL, 0 },
                { "-1s", -EINVAL, 0 },
                { "1S", -EINVAL, 0 },
                { "1min", -EINVAL, 0 },
                { "01s", -EINVAL, 0 },
                { "infinity", -EINVAL, 0 },
                { "", -EINVAL, 0 },
        };
        check_rows(rows, ARRAY_SIZE(rows), num_parse_duration);
}

static void thousandths(void **state _unused_) {
        static const struct row rows[] = {
                { "0", 0, 0 },          { "1", 0, 1000 },      { "1.5", 0, 1500 },     { "0.25", 0, 250 },
                { "0.001", 0, 1 },      { "2.050", 0, 2050 },  { "1.0", 0, 1000 },     { "18446744073709551.615", 0, UINT64_MAX },
                { "18446744073709551.616", -ERANGE, 0 },       { "18446744073709552", -ERANGE, 0 },
                { "1.", -EINVAL, 0 },   { ".5", -EINVAL, 0 },  { "1.2345", -EINVAL, 0 }, { "1500m", -EINVAL, 0 },
                { "01.5", -EINVAL, 0 }, { "1,5", -EINVAL, 0 }, { "-1", -EINVAL, 0 },   { "1.5.", -EINVAL, 0 },
                { "", -EINVAL, 0 },     { "1e1", -EINVAL, 0 },
        };
        check_rows(rows, ARRAY_SIZE(rows), num_parse_milli);
}

static void modes(void **state _unused_) {
        static const struct {
                const char *text;
                mode_t mode;
        } good[] = { { "0000", 0 }, { "0755", 0755 }, { "0440", 0440 }, { "1777", 01777 }, { "7777", 07777 } };
        static const char *const bad[] = { "", "0", "755", "440", "288", "00755", "0888", "0o75", "-755", "0 75", "rwxr" };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                mode_t mode = UNTOUCHED;

                assert_int_equal(num_parse_mode(good[i].text, &mode), 0);
                assert_int_equal(mode, good[i].mode);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                mode_t mode = UNTOUCHED;

                assert_int_equal(num_parse_mode(bad[i], &mode), -EINVAL);
                assert_int_equal(mode, UNTOUCHED);
        }
}

struct text_row {
        uint64_t value;
        const char *text;
};

static void check_texts(const struct text_row *rows, size_t n, const char *(*format)(char *, uint64_t)) {
        for (size_t i = 0; i < n; i++) {
                char buf[NUM_TEXT_MAX];

                assert_string_equal(format(buf, rows[i].value), rows[i].text);
        }
}

/* The exact forms lose nothing: reading them back gives the same number. */
static void exact_forms_round_trip(void **state _unused_) {
        static const struct text_row size_rows[] = {
                { 0, "0" },           { 1, "1" },         { 1023, "1023" },         { 1024, "1K" },
                { 1536, "1536" },     { 512 << 20, "512M" }, { UINT64_C(1) << 50, "1P" }, { UINT64_C(1) << 60, "1024P" },
                { SIZE_INFINITY, "max" }, { SIZE_INFINITY - 1, "18446744073709551614" },
        };
        static const struct text_row duration_rows[] = {
                { 0, "0s" },           { 1, "1us" },                          { 100000, "100ms" }, { 90 * USEC_PER_SEC, "1m30s" },
                { 1500000, "1s500ms" }, { 7 * 86400 * USEC_PER_SEC, "1w" }, { USEC_INFINITY, "infinity" },
        };
        static const struct text_row milli_rows[] = {
                { 0, "0" }, { 1, "0.001" }, { 10, "0.01" }, { 1500, "1.5" }, { 1000, "1" }, { 10000, "10" }, { 12345, "12.345" },
        };

        check_texts(size_rows, ARRAY_SIZE(size_rows), num_format_size);
        check_texts(duration_rows, ARRAY_SIZE(duration_rows), num_format_duration);
        check_texts(milli_rows, ARRAY_SIZE(milli_rows), num_format_milli);

        uint64_t x = 88172645463325252;
        for (int i = 0; i < 20000; i++) {
                char buf[NUM_TEXT_MAX];
                uint64_t back;

                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                uint64_t value = x >> (x % 64); /* every magnitude */
                assert_int_equal(num_parse_size(num_format_size(buf, value), &back), 0);
                assert_true(back == value);
                assert_int_equal(num_parse_duration(num_format_duration(buf, value), &back), 0);
                assert_true(back == value);
                assert_int_equal(num_parse_milli(num_format_milli(buf, value), &back), 0);
                assert_true(back == value);
        }
}

static void forms_for_people(void **state _unused_) {
        static const struct text_row duration_rows[] = {
                { 0, "0ms" },
                { 999, "0ms" },
                { 350000, "350ms" },
                { 999999, "999ms" },
                { USEC_PER_SEC, "1.0s" },
                { 4100000, "4.1s" },
                { 59999999, "59.9s" },
                { 60 * USEC_PER_SEC, "1m" },
                { 12 * 60 * USEC_PER_SEC, "12m" },
                { 3600 * USEC_PER_SEC, "1h 0m" },
                { (26 * 3600 + 59) * USEC_PER_SEC, "1d 2h" },
                { (3 * 86400 + 2 * 3600) * USEC_PER_SEC, "3d 2h" },
                { USEC_INFINITY, "infinity" },
        };
        static const struct text_row size_rows[] = {
                { 0, "0B" },
                { 1023, "1023B" },
                { 1024, "1K" },
                { 1536, "1.5K" },
                { 1025, "1K" },
                { 812 << 20, "812M" },
                { UINT64_C(2) << 30, "2G" },
                { (UINT64_C(3) << 29), "1.5G" },
                { (UINT64_C(12) << 30) + (1 << 29), "12G" },
                { SIZE_INFINITY - 1, "16383P" },
                { SIZE_INFINITY, "max" },
        };

        check_texts(duration_rows, ARRAY_SIZE(duration_rows), num_human_duration);
        check_texts(size_rows, ARRAY_SIZE(size_rows), num_human_size);
}

unit_main(cmocka_unit_test(whole_numbers), cmocka_unit_test(signed_numbers), cmocka_unit_test(sizes), cmocka_unit_test(durations),
          cmocka_unit_test(thousandths), cmocka_unit_test(modes), cmocka_unit_test(exact_forms_round_trip),
          cmocka_unit_test(forms_for_people));
