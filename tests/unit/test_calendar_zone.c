#include "unit.h"

#include "calendar/zone.h"

#include <ctrsup/base/buf.h>

#include <endian.h>
#include <time.h>

static const char *const names[] = {
        "Europe/Berlin",     "America/New_York",  "Europe/Dublin", "America/Havana",   "Australia/Lord_Howe", "Antarctica/Troll",
        "Africa/Casablanca", "Asia/Gaza",         "America/Nuuk",  "America/Santiago", "Pacific/Chatham",     "Asia/Kathmandu",
        "Pacific/Apia",      "America/Sao_Paulo", "Etc/GMT+5",     "Asia/Tehran",      "Africa/Monrovia",     "Pacific/Kwajalein",
};

/* libc reads the same files: the same offset every few hours until the year 2199. */
static void as_libc(void **state _unused_) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct zone z;
                struct zone_span span = { .end = INT64_MIN };

                assert_int_equal(zone_read(names[i], &z, NULL), 0);
                assert_int_equal(setenv("TZ", names[i], 1), 0);
                tzset();
                for (time_t t = 0; t < 7258118400; t += 100003) {
                        struct tm tm;

                        (void)localtime_r(&t, &tm);
                        struct zone_span at = zone_span(&z, t);
                        if (at.offset != tm.tm_gmtoff)
                                fail_msg("%s at %lld: %d, libc %ld", names[i], (long long)t, at.offset, tm.tm_gmtoff);
                        /* What was said of the span before holds. */
                        assert_true(t >= span.end || (at.offset == span.offset && at.end == span.end));
                        assert_true(at.end > t);
                        span = at;
                }
        }
        assert_int_equal(unsetenv("TZ"), 0);
        tzset();
}

