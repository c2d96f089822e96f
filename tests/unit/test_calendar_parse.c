#include "unit.h"

#include <ctrsup/calendar/calendar.h>

static void check_normal(const char *text, const char *normal) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct calendar c;
        struct err err = { 0 };

        if (calendar_parse(text, &c, NULL, &err) < 0)
                fail_msg("\"%s\": %s", text, err.text);
        calendar_print(&c, &out);
        assert_string_equal(buf_text(&out), normal);
}

/* The normal form of each part of the grammar; printed, it reads as itself. */
static void normal_forms(void **state _unused_) {
        static const struct {
                const char *text, *normal;
        } rows[] = {
                { "Mon..Fri 03:30", "Mon..Fri *-*-* 03:30:00" },
                { "*:0/5", "*-*-* *:00/5:00" },
                { "mon,WEDNESDAY,Sat-Sun", "Mon,Wed,Sat,Sun *-*-* 00:00:00" },
                { "Mon..Wed,Sun, 1:2", "Mon..Wed,Sun *-*-* 01:02:00" },
                { "Mon..Sun 1:2", "*-*-* 01:02:00" },
                { "24-2..4,6-1/10", "2024-02..04,06-01/10 00:00:00" },
                { "98..05-1-1", "1998..2005-01-01 00:00:00" },
                { "*-*~1", "*-*~01 00:00:00" },
                { "02~03..07/2 12:0", "*-02~03..07/2 12:00:00" },
                { "*~*", "*-*-* 00:00:00" },
                { "3,1,2,1:0", "*-*-* 01,02,03:00:00" },
                { "9..17/3:0", "*-*-* 09..15/3:00:00" },
                { "9..17/30:0", "*-*-* 09:00:00" },
                { "9..9:0", "*-*-* 09:00:00" },
                { "0..30/23:0", "*-*-* 00..23/23:00:00" },
                { "*:*:*", "*-*-* *:*:*" },
                { "*:*:0/1,7..9", "*-*-* *:*:*" },
                { "*:*:0/1,0.5", "*-*-* *:*:00/1,00.500000" },
                { "*:*:5.4200004/3.1700005", "*-*-* *:*:05.420000/3.170001" },
                { "*:*:1.5..3.5", "*-*-* *:*:01.500000..03.500000" },
                { "@1700000000", "2023-11-14 22:13:20 UTC" },
                { "Mon @1700000000 utc", "Mon 2023-11-14 22:13:20 UTC" },
                { "@951782400", "2000-02-29 00:00:00 UTC" },
                { "12:0 utc", "*-*-* 12:00:00 UTC" },
                { "12:0 Europe/Berlin", "*-*-* 12:00:00 Europe/Berlin" },
                { "minutely", "*-*-* *:*:00" },
                { "Hourly", "*-*-* *:00:00" },
                { "daily", "*-*-* 00:00:00" },
                { "weekly UTC", "Mon *-*-* 00:00:00 UTC" },
                { "monthly", "*-*-01 00:00:00" },
                { "quarterly", "*-01,04,07,10-01 00:00:00" },
                { "semiannually", "*-01,07-01 00:00:00" },
                { "yearly Europe/Berlin", "*-01-01 00:00:00 Europe/Berlin" },
                { "annually", "*-01-01 00:00:00" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                check_normal(rows[i].text, rows[i].normal);
                check_normal(rows[i].normal, rows[i].normal);
        }
}

/* What is wrong is named, with its place, and what is expected there. */
static void complaints(void **state _unused_) {
        static const struct {
                const char *text;
                size_t at;
                const char *words;
        } rows[] = {
                { "", 0, "expected a calendar expression, found nothing" },
                { " UTC", 0, "expected a calendar expression, found nothing" },
                { "24-1-1 25:00", 7, "\"25\" is not an hour (0 to 23)" },
                { "2024-13-01", 5, "\"13\" is not a month (1 to 12)" },
                { "2200-01-01", 0, "\"2200\" is not a year (1970 to 2199)" },
                { "*-*~29", 4, "\"29\" is not a day before the month's end (1 to 28)" },
                { "10:0,60", 5, "\"60\" is not a minute (0 to 59)" },
                { "10:0..99", 6, "\"99\" is not a minute (0 to 59)" },
                { "10:00:99999999999", 6, "\"99999999999\" is not a second (0 to 59)" },
                { "10:5..3", 3, "\"5..3\" ends before it begins" },
                { "10:00/60", 6, "the step \"60\" is too long: there is no second time" },
                { "10:00/0", 6, "the step is zero" },
                { "10:00/", 6, "expected a step, found the end" },
                { "10:00:1..1.5", 6, "\"1..1.5\" is shorter than its step of a second" },
                { "10:00:1.x", 8, "expected digits after the point, found \"x\"" },
                { "Tue,Fooday 10:00", 4, "\"Fooday\" is not a weekday (Mon to Sun)" },
                { "Tue.. 10:00", 5, "expected a weekday (Mon to Sun), found \" 10:00\"" },
                { "Sun..Mon", 0, "\"Sun..Mon\" ends before it begins: the week begins on Monday" },
                { "Mon/2 10:00", 3, "expected a blank after the weekdays, found \"/2\"" },
                { "Mon 10", 4, "expected a date or a time, found \"10\"" },
                { "1-1-1-1", 5, "expected the end of the date, found \"-1\"" },
                { "24~1-1", 2, "expected \"-\" and a month (1 to 12), found \"~1-1\"" },
                { "10:00:00:00", 8, "expected a time zone or the end, found \":00\"" },
                { "10:00 2024-01-01", 5, "expected a time zone or the end, found \" 2024-01-01\"" },
                { "10-5:00", 2, "expected \":\" and a minute, found \"-5:00\"" },
                { "10x:00", 2, "unexpected \"x:00\"" },
                { "*-*-* a:00", 6, "expected the name of a time zone: letters, digits, \"-\", \"_\", \"+\" and \"/\"" },
                { "10:00 Europe/Nowhere", 6, "no time zone \"Europe/Nowhere\" in /usr/share/zoneinfo/" },
                { "10:00 Europe", 6, "no time zone \"Europe\" in /usr/share/zoneinfo/" },
                { "10:00 right/UTC", 6, "time zone \"right/UTC\" counts leap seconds, which the system clock does not" },
                { "@7258118400", 0, "\"@7258118400\" is later than 2199" },
                { "@", 1, "expected seconds since 1970 after \"@\", found the end" },
                { "@5 Europe/Berlin", 3, "seconds since 1970 have no time zone, found \"Europe/Berlin\"" },
                { "10:\033[31m", 3, "expected a minute (0 to 59), found \"?[31m\"" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct err err = { 0 };
                struct calendar c = { .zone = "untouched" };
                size_t at = SIZE_MAX;
                int r = calendar_parse(rows[i].text, &c, &at, &err);

                if (r != -EINVAL || at != rows[i].at || strcmp(err.text, rows[i].words) != 0)
                        fail_msg("\"%s\": %d at %zu: %s", rows[i].text, r, at, err.text);
                assert_string_equal(c.zone, "untouched");
                assert_int_equal(calendar_parse(rows[i].text, &c, NULL, NULL), -EINVAL);
        }
}

/* What people write instead is answered with what it should be, as far as that can be told. */
static void phrases(void **state _unused_) {
        static const struct {
                const char *text, *hint;
        } rows[] = {
                { "every 5 seconds", "write \"*:*:0/5\", see systemd.time(7)" },
                { "every second", "write \"*:*:*\", see systemd.time(7)" },
                { "Every 15 Minutes", "write \"*:0/15\", see systemd.time(7)" },
                { "5 minutes", "write \"*:0/5\", see systemd.time(7)" },
                { "every 1 hour", "write \"hourly\", see systemd.time(7)" },
                { "every 6 hours", "write \"0/6:00\", see systemd.time(7)" },
                { "every day", "write \"daily\", see systemd.time(7)" },
                { "every 3 months", "write \"*-1/3-01\", see systemd.time(7)" },
                { "every 7 minutes", "" },
                { "every 0 minutes", "" },
                { "every 2 days", "" },
                { "every -5 minutes", "" },
                { "every", "" },
                { "every fortnight", "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct err err = { 0 };
                struct calendar c;
                char expression[64];

                assert_int_equal(calendar_parse(rows[i].text, &c, NULL, &err), -EINVAL);
                if (strcmp(err.hint, rows[i].hint) != 0)
                        fail_msg("\"%s\": %s", rows[i].text, err.hint);
                if (sscanf(err.hint, "write \"%63[^\"]", expression) == 1) /* and it is one */
                        assert_int_equal(calendar_parse(expression, &c, NULL, &err), 0);
        }
}

/* What was accepted once is read on a host that has its zone no more; it is told when the next time is asked for. */
static void accepted_before(void **state _unused_) {
        struct calendar c;
        struct err err = { 0 };
        uint64_t next;

        assert_int_equal(calendar_parse("10:00 Europe/Nowhere", &c, NULL, NULL), -EINVAL);
        assert_int_equal(calendar_parse_accepted("10:00 Europe/Nowhere", &c, &err), 0);
        assert_string_equal(c.zone, "Europe/Nowhere");
        assert_int_equal(calendar_next(&c, 0, &next, &err), -EINVAL);
        assert_string_equal(err.text, "no time zone \"Europe/Nowhere\" in /usr/share/zoneinfo/");
        assert_int_equal(calendar_parse_accepted("10:00 Europe/../x", &c, NULL), -EINVAL);
        assert_int_equal(calendar_parse_accepted("10:99", &c, NULL), -EINVAL);
}

/* A name never leads out of the zone database. */
static void zone_names(void **state _unused_) {
        static const char *const names[] = { "../../../etc/localtime", "a/../b",  "/etc/localtime",
                                             "Europe//Berlin",         "Europe/", "Europe/.hidden",
                                             "Europe/Berlin.",         "x\n",     "Europe/\xc3\xa9" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                char text[64];
                struct calendar c;

                (void)snprintf(text, sizeof(text), "10:00 %s", names[i]);
                assert_int_equal(calendar_parse(text, &c, NULL, NULL), -EINVAL);
        }
        /* Also not one that is too long for the struct. */
        char text[400];
        struct calendar c;
        memset(text, 'a', sizeof(text));
        memcpy(text, "10:00 ", 6);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(calendar_parse(text, &c, NULL, NULL), -EINVAL);
}

/* As many numbers as the struct has room for; one more is a complaint, not a crash. */
static void many_numbers(void **state _unused_) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        struct err err = { 0 };
        struct calendar c;

        buf_puts(&text, "*:*:0.000001");
        for (unsigned i = 2; i <= CALENDAR_PARTS_MAX; i++)
                buf_printf(&text, ",%u.%06u", i % 60, i);
        assert_int_equal(calendar_parse(buf_text(&text), &c, NULL, &err), 0);
        assert_int_equal(c.lists[CALENDAR_USEC].n, CALENDAR_PARTS_MAX);
        buf_puts(&text, ",0.999");
        assert_int_equal(calendar_parse(buf_text(&text), &c, NULL, &err), -EINVAL);
        assert_string_equal(err.text, "more than 240 numbers and ranges");
}

unit_main(cmocka_unit_test(normal_forms), cmocka_unit_test(complaints), cmocka_unit_test(zone_names), cmocka_unit_test(phrases), cmocka_unit_test(accepted_before),
          cmocka_unit_test(many_numbers));
