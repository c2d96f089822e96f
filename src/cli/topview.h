/* Two samples of what containers use, as rates, cells and JSON: pure. A sample is an object of Use (the interface) by target. */
#pragma once

#include <ctrsup/base/buf.h>

#include <jansson.h>

/* Containers in order, the busiest first. cpu, throttled: percent of one CPU; io_read, io_written: bytes a second; null where there is
 * no earlier sample of it, or its cgroup was made anew meanwhile. earlier may be NULL. A new reference. */
json_t *topview_rows(const json_t *sample, const json_t *earlier);

enum topview_cell {
        TOPVIEW_CONTAINER,
        TOPVIEW_CPU,
        TOPVIEW_THROTTLED,
        TOPVIEW_MEMORY,
        TOPVIEW_PEAK,
        TOPVIEW_SWAP,
        TOPVIEW_READ,
        TOPVIEW_WRITTEN,
        TOPVIEW_PIDS,
        TOPVIEW_PRESSURE,
        _TOPVIEW_MAX,
};

/* "-": unknown. */
void topview_put_cell(const json_t *row, enum topview_cell cell, struct buf *out);
/* Near its memory limit: 9 tenths of it. */
bool topview_is_tight(const json_t *row);
/* "3 containers, CPU 102.3%, memory 812M" */
void topview_put_summary(const json_t *rows, struct buf *out);
