#include "job_record.h"
#include "degraded.h"
#include "describe.h"
#include "member.h"

#include <ctrsup/store/job.h>

#include <string.h>

int job_record_load(struct member *b, struct job_record *ret, struct err *err) {
        struct err why = { 0 };
        int r = job_read(b->stack->manager->host.state_fd, b->state.stack, b->state.container, ret, &why);

        if (r < 0) {
                *err = why;
                return r;
        }
        if (why.code)
                member_say(b, &why);
        b->job.runs = ret->runs;
        b->job.n_runs = ret->n_runs;
        return 0;
}

static int pay(struct manager *m, const char *name, struct err *err) {
        char target[TARGET_SIZE];

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; m->stacks[s]->generation && n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];
                        struct job_record record = { .schedule = b->job.schedule, .runs = b->job.runs, .n_runs = b->job.n_runs };

                        if (!b->forgotten && strcmp(instance_target(&b->state, false, target), name) == 0)
                                return job_write(m->host.state_fd, b->state.stack, b->state.container, &record, err);
                }
        return 0;
}

void job_record_save(struct member *b) {
        struct manager *m = b->stack->manager;
        char target[TARGET_SIZE];

        b->job.unsaved = false;
        if (m->options->mode != MODE_SERVICE || !b->stack->generation || b->forgotten)
                return;
        int r = pay(m, instance_target(&b->state, false, target), NULL);
        if (r < 0)
                degraded_owe(m, PLACE_STATE, pay, target, -r);
        else
                degraded_paid(m, pay, target);
}

void job_record_forget(struct member *b) {
        struct manager *m = b->stack->manager;
        struct err err = { 0 };

        if (m->options->mode == MODE_SERVICE && b->container->type == TYPE_JOB &&
            job_remove(m->host.state_fd, b->state.stack, b->state.container, &err) < 0)
                member_say(b, &err);
}

static void drop_oldest(struct member *b, size_t keep) {
        size_t drop = b->job.n_runs > keep ? b->job.n_runs - keep : 0;

        if (drop == 0)
                return;
        memmove(b->job.runs, b->job.runs + drop, keep * sizeof(*b->job.runs));
        b->job.n_runs = keep;
}

static void end_run(struct member *b, const struct now *now) {
        size_t keep = b->container->keep_runs;
        struct job_run run = { .started_usec = b->job.began_real_usec,
                               .ended_usec = now->real_usec,
                               .duration_usec = now->mono_usec > b->job.began_usec ? now->mono_usec - b->job.began_usec : 0,
                               .attempts = b->state.restarts + 1,
                               .exit = b->state.last_exit,
                               .cause = b->state.cause };

        b->job.began_usec = b->job.began_real_usec = 0;
        drop_oldest(b, keep > 0 ? keep - 1 : 0);
        struct job_run *grown = keep > 0 ? reallocarray(b->job.runs, keep, sizeof(*grown)) : NULL;
        if (grown) { /* out of memory: this one is not remembered */
                b->job.runs = grown;
                grown[b->job.n_runs++] = run;
        }
        b->job.unsaved = true;
}

static bool is_over(const struct instance *i, enum phase from) {
        switch (i->phase) {
        case PHASE_STOPPED:
        case PHASE_COMPLETED:
        case PHASE_FAILED:
                return true;
        case PHASE_PENDING:
        case PHASE_STARTING:
                return from == PHASE_STOPPING; /* another one takes its place */
        case PHASE_RUNNING:
        case PHASE_READY:
        case PHASE_UNHEALTHY:
        case PHASE_STOPPING:
        case PHASE_BACKOFF:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                break;
        }
        return false;
}

void job_record_follow(struct member *b, const struct step *st, const struct now *now) {
        const struct instance *i = &b->state;

        if (i->policy.type != TYPE_JOB || b->stack->manager->recalling)
                return;
        if (b->job.began_usec != 0 && is_over(i, st->from))
                end_run(b, now);
        if (b->job.began_usec == 0 && (i->phase == PHASE_STARTING || phase_is_up(i->phase))) {
                bool found = phase_is_up(i->phase); /* by a supervisor that has no record of it */

                b->job.began_usec = found ? i->started_usec : now->mono_usec;
                b->job.began_real_usec = found ? i->started_real_usec : now->real_usec;
        }
}

json_t *job_record_runs(const struct member *b) {
        json_t *runs = json_array();

        for (size_t n = b->job.n_runs; n-- > 0;) {
                const struct job_run *r = &b->job.runs[n];
                char words[NUM_TEXT_MAX];

                (void)json_array_append_new(
                        runs, json_pack("{s:o, s:o, s:f, s:I, s:o, s:s}", "started_at", describe_time(r->started_usec), "ended_at",
                                        describe_time(r->ended_usec), "duration", (double)r->duration_usec / USEC_PER_SEC, "attempts",
                                        (json_int_t)r->attempts, "exit", describe_exit(&r->exit), "message",
                                        r->cause == CAUSE_MAX_RUNTIME ? "ran too long" : exit_info_words(&r->exit, words)));
        }
        return runs;
}
