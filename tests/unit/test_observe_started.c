#include "unit.h"

#include <ctrsup/observe/started.h>

/* Blanks and brackets in the process's name do not move the fields. */
static void finds_the_start_time(void **state) {
        int64_t ticks = 0;

        (void)state;
        assert_int_equal(
                started_stat_field("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 -21\n", 22, &ticks), 0);
        assert_int_equal(ticks, 4242);
        assert_int_equal(
                started_stat_field("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 -21\n", 24, &ticks), 0);
        assert_int_equal(ticks, -21);
}

static void refuses_what_is_no_stat(void **state) {
        int64_t ticks = 1;

        (void)state;
        assert_int_equal(started_stat_field("", 22, &ticks), -EBADMSG);
        assert_int_equal(started_stat_field("7 (sh) S 1 2 3", 22, &ticks), -EBADMSG);
        assert_int_equal(started_stat_field("7 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20", 22, &ticks), -EBADMSG);
        assert_int_equal(ticks, 1);
}

/* We were started before now, and not before the machine. */
static void knows_our_own(void **state) {
        uint64_t mono = 0, real = 0;

        (void)state;
        assert_int_equal(started_read(getpid(), &mono, &real, NULL), 0);
        assert_true(mono > 0 && real > mono);
        assert_int_equal(started_read(-1, &mono, &real, NULL), -ESRCH);
}

/* A pid alone may be another process by now; with its start it is this one or none. */
static void opens_the_very_process(void **state) {
        uint64_t ticks = 0;
        int fd = -1;

        (void)state;
        assert_int_equal(started_ticks(getpid(), &ticks, NULL), 0);
        assert_int_equal(started_open(getpid(), ticks, &fd), 0);
        assert_true(fd >= 0);
        (void)close(fd);
        assert_int_equal(started_open(getpid(), ticks + 1, &fd), -ESRCH);
        assert_int_equal(started_open(0, ticks, &fd), -ESRCH);
}

unit_main(cmocka_unit_test(finds_the_start_time), cmocka_unit_test(refuses_what_is_no_stat), cmocka_unit_test(knows_our_own),
          cmocka_unit_test(opens_the_very_process));
