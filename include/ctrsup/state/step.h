/* The life of one instance: (instance, event, now) -> (instance', effects). Pure; the supervisor does what the effects say and
 * posts what it sees as events. A start, a stop and a crash are all this one table, src/state/step.c: actions[phase][event].
 *
 *   pending -> starting -> running -> ready <-> unhealthy          up
 *   starting: the pre_start hooks' containers first, then its own; running: until the post_start hooks are over
 *   any of these -> stopping -> stopped | forgotten | starting      somebody said so: stop, remove, restart or replace
 *   where it is to start and is blocked it is pending, and waits for its turn; where it is to stop and is needed it stays up, and waits
 *   any of these -> (stopping ->) backoff -> starting               it ended by itself and the restart policy goes on
 *                               -> completed | failed               … or does not
 *
 * What holds after every step, whatever the order of events (tests/unit/test_state_step.c plays random ones):
 *   - A launch is never asked for while a launch is unanswered, the main process lives, or the leaf holds tasks: between two
 *     launches lie an end and an empty leaf.
 *   - The last intent wins. `desire` and `again` say what is wanted; a stop, remove, start or restart that arrives while the
 *     instance is on its way up or down changes these two, and the end of the way looks at them.
 *   - DESIRE_STOPPED and DESIRE_GONE beat every policy: from any phase, once the outstanding events have come, it is down. A job without
 *     schedule that has completed stays completed when it is stopped: nothing of it runs, and what it has done is done.
 *   - PHASE_STOPPING, PHASE_STARTING and PHASE_BACKOFF always have a deadline: nothing is waited for without end. A leaf that
 *     does not empty is killed again and again, ever more rarely, and is reported once; no second copy is started.
 *   - A hook is never waited for without end: a container of one has a deadline, the others' commands are bounded by who runs them. No
 *     hook outlives what it belongs to: a stop ends pre_start and post_start at once, pre_stop has what the stop's grace period has, and
 *     post_stop follows every end of the command, once, whatever is wanted next.
 *   - An exit nobody saw is EXIT_UNKNOWN and counts as a failure.
 *   - A supervisor that dies changes nothing of this: RECALLED brings back the counters, the last end, the wishes, and a phase in which
 *     nothing runs with its deadline; what runs is not believed of a record but ADOPTED when it was found. A stop that was
 *     under way goes on where it was: no second signal, the same deadline.
 *
 * Starting cannot be taken back: the launch is with the keeper. A stop during a start therefore waits for the answer, then stops
 * what was started, by its own signal and grace; LAUNCH_TIMEOUT_USEC bounds it.
 *
 * Ids: the supervisor drops answers that belong to another start (struct instance.id) before they become events.
 */
#pragma once

#include <ctrsup/state/status.h>

enum event_kind {
        EVENT_START,            /* wanted: an operator's start, an apply, or its turn has come */
        EVENT_STOP,             /* an operator's stop; event.signal, event.grace_usec override the declared ones */
        EVENT_HOLD,             /* down for now, for a plan or a shutdown: what an operator stopped or what ended by itself stays that */
        EVENT_RESTART,          /* an operator's restart: down and up again, whatever it was */
        EVENT_REPLACE,          /* as restart, with a new declaration: set policy and revision before */
        EVENT_REMOVE,           /* no longer declared */
        EVENT_RECALLED,         /* by a new supervisor, first of all: was, as the last one recorded it in this boot */
        EVENT_RESUME,           /* its turn to start has come: whom it depends on is as it has to be, or a new supervisor got to it; as START,
                                 * but nobody asked anew: what is counted stays. Of one that is leaving: its turn to go down */
        EVENT_ADOPTED,          /* found by a new supervisor: pid, started_*; or, with starting, a launch that is still out; or, with
                                 * ended, what an end that was told of left in its leaf */
        EVENT_STARTED,          /* the keeper: exec happened; pid */
        EVENT_START_FAILED,     /* the keeper: it did not; message, populated */
        EVENT_READY,
        EVENT_UNHEALTHY,
        EVENT_EXTEND,           /* it says that it needs more time, extend_usec from now on: to get ready, or to end */
        EVENT_OOM,              /* an OOM kill in the leaf; look once more, and post it, before you post EVENT_EXITED */
        EVENT_EXITED,           /* the main process ended: exit, populated */
        EVENT_EMPTY,            /* the leaf's last task is gone */
        EVENT_TIMER,            /* deadline_usec has come */
        EVENT_HOOKED,           /* a post_start or pre_stop hook has ended: failed, message */
        EVENT_WANTED,           /* an apply, of what is not to be started for that: its time comes later, or it has done what it was to */
        _EVENT_MAX,
};

