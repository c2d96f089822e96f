/* The next time an expression elapses, in two steps that take turns: the next date and time of a wall clock that match (no zone in
 * sight), and the instant at which the zone's clocks show them. Where the clocks skip that time, the search goes on from what they
 * show after the skip. Both steps only go forward, to the end of the year 2199: that bounds the work. */
#include "next.h"
#include "civil.h"

#include <ctrsup/base/num.h>

/* What a wall clock shows. */
struct wall {
        struct civil date;
        int32_t hour, minute, usec; /* usec: with the seconds */
};

enum { MINUTE = 60 * (int32_t)USEC_PER_SEC };
#define USEC_PER_DAY ((int64_t)SEC_PER_DAY * (int64_t)USEC_PER_SEC)

static int64_t wall_usec(const struct wall *w) {
        return civil_days(w->date.year, w->date.month, w->date.day) * USEC_PER_DAY +
               ((int64_t)w->hour * 60 + w->minute) * MINUTE + w->usec;
}

static struct wall wall_from_usec(int64_t usec) {
        int64_t days = floor_div(usec, USEC_PER_DAY), of_day = usec - days * USEC_PER_DAY;

        return (struct wall){
                .date = civil_date(days),
                .hour = (int32_t)(of_day / MINUTE / 60),
                .minute = (int32_t)(of_day / MINUTE % 60),
                .usec = (int32_t)(of_day % MINUTE),
        };
}

/* The smallest value of the part that is not below from; beyond max: there is none. */
static int32_t part_next(struct calendar_part p, int32_t from, int32_t max) {
        if (from <= p.first)
                return p.first;
        if (p.step == 0)
                return max + 1;
        int64_t next = p.first + ((int64_t)from - p.first + p.step - 1) / p.step * p.step;
        return next > max || (p.last >= 0 && next > p.last) ? max + 1 : (int32_t)next;
}

/* Counted from the month's end, its last day is 1: the same days from its beginning. Steps go forward in time, as systemd has it. */
static struct calendar_part from_month_end(struct calendar_part p, int32_t length) {
        if (p.last >= 0)
                return (struct calendar_part){ .first = length + 1 - p.last, .last = length + 1 - p.first, .step = p.step };
        return (struct calendar_part){ .first = length + 1 - p.first, .last = -1, .step = p.step };
}

/* The smallest value of the list in from..max, or -1. */
static int32_t list_next(const struct calendar *c, enum calendar_unit unit, int32_t from, int32_t max) {
        const struct calendar_list *list = &c->lists[unit];
        int32_t best = list->n == 0 ? from : max + 1;

        for (size_t i = 0; i < list->n; i++) {
                struct calendar_part p = c->parts[list->at + i];
                int32_t value;

                if (unit == CALENDAR_DAY && c->from_month_end)
                        p = from_month_end(p, max);
                value = part_next(p, from, max);
                if (value < best)
                        best = value;
        }
        return best <= max ? best : -1;
}

static int32_t hour_next(const struct calendar *c, int32_t from) {
        return list_next(c, CALENDAR_HOUR, from, 23);
}

static int32_t minute_next(const struct calendar *c, int32_t from) {
        return list_next(c, CALENDAR_MINUTE, from, 59);
}

static int32_t usec_next(const struct calendar *c, int32_t from) {
        return list_next(c, CALENDAR_USEC, from, MINUTE - 1);
}

/* Moves w to the first matching time of its day that is not earlier; false: the day has no more. No list is without a value. */
static bool time_next(const struct calendar *c, struct wall *w) {
        int32_t hour = hour_next(c, w->hour), minute, usec;

        if (hour == w->hour) {
                minute = minute_next(c, w->minute);
                if (minute == w->minute) {
                        usec = usec_next(c, w->usec);
                        if (usec >= 0) {
                                w->usec = usec;
                                return true;
                        }
                        minute = minute_next(c, w->minute + 1);
                }
                if (minute >= 0) {
                        w->minute = minute;
                        w->usec = usec_next(c, 0);
                        return true;
                }
                hour = hour_next(c, hour + 1);
        }
        if (hour < 0)
                return false;
        *w = (struct wall){ .date = w->date, .hour = hour, .minute = minute_next(c, 0), .usec = usec_next(c, 0) };
        return true;
}

