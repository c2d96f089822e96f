/* Jobs that run when their time comes: one timer for all of them, and what state/schedule says to an elapse.
 *
 * Nothing is done while nobody may be started (taking over, all held down): what elapses meanwhile is late, and so is what a clock
 * that was set, or a machine that was asleep, has passed over. Late runs are made up for by one, or left out, as the job says.
 *
 * Up to when elapses were taken is written before anything is started for them: to the disk, then with the start itself into the run
 * record. A supervisor that is killed before the latter takes the elapse again; after it the start is on record, and is done once. A
 * machine that goes down between the two loses that one run: it is never done twice.
 */
#pragma once

#include "manager.h"

struct run;

int schedule_open(struct manager *m, struct err *err);
void schedule_done(struct manager *m);
/* b's declaration is another one now. was: the one before; NULL: none. */
void schedule_declare(struct member *b, const struct spec_container *was);
/* What is on record of it; run: of this boot, NULL: none. Only an error of ours; what cannot be read is said. */
int schedule_recall(struct member *b, const struct run *run, struct err *err);
/* After a step. before: what was wished. */
void schedule_follow(struct member *b, enum desire before);
/* From the pump. */
void schedule_tend(struct manager *m);
/* By the wall clock; 0: never, or it has no schedule, or is stopped. */
uint64_t schedule_next_of(const struct member *b);
