/* Is a new instance good enough? Each phase, and the clock. */
#include "unit.h"

#include <ctrsup/state/trial.h>

static struct instance in_phase(enum phase phase) {
        struct instance i;
        struct policy policy = { .type = TYPE_SERVICE };

        instance_init(&i, "shop", "api", 2, &policy);
        i.phase = phase;
        return i;
}

static void each_phase(void **state _unused_) {
        static const enum trial wanted[] = {
                [PHASE_PENDING] = TRIAL_GOES_ON, [PHASE_STARTING] = TRIAL_GOES_ON, [PHASE_RUNNING] = TRIAL_GOES_ON,
                [PHASE_READY] = TRIAL_PASSED,    [PHASE_UNHEALTHY] = TRIAL_FAILED, [PHASE_STOPPING] = TRIAL_GOES_ON,
                [PHASE_STOPPED] = TRIAL_GOES_ON, [PHASE_COMPLETED] = TRIAL_PASSED, [PHASE_FAILED] = TRIAL_FAILED,
                [PHASE_BACKOFF] = TRIAL_FAILED,
        };
        _Static_assert(ARRAY_SIZE(wanted) == _PHASE_MAX, "every phase");
        uint64_t until;

        for (enum phase p = 0; p < _PHASE_MAX; p++) {
                struct instance i = in_phase(p);

                assert_int_equal(trial_of(&i, 100, 10, 110, &until), wanted[p]);
                assert_true(until == USEC_INFINITY);
        }
}

static void monitored(void **state _unused_) {
        struct instance i = in_phase(PHASE_READY);
        uint64_t until;

        assert_int_equal(trial_of(&i, 100, 10, 109, &until), TRIAL_GOES_ON);
        assert_int_equal(until, 110);
        assert_int_equal(trial_of(&i, 100, 0, 100, &until), TRIAL_PASSED);
        assert_int_equal(trial_of(&i, 100, USEC_INFINITY, UINT64_MAX - 1, &until), TRIAL_GOES_ON);
}

/* Taken down for not getting ready it has failed before it is down; on its way to a restart somebody asked for it has not. */
static void given_up(void **state _unused_) {
        struct instance i = in_phase(PHASE_STOPPING);
        uint64_t until;

        i.cause = CAUSE_NOT_READY;
        assert_int_equal(trial_of(&i, 0, 10, 5, &until), TRIAL_FAILED);
        i.again = true;
        assert_int_equal(trial_of(&i, 0, 10, 5, &until), TRIAL_GOES_ON);
}

/* The one before, that has to wait until it may go down, is not what is judged; nor one that is down for a while. */
static void not_it(void **state _unused_) {
        struct instance i = in_phase(PHASE_READY);
        uint64_t until;

        i.leaving = i.again = true;
        assert_int_equal(trial_of(&i, 0, 10, 500, &until), TRIAL_GOES_ON);
        i.phase = PHASE_UNHEALTHY;
        assert_int_equal(trial_of(&i, 0, 10, 500, &until), TRIAL_GOES_ON);
        i = in_phase(PHASE_STOPPED);
        i.desire = DESIRE_HELD;
        assert_int_equal(trial_of(&i, 0, 10, 500, &until), TRIAL_GOES_ON);
}

/* Who stops it, or removes it, has decided: nothing is left to prove. */
static void not_wanted(void **state _unused_) {
        static const enum desire desires[] = { DESIRE_STOPPED, DESIRE_GONE };
        uint64_t until;

        for (size_t n = 0; n < ARRAY_SIZE(desires); n++) {
                struct instance i = in_phase(PHASE_FAILED);

                i.desire = desires[n];
                assert_int_equal(trial_of(&i, 0, 10, 5, &until), TRIAL_PASSED);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_phase), cmocka_unit_test(monitored), cmocka_unit_test(given_up), cmocka_unit_test(not_it),
                                            cmocka_unit_test(not_wanted) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
