/* Durations of the interface (seconds, a double) as text. */
#pragma once

#include <ctrsup/base/num.h>

#include <stdio.h>

/* Rounded; what no clock can have meant is 0. */
static inline uint64_t duration_usec(double seconds) {
        return seconds > 0 && seconds < 1e12 ? (uint64_t)(seconds * 1e6 + 0.5) : 0;
}

/* For what goes on: whole seconds or minutes, "3s", "12m"; its tenths would only flicker. Returns buf. */
static inline const char *duration_whole(char buf[NUM_TEXT_MAX], uint64_t usec) {
        if (usec >= 60 * USEC_PER_SEC)
                return num_human_duration(buf, usec - usec % USEC_PER_SEC);
        (void)snprintf(buf, NUM_TEXT_MAX, "%us", (unsigned)(usec / USEC_PER_SEC));
        return buf;
}

/* For what is to come: rounded up, "3s"; "100ms". */
static inline const char *duration_until(char buf[NUM_TEXT_MAX], uint64_t usec) {
        return usec < USEC_PER_SEC ? num_human_duration(buf, usec + USEC_PER_MSEC - 1) : duration_whole(buf, usec + USEC_PER_SEC - 1);
}

/* The same for what somebody watches: "1m 5s". */
static inline const char *duration_watched(char buf[NUM_TEXT_MAX], uint64_t usec) {
        unsigned seconds = (unsigned)(usec / USEC_PER_SEC % 3600);

        if (usec >= 3600 * USEC_PER_SEC || seconds < 60)
                return duration_whole(buf, usec);
        (void)snprintf(buf, NUM_TEXT_MAX, "%um %us", seconds / 60, seconds % 60);
        return buf;
}
