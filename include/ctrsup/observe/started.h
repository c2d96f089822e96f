/* When a process that is there already was started: what a supervisor that takes it over cannot have seen. */
#pragma once

#include <ctrsup/base/err.h>

#include <stdint.h>
#include <sys/types.h>

/* From the text of /proc/PID/stat: clock ticks after boot. -EBADMSG. */
int started_parse(const char *stat, uint64_t *ret_ticks);
/* Both in usec, of CLOCK_MONOTONIC and CLOCK_REALTIME. -ESRCH: no such process. */
int started_read(pid_t pid, uint64_t *ret_mono_usec, uint64_t *ret_real_usec, struct err *err);
