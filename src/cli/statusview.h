/* Containers as the interface gives them, in words: pure, the time is an argument. */
#pragma once

#include <ctrsup/base/buf.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* "ready", "backoff 8s (exit 1)", "failed (SIGKILL)", "completed". now: usec of CLOCK_REALTIME. */
void statusview_state(const json_t *container, uint64_t now_usec, struct buf *out);
const char *statusview_color(const char *state);  /* of the word; NULL: none */
bool statusview_is_running(const json_t *container);
/* "ran 2026-11-28 03:30:00 (exit 0)": a finished run of a job. */
void statusview_run(const json_t *run, struct buf *out);
/* "12m", "-" when it does not run. */
void statusview_uptime(const json_t *container, uint64_t now_usec, struct buf *out);
/* Part of one CPU in percent since the start, or, with an earlier sample of the same run, since then. "-": unknown. */
void statusview_cpu(const json_t *container, const json_t *earlier, uint64_t since_usec, uint64_t now_usec, struct buf *out);
/* "96M / 512M" */
void statusview_memory(const json_t *container, struct buf *out);
/* Everything about one, a line a key; for -v. target: "shop/api.2" */
void statusview_block(const json_t *container, const char *target, uint64_t now_usec, struct buf *out);
/* "2026-11-24T00:02:28.123456Z" to usec of CLOCK_REALTIME; 0: none of it. */
uint64_t statusview_time(const json_t *text);
