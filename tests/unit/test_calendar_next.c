#include "unit.h"

#include <ctrsup/base/num.h>
#include <ctrsup/calendar/calendar.h>

#include <time.h>

static struct calendar parse(const char *text) {
        struct calendar c;
        struct err err = { 0 };

        if (calendar_parse(text, &c, NULL, &err) < 0)
                fail_msg("\"%s\": %s", text, err.text);
        return c;
}

static uint64_t utc(const char *text) {
        struct tm tm = { 0 };

        assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
        return (uint64_t)timegm(&tm) * USEC_PER_SEC;
}

struct row {
        const char *text, *after, *next; /* in UTC; next NULL: never */
};

static void check_rows(const struct row *rows, size_t n) {
        for (size_t i = 0; i < n; i++) {
                struct calendar c = parse(rows[i].text);
                struct err err = { 0 };
                uint64_t next = 77;
                int r = calendar_next(&c, utc(rows[i].after), &next, &err);

                if (r != (rows[i].next ? 0 : CALENDAR_E_NEVER) || next != (rows[i].next ? utc(rows[i].next) : 77))
                        fail_msg("\"%s\" after %s: %d, %llu", rows[i].text, rows[i].after, r,
                                 (unsigned long long)next / USEC_PER_SEC);
                assert_int_equal(err.code, 0);
        }
}

/* The next one is later than what was asked, over the ends of hours, months and years; dates that do not exist never come. */
static void plain(void **state _unused_) {
        static const struct row rows[] = {
                { "*:0/5 UTC", "2024-01-01 00:00:00", "2024-01-01 00:05:00" },
                { "*:0/5 UTC", "2024-12-31 23:55:00", "2025-01-01 00:00:00" },
                { "Mon..Fri 03:30 UTC", "2024-01-05 03:30:00", "2024-01-08 03:30:00" },
                { "*-02-29 UTC", "2024-02-29 00:00:00", "2028-02-29 00:00:00" },
                { "*-02-29 UTC", "2096-03-01 00:00:00", "2104-02-29 00:00:00" },
                { "*-*~1 UTC", "2024-01-31 00:00:00", "2024-02-29 00:00:00" },
                { "*-*~7/3 UTC", "2023-02-22 00:00:00", "2023-02-25 00:00:00" },
                { "*-*~01..07/2 UTC", "2023-02-24 00:00:00", "2023-02-26 00:00:00" },
                { "Mon *-05~07/1 UTC", "2024-01-01 00:00:00", "2024-05-27 00:00:00" },
                { "*-*-31 UTC", "2024-03-31 00:00:00", "2024-05-31 00:00:00" },
                { "Fri *-*-13 UTC", "2024-01-01 00:00:00", "2024-09-13 00:00:00" },
                { "*:03/9:18 UTC", "2024-02-28 23:59:59", "2024-02-29 00:03:18" },
                { "@1700000000", "2023-11-14 22:13:19", "2023-11-14 22:13:20" },
                { "@1700000000", "2023-11-14 22:13:20", NULL },
                { "*-02-30 UTC", "2024-01-01 00:00:00", NULL },
                { "*-04,06,09,11-31 UTC", "2024-01-01 00:00:00", NULL },
                { "2023-01-01 UTC", "2024-01-01 00:00:00", NULL },
                { "*-*-* *:*:* UTC", "2199-12-31 23:59:58", "2199-12-31 23:59:59" },
                { "*-*-* *:*:* UTC", "2199-12-31 23:59:59", NULL },
        };
        struct calendar c = parse("*:*:* UTC");
        uint64_t next;

        check_rows(rows, ARRAY_SIZE(rows));
        assert_int_equal(calendar_next(&c, UINT64_MAX, &next, NULL), CALENDAR_E_NEVER);
        assert_int_equal(calendar_next(&c, INT64_MAX, &next, NULL), CALENDAR_E_NEVER);
}

