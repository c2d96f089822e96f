/* Days since 1970-01-01 and dates of the Gregorian calendar. No zone, no libc. */
#pragma once

#include <stdint.h>

enum { SEC_PER_DAY = 86400 };

struct civil {
        int32_t year;
        int32_t month, day;     /* from 1 */
};

int64_t civil_days(int32_t year, int32_t month, int32_t day);
struct civil civil_date(int64_t days);
int32_t civil_month_length(int32_t year, int32_t month);
/* 0: Monday. */
unsigned civil_weekday(int64_t days);
/* Rounds down, also below zero. */
static inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
