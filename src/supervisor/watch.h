/* Clients that wait: for a goal (apply, start, stop, remove, wait) or for ever (events). Each gets the transitions of what it
 * asked about, then the result. A client that goes stops only its own waiting.
 */
#pragma once

#include "manager.h"

enum goal {
        GOAL_UP,        /* services run, jobs are completed */
        GOAL_HEALTHY,   /* the last word of its check was good; without a check as GOAL_UP */
        GOAL_DOWN,      /* nothing of it runs */
        GOAL_GONE,      /* the stack is removed */
        GOAL_COMPLETED, /* jobs: completed */
        _GOAL_MAX,
};

struct wait_for {
        enum goal goal;
        const char *stack;      /* NULL: see targets */
        json_t *targets;        /* array of strings, borrowed; NULL: all of stack, or everything */
        uint64_t revision;      /* for the result; 0: none */
        bool plans;             /* targets are whole stacks, whose plans are to be done too; an empty list is nothing */
        json_t *failures;       /* what is known to have failed already, borrowed; NULL */
        bool settle;            /* up is not enough: still up a moment later */
        bool asked;             /* GOAL_DOWN: this call stopped it, and ends when somebody starts it again; else it waits for the next stop */
        uint64_t timeout_usec;  /* USEC_INFINITY: none */
};

/* Answers the call when the goal is reached; a call without "more" gets only the result. -ENOMEM. */
int watch_goal(struct manager *m, struct control_call *call, const struct wait_for *w);
/* The events kept, an empty reply, and with follow each as it happens. */
int watch_events(struct manager *m, struct control_call *call, bool follow);

void watch_transition(struct manager *m, const struct member *b, enum phase from);
/* The update of s has failed: who waits for it is told what comes now. */
void watch_update(const struct stack_entry *s);
void watch_event(struct manager *m, json_t *event);
/* Looks at every goal; the pump calls it after it changed something. */
void watch_check(struct manager *m);
/* At the end: who follows events is told that there are no more, who waits for a goal gets Failed. */
void watch_done(struct manager *m);

/* Does a target name it? STACK, STACK/CONTAINER, STACK/CONTAINER.N */
bool target_names(const char *target, const char *stack, const char *container, uint32_t replica);
bool target_matches(const char *target, const struct member *b);
bool targets_name(const json_t *targets, const struct member *b); /* by one that is not its stack's */
bool targets_match(const json_t *targets, const struct member *b); /* NULL: everything */
