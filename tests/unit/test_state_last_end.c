/* Whose doing an end was: the instance's state before it tells. */
#include "unit.h"

#include <ctrsup/state/last_end.h>

static void words_and_back(void **state _unused_) {
        for (int by = 0; by < _END_BY_MAX; by++)
                assert_int_equal(end_by_value(end_by_name((enum end_by)by)), by);
        assert_int_equal(end_by_value("somebody"), -EINVAL);
}

static void whose_doing(void **state _unused_) {
        static const struct {
                struct instance i;
                enum end_by asked, by;
        } cases[] = {
                { { .phase = PHASE_READY }, END_BY_ITSELF, END_BY_ITSELF },
                { { .phase = PHASE_STARTING }, END_BY_REPLACE, END_BY_ITSELF }, /* what was asked once and is over */
                { { .phase = PHASE_STOPPING, .desire = DESIRE_STOPPED }, END_BY_ITSELF, END_BY_STOP },
                { { .phase = PHASE_STOPPING, .desire = DESIRE_STOPPED, .cause = CAUSE_UNHEALTHY }, END_BY_REPLACE, END_BY_STOP },
                { { .phase = PHASE_READY, .desire = DESIRE_HELD, .leaving = true }, END_BY_ITSELF, END_BY_HOLD },
                { { .phase = PHASE_STOPPING, .desire = DESIRE_GONE }, END_BY_ITSELF, END_BY_REMOVE },
                { { .phase = PHASE_STOPPING, .again = true }, END_BY_RESTART, END_BY_RESTART },
                { { .phase = PHASE_STOPPING, .again = true }, END_BY_REPLACE, END_BY_REPLACE },
                { { .phase = PHASE_STOPPING, .again = true }, END_BY_ITSELF, END_BY_RESTART }, /* nobody knows who any more */
                { { .phase = PHASE_STOPPING, .cause = CAUSE_NOT_READY }, END_BY_ITSELF, END_BY_POLICY },
                { { .phase = PHASE_STOPPING }, END_BY_ITSELF, END_BY_ITSELF },
        };

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++)
                assert_int_equal(end_by_of(&cases[n].i, cases[n].asked), cases[n].by);
}

unit_main(cmocka_unit_test(words_and_back), cmocka_unit_test(whose_doing));