/* Fractions of a second are exact. */
static void fractions(void **state _unused_) {
        struct calendar c = parse("*:*:0/0.4 UTC");
        uint64_t at = utc("2024-01-01 00:00:59"), next;

        assert_int_equal(calendar_next(&c, at, &next, NULL), 0);
        assert_int_equal(next - at, 200000);
        assert_int_equal(calendar_next(&c, next, &next, NULL), 0);
        assert_int_equal(next - at, 600000);
        assert_int_equal(calendar_next(&c, next - 1, &next, NULL), 0);
        assert_int_equal(next - at, 600000);
        assert_int_equal(calendar_next(&c, next, &next, NULL), 0);
        assert_int_equal(next - at, 1000000);
}

/* What the clocks skip never comes; what comes twice comes once, unless the question is asked in between. */
static void clocks_are_set(void **state _unused_) {
        static const struct row rows[] = {
                { "02:30 Europe/Berlin", "2024-03-30 12:00:00", "2024-04-01 00:30:00" },
                { "*:0/30 Europe/Berlin", "2024-03-31 00:30:00", "2024-03-31 01:00:00" },
                { "daily America/Havana", "2024-03-09 12:00:00", "2024-03-11 04:00:00" },
                { "*:00 Antarctica/Troll", "2024-03-31 00:00:00", "2024-03-31 01:00:00" },
                { "02:15/15 Australia/Lord_Howe", "2024-10-05 15:00:00", "2024-10-05 15:30:00" },
                { "Fri 2011-12-30 Pacific/Apia", "2011-01-01 00:00:00", NULL },
                { "Sun *-03-25..31 02:30 Europe/Berlin", "2024-01-01 00:00:00", NULL },
                { "02:30 Europe/Berlin", "2024-10-26 12:00:00", "2024-10-27 00:30:00" },
                { "02:30 Europe/Berlin", "2024-10-27 00:30:00", "2024-10-28 01:30:00" },
                { "02:30 Europe/Berlin", "2024-10-27 01:10:00", "2024-10-27 01:30:00" },
                { "*:0/30 Europe/Berlin", "2024-10-27 00:30:00", "2024-10-27 02:00:00" },
                { "*:0/30 Europe/Berlin", "2024-10-27 01:00:00", "2024-10-27 01:30:00" },
                { "daily Asia/Kathmandu", "2024-01-01 00:00:00", "2024-01-01 18:15:00" },
                /* beyond what the files list: the rule in their last line */
                { "*-07-01 12:00 Europe/Berlin", "2189-12-01 00:00:00", "2190-07-01 10:00:00" },
                { "12:00 Australia/Sydney", "2189-12-31 12:00:00", "2190-01-01 01:00:00" },
        };

        check_rows(rows, ARRAY_SIZE(rows));
}

/* TZ is not looked at. */
static void no_environment(void **state _unused_) {
        struct calendar c = parse("12:00");
        uint64_t before, with;

        assert_int_equal(unsetenv("TZ"), 0);
        assert_int_equal(calendar_next(&c, utc("2024-01-01 00:00:00"), &before, NULL), 0);
        assert_int_equal(setenv("TZ", "XXX-7:13", 1), 0);
        assert_int_equal(calendar_next(&c, utc("2024-01-01 00:00:00"), &with, NULL), 0);
        assert_int_equal(unsetenv("TZ"), 0);
        assert_int_equal(before, with);
}

/* A zone that is gone since the expression was read. */
static void zone_is_gone(void **state _unused_) {
        struct calendar c = parse("12:00 Europe/Berlin");
        struct err err = { 0 };
        uint64_t next = 77;

        strcpy(c.zone, "Europe/Atlantis");
        assert_int_equal(calendar_next(&c, 0, &next, &err), -EINVAL);
        assert_int_equal(next, 77);
        assert_string_equal(err.text, "no time zone \"Europe/Atlantis\" in /usr/share/zoneinfo/");
}

