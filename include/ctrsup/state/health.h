/* The health of one running instance: (health, outcome of a probe, now) -> (health', when to probe next). Pure, as state/step.
 *
 *   starting -> healthy      the first success; from then on failures count, whatever start_period says
 *   starting -> unhealthy    `retries` failures in a row, none of them within start_period
 *   healthy <-> unhealthy    `retries` failures in a row; one success
 *
 * A check by notify is not asked for but comes by itself: one deadline that is missed is a failure, and one failure is enough. The
 * deadline is `watchdog_usec` after the last sign of life; the first one, no sooner than start_period ends.
 *
 * It ends with the run: the next start begins anew. What the restart policy does about `unhealthy` is state/step's.
 * The wait goes from the end of a probe to the begin of the next, so that there is one at most.
 */
#pragma once

#include <ctrsup/base/num.h>
#include <ctrsup/spec/spec.h>

#include <stdbool.h>
#include <stdint.h>

enum health_status {
        HEALTH_NONE,            /* there is no check, or nothing runs */
        HEALTH_STARTING,        /* neither yet */
        HEALTH_HEALTHY,
        HEALTH_UNHEALTHY,
        _HEALTH_STATUS_MAX,
};

struct health {
        enum health_status status;
        bool succeeded;         /* once since this start */
        uint32_t failures;      /* in a row, those that count; no more than `retries` */
        uint64_t started_usec;  /* monotonic: when start_period began */
        uint64_t next_usec;     /* monotonic: when to probe, or by notify when a sign of life is overdue; USEC_INFINITY: not (there is no
                                 * check, or a probe is under way) */
        uint64_t watchdog_usec; /* by notify: how long it may be silent, as it was told at its start or said itself since */
};

#define HEALTH_NULL ((struct health){ .next_usec = USEC_INFINITY })
/* The first probe after a start comes within this, or within start_interval when that is shorter. */
#define HEALTH_FIRST_USEC (500 * USEC_PER_MSEC)

/* It has come up, at started_usec. random spreads those that come up together. */
void health_begin(struct health *h, const struct spec_healthcheck *c, uint64_t started_usec, uint64_t now_usec, uint32_t random);
/* By a new supervisor: status, succeeded and failures are as the last one knew them; HEALTH_NONE: it knew of no check. */
void health_resume(struct health *h, const struct spec_healthcheck *c, uint64_t started_usec, uint64_t now_usec, uint32_t random);
/* The check is another one now: the next probe comes at once, what is known stays until it says otherwise. */
void health_redeclare(struct health *h, const struct spec_healthcheck *c, uint64_t now_usec);
/* A probe has begun: until its outcome is known there is no other. By notify: until it is ready, no sign of life is due. */
void health_probe(struct health *h);
/* How it went. Returns whether the status changed. */
bool health_take(struct health *h, const struct spec_healthcheck *c, bool good, uint64_t now_usec);

/* By notify: it will be silent for so long at most, from now on. */
void health_set_watchdog(struct health *h, uint64_t usec, uint64_t now_usec);

const char *health_status_name(enum health_status s); /* "healthy"; "" for HEALTH_NONE */
int health_status_value(const char *word);            /* -EINVAL */
