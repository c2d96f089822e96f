/* Who runs is probed as its healthcheck says; what that tells goes into the state machine, and changes are reported.
 *
 * A check by notify is a deadline instead, which every sign of life puts off; it begins with READY=1 where that is waited for.
 *
 * One probe of a member at a time. At most PROBES_MAX of all begin within PROBE_TURN_USEC, or as fast as they end: who comes then
 * waits for its turn, and nobody can keep a turn by hanging. Health is on record, so that a new supervisor goes on where this one was.
 */
#pragma once

#include "manager.h"

#include <ctrsup/state/health.h>
#include <ctrsup/store/runs.h>

enum { PROBES_MAX = 64 };
#define PROBE_TURN_USEC USEC_PER_SEC

struct probe;
struct inside;

struct member_health {
        struct health state;
        char reason[RUN_REASON_SIZE]; /* of the last outcome, one line; "": none yet */
        bool following;               /* it runs */
        bool under_way;               /* a probe is: its outcome is awaited */
        bool trouble;                 /* of ours: no probe could be made, which was said */
        bool has_turn, queued;        /* it is among the PROBES_MAX; waits for that */
        struct member *next;          /* in the queue */
        sd_event_source *timer;
        struct probe *probe;          /* http, tcp */
        struct inside *exec;
};

/* After every event of b: begins when it has come up, ends when it goes down. */
void health_follow(struct member *b);
/* b is declared anew; was: as before. Another check takes over at once. */
void health_declare(struct member *b, const struct spec_container *was);
/* Of b's probe; words may have lines. */
void health_outcome(struct member *b, bool good, const char *words);
/* By notify: a sign of life of b's, or the word that it is not well. */
void health_sign(struct member *b, bool good, const char *words);
/* By notify: it is silent for so long at most from now on. */
void health_watchdog(struct member *b, uint64_t usec);
/* It will have none, through no fault of b's. */
void health_no_outcome(struct member *b);
/* Only what is in memory. */
void health_free(struct member *b);

enum health_status health_of(const struct member *b); /* HEALTH_NONE when there is no check or it does not run */
const char *health_reason(const struct member *b);    /* "" */