/* The first matching day of the month, day `from` or later, or -1. */
static int32_t day_next(const struct calendar *c, int32_t year, int32_t month, int32_t from) {
        int32_t length = civil_month_length(year, month);
        int32_t day = list_next(c, CALENDAR_DAY, from, length);

        while (day >= 0 && c->weekdays && !(c->weekdays & 1u << civil_weekday(civil_days(year, month, day))))
                day = list_next(c, CALENDAR_DAY, day + 1, length);
        return day;
}

/* Moves d to the first matching date that is not earlier. */
static bool date_next(const struct calendar *c, struct civil *d) {
        int32_t month = d->month, day = d->day;

        for (int32_t year = list_next(c, CALENDAR_YEAR, d->year, CALENDAR_YEAR_MAX); year >= 0;
             year = list_next(c, CALENDAR_YEAR, year + 1, CALENDAR_YEAR_MAX)) {
                if (year > d->year)
                        month = day = 1;
                for (int32_t m = list_next(c, CALENDAR_MONTH, month, 12); m >= 0; m = list_next(c, CALENDAR_MONTH, m + 1, 12)) {
                        int32_t found = day_next(c, year, m, year == d->year && m == d->month ? day : 1);

                        if (found >= 0) {
                                *d = (struct civil){ .year = year, .month = m, .day = found };
                                return true;
                        }
                }
        }
        return false;
}

/* Moves w to the first match that is not earlier. */
static bool wall_next(const struct calendar *c, struct wall *w) {
        struct civil date = w->date;

        if (!date_next(c, &date))
                return false;
        if (date.year == w->date.year && date.month == w->date.month && date.day == w->date.day) {
                if (time_next(c, w))
                        return true;
                date = civil_date(civil_days(date.year, date.month, date.day) + 1);
                if (!date_next(c, &date))
                        return false;
        }
        *w = (struct wall){ .date = date };
        return time_next(c, w);
}

/* The first instant from `since` on at which the clocks show wall (us); 0. When they skip it: 1, and *ret is what they show then. */
static int instant(const struct zone *zone, int64_t wall, int64_t since, int64_t *ret) {
        /* No clock is set by two days: earlier than that is of no interest. */
        int64_t from = floor_div(wall, (int64_t)USEC_PER_SEC) - 2 * SEC_PER_DAY;

        since = floor_div(since, (int64_t)USEC_PER_SEC);
        for (int64_t at = from > since ? from : since;;) {
                struct zone_span span = zone_span(zone, at);
                int64_t usec = wall - span.offset * (int64_t)USEC_PER_SEC;

                if (usec < at * (int64_t)USEC_PER_SEC) {
                        *ret = (at + span.offset) * (int64_t)USEC_PER_SEC;
                        return 1;
                }
                if (span.end == INT64_MAX || usec < span.end * (int64_t)USEC_PER_SEC) {
                        *ret = usec;
                        return 0;
                }
                at = span.end;
        }
}

int calendar_next_in(const struct calendar *c, const struct zone *zone, uint64_t after_usec, uint64_t *ret_usec) {
        const int64_t limit = civil_days(CALENDAR_YEAR_MAX + 2, 1, 1) * USEC_PER_DAY;

        if (after_usec >= (uint64_t)limit)
                return CALENDAR_E_NEVER;
        int64_t since = (int64_t)after_usec + 1, found;
        int64_t wall = since + zone_span(zone, floor_div(since, (int64_t)USEC_PER_SEC)).offset * (int64_t)USEC_PER_SEC;
        for (;;) {
                struct wall w = wall_from_usec(wall);

                if (!wall_next(c, &w))
                        return CALENDAR_E_NEVER;
                if (instant(zone, wall_usec(&w), since, &found) == 0)
                        break;
                wall = found;
        }
        *ret_usec = (uint64_t)found;
        return 0;
}

int calendar_next(const struct calendar *c, uint64_t after_usec, uint64_t *ret_usec, struct err *err) {
        struct zone zone;
        int r = zone_read(c->zone, &zone, err);

        return r < 0 ? r : calendar_next_in(c, &zone, after_usec, ret_usec);
}
