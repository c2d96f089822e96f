/* Mounts as the kernel lists them: where, on top of what, and whether they may be written to. */
#include "unit.h"

#include <ctrsup/kernel/mountinfo.h>

static const char text[] = "100 90 0:40 / / rw,relatime - overlay overlay rw\n"
                           "101 100 0:41 / /data rw,nosuid - ext4 /dev/vda rw\n"
                           "102 101 0:42 / /data ro master:1 shared:7 - tmpfs tmpfs rw\n"
                           "103 100 0:43 /a\\040b /with\\040blank\\134and\\011tab rogue - tmpfs tmpfs ro\n"
                           "not a line\n"
                           "104 100 0:44 / /proc/sys ro,nosuid - proc proc rw";

static void lines_are_read(void **state _unused_) {
        static const struct {
                const char *point;
                bool read_only;
        } wanted[] = {
                { "/", false }, { "/data", false }, { "/data", true }, { "/with blank\\and\ttab", false }, { "/proc/sys", true }
        };
        struct mountinfo_line line;
        const char *at = text;
        size_t n = 0;

        for (; mountinfo_next(&at, &line); n++) {
                assert_in_range(n, 0, ARRAY_SIZE(wanted) - 1);
                assert_string_equal(line.point, wanted[n].point);
                assert_int_equal(line.read_only, wanted[n].read_only);
        }
        assert_int_equal(n, ARRAY_SIZE(wanted));
}

static void the_top_one_is_found(void **state _unused_) {
        struct mountinfo_line line;

        assert_true(mountinfo_find(text, "/data", &line));
        assert_true(line.read_only);
        assert_false(mountinfo_find(text, "/dat", &line));
        assert_false(mountinfo_find(text, "/data/", &line));
        assert_false(mountinfo_find("", "/", &line));
}

static void points_too_long_are_passed_over(void **state _unused_) {
        static char huge[3 * PATH_MAX];
        struct mountinfo_line line;
        const char *at = huge;

        (void)snprintf(huge, sizeof(huge), "1 1 0:1 / /%0*d rw - tmpfs tmpfs rw\n2 1 0:2 / /ok rw - tmpfs tmpfs rw\n", PATH_MAX,
                       0);
        assert_true(mountinfo_next(&at, &line));
        assert_string_equal(line.point, "/ok");
        assert_false(mountinfo_next(&at, &line));
}

unit_main(cmocka_unit_test(lines_are_read), cmocka_unit_test(the_top_one_is_found),
          cmocka_unit_test(points_too_long_are_passed_over));
