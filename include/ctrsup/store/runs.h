/* What the supervisor knows of each instance, for the next supervisor: <runtime>/runs/<stack>/<container>.<n>, small JSON files.
 *
 * They are good for one boot: a record of another boot is as good as none. So nothing is synced; a file is replaced by rename and
 * is the old or the new one whatever happens to its writer. A record is a witness, not the truth: what runs is asked of the
 * keeper and of the cgroups; counters, wishes, deadlines and how it last ended are only here.
 */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/state/last_end.h>
#include <ctrsup/state/health.h>
#include <ctrsup/state/schedule.h>
#include <ctrsup/state/status.h>

enum { RUN_REASON_SIZE = 256, RUN_STATUS_SIZE = 256 };

struct run {
        struct instance instance;       /* all that EVENT_RECALLED takes; instance.policy is not kept */
        uint64_t start_ticks;           /* of the main process: /proc/<pid>/stat, with pid its identity; 0: not known */
        uint64_t oom_kills;             /* of its group when this start began */
        uint64_t memory_peak;           /* of earlier runs, as far as it is still counted */
        uint64_t launched_real_usec;    /* this start, to the keeper; 0: not known */
        int log;                        /* enum act_log of this start */
        uint32_t root_uid, root_gid;    /* host ids of its root */
        bool guessed;                   /* instance.pid is what was oldest in the leaf: how that ends is not how it ended */
        enum health_status health;
        bool health_succeeded;
        uint32_t health_failures;
        char health_reason[RUN_REASON_SIZE]; /* of the last probe's outcome */
        struct last_end last_end;           /* all 0: it never ended, as far as this boot goes */
        struct schedule schedule;       /* of a job */
        uint64_t began_usec, began_real_usec; /* of a job: its run, with all attempts; 0: none is under way */
        uint64_t watchdog_usec;         /* struct health's */
        bool reloading, stopping;       /* as it says itself */
        char status[RUN_STATUS_SIZE];   /* the same in its words; "": none */
};

/* runtime_fd: the runtime directory, open. -ENOSPC and the like: the old record stays. */
int runs_write(int runtime_fd, const struct run *r, struct err *err);
/* Would both make the same record? */
bool runs_equal(const struct run *a, const struct run *b);
/* -ENOENT: there is none, or it is of another boot (then it is removed); -EBADMSG: not readable: set aside as <name>.bad; -EPROTO: of a
 * newer release, left alone. */
int runs_read(int runtime_fd, const char *stack, const char *container, uint32_t replica, struct run *ret, struct err *err);
/* Not there is fine. The stack's folder goes with its last record. */
int runs_remove(int runtime_fd, const char *stack, const char *container, uint32_t replica, struct err *err);
/* All of a stack, also those that were set aside. */
int runs_remove_stack(int runtime_fd, const char *stack, struct err *err);
/* Stacks that have records; one malloc'ed block. None: n 0. */
int runs_stacks(int runtime_fd, char ***ret, size_t *ret_n, struct err *err);

struct run_name {
        char container[NAME_SIZE];
        uint32_t replica;
};
/* Whose records there are of a stack; free() *ret. Files of other names are passed over. */
int runs_list(int runtime_fd, const char *stack, struct run_name **ret, size_t *ret_n, struct err *err);
