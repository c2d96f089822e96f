/* The TZ string of POSIX, with the hours of RFC 8536 (-167 to 167): "CET-1CEST,M3.5.0,M10.5.0/3". */
#include "civil.h"
#include "zone.h"

#include <errno.h>
#include <string.h>

enum { HOUR = 3600, HOURS_MAX = 167, TWO_O_CLOCK = 2 * HOUR };

static bool take(const char **p, char c) {
        if (**p != c)
                return false;
        ++*p;
        return true;
}

/* At most three digits, from min to max. */
static bool read_number(const char **p, int32_t min, int32_t max, int32_t *ret) {
        int32_t n = 0;
        size_t digits = strspn(*p, "0123456789");

        if (digits == 0 || digits > 3)
                return false;
        for (; digits > 0; digits--, ++*p)
                n = n * 10 + (**p - '0');
        *ret = n;
        return n >= min && n <= max;
}

/* "CET" or "<+03>"; the name itself is nobody's business here. */
static bool skip_name(const char **p) {
        bool quoted = take(p, '<');
        size_t len = quoted ? strcspn(*p, ">") : strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

        *p += len;
        return len >= 3 && (!quoted || take(p, '>'));
}

/* [+-]HH[:MM[:SS]], in seconds. */
static bool read_time(const char **p, int32_t *ret) {
        bool negative = take(p, '-');
        int32_t hours, minutes = 0, seconds = 0;

        if (!negative)
                (void)take(p, '+');
        if (!read_number(p, 0, HOURS_MAX, &hours))
                return false;
        if (take(p, ':') && (!read_number(p, 0, 59, &minutes) || (take(p, ':') && !read_number(p, 0, 59, &seconds))))
                return false;
        *ret = hours * HOUR + minutes * 60 + seconds;
        if (negative)
                *ret = -*ret;
        return true;
}

/* Where POSIX has a sign it counts to the west. */
static bool read_offset(const char **p, int32_t *ret) {
        if (!read_time(p, ret) || *ret <= -25 * HOUR || *ret >= 25 * HOUR)
                return false;
        *ret = -*ret;
        return true;
}

static bool read_day(const char **p, struct zone_day *ret) {
        bool good;

        *ret = (struct zone_day){ .time = TWO_O_CLOCK };
        if (!take(p, ','))
                return false;
        if (take(p, 'J')) {
                ret->kind = ZONE_DAY_JULIAN;
                good = read_number(p, 1, 365, &ret->day);
        } else if (take(p, 'M')) {
                ret->kind = ZONE_DAY_OF_WEEK;
                good = read_number(p, 1, 12, &ret->month) && take(p, '.') && read_number(p, 1, 5, &ret->week) && take(p, '.') &&
                       read_number(p, 0, 6, &ret->day);
        } else {
                ret->kind = ZONE_DAY_OF_YEAR;
                good = read_number(p, 0, 365, &ret->day);
        }
        return good && (!take(p, '/') || read_time(p, &ret->time));
}

int zone_rule_parse(const char *text, struct zone_rule *ret) {
        struct zone_rule rule = { .present = true };

        if (!skip_name(&text) || !read_offset(&text, &rule.standard))
                return -EBADMSG;
        if (*text) {
                rule.turns = true;
                rule.daylight = rule.standard + HOUR;
                if (!skip_name(&text) || (*text != ',' && !read_offset(&text, &rule.daylight)) || !read_day(&text, &rule.begin) ||
                    !read_day(&text, &rule.end) || *text)
                        return -EBADMSG;
        }
        *ret = rule;
        return 0;
}

/* Seconds since 1970 by a clock that shows UTC. */
static int64_t day_in_year(const struct zone_day *d, int32_t year) {
        int64_t days = civil_days(year, 1, 1);

        switch (d->kind) {
        case ZONE_DAY_JULIAN:
                days += d->day - 1 + (d->day > 59 && civil_month_length(year, 2) == 29);
                break;
        case ZONE_DAY_OF_YEAR:
                days += d->day;
                break;
        case ZONE_DAY_OF_WEEK: {
                int64_t first = civil_days(year, d->month, 1);
                int32_t sunday_based = (int32_t)(civil_weekday(first) + 1) % 7;
                int32_t day = (d->day - sunday_based + 7) % 7 + 7 * (d->week - 1);

                days = first + (day < civil_month_length(year, d->month) ? day : day - 7);
                break;
        }
        }
        return days * SEC_PER_DAY + d->time;
}

struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t at) {
        struct zone_span span = { .offset = rule->standard, .end = INT64_MAX };
        int64_t latest = INT64_MIN;
        int32_t year = civil_date(floor_div(at, SEC_PER_DAY)).year;

        if (!rule->turns)
                return span;
        /* A turn of the year before may be the latest one, and one of the year after the next. Where one time of the year ends as
         * the other begins (daylight saving time all year), the beginning counts: it is looked at last. */
        for (int32_t y = year - 1; y <= year + 1; y++) {
                const struct zone_turn turns[] = {
                        { .at = day_in_year(&rule->end, y) - rule->daylight, .offset = rule->standard },
                        { .at = day_in_year(&rule->begin, y) - rule->standard, .offset = rule->daylight },
                };
                for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
                        if (turns[i].at > at) {
                                if (turns[i].at < span.end)
                                        span.end = turns[i].at;
                        } else if (turns[i].at > latest || (turns[i].at == latest && i == 1)) {
                                latest = turns[i].at;
                                span.offset = turns[i].offset;
                        }
                }
        }
        return span;
}