/* The TZ strings of POSIX in all their forms; the time is the last second before each turn of 2024 (a leap year). */
static void rules(void **state _unused_) {
        static const struct {
                const char *text;
                int64_t turns[2];
                int32_t offsets[2]; /* after them */
        } rows[] = {
                { "CET-1CEST,M3.5.0,M10.5.0/3", { 1711846800, 1729990800 }, { 7200, 3600 } },
                { "EST5EDT,M3.2.0,M11.1.0", { 1710054000, 1730613600 }, { -14400, -18000 } },
                { "IST-1GMT0,M10.5.0,M3.5.0/1", { 1711846800, 1729990800 }, { 3600, 0 } },
                { "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", { 1712415600, 1728142200 }, { 37800, 39600 } },
                { "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", { 1711846800, 1729990800 }, { -3600, -7200 } },
                { "AAA0BBB,J60/0,J300/0", { 1709251200, 1729983600 }, { 3600, 0 } },
                { "AAA0BBB,59/0,300/0", { 1709164800, 1729983600 }, { 3600, 0 } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct zone_rule rule;

                assert_int_equal(zone_rule_parse(rows[i].text, &rule), 0);
                for (size_t k = 0; k < 2; k++) {
                        struct zone_span before = zone_rule_span(&rule, rows[i].turns[k] - 1);

                        if (before.end != rows[i].turns[k])
                                fail_msg("%s: turn %zu at %lld", rows[i].text, k, (long long)before.end);
                        assert_int_equal(zone_rule_span(&rule, before.end).offset, rows[i].offsets[k]);
                }
        }
}

static void fixed_rules(void **state _unused_) {
        struct zone_rule rule;

        assert_int_equal(zone_rule_parse("<+0545>-5:45", &rule), 0);
        assert_int_equal(zone_rule_span(&rule, 0).offset, 20700);
        assert_int_equal(zone_rule_span(&rule, 0).end, INT64_MAX);
        /* Daylight saving time all year: it ends and begins at once. */
        assert_int_equal(zone_rule_parse("EST5EDT,0/0,J365/25", &rule), 0);
        for (int64_t at = 1704000000; at < 1740000000; at += 86400)
                assert_int_equal(zone_rule_span(&rule, at).offset, -14400);
}

static void bad_rules(void **state _unused_) {
        static const char *const texts[] = {
                "",
                "C-1",
                "CET",
                "CET-",
                "CET-25",
                "CET-1CEST",
                "CET-1CEST,M3.5.0",
                "<CET-1",
                "CET-1:60",
                "CET-1x",
                "CET-1CEST,M3.5.0,M10.5.0x",
                "CET-1CEST,M13.5.0,M10.5.0",
                "CET-1CEST,M3.6.0,M10.5.0",
                "CET-1CEST,M3.5.7,M10.5.0",
                "CET-1CEST,J0,J9",
                "CET-1CEST,J366,J9",
                "CET-1CEST,366,9",
                "CET-1CEST,M3.5.0/168,M10.5.0",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct zone_rule rule;
                if (zone_rule_parse(texts[i], &rule) != -EBADMSG)
                        fail_msg("\"%s\" is a rule", texts[i]);
        }
}

static void put32(struct buf *b, int32_t n) {
        uint32_t big = htobe32((uint32_t)n);

        buf_put(b, &big, sizeof(big));
}

static void put_header(struct buf *b, char version, int32_t leap, int32_t times, int32_t types, int32_t chars) {
        buf_put(b, "TZif", 4);
        buf_putc(b, version);
        buf_put(b, (char[15]){ 0 }, 15);
        put32(b, 0);
        put32(b, 0);
        put32(b, leap);
        put32(b, times);
        put32(b, types);
        put32(b, chars);
}

/* Version 1 of the format, which no zone of today has: 32-bit times, no rule. Cut anywhere it is refused. */
static void version_1(void **state _unused_) {
        _cleanup_buf_ struct buf b = BUF_NULL;
        struct zone z;

        put_header(&b, '\0', 0, 2, 2, 4);
        put32(&b, -1000);
        put32(&b, 1000);
        buf_put(&b, "\1\0", 2);
        put32(&b, 3600);
        buf_put(&b, "\0\0", 2);
        put32(&b, 7200);
        buf_put(&b, "\1\0", 2);
        buf_put(&b, "ABC\0", 4);
        assert_int_equal(zone_parse(b.data, b.len, &z), 0);
        assert_int_equal(zone_span(&z, 0).offset, 7200);
        assert_int_equal(zone_span(&z, 0).end, 1000);
        assert_int_equal(zone_span(&z, 1000).offset, 3600);
        assert_int_equal(zone_span(&z, 1000).end, INT64_MAX);
        for (size_t len = 0; len < b.len; len++)
                assert_int_equal(zone_parse(b.data, len, &z), -EBADMSG);
}

/* Files that are none: counts beyond the file, kinds and offsets out of range, leap seconds. */
static void bad_files(void **state _unused_) {
        _cleanup_buf_ struct buf b = BUF_NULL;
        struct zone z;

        put_header(&b, '\0', 0, INT32_MAX, 1, 0);
        assert_int_equal(zone_parse(b.data, b.len, &z), -EBADMSG);
        buf_reset(&b);
        put_header(&b, '\0', 0, 0, 0, 0);
        assert_int_equal(zone_parse(b.data, b.len, &z), -EBADMSG);
        buf_reset(&b);
        put_header(&b, '\0', 0, 1, 1, 0);
        put32(&b, 5);
        buf_put(&b, "\1\0\0\0\0\0\0", 7);
        assert_int_equal(zone_parse(b.data, b.len, &z), -EBADMSG);
        buf_reset(&b);
        put_header(&b, '\0', 0, 0, 1, 0);
        put32(&b, 25 * 3600);
        buf_put(&b, "\0\0", 2);
        assert_int_equal(zone_parse(b.data, b.len, &z), -EBADMSG);
        buf_reset(&b);
        put_header(&b, '\0', 1, 0, 1, 0);
        buf_put(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14);
        assert_int_equal(zone_parse(b.data, b.len, &z), -EOPNOTSUPP);
}

unit_main(cmocka_unit_test(as_libc), cmocka_unit_test(rules), cmocka_unit_test(fixed_rules), cmocka_unit_test(bad_rules),
          cmocka_unit_test(version_1), cmocka_unit_test(bad_files));
