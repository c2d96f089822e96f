/* A whole host in memory, for a supervisor that does not know: processes, cgroups, the keeper, the logger, clocks, files that fail.
 *
 * The real objects of supervisor, act, plan, state and store run in front of it; what they call to reach the host (sd-event, the
 * keeper's and the logger's clients, the cgroup functions, a few calls of libc) is replaced at the link. Nothing here is parallel
 * and nothing is random but by the episode's seed, so an episode can be played again.
 *
 * Death: a supervisor is killed at a seam (any call that would change the host). From there on it is a ghost: its calls fail and
 * change nothing until it is back in the driver, which frees it. That is what SIGKILL looks like from outside, and it
 * keeps the sanitizers' books straight. World time stands still while the supervisor runs; only world_run_until() moves it.
 *
 * An impossible thing (a second process of an instance, a launch into a leaf that is not empty) ends the episode: violation().
 */
#pragma once

#include <ctrsup/base/num.h>
#include <ctrsup/keeper/protocol.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORLD_PEERS_MAX = 8, WORLD_FDS_MAX = 4096, WORLD_FIRST_PID = 10000000 /* above any real pid_max */ };

/* --- chance --- */

struct chance {
        uint64_t state;
};
uint64_t chance_next(struct chance *c);
uint64_t chance_below(struct chance *c, uint64_t n);        /* 0 … n-1 */
uint64_t chance_between(struct chance *c, uint64_t from, uint64_t to); /* both included */
static inline bool chance_one_in(struct chance *c, uint64_t n) { return chance_below(c, n) == 0; }

/* --- what there is --- */

struct group {
        char name[KEEPER_LABEL_MAX];
        bool there;
        uint64_t oom_kills;
};

struct leaf {
        char group[KEEPER_LABEL_MAX];
        uint64_t generation;
        bool there, killed; /* killed: what is cloned into it dies */
};

enum proc_state { PROC_PREPARING, PROC_RUNNING, PROC_DEAD };

struct proc {
        pid_t pid;
        bool main;              /* else: something it left behind, or */
        bool exec;              /* a command that joined it: a hook inside */
        bool hook;              /* main: of a hook's own container */
        bool hooked;            /* main: of an instance that has such hooks */
        char label[KEEPER_LABEL_MAX];
        uint8_t id[KEEPER_ID_SIZE];
        struct leaf *leaf;
        enum proc_state state;
        unsigned keeper;        /* the keeper's number whose child it is; 0: nobody's any more */
        bool deaf;              /* ignores a stop */
        bool stuck;             /* SIGKILL waits, too: in the kernel */
        bool oom;
        uint64_t born_usec, started_usec, started_real_usec, ended_usec;
        struct keeper_exit exit;
        const struct proc *peers[WORLD_PEERS_MAX]; /* whose namespaces it joined */
        size_t n_peers;
        bool notifies, pings;   /* it has a notify socket; it shows there that it is alive */
        bool ready_heard;       /* a supervisor has taken its READY=1 */
        char version[8];        /* its first argument: which declaration it is of */
        /* what the model keeps about it */
        unsigned reports;
        bool unseen;            /* its keeper died first, or did not speak */
        bool followed;          /* a later start of the instance is on record in its place */
        bool dropped;           /* nobody is owed its exit: its instance had been given up before */
        unsigned epoch, epoch_reported; /* the supervisor's that launched it, that last told of its end */
};

/* An fd of the supervisor that stands for something of ours. */
enum fd_kind { FD_NONE, FD_KEEPER, FD_WATCH, FD_LOGGER, FD_CHILD, FD_PROC, FD_LEAF, FD_NOTIFY, FD_CLOCK, FD_OTHER };

struct fd {
        enum fd_kind kind;
        void *object;
};

struct world_event {
        uint64_t at, seq;
        void (*run)(void *object, uint64_t number);
        void *object;
        uint64_t number;
};

struct held {
        char name[KEEPER_NAME_MAX];
        struct fd what;
};

struct world {
        struct chance chance;
        uint64_t mono_usec;
        int64_t real_offset_usec;
        bool clock_set;         /* by somebody, and the supervisor has not looked yet */
        bool kernel_tells;      /* how a process ended whose keeper was killed: PIDFD_GET_INFO */
        bool calm;              /* from now on everything goes well */

