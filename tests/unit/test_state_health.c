#include "unit.h"

#include <ctrsup/state/health.h>

#include <stdlib.h>

#define SEC USEC_PER_SEC

static const struct spec_healthcheck usual = {
        .kind = HEALTHCHECK_TCP,
        .interval_usec = 30 * SEC,
        .timeout_usec = 30 * SEC,
        .start_interval_usec = 5 * SEC,
        .retries = 3,
};

/* Without a check there is no health and no probe. */
static void nothing_to_check(void **state _unused_) {
        struct spec_healthcheck none = usual;
        struct health h;

        none.kind = HEALTHCHECK_NONE;
        health_begin(&h, &none, SEC, SEC, 7);
        assert_int_equal(h.status, HEALTH_NONE);
        assert_true(h.next_usec == USEC_INFINITY);
        health_resume(&h, &none, SEC, SEC, 7);
        assert_true(h.status == HEALTH_NONE && h.next_usec == USEC_INFINITY);
}

/* start_interval until the first success, interval from then on, also while it fails. */
static void waits(void **state _unused_) {
        struct health h;

        health_begin(&h, &usual, 10 * SEC, 10 * SEC, 1u << 31);
        assert_int_equal(h.status, HEALTH_STARTING);
        assert_int_equal(h.next_usec, 10 * SEC + HEALTH_FIRST_USEC / 2);
        health_probe(&h);
        assert_true(h.next_usec == USEC_INFINITY);
        assert_false(health_take(&h, &usual, false, 11 * SEC));
        assert_int_equal(h.next_usec, 16 * SEC);
        assert_true(health_take(&h, &usual, true, 16 * SEC));
        assert_int_equal(h.status, HEALTH_HEALTHY);
        assert_int_equal(h.next_usec, 46 * SEC);
        assert_false(health_take(&h, &usual, false, 46 * SEC));
        assert_int_equal(h.next_usec, 76 * SEC);

        struct spec_healthcheck quick = usual;
        quick.interval_usec = SEC; /* a start_interval that nobody said does not slow it down */
        health_begin(&h, &quick, 0, 0, 0);
        assert_false(health_take(&h, &quick, false, 0));
        assert_int_equal(h.next_usec, SEC);
}

/* `retries` failures in a row make it unhealthy, once; one success makes it healthy again and counts from nothing. */
static void changes(void **state _unused_) {
        struct health h;

        health_begin(&h, &usual, 0, 0, 0);
        assert_false(health_take(&h, &usual, false, 1 * SEC));
        assert_false(health_take(&h, &usual, false, 2 * SEC));
        assert_true(health_take(&h, &usual, false, 3 * SEC));
        assert_int_equal(h.status, HEALTH_UNHEALTHY);
        assert_false(health_take(&h, &usual, false, 4 * SEC));
        assert_int_equal(h.failures, 3);
        assert_true(health_take(&h, &usual, true, 5 * SEC));
        assert_int_equal(h.status, HEALTH_HEALTHY);
        assert_false(health_take(&h, &usual, false, 6 * SEC));
        assert_false(health_take(&h, &usual, false, 7 * SEC));
        assert_false(health_take(&h, &usual, true, 8 * SEC));
        assert_int_equal(h.failures, 0);
}

/* Failures within start_period do not count; the first success ends it. */
static void start_period(void **state _unused_) {
        struct spec_healthcheck c = usual;
        struct health h;

        c.start_period_usec = 60 * SEC;
        c.retries = 1;
        health_begin(&h, &c, 100 * SEC, 100 * SEC, 0);
        assert_false(health_take(&h, &c, false, 159 * SEC));
        assert_int_equal(h.failures, 0);
        assert_true(health_take(&h, &c, false, 160 * SEC));
        assert_int_equal(h.status, HEALTH_UNHEALTHY);

        health_begin(&h, &c, 100 * SEC, 100 * SEC, 0);
        assert_true(health_take(&h, &c, true, 101 * SEC));
        assert_true(health_take(&h, &c, false, 102 * SEC));
        assert_int_equal(h.status, HEALTH_UNHEALTHY);
        c.start_period_usec = UINT64_MAX; /* no end of it */
        health_begin(&h, &c, 100 * SEC, 100 * SEC, 0);
        assert_false(health_take(&h, &c, false, UINT64_MAX - 5));
}

