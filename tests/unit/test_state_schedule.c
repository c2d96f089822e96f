/* When a scheduled job runs, and what becomes of an elapse. */
#include "unit.h"

#include <ctrsup/calendar/calendar.h>
#include <ctrsup/state/schedule.h>

#define DAY (86400 * USEC_PER_SEC)
#define MONDAY (UINT64_C(1795996800) * USEC_PER_SEC) /* 2026-11-30 00:00:00 UTC */

struct sample {
        struct spec_schedule s;
        struct calendar c;
};

static void make(struct sample *x, const char *text) {
        struct err err = { 0 };

        *x = (struct sample){ .s = { .persistent = true } };
        assert_int_equal(calendar_parse(text, &x->c, NULL, &err), 0);
        x->s.on_calendar = (struct spec_calendar){ .text = text, .value = &x->c };
}

static uint64_t next(const struct sample *x, uint64_t taken, uint64_t delay) {
        uint64_t ret = 0;

        assert_int_equal(schedule_next(&x->s, taken, delay, &ret, NULL), 0);
        return ret;
}

/* After what was taken, later by the delay; and then never. */
static void the_next_time(void **state _unused_) {
        struct sample x;

        make(&x, "03:30 UTC");
        uint64_t first = MONDAY + 12600 * USEC_PER_SEC;
        assert_true(next(&x, MONDAY, 0) == first);
        assert_true(next(&x, MONDAY, 600 * USEC_PER_SEC) == first + 600 * USEC_PER_SEC);
        assert_true(next(&x, first - 1, 0) == first);
        assert_true(next(&x, first, 0) == first + DAY);
        make(&x, "2026-11-30 03:30 UTC");
        assert_true(next(&x, first, 5) == USEC_INFINITY);
}

/* Taken up to now, less the delay: an elapse whose delay is not over yet is still to come. */
static void what_is_taken(void **state _unused_) {
        struct sample x;
        uint64_t delay = 600 * USEC_PER_SEC, first = MONDAY + 12600 * USEC_PER_SEC;

        make(&x, "03:30 UTC");
        assert_true(next(&x, first + 5 - delay, delay) == first + delay);
        assert_true(next(&x, first + delay - delay, delay) == first + DAY + delay);
        assert_true(next(&x, first + 9 * DAY - delay, delay) == first + 9 * DAY + delay); /* however many were missed */
}

/* A step back does not bring back what was taken, a wrong clock does not take what is to come. */
static void a_clock_that_is_set_back(void **state _unused_) {
        assert_true(schedule_since(MONDAY, MONDAY + DAY) == MONDAY);
        assert_true(schedule_since(MONDAY, MONDAY) == MONDAY);
        assert_true(schedule_since(MONDAY, MONDAY - SCHEDULE_BACK_USEC) == MONDAY);
        assert_true(schedule_since(MONDAY, MONDAY - SCHEDULE_BACK_USEC - 1) == MONDAY - SCHEDULE_BACK_USEC - 1);
        assert_true(schedule_since(MONDAY, 0) == 0);
}

/* One expression has one name, whatever way it is written; another one, or another zone, has another. */
static void names(void **state _unused_) {
        struct sample a, b, c, d;

        make(&a, "daily");
        make(&b, "*-*-* 00:00");
        make(&c, "daily UTC");
        make(&d, "hourly");
        assert_true(schedule_id(&a.s) == schedule_id(&b.s));
        assert_true(schedule_id(&a.s) != schedule_id(&c.s));
        assert_true(schedule_id(&a.s) != schedule_id(&d.s));
        assert_true(schedule_id(&a.s) != 0 && schedule_id(&a.s) <= INT64_MAX);
        assert_true(schedule_id(&(struct spec_schedule){ 0 }) == 0);
}

/* Within its bounds, spread over them, and the same every time. */
static void delays(void **state _unused_) {
        struct spec_schedule s = { .randomized_delay_usec = 600 * USEC_PER_SEC };
        unsigned quarters[4] = { 0 };
        char name[16];

        for (int n = 0; n < 1000; n++) {
                (void)snprintf(name, sizeof(name), "job%d", n);
                uint64_t delay = schedule_delay(&s, "0123456789abcdef", "shop", name);
                assert_true(delay <= s.randomized_delay_usec);
                assert_true(delay == schedule_delay(&s, "0123456789abcdef", "shop", name));
                quarters[delay * 4 / (s.randomized_delay_usec + 1)]++;
        }
        for (int n = 0; n < 4; n++)
                assert_in_range(quarters[n], 200, 300);
        assert_true(schedule_delay(&s, "a", "shop", "job") != schedule_delay(&s, "b", "shop", "job"));
        assert_true(schedule_delay(&s, "a", "shop", "job") != schedule_delay(&s, "a", "shop2", "job"));
        assert_true(schedule_delay(&(struct spec_schedule){ 0 }, "a", "shop", "job") == 0);
}

/* Every phase, every way to overlap. */
static void verdicts(void **state _unused_) {
        static const bool resting[_PHASE_MAX] = { [PHASE_PENDING] = true, [PHASE_STOPPED] = true, [PHASE_COMPLETED] = true, [PHASE_FAILED] = true };
        static const enum schedule_verdict busy[_OVERLAP_MAX] = { SCHEDULE_BUSY, SCHEDULE_QUEUE, SCHEDULE_REPLACE };
        struct spec_schedule s = { .persistent = true };

        for (int p = 0; p < _PHASE_MAX; p++)
                for (int o = 0; o < _OVERLAP_MAX; o++) {
                        struct instance i = { .phase = (enum phase)p };

                        s.overlap = (enum spec_overlap)o;
                        assert_int_equal(schedule_is_resting(&i), resting[p]);
                        assert_int_equal(schedule_judge(&s, &i, false), resting[p] ? SCHEDULE_START : busy[o]);
                        assert_int_equal(schedule_judge(&s, &i, true), resting[p] ? SCHEDULE_START : busy[o]);
                }
        struct instance waits = { .phase = PHASE_PENDING, .waiting = true };
        s.overlap = OVERLAP_SKIP;
        assert_int_equal(schedule_judge(&s, &waits, false), SCHEDULE_BUSY);
        s.overlap = OVERLAP_REPLACE;
        assert_int_equal(schedule_judge(&s, &waits, false), SCHEDULE_WAITS);
        s.persistent = false;
        assert_int_equal(schedule_judge(&s, &waits, true), SCHEDULE_MISSED);
        assert_int_equal(schedule_judge(&s, &(struct instance){ .phase = PHASE_PENDING }, true), SCHEDULE_MISSED);
        assert_int_equal(schedule_judge(&s, &(struct instance){ .phase = PHASE_PENDING }, false), SCHEDULE_START);
}

unit_main(cmocka_unit_test(the_next_time), cmocka_unit_test(what_is_taken), cmocka_unit_test(a_clock_that_is_set_back),
          cmocka_unit_test(names), cmocka_unit_test(delays), cmocka_unit_test(verdicts));