        struct proc **procs;
        size_t n_procs;
        struct group **groups;
        size_t n_groups;
        struct leaf **leaves;
        size_t n_leaves;
        struct world_event *events;
        size_t n_events;
        uint64_t next_seq;
        pid_t next_pid;
        struct fd fds[WORLD_FDS_MAX];

        /* the supervisor, seen from outside */
        bool inside;            /* its code runs now: calls are its */
        bool ghost;             /* it was killed */
        unsigned epoch;         /* which one: counts up with each */
        uint64_t seams;         /* calls so far, of all */
        uint64_t die_in;        /* dies at that many seams from now; 0: not */
        bool disk_full, disk_broken;
        char state_dir[128], runtime_dir[128];
        bool trash;             /* a helper empties it */
};

extern struct world world; /* one a process: the seams have no other way to find it */

void world_init(uint64_t seed);
/* The door of every call that would change the host. false: the caller is a ghost; fail, and change nothing. */
bool world_seam(void);
/* Calls run(object, number) at that time, or at the next one when it is past. */
void world_at(uint64_t usec, void (*run)(void *object, uint64_t number), void *object, uint64_t number);
uint64_t world_next_event(void); /* when; UINT64_MAX: nothing is to come */
void world_run_due(void);
uint64_t world_real_usec(void);

_Noreturn void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- fds --- */

int world_fd(enum fd_kind kind, void *object); /* a new one */
struct fd world_fd_of(int fd);
bool world_fd_is_ready(int fd);

/* --- groups, leaves, processes --- */

struct group *group_find(const char *name);
struct group *group_make(const char *name, bool *ret_new);
struct leaf *leaf_find(const char *group, uint64_t generation); /* that is there */
struct leaf *leaf_make(const char *group, uint64_t generation);
size_t leaf_count(const struct leaf *l);      /* living processes */
void leaf_kill(struct leaf *l);

struct proc *proc_new(const char *label, struct leaf *l, bool main);
void proc_end(struct proc *p, int code, int status);
void proc_signal(struct proc *p, int signal);
struct proc *proc_of_id(const uint8_t id[KEEPER_ID_SIZE]);
struct proc *proc_of_pid(pid_t pid);
struct proc *proc_main(const char *label);    /* the living one */

/* fake_cgroup.c: something changed in the leaf or its group. */
void watch_notify_leaf(const struct leaf *l);
void watch_notify_oom(const struct group *g);
bool watch_is_readable(const void *watch);

/* fake_keeper.c */
void keeper_start(void);
void keeper_kill(void);
bool keeper_is_alive(void);
void keeper_stall(bool stalled);
void keeper_let_jobs_end(void);
void keeper_on_end(struct proc *p);
bool keeper_is_awake(void);                   /* it lives, and reads */
bool keeper_knows(const struct proc *p);
size_t keeper_count(void);                    /* entries */
size_t keeper_count_held(void);
bool keeper_holds(const void *object);
bool keeper_client_is_readable(const void *client);

/* fake_logger.c */
void logger_kill(void);
bool logger_is_alive(void);
bool logger_is_readable(const void *logger);
bool logger_child_is_over(const void *logger);
void logger_on_end(const struct leaf *l);     /* the last process in it has ended */
void logger_check_release(const char *name);  /* what the keeper held is let go */

bool keeper_is_connected(void);               /* the supervisor has a connection that is not cut */
bool keeper_has(const void *object);          /* it holds it, or is being given it */

/* fake_notify.c */
void notify_live(struct proc *p);             /* it runs: it speaks from now on */
void notify_calm(void);                       /* who runs speaks as it should */
bool notify_is_readable(const void *socket);
/* fd: where the supervisor hears it; hold_due: something has yet to be given to the keeper */
void notify_check(const struct proc *p, int fd, bool hold_due);

/* fake_event.c */
struct sd_event;
uint64_t event_next_timer(struct sd_event *e); /* UINT64_MAX: none armed */
bool event_is_idle(struct sd_event *e);        /* nothing would be dispatched now */
void event_raise(struct sd_event *e, int signal);
size_t event_leaked(void);                     /* loops and sources that were not freed */

/* fake_files.c */
void files_empty_trash(void *object, uint64_t number);
