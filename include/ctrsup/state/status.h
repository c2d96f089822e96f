/* What is known of each instance: the observed nouns.
 *
 * Desired and observed are two fields, never one: `desire` is what somebody wants, `phase` is what is. state/step.h moves the
 * phase; nobody else writes it. Nothing here points anywhere: an instance can be copied, kept in an array, compared.
 * Clock: usec of CLOCK_MONOTONIC for what is waited for, of CLOCK_REALTIME for what is shown.
 */
#pragma once

#include <ctrsup/base/num.h>
#include <ctrsup/spec/spec.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum phase {
        PHASE_PENDING,          /* declared; its turn to start has not come, or it waits for whom it depends on */
        PHASE_STARTING,         /* a launch is under way */
        PHASE_RUNNING,          /* the command runs, not ready yet (a job never gets further) */
        PHASE_READY,
        PHASE_UNHEALTHY,        /* runs, was ready, and is not now */
        PHASE_STOPPING,         /* on its way down: signalled, killed, or waiting for the last task of the leaf */
        PHASE_STOPPED,          /* nothing runs because somebody said so */
        PHASE_COMPLETED,        /* ended by itself, well, and is not to be started again */
        PHASE_FAILED,           /* ended badly, or would not start, and is not to be started again */
        PHASE_BACKOFF,          /* ended; will be started again at the deadline */
        _PHASE_MAX,
        _PHASE_INVALID = -EINVAL,
};

enum desire {
        DESIRE_RUN,
        DESIRE_STOPPED,         /* an operator's stop: beats every restart policy, is remembered over a reboot */
        DESIRE_HELD,            /* down for now (a plan's stop, a shutdown): beats the policy too, but leaves no mark */
        DESIRE_GONE,            /* no longer declared: stop, then forget */
        _DESIRE_MAX,
};

/* Why the last run ended. */
enum exit_reason {
        EXIT_NONE,              /* it never ran */
        EXIT_EXITED,            /* code */
        EXIT_KILLED,            /* signal */
        EXIT_DUMPED,            /* signal, with a core */
        EXIT_OOM,               /* killed for memory: signal */
        EXIT_NOT_STARTED,       /* the launch failed: instance.message has the words */
        EXIT_UNKNOWN,           /* nobody saw it; never to be read as 0 */
        _EXIT_REASON_MAX,
};

struct exit_info {
        enum exit_reason reason;
        int code;               /* EXIT_EXITED, else -1 */
        int signal;             /* EXIT_KILLED, EXIT_DUMPED, EXIT_OOM, else 0 */
};

#define EXIT_INFO_NULL ((struct exit_info){ .code = -1 })
#define EXIT_INFO_UNKNOWN ((struct exit_info){ .reason = EXIT_UNKNOWN, .code = -1 })

/* Why it was taken down without anybody's asking. */
enum stop_cause {
        CAUSE_NONE,
        CAUSE_NOT_READY,        /* within readiness.timeout */
        CAUSE_UNHEALTHY,        /* and healthcheck.on_failure is restart */
        CAUSE_MAX_RUNTIME,      /* a job ran as long as it may */
        CAUSE_POST_START,       /* a hook of it failed: instance.message has the words */
        _STOP_CAUSE_MAX,
};

/* What of a declaration the state machine needs; copied, so that an instance outlives its spec. */
struct policy {
        enum spec_type type;
        enum spec_restart restart;
        struct spec_restart_policy restart_policy;
        int stop_signal;
        uint64_t stop_grace_usec;
        bool ready_when_started; /* nothing to wait for after exec */
        bool unhealthy_restarts; /* what is unhealthy is taken down, and started again as the policy says */
        uint64_t ready_timeout_usec; /* USEC_INFINITY: as long as it takes */
        uint64_t max_runtime_usec;   /* of a job */
        bool scheduled;              /* a job that is started when its time comes, and by nothing else but an operator */
        uint32_t hooks[_HOOK_MAX];   /* how many there are of each kind */
        bool numbered;               /* one of several: it is called api.1, not api */
};

enum { NAME_SIZE = 64, MESSAGE_SIZE = 512 };

struct instance {
        char stack[NAME_SIZE], container[NAME_SIZE];
        uint32_t replica;               /* from 1 */
        uint8_t id[16];                 /* of this start; chosen by who launches */
        uint64_t generation;            /* of this start: payload.<generation>; step() counts it up with every launch */
        uint64_t revision;              /* of the stack whose declaration it was started from */
        struct policy policy;

