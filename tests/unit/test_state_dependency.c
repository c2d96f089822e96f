/* May who depends on it start? Each phase against each condition. */
#include "unit.h"

#include <ctrsup/state/dependency.h>

static struct instance in_phase(enum phase phase) {
        struct instance i;
        struct policy policy = { .type = TYPE_SERVICE };

        instance_init(&i, "shop", "db", 1, &policy);
        i.phase = phase;
        return i;
}

static void each_phase(void **state _unused_) {
        enum { COMING = DEPENDENCY_COMING, MET = DEPENDENCY_MET, LOST = DEPENDENCY_LOST };
        static const struct {
                enum phase phase;
                int started, healthy, completed;
        } cases[] = {
                { PHASE_PENDING, COMING, COMING, COMING }, { PHASE_STARTING, COMING, COMING, COMING },
                { PHASE_RUNNING, MET, COMING, COMING },    { PHASE_READY, MET, MET, COMING },
                { PHASE_UNHEALTHY, MET, COMING, COMING },  { PHASE_STOPPING, COMING, COMING, COMING },
                { PHASE_STOPPED, COMING, COMING, COMING }, { PHASE_COMPLETED, MET, LOST, MET },
                { PHASE_FAILED, LOST, LOST, LOST },        { PHASE_BACKOFF, COMING, COMING, COMING },
        };
        _Static_assert(sizeof(cases) / sizeof(cases[0]) == _PHASE_MAX, "every phase");

        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                struct instance i = in_phase(cases[n].phase);
                const struct instance *one = &i;

                assert_int_equal(dependency_of(CONDITION_STARTED, &one, 1, NULL), cases[n].started);
                assert_int_equal(dependency_of(CONDITION_HEALTHY, &one, 1, NULL), cases[n].healthy);
                assert_int_equal(dependency_of(CONDITION_COMPLETED, &one, 1, NULL), cases[n].completed);
        }
        struct instance i = in_phase(PHASE_STOPPED);
        const struct instance *one = &i;
        i.desire = DESIRE_STOPPED;
        assert_int_equal(dependency_of(CONDITION_STARTED, &one, 1, NULL), DEPENDENCY_LOST);
}

static void the_least_decides(void **state _unused_) {
        struct instance a = in_phase(PHASE_READY), b = in_phase(PHASE_RUNNING), c = in_phase(PHASE_FAILED);
        const struct instance *all[] = { &a, &b, &c }, *least = NULL;

        assert_int_equal(dependency_of(CONDITION_STARTED, all, 2, &least), DEPENDENCY_MET);
        assert_null(least);
        assert_int_equal(dependency_of(CONDITION_HEALTHY, all, 2, &least), DEPENDENCY_COMING);
        assert_ptr_equal(least, &b);
        assert_int_equal(dependency_of(CONDITION_HEALTHY, all, 3, &least), DEPENDENCY_LOST);
        assert_ptr_equal(least, &c);
        assert_int_equal(dependency_of(CONDITION_STARTED, all, 0, &least), DEPENDENCY_COMING);
}

static void words(void **state _unused_) {
        struct instance i = in_phase(PHASE_BACKOFF);
        char buf[MESSAGE_SIZE];

        assert_string_equal(dependency_words(DEPENDENCY_COMING, CONDITION_HEALTHY, "db", &i, buf), "waits for db to be healthy");
        assert_string_equal(dependency_words(DEPENDENCY_COMING, CONDITION_STARTED, "db", NULL, buf), "waits for db to run");
        i.phase = PHASE_FAILED;
        assert_string_equal(dependency_words(DEPENDENCY_LOST, CONDITION_COMPLETED, "db", &i, buf), "waits for db, which failed");
        (void)snprintf(i.message, sizeof(i.message), "exited with status 1");
        assert_string_equal(dependency_words(DEPENDENCY_LOST, CONDITION_COMPLETED, "db", &i, buf),
                            "waits for db, which failed: exited with status 1");
        i.phase = PHASE_COMPLETED;
        assert_string_equal(dependency_words(DEPENDENCY_LOST, CONDITION_HEALTHY, "db", &i, buf), "waits for db, which completed");
        i.phase = PHASE_STOPPED;
        i.desire = DESIRE_STOPPED;
        assert_string_equal(dependency_words(DEPENDENCY_LOST, CONDITION_STARTED, "db", &i, buf),
                            "waits for db, which was stopped by an operator");
}

unit_main(cmocka_unit_test(each_phase), cmocka_unit_test(the_least_decides), cmocka_unit_test(words));
