/* Calendar expressions as systemd.time(7) has them: text -> value -> the next time it elapses.
 *
 *     [WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]] [ZONE]      Mon..Fri 03:30 Europe/Berlin
 *     minutely hourly daily weekly monthly quarterly semiannually yearly [ZONE]
 *     [WEEKDAYS] @SECONDS [UTC]                                        seconds since 1970
 *
 * What systemd 252 accepts is accepted, what it refuses is refused, the normal form and the times are its own;
 * tests/host/calendar_systemd.c holds the two against each other and lists where they differ.
 *
 * Not taken are the abbreviations of the host's own zone (CET, CEST), which systemd reads as that zone with daylight saving time
 * off or on: here CET is the zone of that name.
 *
 * A struct calendar is plain data without pointers: copy it, keep it in an arena. Of its zone it knows the name; the rules are
 * read from the host's zone database at each question, so that an update of the database, or of /etc/localtime, needs nobody
 * to tell. They are read by us, not by mktime(): TZ and what libc remembers of it belong to the whole process, and in an hour
 * that comes twice mktime() answers with the one that is nearer to what it was asked before. Without a zone the time is the
 * host's (/etc/localtime); TZ is not looked at, because a user's shell must show the times that the supervisor goes by.
 *
 * Daylight saving time: a time that the clocks skip never elapses. The search follows the wall clock forward, and so it takes
 * an hour that comes twice the first time only: after 02:55 (of the first) "*:0/5" elapses next at 03:00. Asked within the second
 * one, it answers with the rest of it.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>

#include <stdint.h>

enum calendar_unit {
        CALENDAR_YEAR,
        CALENDAR_MONTH,
        CALENDAR_DAY,
        CALENDAR_HOUR,
        CALENDAR_MINUTE,
        CALENDAR_USEC,          /* seconds, in us */
        _CALENDAR_UNIT_MAX,
};

enum {
        CALENDAR_PARTS_MAX = 240,       /* of all lists together */
        CALENDAR_ZONE_MAX = 64,
        CALENDAR_YEAR_MAX = 2199,       /* systemd's limit, too: nothing elapses later */
        CALENDAR_E_NEVER = 1,
};

/* first; first..last by step; first and every step after it. */
struct calendar_part {
        int32_t first;
        int32_t last;           /* -1: none */
        int32_t step;           /* 0: first alone */
};

struct calendar_list {
        uint8_t at, n;          /* in parts, sorted, no part twice; n = 0: any value */
};

struct calendar {
        uint8_t weekdays;               /* bit 0: Monday; 0: any */
        bool from_month_end;            /* days count from the month's end, 1 is its last */
        char zone[CALENDAR_ZONE_MAX];   /* "": the host's; "UTC"; a name of the zone database */
        struct calendar_list lists[_CALENDAR_UNIT_MAX];
        struct calendar_part parts[CALENDAR_PARTS_MAX];
};

/* -EINVAL: err says which word is wrong and what is expected there, *ret_at where it begins: bytes of text in front of it, which
 * are characters, too, because beyond ASCII everything is wrong. A line of a crontab is answered with its translation as the hint.
 * A zone that the host does not have is -EINVAL; one whose file cannot be used is the error of that. ret_at may be NULL. */
int calendar_parse(const char *text, struct calendar *ret, size_t *ret_at, struct err *err);
/* The same of what was accepted once: whether the host has the zone is left to calendar_next(). */
int calendar_parse_accepted(const char *text, struct calendar *ret, struct err *err);
/* Names of the host's zone database, by its own list; none when there is no list. */
void calendar_each_zone(void (*see)(void *userdata, const char *zone), void *userdata);
/* The normal form, as `systemd-analyze calendar` prints it. It parses to the same value. */
void calendar_print(const struct calendar *c, struct buf *out);
/* usec of CLOCK_REALTIME as the clocks of c's zone show it: "Mon 2026-11-30 03:30:00 +01:00". -errno: as calendar_next(). */
int calendar_put_time(const struct calendar *c, uint64_t usec, struct buf *out, struct err *err);
/* The first time later than after, both us of CLOCK_REALTIME. CALENDAR_E_NEVER: there is none; err is untouched. -errno: the zone's
 * file cannot be read (any more). The work is bounded: an expression that never elapses is found out in milliseconds. */
int calendar_next(const struct calendar *c, uint64_t after_usec, uint64_t *ret_usec, struct err *err);