        enum phase phase;
        enum desire desire;
        bool blocked;                   /* whom it depends on is not as it has to be (state/dependency.h): who posts events keeps it true */
        bool waiting;                   /* PHASE_PENDING: it was to start, and was blocked */
        bool needed;                    /* who depends on it is still on its way down: as blocked */
        bool leaving;                   /* up, and to go down as soon as it is not needed any more */
        bool again;                     /* PHASE_STOPPING, or leaving: start at once when it is down */
        bool launching;                 /* a launch is out and was not answered */
        bool unnamed;                   /* it is to be: id is still that of the start before */
        bool alive;                     /* the main process runs, as far as anybody knows */
        bool populated;                 /* the leaf holds tasks, as far as anybody knows */
        bool killed;                    /* this stop is past its grace period */
        bool oom;                       /* this start was hit by an OOM kill */
        bool ready_early;               /* it is ready, but for the keeper's answer or the post_start hooks */
        bool unhealthy_early;           /* and its health has failed since: what it is once the hooks are over */
        bool ran;                       /* its command did, and its end has not been followed by the post_stop hooks yet */
        bool outdated;                  /* runs another declaration than the stored one: the plan replaces it */
        bool kept;                      /* not declared any more, and left alone on purpose (--prune=no) */
        enum stop_cause cause;          /* of this stop; and of the last end, until the next start */
        int stop_signal;                /* PHASE_STOPPING: what to send */
        enum spec_hook_kind hook;       /* whose turn it is: they run one after the other. What launching, alive, populated and pid say
                                         * is of a pre_start or post_stop hook's own container then */
        uint32_t hooks_ended;           /* of that kind, this time */

        pid_t pid;                      /* of the main process, 0: none */
        uint64_t started_usec;          /* monotonic; 0: never */
        uint64_t started_real_usec;     /* to be shown; 0: not running */
        uint64_t deadline_usec;         /* monotonic: when to post EVENT_TIMER; USEC_INFINITY: never. The one timer it has. */
        uint64_t stop_grace_usec;       /* PHASE_STOPPING: of this stop */
        uint64_t stop_limit_usec;       /* PHASE_STOPPING: monotonic; the instance itself can put off the deadline until then */
        uint32_t attempts;              /* restarts since it was last up for restart_policy.window */
        uint32_t kills;                 /* cgroup.kills of this stop so far */
        uint64_t restarts;              /* by the restart policy, since an operator or an apply started it */
        struct exit_info last_exit;
        char message[MESSAGE_SIZE];     /* the last failure in words; "" when there was none */
};

/* PHASE_PENDING, DESIRE_RUN, nothing known. Names longer than NAME_SIZE - 1 are cut (validation refuses them). */
void instance_init(struct instance *i, const char *stack, const char *container, uint32_t replica, const struct policy *policy);
struct policy policy_of(const struct spec_container *c);
/* "shop/api.2" for a replica, "shop/api" for replica 1 of a container that has only one. */
enum { TARGET_SIZE = 2 * NAME_SIZE + 12 };
const char *instance_target(const struct instance *i, bool only_one, char buf[TARGET_SIZE]);

/* Nothing of it runs. */
bool instance_is_down(const struct instance *i);
/* Whatever was asked for has been reached: no timer and no answer is waited for. (PHASE_BACKOFF is not settled.) */
bool phase_is_settled(enum phase p);
/* The command runs. */
bool phase_is_up(enum phase p);
bool exit_is_success(const struct exit_info *e);
/* From waitid's or wait4's status word. */
struct exit_info exit_info_from_status(int status);
/* "exited with status 1", "killed by SIGKILL", "killed for memory (SIGKILL)", "ended unseen", "did not start". Returns buf. */
const char *exit_info_words(const struct exit_info *e, char buf[NUM_TEXT_MAX]);

/* "not ready within 1m30s", "unhealthy", "still running after 10m": with the policy it broke. Returns buf. */
const char *stop_cause_words(enum stop_cause c, const struct policy *p, char buf[NUM_TEXT_MAX]);
/* Why its last run ended: the cause, if it was taken down for one; else how it exited. Returns buf. */
const char *instance_end_words(const struct instance *i, char buf[NUM_TEXT_MAX]);
const char *phase_name(enum phase p);           /* "ready" */
enum phase phase_value(const char *word);       /* _PHASE_INVALID */
const char *desire_name(enum desire d);         /* "run", "stopped", "held", "gone" */
int desire_value(const char *word);             /* -EINVAL */
const char *exit_reason_name(enum exit_reason r); /* "exited", "oom"; "" for EXIT_NONE */
int exit_reason_value(const char *word);        /* -EINVAL */
