/* What is remembered of a job (store/job.h): its last runs, and up to when its schedule was taken.
 *
 * A run is what a start leads to: all attempts of the restart policy are one. It ends when nothing is tried any more, or when another
 * one takes its place. One that a boot cuts off leaves no trace.
 */
#pragma once

#include "manager.h"

struct job_record;

/* Its runs are b's then. ret->runs: not to be freed. Only an error of ours; what cannot be read is said. */
int job_record_load(struct member *b, struct job_record *ret, struct err *err);
/* Durably, now; what the disk does not take is owed (degraded.h). */
void job_record_save(struct member *b);
/* After a step: has a run begun or ended? */
void job_record_follow(struct member *b, const struct step *st, const struct now *now);
/* It is no container any more. */
void job_record_forget(struct member *b);
/* The last runs, the newest first. New reference. */
json_t *job_record_runs(const struct member *b);
