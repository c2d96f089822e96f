#include "unit.h"

#include <ctrsup/base/num.h>
#include <ctrsup/state/backoff.h>

static const struct spec_restart_policy usual = {
        .delay_usec = 100000,
        .max_delay_usec = 60000000,
        .window_usec = 10000000,
        .max_attempts = 0,
};

enum { NO_JITTER = 1024 }; /* random % 2049 in the middle */

/* 100 ms, doubling, to a minute. */
static void doubles_to_its_cap(void **state _unused_) {
        uint64_t expected = 100000;

        for (uint32_t attempt = 1; attempt <= 20; attempt++) {
                assert_int_equal(backoff_delay(&usual, attempt, NO_JITTER), expected);
                expected = expected * 2 < 60000000 ? expected * 2 : 60000000;
        }
        assert_int_equal(backoff_delay(&usual, UINT32_MAX, NO_JITTER), 60000000);
}

/* Ten per cent to either side, both ends reached, never more. */
static void jitter_is_a_tenth(void **state _unused_) {
        uint64_t least = UINT64_MAX, most = 0;

        for (uint32_t random = 0; random < 2049; random++) {
                uint64_t delay = backoff_delay(&usual, 4, random);

                least = delay < least ? delay : least;
                most = delay > most ? delay : most;
        }
        assert_int_equal(least, 720000);
        assert_int_equal(most, 880000);
}

static void extremes_do_not_wrap(void **state _unused_) {
        struct spec_restart_policy p = { .delay_usec = UINT64_MAX / 3, .max_delay_usec = UINT64_MAX / 2 };

        assert_int_equal(backoff_delay(&p, 40, NO_JITTER), UINT64_MAX / 2);
        assert_true(backoff_delay(&p, 40, 2048) > UINT64_MAX / 2);
        p = (struct spec_restart_policy){ .delay_usec = 0, .max_delay_usec = 1000 };
        assert_int_equal(backoff_delay(&p, 30, 7), 0);
        p = (struct spec_restart_policy){ .delay_usec = 1, .max_delay_usec = 1 };
        assert_int_equal(backoff_delay(&p, 30, 0), 1);
        p = (struct spec_restart_policy){ .delay_usec = 5000, .max_delay_usec = 1000 };
        assert_int_equal(backoff_delay(&p, 1, NO_JITTER), 1000);
}

static void a_window_of_uptime_is_success(void **state _unused_) {
        assert_int_equal(backoff_attempts_after(&usual, 7, 9999999), 7);
        assert_int_equal(backoff_attempts_after(&usual, 7, 10000000), 0);
}

static void attempts_end_when_there_is_a_limit(void **state _unused_) {
        struct spec_restart_policy p = { .max_attempts = 3 };

        assert_true(backoff_may_restart(&usual, UINT32_MAX));
        assert_true(backoff_may_restart(&p, 2));
        assert_false(backoff_may_restart(&p, 3));
}

/* A burst, then so many a second, whenever they are asked for; what is not used does not grow beyond the burst. */
static void budget(void **state _unused_) {
        struct restart_budget b = { 0 };
        uint64_t now = 5 * USEC_PER_SEC;
        unsigned taken = 0;

        while (restart_budget_take(&b, now))
                taken++;
        assert_int_equal(taken, RESTARTS_AT_ONCE);
        assert_false(restart_budget_take(&b, now + USEC_PER_SEC / RESTARTS_PER_SECOND - 1));
        assert_true(restart_budget_take(&b, now + USEC_PER_SEC / RESTARTS_PER_SECOND));
        taken = 1;
        for (uint64_t at = now + USEC_PER_SEC / RESTARTS_PER_SECOND; at <= now + 10 * USEC_PER_SEC; at += 777)
                taken += restart_budget_take(&b, at);
        assert_in_range(taken, 10 * RESTARTS_PER_SECOND - 1, 10 * RESTARTS_PER_SECOND);
        now += UINT64_C(400000000) * USEC_PER_SEC;
        for (taken = 0; restart_budget_take(&b, now);)
                taken++;
        assert_int_equal(taken, RESTARTS_AT_ONCE);
}

unit_main(cmocka_unit_test(budget), cmocka_unit_test(doubles_to_its_cap), cmocka_unit_test(jitter_is_a_tenth), cmocka_unit_test(extremes_do_not_wrap),
          cmocka_unit_test(a_window_of_uptime_is_success), cmocka_unit_test(attempts_end_when_there_is_a_limit));
