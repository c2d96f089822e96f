/* Weekdays: their names, and how a set of them is written. */
#pragma once

#include <ctrsup/calendar/calendar.h>

enum { WEEKDAYS = 7, WEEKDAY_ABBREVIATION = 3 };

/* "Monday" …; the first three letters are the short form. */
extern const char *const weekday_names[WEEKDAYS];
/* "Mon..Wed,Sun"; nothing for none or all. */
void weekdays_print(uint8_t weekdays, struct buf *out);
