/* The pure half of calendar_next(): the zone is given. */
#pragma once

#include "zone.h"

#include <ctrsup/calendar/calendar.h>

/* 0 or CALENDAR_E_NEVER. c->zone is not looked at. */
int calendar_next_in(const struct calendar *c, const struct zone *zone, uint64_t after_usec, uint64_t *ret_usec);
