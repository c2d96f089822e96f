/* An fd that is readable when somebody has set the wall clock, or the machine was asleep (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET). */
#pragma once

#include <ctrsup/base/err.h>

int clock_watch_open(int *ret, struct err *err);
/* Takes it note that it was; from now on it watches for the next time. */
int clock_watch_again(int fd, struct err *err);
