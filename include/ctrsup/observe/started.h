/* Who a process is that was there already, and when it was started: what a supervisor that takes it over cannot have seen. */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Field n of the text of /proc/PID/stat, counted from 1 as in proc(5), from 3 on. -EBADMSG. */
int started_stat_field(const char *stat, unsigned n, int64_t *ret);
/* Clock ticks after boot: with the pid they name one process of this boot. -ESRCH: no such process. */
int started_ticks(pid_t pid, uint64_t *ret, struct err *err);
/* Both in usec, of CLOCK_MONOTONIC and CLOCK_REALTIME. -ESRCH: no such process. */
int started_read(pid_t pid, uint64_t *ret_mono_usec, uint64_t *ret_real_usec, struct err *err);
/* Is it the first process of a pid namespace below ours? */
bool started_is_init(pid_t pid);
/* A pidfd of that very process; -ESRCH: it is gone, or its pid is another's by now. */
int started_open(pid_t pid, uint64_t ticks, int *ret_pidfd);
/* The text of /proc/PID/stat. -ESRCH. */
int started_read_stat(pid_t pid, char *buf, size_t size);
