/* Time zones: what a TZif file (RFC 8536) says. zone.c and zone_rule.c read bytes only; zone_file.c opens the host's files. */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        ZONE_TURNS_MAX = 600,           /* two a year until CALENDAR_YEAR_MAX, and some */
        ZONE_FILE_MAX = 64 * 1024,      /* the largest of tzdata 2025b has 3.9 KiB */
};

/* The clocks are set. */
struct zone_turn {
        int64_t at;             /* seconds since 1970 */
        int32_t offset;         /* from then on, in seconds, east of UTC is positive */
};

/* A day of every year and the time on it. */
struct zone_day {
        enum { ZONE_DAY_JULIAN, ZONE_DAY_OF_YEAR, ZONE_DAY_OF_WEEK } kind;
        int32_t day;            /* JULIAN: 1 to 365, never the leap day; OF_YEAR: from 0; OF_WEEK: 0 is Sunday */
        int32_t month, week;    /* OF_WEEK: week 5 is the last one */
        int32_t time;           /* seconds of the clock in force; may be below 0 or beyond a day */
};

/* What holds after the last turn: the file's last line, a TZ string of POSIX. */
struct zone_rule {
        bool present, turns;
        int32_t standard, daylight;     /* offsets; daylight only when it turns */
        struct zone_day begin, end;
};

struct zone {
        int32_t offset;         /* before the first turn */
        size_t n;
        struct zone_turn turns[ZONE_TURNS_MAX]; /* later than 1969 */
        struct zone_rule rule;
};

struct zone_span {
        int32_t offset;
        int64_t end;            /* the clocks are set again; INT64_MAX: never */
};

/* -EBADMSG: no such file; -EOPNOTSUPP: it counts leap seconds ("right/…"), which the kernel's clock does not. */
int zone_parse(const void *data, size_t len, struct zone *ret);
/* 0 or -EBADMSG; text is all of the string. */
int zone_rule_parse(const char *text, struct zone_rule *ret);
/* "UTC", a name of the database, "" for the host's own zone (UTC where none is set). -EINVAL: not a name, or not there. */
bool zone_is_name(const char *name); /* it could be one of the database */
int zone_read(const char *name, struct zone *ret, struct err *err);
/* What is in force at that second, 0 to the year 10000. Spans follow each other without a gap; two of them may have the same offset. */
struct zone_span zone_span(const struct zone *z, int64_t at);
struct zone_span zone_rule_span(const struct zone_rule *rule, int64_t at);
