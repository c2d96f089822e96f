/* The driver's parts: the supervisor under test, the model of what it was told, the operations. */
#pragma once

#include "world.h"

#include <ctrsup/report/event.h>

#include <jansson.h>

struct manager;

#define SIM_MACHINE_ID "0123456789abcdef0123456789abcdef"

enum call_state { CALL_NONE, CALL_OPEN, CALL_DONE, CALL_FAILED, CALL_DROPPED };

struct call {
        enum call_state state;
        bool accepted;    /* a first reply came */
        char words[512];  /* of the end: "done", "Failed {...}" */
};

/* What an episode did, for the last line; in memory shared with the parent. */
struct stats {
        uint64_t operations, turns, seams, launches, exits, deaths, deaths_in_start, keeper_deaths, logger_deaths, calls, refused, virtual_seconds;
};
extern struct stats *stats;

/* fake_control.c. Takes parameters. */
void control_make_call(const char *method, json_t *parameters, bool more, struct call *out);

/* --- supervisor.c: its life --- */

extern struct manager *supervisor; /* NULL: none runs */

void supervisor_init(void);
void supervisor_start(void);
/* Turns the loop until nothing is ready; a ghost is buried, and another one comes some time later. */
void supervisor_settle(void);
void supervisor_kill(void);
void supervisor_stop(void); /* SIGTERM; the next one comes later */
void supervisor_done(void); /* SIGTERM; none comes */
struct call *supervisor_call(const char *method, json_t *parameters, bool more);
size_t supervisor_open_calls(void);
/* Virtual time goes on, and all that happens meanwhile happens. */
void sim_run_for(uint64_t usec);

/* --- model.c: what must be --- */

enum { MODEL_STACKS = 4, MODEL_CONTAINERS = 5 };
extern const char *const model_stacks[MODEL_STACKS], *const model_containers[MODEL_CONTAINERS];

enum wish { WISH_RUN = 1, WISH_STOPPED = 2, WISH_GONE = 4 }; /* a set: the answer to a call may have died with a supervisor */

void model_init(void);
/* The call was made; sure: its effect is there for certain, else only perhaps. */
void model_applied(const json_t *document, bool sure);
void model_wished(const char *target, enum wish wish, bool sure);
void model_removed(const char *stack, bool sure);
/* The disk fails now: what is said from here on may not outlive the supervisor. */
bool model_disk_fails(void);

void model_hear(const struct report_event *e);
void model_on_death(void);    /* of the supervisor */
void model_on_start(void);
void model_on_send(const char *label); /* the supervisor asks for a launch */
void model_on_launch(struct proc *p); /* and the keeper makes it */
bool model_minds_lines_of(const struct proc *p); /* it has ended: its last lines must be in the log */
void model_excuse_all(void);  /* launches are lost, and made again */
void model_clock_jumped(void);
void model_step(void);        /* after everything that happened at one time */
void model_check_calm(void);  /* all is well for long: is everything as it was wished? */
void model_check_empty(void); /* everything was removed: is nothing left? */

/* --- operations.c --- */

struct operation {
        unsigned kind;
        uint64_t seed;
};

struct operation operation_random(struct chance *c);
void operation_run(const struct operation *o);
