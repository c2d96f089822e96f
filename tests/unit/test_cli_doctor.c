/* What doctor reads in the host's files, and how it tells. */
#include "unit.h"

#include <cli/doctor.h>

#include <string.h>

/* Touching ranges do not overlap; a line that is none is passed over. */
static void subids(void **state _unused_) {
        static const struct {
                const char *text, *what; /* NULL: nothing overlaps */
        } cases[] = {
                { "", NULL },
                { "a:100000:65536\n", NULL },
                { "a:0:1000\nb:1000:100\n", "b:1000:100" },
                { "a:900:100\n", NULL },
                { "a:900:101\n", "a:900:101" },
                { "a:1999:1", "a:1999:1" },
                { "a:2000:1\n", NULL },
                { "a:1500:0\n", NULL },
                { "a\na:\na:x:1\na:1500\n:::\n\n#\n", NULL },
                { "all:0:4294967295\n", "all:0:4294967295" },
        };
        char what[64];

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                bool found = doctor_subid_overlaps(cases[n].text, 1000, 1000, what);

                assert_int_equal(found, cases[n].what != NULL);
                if (found)
                        assert_string_equal(what, cases[n].what);
        }
}

static void users(void **state _unused_) {
        char what[64];

        assert_false(doctor_passwd_overlaps("root:x:0:0::/:/bin/sh\nbad\nme:x:999:1500::/:\n", 1000, 1000, what));
        assert_true(doctor_passwd_overlaps("root:x:0:0::/:/bin/sh\nme:x:1000:0::/:", 1000, 1000, what));
        assert_string_equal(what, "me");
        assert_true(doctor_passwd_overlaps("games:x:1999:\n", 1000, 1000, what)); /* /etc/group has it at the same place */
}

static void maps(void **state _unused_) {
        assert_true(doctor_map_covers("         0          0 4294967295\n", 268435456, 134217728));
        assert_false(doctor_map_covers("         0       1000          1\n", 268435456, 134217728));
        assert_true(doctor_map_covers("0 1000 1\n5 100 10\n", 5, 10));
        assert_false(doctor_map_covers("0 1000 1\n5 100 10\n", 5, 11));
        assert_false(doctor_map_covers("", 0, 1));
}

/* What ctrsupd prints; a setting that it does not have stays as it was. */
static void settings(void **state _unused_) {
        struct doctor_settings s = { .state = "/s", .runtime = "/r", .logs = "/l", .base = 1, .count = 2 };

        doctor_read_settings(
                "log = {\n  state = \"no\";\n};\npaths = {\n  stacks = \"/etc\";   # default\n  state = \"/a b\";  # f:1\n"
                "  logs = \"/var/l\";\n};\nuserns = {\n  base = 1000000;    # default\n  count = 3;\n};\n",
                &s);
        assert_string_equal(s.state, "/a b");
        assert_string_equal(s.runtime, "/r");
        assert_string_equal(s.logs, "/var/l");
        assert_int_equal(s.base, 1000000);
        assert_int_equal(s.count, 3 * 65536);
        doctor_read_settings("", &s);
        assert_string_equal(s.state, "/a b");
}

/* Counted by what they are; a cure is a line of its own; words where there are no marks. */
static void told(void **state _unused_) {
        struct doctor d = { .found = json_array(), .name = "idmap" };
        _cleanup_buf_ struct buf plain = BUF_NULL, marks = BUF_NULL;

        doctor_say(&d, FINDING_OK, NULL, "fine %d", 1);
        doctor_say(&d, FINDING_FAILURE, "do this", "it cannot");
        doctor_say(&d, FINDING_WARNING, "or this", "not so well");
        doctor_say(&d, FINDING_SKIPPED, NULL, "not looked at");
        assert_int_equal(d.count[FINDING_FAILURE], 1);
        assert_int_equal(d.count[FINDING_WARNING], 1);
        doctor_put(d.found, false, false, &plain);
        assert_string_equal(buf_text(&plain), "ok      idmap         fine 1\n"
                                              "failure idmap         it cannot\n"
                                              "                      cure: do this\n"
                                              "warning idmap         not so well\n"
                                              "                      cure: or this\n"
                                              "skipped idmap         not looked at\n");
        doctor_put(d.found, true, true, &marks);
        assert_non_null(strstr(buf_text(&marks), "\033[31m✗\033[0m idmap         it cannot\n                cure: do this\n"));
        json_decref(d.found);
}

unit_main(cmocka_unit_test(subids), cmocka_unit_test(users), cmocka_unit_test(maps), cmocka_unit_test(settings),
          cmocka_unit_test(told));
