/* The supervisor's one struct: what is wanted (stacks), what is (members), and the doors to the world it drives them with.
 *
 * One thread, one sd-event loop. Whatever happens (a call, an exit, a timer, a cgroup event) becomes an event of one member
 * (supervisor/member.h) and pokes the pump; the pump (supervisor/pump.c) runs when the loop is otherwise idle and does what has
 * become possible: plan actions, launches, cleanups, forgetting. Nothing is freed anywhere else, so a pointer to a member or
 * stack is good until the loop turns.
 */
#pragma once

#include "config.h"
#include "degraded.h"
#include "generation.h"
#include "member_index.h"
#include "options.h"

#include <ctrsup/act/instance.h>
#include <ctrsup/control/server.h>
#include <ctrsup/plan/plan.h>
#include <ctrsup/report/journal.h>
#include <ctrsup/report/notify.h>
#include <ctrsup/spec/settings.h>
#include <ctrsup/state/backoff.h>
#include <ctrsup/state/schedule.h>
#include <ctrsup/state/step.h>

#include <systemd/sd-event.h>

struct manager;
struct stack_entry;
struct waiter;
struct exec_session;
struct member_health;
struct member_notify;
struct member_hooks;
struct inside;
struct reloading;
struct line_feed;
struct deferred;
struct system_query;
struct adoption;
struct left_pipes;
struct run;
struct last_end;
struct job_run;

enum { PASSED_NAME_SIZE = 64 };
struct passed_fd {
        char name[PASSED_NAME_SIZE];
        int fd;
};

/* Of a job: supervisor/schedule.h, supervisor/job_record.h */
struct member_job {
        struct schedule schedule;             /* id 0: it has none */
        uint64_t next_usec;                   /* real; 0: to be found out; USEC_INFINITY: never */
        uint64_t began_usec, began_real_usec; /* monotonic, real: the run that is under way; 0: none is */
        struct job_run *runs;                 /* finished ones, the oldest first */
        size_t n_runs;
        bool unsaved;                         /* the disk does not know yet */
        char *no_time;                        /* why its next time is not known; NULL: it is */
};

/* One instance of one container: its state (pure), what it holds on the host, and its declaration. */
struct member {
        struct stack_entry *stack;
        struct member *next_of_container;     /* supervisor/member_index.h */
        struct generation *generation;        /* its declaration's */
        const struct spec_container *container; /* in it */
        struct generation *limits_generation; /* keeps host.limits alive */
        struct generation *plan_generation;   /* what host.plan has its words from: an apply may declare another while a launch is out */
        struct instance state;
        struct act_instance host;
        sd_event_source *timer;
        struct member_health *health;         /* supervisor/health.h; NULL: it was never looked at */
        struct member_notify *notify;         /* supervisor/notify_socket.h; NULL: it has no such socket, or does not run */
        struct member_hooks *hooks;           /* supervisor/hooks.h; NULL: none has run inside */
        uint64_t phase_since_usec;            /* monotonic */
        uint64_t told_waiting;                /* hash of what it waits for, as its watchers were told; 0: nothing */
        char hint[ERR_HINT_MAX];                       /* of state.message */
        struct last_end *last_end;                /* supervisor/last_end.h; NULL: it never ended */
        bool launch_due, finish_due, forget_due;
        bool seen_by_keeper;                  /* a launch is with the keeper: its answer will come */
        bool command_failed;                  /* the last start failed at its very command */
        const char *failed_step;              /* of the last start that failed: CTRSUP_STEP; NULL: before the keeper had it */
        int start_error;                      /* errno of that */
        bool orphan, exit_due;                /* supervisor/orphan.h */
        bool group_said;                      /* why its cgroup cannot be removed */
        bool drift_said;                      /* that its limits were changed and cannot be set back */
        bool not_live;                        /* the last change that was to be live was not taken: state.message */
        unsigned finish_tries;                /* of member_finish() that failed */
        bool guessed;                         /* which process of the leaf is the main one: its end tells nothing */
        sd_event_source *pidfd_source;        /* of an orphan */
        uint64_t start_ticks;                 /* of the main process */
        uint64_t launched_real_usec;          /* this start, to the keeper; 0: not known */
        uint64_t saved;                       /* hash of the run record on disk; 0: none */
        uint64_t saved_revision;              /* in it: kept as long as it is named there */
        struct run *run;                      /* while adopting: what the last supervisor wrote; else NULL */
        bool undeclared, update_due;          /* supervisor/restore.h */
        bool on_trial;                        /* supervisor/update.h */
        uint64_t trial_restarts;              /* as many restarts by its policy are none of its trial */
        uint64_t proven_usec;                 /* monotonic; when its trial was over; 0: it had none */
        bool forgotten;                       /* its record is removed; none is written any more */
        struct member_job job;
};