/* A new supervisor goes on where the last one was: no second start_period, and not all at once. */
static void resumed(void **state _unused_) {
        struct spec_healthcheck c = usual;
        struct health h = { .status = HEALTH_HEALTHY, .succeeded = true, .failures = 2 };

        c.start_period_usec = 60 * SEC;
        health_resume(&h, &c, 100 * SEC, 110 * SEC, 1u << 31);
        assert_int_equal(h.next_usec, 125 * SEC);
        assert_true(health_take(&h, &c, false, 111 * SEC));
        assert_int_equal(h.status, HEALTH_UNHEALTHY);

        h = (struct health){ .status = HEALTH_STARTING, .failures = 1 };
        health_resume(&h, &c, 100 * SEC, 200 * SEC, 0);
        assert_int_equal(h.started_usec, 100 * SEC);
        assert_false(health_take(&h, &c, false, 201 * SEC));
        assert_true(health_take(&h, &c, false, 202 * SEC));

        h = HEALTH_NULL; /* the check is new */
        health_resume(&h, &c, 100 * SEC, 200 * SEC, 0);
        assert_int_equal(h.status, HEALTH_STARTING);
}

/* Another check is probed at once and keeps what is known; a new one begins; none ends it. */
static void redeclared(void **state _unused_) {
        struct spec_healthcheck c = usual, none = { .kind = HEALTHCHECK_NONE };
        struct health h;

        health_begin(&h, &c, 0, 0, 0);
        (void)health_take(&h, &c, true, SEC);
        (void)health_take(&h, &c, false, 2 * SEC);
        c.retries = 1;
        health_redeclare(&h, &c, 3 * SEC);
        assert_int_equal(h.next_usec, 3 * SEC);
        assert_int_equal(h.status, HEALTH_HEALTHY);
        assert_true(health_take(&h, &c, false, 3 * SEC));
        assert_int_equal(h.failures, 1);
        health_redeclare(&h, &none, 4 * SEC);
        assert_true(h.status == HEALTH_NONE && h.next_usec == USEC_INFINITY);
        health_redeclare(&h, &c, 5 * SEC);
        assert_true(h.status == HEALTH_STARTING && h.next_usec == 5 * SEC && h.started_usec == 5 * SEC);
}

/* By notify nobody asks: each sign of life puts the deadline off, and one that is missed is enough. */
static void by_notify(void **state _unused_) {
        struct spec_healthcheck c = usual;
        struct health h;

        c.kind = HEALTHCHECK_NOTIFY;
        health_begin(&h, &c, 10 * SEC, 11 * SEC, 1u << 31);
        assert_int_equal(h.status, HEALTH_STARTING);
        assert_int_equal(h.next_usec, 40 * SEC);
        assert_true(health_take(&h, &c, true, 12 * SEC));
        assert_int_equal(h.next_usec, 42 * SEC);
        assert_false(health_take(&h, &c, true, 40 * SEC));
        assert_int_equal(h.next_usec, 70 * SEC);
        assert_true(health_take(&h, &c, false, 70 * SEC));
        assert_int_equal(h.status, HEALTH_UNHEALTHY);
        assert_true(h.next_usec == USEC_INFINITY);
        assert_true(health_take(&h, &c, true, 99 * SEC));
        assert_int_equal(h.status, HEALTH_HEALTHY);
        assert_int_equal(h.next_usec, 129 * SEC);

        /* nothing is due before start_period ends, nor before it is ready where that is what it says first */
        c.start_period_usec = 100 * SEC;
        health_begin(&h, &c, 10 * SEC, 10 * SEC, 0);
        assert_int_equal(h.next_usec, 110 * SEC);
        health_probe(&h);
        assert_true(h.next_usec == USEC_INFINITY);
        assert_true(health_take(&h, &c, true, 20 * SEC));
        assert_int_equal(h.next_usec, 50 * SEC);
}

