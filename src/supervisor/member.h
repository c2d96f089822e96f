/* A member's life: events go in, the state machine decides, the effects are carried out here. */
#pragma once

#include "manager.h"

/* A new member of the stack, pending. NULL: out of memory. */
struct member *member_new(struct stack_entry *s, struct generation *g, const struct spec_container *c, uint32_t replica);
/* Only what is in memory; unlinks it from its stack. */
struct member *member_free(struct member *b);
struct member *stack_find_member(const struct stack_entry *s, const char *container, uint32_t replica);
/* From now on this declaration; takes effect with the next start. */
void member_declare(struct member *b, struct generation *g, const struct spec_container *c);

/* One event through state/step; does the effects, arms the timer, reports. */
void member_post(struct member *b, const struct event *e);
/* A report about it, to be filled in. */
struct report_event member_about(const struct member *b, enum report_kind kind);
/* A warning about it, in words. */
void member_say(struct member *b, const struct err *err);
/* Writes the run record when it differs from what is written; a failure is tried again with the next change and the next reconcile. */
void member_save(struct member *b);
/* Nothing but its revision differs from what is written, and that need not be written. */
bool member_may_stay_on_record(const struct member *b);
/* After adoption: its record is written and its timer runs. */
void member_settle(struct member *b);
/* The running instance follows its declaration's live keys. change: which; NULL: not known. */
void member_update(struct member *b, const struct plan_change *change);
/* Down for good: what is on record of it goes. */
void member_forget_record(struct member *b);
/* The launch, when its turn has come (supervisor/pump.c). false: not now, try again. */
bool member_launch(struct member *b);
/* What the last start held is given back; false: not yet. */
bool member_finish(struct member *b);
/* A launch that failed, from the keeper or before it got there: words, place and report. */
void member_start_failed(struct member *b, const struct err *err, struct mark mark, bool populated);
const char *member_target(const struct member *b, char buf[TARGET_SIZE]);
/* Is an OOM kill counted that this start has not been told of? Posts EVENT_OOM then. */
void member_check_oom(struct member *b);
