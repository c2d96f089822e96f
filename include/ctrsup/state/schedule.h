/* When a scheduled job runs, and what becomes of an elapse that comes while it cannot: (expression, what was taken, now) -> the next
 * time; (overlap, instance) -> what to do. Without a clock of its own; src/supervisor/schedule.c has the timer.
 *
 * One number is remembered: up to when elapses were taken, that is: run, queued or skipped. It only goes forward, except when the
 * clock is set back by more than SCHEDULE_BACK_USEC: then what it showed before was wrong, and all begins anew. So
 *   - no elapse is taken twice: by a clock that is set back a little, by an hour that comes twice, by another supervisor;
 *   - however many elapses were missed, they are one run;
 *   - a new expression begins when it is declared, and so does one whose job was stopped when that is wanted again.
 *
 * Clock: usec of CLOCK_REALTIME.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/state/status.h>

#define SCHEDULE_BACK_USEC (3 * 3600 * USEC_PER_SEC)
/* What comes later than this, and not because the supervisor was busy, was missed. */
#define SCHEDULE_LATE_USEC (60 * USEC_PER_SEC)

struct schedule {
        uint64_t taken_usec;            /* 0: nothing is known of it */
        uint64_t id;                    /* schedule_id() of the expression that was for; 0: none */
        bool queued;                    /* a run is owed as soon as the one before has ended */
};

enum schedule_verdict {
        SCHEDULE_START,
        SCHEDULE_REPLACE,               /* the run before it is stopped first */
        SCHEDULE_QUEUE,
        SCHEDULE_BUSY,                  /* not run: the run before it goes on */
        SCHEDULE_MISSED,                /* not run: its time has passed, and it is not persistent */
        SCHEDULE_WAITS,                 /* the run before it has not begun: that one is this one, too */
        _SCHEDULE_VERDICT_MAX,
};

/* Tells one expression from another, whatever way it is written; never 0. */
uint64_t schedule_id(const struct spec_schedule *s);
/* How much later than it elapses it runs: 0 to randomized_delay, always the same for one job on one host. */
uint64_t schedule_delay(const struct spec_schedule *s, const char *machine_id, const char *stack, const char *container);
/* From when on elapses count, when the clock may have been set back. */
uint64_t schedule_since(uint64_t taken_usec, uint64_t now_usec);
/* *ret: when it runs next, delay and all; USEC_INFINITY: never again. Only errors of the zone's file. */
int schedule_next(const struct spec_schedule *s, uint64_t taken_usec, uint64_t delay_usec, uint64_t *ret, struct err *err);
/* Nothing of it runs, and nothing is under way. */
bool schedule_is_resting(const struct instance *i);
/* Its time has come, and it is wanted. missed: nobody was there when it had. */
enum schedule_verdict schedule_judge(const struct spec_schedule *s, const struct instance *i, bool missed);
