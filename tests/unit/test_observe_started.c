#include "unit.h"

#include <ctrsup/observe/started.h>

/* Blanks and brackets in the process's name do not move the fields. */
static void finds_the_start_time(void **state) {
        uint64_t ticks = 0;

        (void)state;
        assert_int_equal(started_parse("7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n", &ticks), 0);
        assert_int_equal(ticks, 4242);
}

static void refuses_what_is_no_stat(void **state) {
        uint64_t ticks = 1;

        (void)state;
        assert_int_equal(started_parse("", &ticks), -EBADMSG);
        assert_int_equal(started_parse("7 (sh) S 1 2 3", &ticks), -EBADMSG);
        assert_int_equal(started_parse("7 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20", &ticks), -EBADMSG);
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

unit_main(cmocka_unit_test(finds_the_start_time), cmocka_unit_test(refuses_what_is_no_stat), cmocka_unit_test(knows_our_own));