static bool list_has(const struct calendar *c, enum calendar_unit unit, int64_t value, int64_t length) {
        const struct calendar_list *list = &c->lists[unit];
        bool has = list->n == 0;

        for (size_t i = 0; i < list->n; i++) {
                struct calendar_part p = c->parts[list->at + i];
                int64_t first = p.first, last = p.last >= 0 ? p.last : p.step > 0 ? INT32_MAX : p.first;

                if (unit == CALENDAR_DAY && c->from_month_end) {
                        first = length + 1 - (p.last >= 0 ? p.last : p.first);
                        last = p.last >= 0 || p.step == 0 ? length + 1 - p.first : INT32_MAX;
                }
                has = has || (value >= first && value <= last && (p.step == 0 || (value - first) % p.step == 0));
        }
        return has;
}

/* Whether it elapses in that second, by what its fields say. */
static bool matches(const struct calendar *c, time_t at) {
        struct tm tm, end;

        (void)gmtime_r(&at, &tm);
        end = (struct tm){ .tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 0 };
        (void)timegm(&end);
        return (!c->weekdays || c->weekdays & 1u << (tm.tm_wday + 6) % 7) && list_has(c, CALENDAR_YEAR, tm.tm_year + 1900, 0) &&
               list_has(c, CALENDAR_MONTH, tm.tm_mon + 1, 0) && list_has(c, CALENDAR_DAY, tm.tm_mday, end.tm_mday) &&
               list_has(c, CALENDAR_HOUR, tm.tm_hour, 0) && list_has(c, CALENDAR_MINUTE, tm.tm_min, 0) &&
               list_has(c, CALENDAR_USEC, tm.tm_sec * INT64_C(1000000), 0);
}

/* Second by second: the answer is the first match, no earlier one is passed over. */
static void against_counting(void **state _unused_) {
        static const char *const texts[] = {
                "*:3/9:18 UTC",           "1/7:5/11:0/7 UTC",       "*-*-1/9 3/5:*:55,1/13 UTC", "Tue,Sat *-*~9/4 *:0/17 UTC",
                "*-1/5-* 23:59:58/1 UTC", "*-*~01..06/2 5:7:9 UTC", "0,12:0..30/11:3 UTC",       "*-*-28..31 22/1:58/1:59 UTC",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct calendar c = parse(texts[i]);
                uint64_t at = utc("2024-02-25 21:13:07"), next;

                for (unsigned k = 0; k < 60; k++) {
                        assert_int_equal(calendar_next(&c, at, &next, NULL), 0);
                        assert_true(next > at && next % USEC_PER_SEC == 0);
                        time_t from = (time_t)(at / USEC_PER_SEC) + 1, to = (time_t)(next / USEC_PER_SEC);
                        assert_true(matches(&c, to));
                        for (time_t t = to - from > 20000 ? to - 20000 : from; t < to; t++)
                                if (matches(&c, t))
                                        fail_msg("\"%s\" after %llu: %lld is passed over", texts[i], (unsigned long long)at,
                                                 (long long)t);
                        at = next;
                }
        }
}

/* The worst of those that never come are found out soon. */
static void never_is_soon(void **state _unused_) {
        static const char *const texts[] = {
                "*-02-30 UTC",
                "*-1..12-* 02:*:0/0.000001 Europe/Berlin",
                "Sun *-03-25..31 02:*:0/0.000001 Europe/Berlin",
                "Mon 1970..2199/7-02-29 02:*:0/0.000001 Europe/Berlin",
                "*-2/2-30,31 00:00 Europe/Berlin",
                "*-02,04,06-31 *:*:* America/Havana",
        };
        struct timespec begin, end;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct calendar c = parse(texts[i]);
                uint64_t next;

                for (unsigned k = 0; k < 10; k++)
                        (void)calendar_next(&c, k * UINT64_C(1000000000000000) / 3, &next, NULL);
        }
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        assert_true(end.tv_sec - begin.tv_sec < 5);
}

unit_main(cmocka_unit_test(plain), cmocka_unit_test(fractions), cmocka_unit_test(clocks_are_set),
          cmocka_unit_test(no_environment), cmocka_unit_test(zone_is_gone), cmocka_unit_test(against_counting),
          cmocka_unit_test(never_is_soon));