/* How long it may be silent is what it was told, or what it said since; a longer time is given at once, a shorter one with a start. */
static void by_notify_anew(void **state _unused_) {
        struct spec_healthcheck c = usual;
        struct health h;

        c.kind = HEALTHCHECK_NOTIFY;
        health_begin(&h, &c, 0, 0, 0);
        (void)health_take(&h, &c, true, 10 * SEC);
        c.timeout_usec = 5 * SEC;
        health_redeclare(&h, &c, 20 * SEC);
        assert_int_equal(h.next_usec, 40 * SEC);
        c.timeout_usec = 60 * SEC;
        health_redeclare(&h, &c, 20 * SEC);
        assert_int_equal(h.next_usec, 80 * SEC);
        health_set_watchdog(&h, 7 * SEC, 21 * SEC);
        assert_int_equal(h.next_usec, 28 * SEC);
        (void)health_take(&h, &c, true, 22 * SEC);
        assert_int_equal(h.next_usec, 29 * SEC);

        /* a new supervisor gives it the whole time once more */
        struct health again = { .status = h.status, .succeeded = true, .watchdog_usec = h.watchdog_usec };
        health_resume(&again, &c, 0, 100 * SEC, 1u << 31);
        assert_int_equal(again.next_usec, 107 * SEC);
        again = (struct health){ .status = HEALTH_UNHEALTHY, .succeeded = true, .failures = 1 };
        health_resume(&again, &c, 0, 100 * SEC, 0);
        assert_true(again.next_usec == USEC_INFINITY);
        assert_int_equal(again.watchdog_usec, 60 * SEC);
        c.start_period_usec = 500 * SEC;
        again = (struct health){ .status = HEALTH_STARTING, .watchdog_usec = 60 * SEC };
        health_resume(&again, &c, 0, 100 * SEC, 0);
        assert_int_equal(again.next_usec, 500 * SEC);
}

/* Random outcomes against a plain count: the status is what the last outcomes say, and the next probe is never now nor never. */
static void random_outcomes(void **state _unused_) {
        srand(4711);
        for (int round = 0; round < 2000; round++) {
                struct spec_healthcheck c = { .kind = HEALTHCHECK_EXEC,
                                              .interval_usec = SEC + (uint64_t)rand() % (60 * SEC),
                                              .start_interval_usec = SEC / 10 + (uint64_t)rand() % (60 * SEC),
                                              .start_period_usec = rand() % 2 ? (uint64_t)rand() % (100 * SEC) : 0,
                                              .retries = 1 + (uint64_t)rand() % 5 };
                uint64_t now = (uint64_t)rand(), started = now, row = 0;
                enum health_status before = HEALTH_STARTING, expected = HEALTH_STARTING;
                bool succeeded = false;
                struct health h;

                health_begin(&h, &c, started, now, (uint32_t)rand());
                assert_true(h.next_usec >= now && h.next_usec <= now + HEALTH_FIRST_USEC);
                for (int n = 0; n < 40; n++) {
                        bool good = rand() % 3 == 0;

                        now = h.next_usec;
                        health_probe(&h);
                        now += (uint64_t)rand() % SEC;
                        if (good) {
                                succeeded = true;
                                row = 0;
                                expected = HEALTH_HEALTHY;
                        } else if (succeeded || now >= started + c.start_period_usec)
                                row++;
                        if (row >= c.retries)
                                expected = HEALTH_UNHEALTHY;
                        assert_int_equal(health_take(&h, &c, good, now), expected != before);
                        assert_int_equal(h.status, expected);
                        uint64_t wait = h.next_usec - now;
                        assert_true(wait > 0 && wait <= c.interval_usec && (!succeeded || wait == c.interval_usec));
                        before = expected;
                }
        }
}

static void words(void **state _unused_) {
        for (int s = 0; s < _HEALTH_STATUS_MAX; s++)
                assert_int_equal(health_status_value(health_status_name((enum health_status)s)), s);
        assert_true(health_status_value("well") < 0);
}

unit_main(cmocka_unit_test(nothing_to_check), cmocka_unit_test(waits), cmocka_unit_test(changes), cmocka_unit_test(start_period),
          cmocka_unit_test(resumed), cmocka_unit_test(redeclared), cmocka_unit_test(by_notify), cmocka_unit_test(by_notify_anew), cmocka_unit_test(random_outcomes), cmocka_unit_test(words));
