/* Explanations of the interface in words: pure, the time is an argument. */
#pragma once

#include <ctrsup/base/buf.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct whyview {
        const char *target;   /* "shop/api.2" */
        uint64_t now_usec;    /* CLOCK_REALTIME */
        const json_t *lines;  /* strings: the last of its log; NULL: none are known */
        const char *no_lines; /* why its log cannot be read; NULL */
        bool for_terminal;
};

/* It is as it is to be: nothing has to be explained. */
bool whyview_is_fine(const json_t *explanation);
/* A sentence, then a line for each thing that is known. */
void whyview_put(const json_t *explanation, const struct whyview *v, struct buf *out);
/* From when to when the lines were printed that belong to it: those of the run that ended, or of the one that runs and is not well.
 * usec of CLOCK_REALTIME; false: there are none. */
bool whyview_span(const json_t *explanation, uint64_t *ret_since, uint64_t *ret_until);
