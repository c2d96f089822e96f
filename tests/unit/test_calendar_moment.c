/* An instant as an expression's zone shows it. */
#include "unit.h"

#include <ctrsup/base/num.h>
#include <ctrsup/calendar/calendar.h>

static void shown(void **state _unused_) {
        static const struct {
                const char *expression;
                uint64_t at;
                const char *text;
        } cases[] = {
                { "daily UTC", 0, "Thu 1970-01-01 00:00:00 +00:00" },
                { "daily UTC", 1795996799, "Sun 2026-11-29 23:59:59 +00:00" },
                { "daily Europe/Berlin", 1795996799, "Mon 2026-11-30 00:59:59 +01:00" },
                { "daily Europe/Berlin", 1785000000, "Sat 2026-07-25 19:20:00 +02:00" },
                { "daily Pacific/Marquesas", 1795996800, "Sun 2026-11-29 14:30:00 -09:30" },
        };

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                struct calendar c;
                struct err err = { 0 };

                assert_int_equal(calendar_parse(cases[n].expression, &c, NULL, &err), 0);
                assert_int_equal(calendar_put_time(&c, cases[n].at * USEC_PER_SEC, &out, &err), 0);
                assert_string_equal(buf_text(&out), cases[n].text);
        }
}

static void without_its_zone(void **state _unused_) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct calendar c = { .zone = "Nowhere/Atall" };
        struct err err = { 0 };

        assert_int_equal(calendar_put_time(&c, 0, &out, &err), -EINVAL);
        assert_int_equal(out.len, 0);
}

unit_main(cmocka_unit_test(shown), cmocka_unit_test(without_its_zone));