struct event {
        enum event_kind kind;
        int signal;                     /* EVENT_STOP: 0: the declared one */
        uint64_t grace_usec;            /* EVENT_STOP: USEC_INFINITY: the declared one */
        uint64_t extend_usec;           /* EVENT_EXTEND */
        pid_t pid;                      /* EVENT_STARTED, EVENT_ADOPTED */
        uint64_t timeout_usec;          /* EVENT_STARTED, EVENT_ADOPTED: of the hook whose container it is */
        bool failed;                    /* EVENT_HOOKED */
        uint64_t started_usec, started_real_usec; /* EVENT_ADOPTED */
        bool starting;                  /* EVENT_ADOPTED */
        bool ended;                     /* EVENT_ADOPTED: its main process has, and was told of; its leaf may hold tasks */
        const struct instance *was;     /* EVENT_RECALLED; EVENT_ADOPTED: NULL: there is no record of this very start */
        struct exit_info exit;          /* EVENT_EXITED */
        bool populated;                 /* EVENT_EXITED, EVENT_START_FAILED: the leaf still holds tasks */
        const char *message;            /* EVENT_START_FAILED, EVENT_HOOKED, EVENT_EXITED of a pre_start hook: the words; may be NULL */
};

struct now {
        uint64_t mono_usec, real_usec;
        uint32_t random;                /* for the jitter */
};

/* In the order in which they are to be done. */
enum effect {
        EFFECT_SIGNAL = 1 << 0,         /* send instance.stop_signal to the main process */
        EFFECT_KILL = 1 << 1,           /* cgroup.kill of the leaf */
        EFFECT_CLEANUP = 1 << 2,        /* remove the leaf of instance.generation (before this step's launch: the one before) */
        EFFECT_LAUNCH = 1 << 3,         /* start instance.generation, with instance.hook that one: choose an id, make a leaf, ask the keeper */
        EFFECT_REPORT = 1 << 4,         /* the phase changed: result.from -> instance.phase */
        EFFECT_STUCK = 1 << 5,          /* STUCK_KILLS kills did not empty the leaf: say so, once a stop */
        EFFECT_START_LIMIT = 1 << 6,    /* failed, because the policy's attempts are used up */
        EFFECT_FORGET = 1 << 7,         /* it is down and not declared: free it */
};

struct step {
        unsigned effects;
        enum phase from;                /* before the event */
        bool ended;                     /* this event ended a run (or a launch): instance.last_exit is its end */
        uint64_t uptime_usec;           /* of the run that ended */
};

#define LAUNCH_TIMEOUT_USEC (90 * USEC_PER_SEC) /* a launch that is not answered is killed */
#define START_RETRY_USEC (100 * USEC_PER_MSEC)  /* a start that failed is not tried again sooner, whatever the policy's delay */
#define EXIT_WAIT_USEC (3 * USEC_PER_SEC)       /* the leaf is empty: how long the keeper may take to say how it ended */
#define KILL_RETRY_USEC (2 * USEC_PER_SEC)      /* the leaf did not empty: the first wait until the next kill; doubles */
#define KILL_RETRY_MAX_USEC (60 * USEC_PER_SEC)
#define EXTEND_MAX_USEC (3600 * USEC_PER_SEC) /* what an instance can ask for at a time */
enum {
        STUCK_KILLS = 2,
        STOP_EXTEND_MAX = 10, /* a stop takes no longer than so many grace periods, whatever the instance says */
};

/* Changes i as the event demands. Arm the instance's timer from i->deadline_usec after every call. */
struct step step(struct instance *i, const struct event *e, const struct now *now);

const char *event_kind_name(enum event_kind k); /* "start_failed" */
const char *effect_name(enum effect e);
