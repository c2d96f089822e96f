/* What a member leaves on record for the next supervisor: written when it changed, owed when it cannot be. */
#include "degraded.h"
#include "health.h"
#include "job_record.h"
#include "member.h"
#include "notify_socket.h"

#include <ctrsup/base/hash.h>
#include <ctrsup/store/runs.h>

#include <string.h>

static void fill_record(const struct member *b, struct run *run) {
        memset(run, 0, sizeof(*run)); /* its padding is hashed, too */
        memcpy(&run->instance, &b->state, sizeof(run->instance));
        memset(&run->instance.policy, 0, sizeof(run->instance.policy)); /* not on record: it follows from the declaration */
        run->start_ticks = b->start_ticks;
        run->oom_kills = b->host.oom_kills;
        run->memory_peak = b->host.memory_peak;
        run->launched_real_usec = b->launched_real_usec;
        if (b->last_end)
                memcpy(&run->last_end, b->last_end, sizeof(run->last_end));
        run->log = (int)b->host.log;
        run->root_uid = b->host.root_uid;
        run->root_gid = b->host.root_gid;
        run->guessed = b->guessed;
        run->schedule.id = b->job.schedule.id;
        run->schedule.taken_usec = b->job.schedule.taken_usec;
        run->schedule.queued = b->job.schedule.queued;
        run->began_usec = b->job.began_usec;
        run->began_real_usec = b->job.began_real_usec;
        if (b->notify) {
                run->reloading = b->notify->reloading;
                run->stopping = b->notify->stopping;
                (void)strcpy(run->status, b->notify->status);
        }
        if (!b->health)
                return;
        run->watchdog_usec = b->health->state.watchdog_usec;
        run->health = b->health->state.status;
        run->health_failures = b->health->state.failures;
        run->health_succeeded = b->health->state.succeeded;
        (void)snprintf(run->health_reason, sizeof(run->health_reason), "%s", b->health->reason);
}

static int write_record(struct member *b, struct err *err) {
        struct manager *m = b->stack->manager;
        struct run run;

        fill_record(b, &run);
        uint64_t now = hash_of(&run, sizeof(run));
        if (now == b->saved)
                return 0;
        b->saved = 0;
        int r = runs_write(m->runtime_fd, &run, err);
        if (r >= 0) {
                b->saved = now;
                b->saved_revision = run.instance.revision;
        }
        return r;
}

static int pay_record(struct manager *m, const char *name, struct err *err) {
        char target[TARGET_SIZE];

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];

                        if (!b->forgotten && strcmp(instance_target(&b->state, false, target), name) == 0)
                                return write_record(b, err);
                }
        return 0;
}

void member_save(struct member *b) {
        struct manager *m = b->stack->manager;
        char target[TARGET_SIZE];
        struct err err = { 0 };

        if (m->options->mode != MODE_SERVICE || m->recalling || b->forgotten)
                return;
        if (b->run) { /* taken over as it was: as a rule its record says so already */
                struct run run;

                fill_record(b, &run);
                if (runs_equal(&run, b->run))
                        b->saved = hash_of(&run, sizeof(run));
        }
        int r = write_record(b, &err);
        if (r < 0)
                degraded_owe(m, PLACE_RUNTIME, pay_record, instance_target(&b->state, false, target), -r);
}

/* Declared anew as it was: the record may name the older revision, which is compared with what is wanted by who reads it. What does
 * not run may be owed a start, which that one would guess. */
bool member_may_stay_on_record(const struct member *b) {
        struct run run;

        if (!phase_is_up(b->state.phase))
                return false;
        fill_record(b, &run);
        run.instance.revision = b->saved_revision;
        return hash_of(&run, sizeof(run)) == b->saved;
}

void member_forget_record(struct member *b) {
        struct manager *m = b->stack->manager;
        struct err err = { 0 };

        b->forgotten = true;
        job_record_forget(b);
        if (m->options->mode == MODE_SERVICE &&
            runs_remove(m->runtime_fd, b->state.stack, b->state.container, b->state.replica, &err) < 0)
                member_say(b, &err);
}