struct stack_entry {
        struct manager *manager;
        char name[NAME_SIZE];
        struct generation *generation; /* what is wanted; NULL: it is being removed */
        struct member **members;
        size_t n_members;
        struct member_index index;     /* of members */
        struct plan *plan;             /* being carried out; NULL: all done */
        bool *done;                    /* per action of plan */
        bool *begun;
        struct report_event applied;   /* to be told when its plan is done */
        bool applied_due;
        uint64_t applied_usec;         /* monotonic; when it was asked for */
        bool has_remover;
        uid_t remover_uid;
        pid_t remover_pid;
        bool remove_volumes;           /* with the stack */
        json_t *succeeded;             /* supervisor/jobs.h; NULL: none */
        struct generation *fallback;   /* supervisor/update.h: what an update that fails goes back to; NULL: none is under way */
        uint64_t newest_revision;      /* the number given last: more than that of `generation` after an update that was taken back */
        uint64_t failed_revision;      /* whose update failed last; 0: none since the last apply */
        json_t *update_failures;       /* why; NULL: as above */
        json_t *failed_ends;           /* supervisor/update_tell.h; NULL: none are known */
        bool paused, going_back;       /* the update failed, and is left as it is, or is being taken back */
        sd_event_source *update_timer;
        struct generation *last;       /* being removed: what it was, for its volumes */
        bool traces_stay, traces_told; /* all that is left of it are files that cannot be removed: at the next reconcile; that was said */
        char unreadable[ERR_TEXT_MAX], cure[ERR_HINT_MAX]; /* supervisor/unreadable.h; "": it is not */
        bool leaving;                  /* such a one is being removed */
        bool keeps_unknown;            /* something of it runs whose declaration cannot be read, and is not to be ended */
};

enum { REFUSED_UIDS = 16, REFUSALS_OF_UID = 5 };

struct rights {
        struct gids {
                gid_t *items;
                size_t n;
        } admin, read; /* of the settings' groups that exist */
        struct refusals { /* of this minute */
                uint64_t since_usec, unsaid;
                struct {
                        uid_t uid;
                        unsigned said;
                } uids[REFUSED_UIDS];
                size_t n_uids;
        } refusals;
};

struct event_ring {
        json_t **items;
        size_t n, size, next;
};

