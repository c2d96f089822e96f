/* What the supervisor has to say: one struct for one thing that happened, in four forms: a native journal entry, a line for a
 * person, a JSON object for the Events method, and the journal's message catalog.
 *
 * The table in src/report/event.c has one row a kind: name, MESSAGE_ID, priority, which members matter, the words. Pure.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/state/status.h>

#include <jansson.h>

enum report_kind {
        REPORT_NOTICE,                  /* words only: no MESSAGE_ID; event.priority counts */
        REPORT_DAEMON_READY,
        REPORT_DAEMON_ADOPTED,
        REPORT_CONFIG_INVALID,
        REPORT_STACK_APPLIED,
        REPORT_STACK_APPLY_FAILED,
        REPORT_STACK_REMOVED,
        REPORT_UPDATE_ROLLED_BACK,
        REPORT_UPDATE_PAUSED,
        REPORT_CONTAINER_STATE,         /* any other change of phase: no MESSAGE_ID, debug in the journal, info as an event */
        REPORT_CONTAINER_STARTED,
        REPORT_CONTAINER_READY,
        REPORT_CONTAINER_EXITED,
        REPORT_CONTAINER_FAILED,        /* could not start */
        REPORT_CONTAINER_OOM,
        REPORT_CONTAINER_HEALTH,
        REPORT_RESTART_SCHEDULED,
        REPORT_START_LIMIT,
        REPORT_CONTAINER_UPDATED,
        REPORT_JOB_FINISHED,
        REPORT_JOB_SKIPPED,             /* message: why */
        REPORT_DRIFT_CORRECTED,
        REPORT_POLICY_REFUSED,
        REPORT_CALL_REFUSED,            /* what: the method; NULL: it may not use the supervisor at all; with an actor */
        REPORT_LOG_SUPPRESSED,
        REPORT_STATE_DEGRADED,          /* message: where and why; what: the directory */
        REPORT_STATE_HEALED,            /* changed: so many changes that were owed are recorded now */
        _REPORT_KIND_MAX,
};

/* Zero is "not known" for every member but those that say otherwise: such a field is left out. */
struct report_event {
        enum report_kind kind;
        uint64_t real_usec;
        int priority;                   /* REPORT_NOTICE: syslog's */
        const char *stack, *container;  /* NULL: not about one */
        uint32_t replica;
        bool numbered;              /* it is one of several: "shop/api.1" */
        const uint8_t *instance_id;     /* 16 bytes; NULL */
        pid_t pid;                      /* of a live payload: OBJECT_PID */
        const struct step_change { enum phase from, to; } *change; /* NULL: no change of phase */
        uint64_t revision, revision_to; /* revision_to: UPDATE_ROLLED_BACK: what runs again */
        const struct exit_info *exit;   /* NULL */
        uint64_t uptime_usec, duration_usec, delay_usec;
        uint64_t cpu_nsec, memory_peak, memory_max, oom_kills;
        uint64_t restarts;              /* START_LIMIT, RESTART_SCHEDULED: which attempt */
        uint64_t added, changed, removed, n_stacks, dropped; /* always given by the kinds that have them */
        int error;                      /* errno */
        const char *step;               /* CONTAINER_FAILED: "mount" */
        const char *message;            /* the reason, the problem, the notice: what only who reports it knows */
        const char *hint;
        const char *keys, *what, *was, *is;
        const char *file;
        unsigned line;
        const char *health;
        const char *code_file, *code_function; /* who reports it */
        unsigned code_line;
        bool has_actor;
        uid_t actor_uid;
        pid_t actor_pid;
};

/* The sentence: "shop/api.2: exited with status 1 after 3.2s". */
void report_words(const struct report_event *e, struct buf *out);
/* The line for stderr: the sentence, with the hint on a line of its own; with a line break. */
void report_line(const struct report_event *e, struct buf *out);
/* The journal's native protocol: FIELD=value\n, or FIELD\n<64 bit length>value\n where a value has line breaks. */
void report_journal_entry(const struct report_event *e, struct buf *out);
/* {"time","kind","stack","container","replica","from","to","message", …}. New reference; NULL: out of memory. */
json_t *report_json(const struct report_event *e);
int report_priority(const struct report_event *e); /* syslog's: 3 err … 7 debug */
const char *report_kind_name(enum report_kind k);  /* "container-started" */
/* The catalog's source text (journalctl --update-catalog): one entry for each kind with a MESSAGE_ID that a person has to act on. */
void report_catalog(struct buf *out);
