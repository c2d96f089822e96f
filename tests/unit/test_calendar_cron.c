#include "unit.h"

#include <ctrsup/calendar/calendar.h>

/* Each line of cron is answered with the expression that runs it; what the hint quotes is one. */
static void translations(void **state _unused_) {
        static const struct {
                const char *line, *hint;
        } rows[] = {
                { "*/5 * * * *", "write \"*:0/5\" (every 5 minutes), see systemd.time(7)" },
                { "* * * * *", "write \"*:*\" (every minute), see systemd.time(7)" },
                { "*/7 * * * *", "write \"*:0/7\", see systemd.time(7)" },
                { "0 * * * *", "write \"*:00\" (every hour), see systemd.time(7)" },
                { "15 */2 * * *", "write \"0/2:15\" (every 2 hours), see systemd.time(7)" },
                { "*/30 8 * * *", "write \"08:0/30\", see systemd.time(7)" },
                { "0,30 * * * *", "write \"*:00,30\", see systemd.time(7)" },
                { "30 3 * * 1-5", "write \"Mon..Fri 03:30\", see systemd.time(7)" },
                { "30 3 * * MON-fri", "write \"Mon..Fri 03:30\", see systemd.time(7)" },
                { "30 3 * * 0", "write \"Sun 03:30\", see systemd.time(7)" },
                { "30 3 * * 7", "write \"Sun 03:30\", see systemd.time(7)" },
                { "30 3 * * 0-6", "write \"03:30\", see systemd.time(7)" },
                { "30 3 * * 5-7,2", "write \"Tue,Fri..Sun 03:30\", see systemd.time(7)" },
                { "30 3 * * sun,wed", "write \"Wed,Sun 03:30\", see systemd.time(7)" },
                { "30 3 * * 1-5/2", "write \"Mon,Wed,Fri 03:30\", see systemd.time(7)" },
                { "30 3 * * */2", "write \"Tue,Thu,Sat,Sun 03:30\", see systemd.time(7)" },
                { "0 0 1 * *", "write \"*-*-01 00:00\", see systemd.time(7)" },
                { "0 0 1 1 *", "write \"*-01-01 00:00\", see systemd.time(7)" },
                { "0 22 * jan-mar,DEC *", "write \"*-01..03,12-* 22:00\", see systemd.time(7)" },
                { "0 0 1-7/2 */3 *", "write \"*-1/3-1..7/2 00:00\", see systemd.time(7)" },
                { "5/10 9-17 * * *", "write \"09..17:5/10\", see systemd.time(7)" },
                { "0-59 * * * *", "write \"*:*\", see systemd.time(7)" },
                { "*/60 * * * *", "write \"*:00\" (every 60 minutes), see systemd.time(7)" },
                { "  0\t4 * *  * ", "write \"04:00\", see systemd.time(7)" },
                /* A star restricts nothing in cron's eyes, whatever its step: both must hold. */
                { "0 0 */2 * 1", "write \"Mon *-*-1/2 00:00\", see systemd.time(7)" },
                { "0 0 13 * 5",
                  "cron runs it on either day, which takes two: \"Fri 00:00\" and \"*-*-13 00:00\", see systemd.time(7)" },
                { "0 0 13 6 5",
                  "cron runs it on either day, which takes two: \"Fri *-06-* 00:00\" and \"*-06-13 00:00\", see systemd.time(7)" },
                { "@daily", "write \"daily\", see systemd.time(7)" },
                { "@Midnight", "write \"daily\", see systemd.time(7)" },
                { "@hourly", "write \"hourly\", see systemd.time(7)" },
                { "@weekly", "write \"Sun 00:00\", see systemd.time(7)" },
                { "@monthly", "write \"monthly\", see systemd.time(7)" },
                { "@annually", "write \"yearly\", see systemd.time(7)" },
                { "@yearly", "write \"yearly\", see systemd.time(7)" },
                { "@reboot", "a job without a schedule runs at every boot with rerun: on-boot" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct err err = { 0 };
                struct calendar c;
                size_t at = SIZE_MAX;

                assert_int_equal(calendar_parse(rows[i].line, &c, &at, &err), -EINVAL);
                assert_int_equal(at, 0);
                if (!strstr(err.text, "is a cron line, not a calendar expression") || strcmp(err.hint, rows[i].hint) != 0)
                        fail_msg("\"%s\": %s: %s", rows[i].line, err.text, err.hint);
                for (char *quote = strchr(err.hint, '"'); quote; quote = strchr(quote, '"')) {
                        char *end = strchr(quote + 1, '"');

                        *end = '\0';
                        if (calendar_parse(quote + 1, &c, NULL, &err) < 0)
                                fail_msg("\"%s\": %s", quote + 1, err.text);
                        quote = end + 1;
                }
        }
}

/* What is not quite a cron line gets the ordinary complaint. */
static void no_cron_lines(void **state _unused_) {
        static const char *const texts[] = {
                "*/5 * * *",    "*/5 * * * * *",   "60 * * * *",   "* 24 * * *",    "* * 0 * *",    "* * 32 * *",
                "* * * 13 *",   "* * * * 8",       "*/0 * * * *",  "5-3 * * * *",   "a * * * *",    "1, * * * *",
                "1,,2 * * * *", "* * * january *", "* * * * mond", "1-2-3 * * * *", "@fortnightly", "* * * * ?",
        };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct err err = { 0 };
                struct calendar c;

                assert_int_equal(calendar_parse(texts[i], &c, NULL, &err), -EINVAL);
                if (strstr(err.text, "cron"))
                        fail_msg("\"%s\": %s", texts[i], err.text);
        }
}

unit_main(cmocka_unit_test(translations), cmocka_unit_test(no_cron_lines));
