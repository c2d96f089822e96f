/* What is remembered of one job over a boot: <state>/stacks/<stack>/job.<container>: up to when the elapses of its schedule were taken,
 * and its last runs. It goes with the stack's records, or with the container.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/state/schedule.h>

enum { JOB_RUNS_MAX = 100 };

struct job_run {
        uint64_t started_usec, ended_usec; /* by the wall clock, when that was */
        uint64_t duration_usec;         /* by the one that nobody sets */
        uint64_t attempts;              /* starts, by the restart policy */
        struct exit_info exit;
        enum stop_cause cause;
};

struct job_record {
        struct schedule schedule;       /* queued is not kept: what it waits for ends with the boot */
        struct job_run *runs;           /* the oldest first; free() it */
        size_t n_runs;
};

/* An empty one when there is none, or when it cannot be read (then err says why: it is set aside). Only errors of ours: -ENOMEM, -EMFILE. */
int job_read(int state_fd, const char *stack, const char *container, struct job_record *ret, struct err *err);
/* Durably. */
int job_write(int state_fd, const char *stack, const char *container, const struct job_record *record, struct err *err);
/* Not there is fine. */
int job_remove(int state_fd, const char *stack, const char *container, struct err *err);
