/* Years are counted from March here, so that the leap day is the last of its year; from then on a month's length follows from
 * its number alone: five months have 153 days. */
#include "civil.h"

#include <stdbool.h>

enum {
        DAYS_PER_400_YEARS = 146097,
        DAYS_PER_4_YEARS = 1461,
        DAYS_BEFORE_1970 = 719468, /* from 0000-03-01 */
        DAYS_PER_5_MONTHS = 153,
};

int64_t civil_days(int32_t year, int32_t month, int32_t day) {
        int64_t y = (int64_t)year - (month <= 2), m = (month + 9) % 12;

        return 365 * y + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) + (DAYS_PER_5_MONTHS * m + 2) / 5 + day - 1 -
               DAYS_BEFORE_1970;
}

struct civil civil_date(int64_t days) {
        int64_t since = days + DAYS_BEFORE_1970, era = floor_div(since, DAYS_PER_400_YEARS);
        int64_t left = since - era * DAYS_PER_400_YEARS;
        /* What leap days add is taken out, then all years have 365 days. */
        int64_t y =
                (left - left / (DAYS_PER_4_YEARS - 1) + left / (DAYS_PER_400_YEARS / 4) - left / (DAYS_PER_400_YEARS - 1)) / 365;
        int64_t in_year = left - (365 * y + y / 4 - y / 100), m = (5 * in_year + 2) / DAYS_PER_5_MONTHS;
        int32_t month = (int32_t)(m < 10 ? m + 3 : m - 9);

        return (struct civil){
                .year = (int32_t)(y + era * 400 + (month <= 2)),
                .month = month,
                .day = (int32_t)(in_year - (DAYS_PER_5_MONTHS * m + 2) / 5 + 1),
        };
}

int32_t civil_month_length(int32_t year, int32_t month) {
        static const int8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return lengths[month - 1] + (month == 2 && leap);
}

unsigned civil_weekday(int64_t days) {
        int64_t since_monday = days + 3; /* 1970-01-01 was a Thursday */

        return (unsigned)(since_monday - floor_div(since_monday, 7) * 7);
}
