/* How the last run of an instance ended: what `why` tells. Kept beside the instance, over the starts that follow, and in its run
 * record, over the supervisors that follow. Clock: usec of CLOCK_REALTIME. */
#pragma once

#include <ctrsup/state/status.h>

#include <stdbool.h>
#include <stdint.h>

/* Whose doing it was. */
enum end_by {
        END_BY_ITSELF,
        END_BY_POLICY,          /* it did not keep to its declaration: last_end.cause */
        END_BY_STOP,            /* an operator's stop */
        END_BY_RESTART,         /* an operator's restart, of it or of what it follows */
        END_BY_REPLACE,         /* an apply that declares it anew */
        END_BY_HOLD,            /* down for a plan, or for a shutdown */
        END_BY_REMOVE,          /* an apply that does not declare it any more */
        _END_BY_MAX,
};

enum { LAST_END_PROBE_SIZE = 256, LAST_END_STEP_SIZE = 32, LAST_END_HINT_SIZE = 384 };

struct last_end {
        uint64_t real_usec;                 /* when it was seen; 0: it never ended */
        uint64_t launched_real_usec;        /* when it was launched: nothing of its log is older; 0: not known */
        uint64_t uptime_usec;               /* how long it had run */
        uint64_t memory_peak, memory_max;   /* of the run, and its limit; UINT64_MAX: not known, no limit */
        enum end_by by;
        enum end_by asked;                  /* of the end that is still to come: END_BY_REPLACE or END_BY_RESTART, which the instance does not tell */
        uint64_t shared_peak;               /* 1: memory_peak is that of an earlier run, this one's was no higher */
        char words[MESSAGE_SIZE];           /* "exited with status 1"; why it did not start, with the place */
        char cause[MESSAGE_SIZE];           /* END_BY_POLICY: "unhealthy" */
        char step[LAST_END_STEP_SIZE];        /* of the launch, where it failed; "": it ran */
        char hint[LAST_END_HINT_SIZE];
        char probe[LAST_END_PROBE_SIZE];      /* what the last probe said, when it was taken down for its health */
        char asked_probe[LAST_END_PROBE_SIZE]; /* of the end that is still to come */
};

const char *end_by_name(enum end_by by); /* "itself", "stop", … */
int end_by_value(const char *word);      /* -EINVAL */

/* A run of i, as it was before the step that ends it, was to end because somebody asked: who; else END_BY_ITSELF. asked: what was
 * noted; a supervisor that died may have forgotten it. */
enum end_by end_by_of(const struct instance *i, enum end_by asked);
