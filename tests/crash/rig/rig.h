/* What the crash tests share: a supervisor of one's own that may be killed at any time, calls to it, a snapshot of what is on
 * the host of it, and the checker that says every invariant it breaks.
 *
 * rig_main() forks: the test runs in the child; the parent waits, and cleans up after it whatever became of it. All that a test
 * makes carries rig.tag in its name, as in tests/host. Randomness comes from one seed, printed with the command that repeats it.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/cleanup.h>
#include <ctrsup/control/client.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

enum { RIG_PATH = 256, RIG_NAME = 64 };

struct rig {
        const char *name;              /* of the test program */
        char tag[32];
        char work[RIG_NAME], bin[RIG_PATH], probe[RIG_PATH], layer[RIG_PATH], socket[RIG_PATH];
        const char *restless;          /* a stack that never settles, whose containers may be under way and their leaves new; NULL */
        /* Keeper and supervisor were killed at once: nobody but the logger of that time has the containers' pipes, so it stays until
         * they end, beside the next one. */
        bool old_loggers;
        pid_t supervisor;              /* 0: none runs */
        bool crashed;                  /* one ended by a signal that is not SIGKILL */
        uint64_t seed, random;
        unsigned n_tests, n_failed, n_started;
};

/* Returns the exit status for main(). test runs in a process of its own. */
int rig_main(const char *name, int (*test)(struct rig *r));

/* --- TAP --- */

/* "ok N - words" or "not ok N - words", with the seed and how to repeat it; returns good. */
bool rig_ok(struct rig *r, bool good, const char *format, ...) __attribute__((format(printf, 3, 4)));
void rig_note(const char *format, ...) __attribute__((format(printf, 1, 2))); /* "# words" */
int rig_finish(struct rig *r);
/* An environment variable's number, or otherwise. */
unsigned rig_count(const char *variable, unsigned otherwise);

/* --- time and chance --- */

uint64_t rig_now_usec(void); /* CLOCK_MONOTONIC */
void rig_sleep_usec(uint64_t usec);
uint64_t rig_random(struct rig *r);
static inline unsigned rig_below(struct rig *r, unsigned n) { return (unsigned)(rig_random(r) % n); }

/* --- the supervisor --- */

/* Settings besides those of the rig, libconfig syntax; before the first start. */
void rig_configure(struct rig *r, const char *settings);
/* Starts one, with in front of it when wrapper is given (NULL-terminated); does not wait. It is the wrapper that r->supervisor is
 * then, unless that execs. */
void rig_start(struct rig *r, const char *const *wrapper);
/* SIGKILL, and reaps it. */
void rig_kill(struct rig *r);
/* Until it answers. False (with a diagnostic): not within limit_ms, or it ended. */
bool rig_wait_up(struct rig *r, unsigned limit_ms);
/* A child of this process is reaped when it ended; true then. */
bool rig_has_ended(pid_t pid);
bool rig_supervisor_has_ended(struct rig *r); /* or none was started; r->supervisor is 0 then */
long rig_log_size(const struct rig *r);       /* bytes that supervisors and what they started have said */
pid_t rig_spawn(const char *const *argv, const char *output); /* output: a file to append to, NULL: ours */

/* --- calls --- */

/* One call, one reply (its parameters, a new reference), or NULL: nobody answered in time, or it was refused; said (may be NULL)
 * tells which, in words. */
json_t *rig_call(struct rig *r, const char *method, json_t *parameters_taken, unsigned limit_ms, char said[RIG_PATH]);
/* A call with "more" that is waited for to the end. 0: outcome "done"; 1: "failed" or "timeout"; -1: refused; -2: the connection
 * ended, or no end in time. */
int rig_do(struct rig *r, const char *method, json_t *parameters_taken, unsigned limit_ms, char said[RIG_PATH]);
/* The parameters of Apply for the text of a stack file, which must be right. */
json_t *rig_document(const char *yaml);
int rig_apply(struct rig *r, const char *yaml, unsigned limit_ms);
int rig_operate(struct rig *r, const char *method, const char *target, unsigned limit_ms); /* Start, Stop, Restart */
int rig_remove(struct rig *r, const char *stack, unsigned limit_ms);

struct seen {
        char stack[RIG_NAME], container[RIG_NAME], state[16], reason[16], signal[16];
        unsigned replica;
        pid_t pid;             /* 0: none */
        int64_t restarts;
        int code;              /* of the last exit; -1: not known */
        uint64_t revision;
};

struct status {
        struct seen *items;
        size_t n;
        json_t *daemon;
};

#define STATUS_NULL ((struct status){ 0 })
void status_done(struct status *s);
#define _cleanup_status_ _cleanup_(status_done)
int rig_status(struct rig *r, struct status *ret); /* 0 or -errno */
const struct seen *status_find(const struct status *s, const char *stack, const char *container);
bool seen_is_up(const struct seen *s);
bool seen_is_down(const struct seen *s); /* and stays so: stopped, completed, failed */

/* --- the host --- */

struct host_proc {
        pid_t pid, parent;
        char state, name[16];
        pid_t inner;           /* its pid in the innermost pid namespace */
        bool nested;           /* it has one of its own */
        char group[RIG_PATH];  /* below the rig's cgroup root: "keeper", "stack/c.1/payload.7"; "": outside of it */
};

struct host {
        struct host_proc *procs;
        size_t n, size;
};

#define HOST_NULL ((struct host){ 0 })
void host_done(struct host *h);
#define _cleanup_host_ _cleanup_(host_done)
/* Processes whose cgroup or command line bears the tag. */
int host_read(const struct rig *r, struct host *ret);
/* Each cgroup directory below the rig's root in each hierarchy, parents last: path, where the relative part starts, whether it is
 * the hierarchy that tracks. */
void host_each_group(const struct rig *r, void (*fn)(void *userdata, const char *path, const char *relative, bool tracks), void *userdata);
/* The process called name ("ctrsup-keeper"); 0: none or several. */
pid_t host_find(const struct rig *r, const char *name);
/* All that bears the tag is ended and removed. */
void host_clean(const struct rig *r);

/* --- the checker --- */

enum check_level {
        CHECK_ALWAYS,  /* what may never be, not even for a moment: two of one, a process of a container outside its leaf */
        CHECK_SETTLED, /* and nothing under way: every container up or down for good, nothing left over of another run */
        CHECK_EMPTY,   /* and no stack is there: nothing of one is left on the host */
};

/* Appends a line for each broken invariant; returns how many. */
unsigned check_run(struct rig *r, enum check_level level, struct buf *out);
/* Looks until there is nothing to complain about, limit_ms at most. True: settled. Else the complaints are printed. */
bool check_settles(struct rig *r, enum check_level level, unsigned limit_ms);