struct manager {
        const struct options *options;
        struct settings *settings;
        sd_event *event;
        struct act_host host;
        struct control_server *control;
        struct reporter reporter;
        struct notify notify;
        struct event_ring ring;
        struct degraded degraded;
        sd_event_source *extend_timer, *reload_child;
        struct deferred *deferred;
        struct system_query *system_query;
        struct settings *reloaded;     /* owned; settings, after a reload */
        char *client_program;
        int reload_pidfd;              /* of our client that applies stacks.d; -EBADF */
        sd_event_source *pump, *keeper_source, *logger_source, *watch_source, *trash_source, *lifeline_source, *status_timer,
                *reconcile_timer;
        sd_event_source *schedule_timer, *clock_source; /* supervisor/schedule.h */
        bool schedule_late;            /* time has passed in which nothing could be run */
        bool schedule_stale;           /* when each runs next is to be found out anew */
        uint64_t schedule_look_usec;   /* and when that is done without a reason */
        char machine_id[64];
        struct stack_entry **stacks;
        size_t n_stacks;
        struct waiter *waiters;
        struct exec_session *execs;
        struct inside *insides;       /* supervisor/inside.h */
        struct reloading *reloads;     /* supervisor/member_reload.h */
        struct member *probe_queue, *probe_queue_end; /* supervisor/health.h */
        unsigned probing;              /* probes under way */
        struct line_feed *feeds;
        struct adoption *adoption;     /* while adopting; else NULL */
        struct left_pipes *left_pipes; /* supervisor/log_pipes.h */
        struct passed_fd *passed;      /* supervisor/fdstore.h */
        size_t n_passed;
        int passed_socket;             /* of ctrsup.socket; -EBADF: none */
        bool fdstore;                  /* there is one */
        sd_event_source *keeper_retry;
        uint64_t next_cookie;
        bool device_filter_said;       /* that the kernel takes none */
        unsigned launching;            /* with the keeper, unanswered */
        struct restart_budget restart_budget;
        uint64_t retry_usec;           /* of the pump: how long until the next try */
        int runtime_fd, lock_fd, cgroup_lock_fd, lifeline_fd;
        const char *state_dir, *runtime_dir, *logs_dir;
        char *keeper_program, *logger_program, *socket_path;
        uint64_t started_real_usec;
        unsigned drift_turn;           /* supervisor/drift.c */
        int64_t clock_offset_usec;     /* what the wall clock has ahead of the monotonic one: supervisor/describe.c */
        pid_t logger_pid;
        uint64_t logger_spawned_usec;  /* monotonic */
        const int *streams;            /* MODE_RUN: the caller's */
        bool announced;                /* READY=1 was sent */
        bool asking;                   /* systemd, whether the system goes down: nothing is launched */
        bool quiesced;                 /* all stacks are down or on their way, and stay so: supervisor/quiesce.h */
        bool resuming;                 /* they come up again, in order */
        bool ending_asked, leaving;    /* SIGTERM came; the system goes down: the loop ends when all are down */
        bool adopting;                 /* what runs is being taken over: nothing is launched, nothing applied */
        bool leaves_stay;              /* of nobody, and still busy: supervisor/adopt.h */
        bool sweep_due;                /* what interrupted first applies left on disk could not be removed: at the next reconcile */
        bool recalling;                /* records are being read: none is written, no timer runs */
        bool ending;                   /* all stacks are being removed; then the loop ends */
        bool forced;                   /* at once: no hook that follows an end is begun */
        bool over;                     /* the loop ends now */
        bool logger_due;               /* another one, a second after the last */
        bool logger_listed;            /* the keeper holds a logger's socket: it comes back, do not spawn */
        bool logger_asked;             /* and was asked for it */
        int exit_code;
        char own_runtime[128];         /* MODE_RUN */
        struct rights rights;          /* supervisor/rights.h */
};

/* Everything up to "ready"; on failure *ret_exit is the exit code for it. */
int manager_new(const struct options *o, struct settings *settings, struct manager **ret, int *ret_exit, struct err *err);
struct manager *manager_free(struct manager *m); /* returns NULL; takes NULL; ends what an ephemeral keeper holds */
static inline void manager_freep(struct manager **m) { *m = manager_free(*m); }
/* Until it is told to end; the exit code, or -errno when the loop itself failed. */
int manager_loop(struct manager *m);

/* Something changed: the pump runs soon. */
void manager_poke(struct manager *m);
/* Removes all stacks in order, then the loop ends with exit_code. force: SIGKILL at once. */
void manager_end(struct manager *m, int exit_code, bool force);
/* What runs was taken over: the picture is whole. */
void manager_adopted(struct manager *m);
struct now manager_now(struct manager *m);
struct stack_entry *manager_find_stack(struct manager *m, const char *name);
struct member *manager_find_member(struct manager *m, const uint8_t id[KEEPER_ID_SIZE]);
size_t manager_count(const struct manager *m); /* members */
/* Fills in the time, sends it to the journal or stderr, keeps it, and gives it to whoever follows. */
/* log.level and log.target, at the start and after a reload. */
void manager_aim_reporter(struct manager *m);
#define manager_report(m, e) manager_report_at((m), (e), __FILE__, __LINE__, __func__)
void manager_report_at(struct manager *m, struct report_event *e, const char *file, unsigned line, const char *function);
