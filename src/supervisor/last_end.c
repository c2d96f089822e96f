#include "last_end.h"
#include "health.h"

#include <ctrsup/kernel/cgroup_stat.h>

#include <assert.h>
#include <string.h>

static_assert((int)LAST_END_PROBE_SIZE == (int)RUN_REASON_SIZE && (int)LAST_END_HINT_SIZE == (int)ERR_HINT_MAX, "nothing is cut");

/* Most never end. NULL: out of memory, and nothing will be known. */
static struct last_end *have(struct member *b) {
        if (!b->last_end)
                b->last_end = calloc(1, sizeof(*b->last_end));
        return b->last_end;
}

struct last_end_before last_end_look(struct member *b, const struct event *e) {
        if (e->kind == EVENT_REPLACE && !instance_is_down(&b->state) && have(b))
                b->last_end->asked = END_BY_REPLACE;
        else if (e->kind == EVENT_RESTART && b->last_end)
                b->last_end->asked = END_BY_RESTART;
        return (struct last_end_before){ .by = end_by_of(&b->state, b->last_end ? b->last_end->asked : END_BY_ITSELF),
                                         .cause = b->state.cause };
}

void last_end_recall(struct member *b, const struct last_end *was) {
        if (have(b))
                *b->last_end = *was;
}

static void fill_memory(const struct member *b, struct last_end *e) {
        struct manager *m = b->stack->manager;

        e->memory_max = b->container->limits.memory;
        e->memory_peak = b->host.grouped ? cgroup_memory_peak(m->host.cgroups, b->host.group) : UINT64_MAX;
        e->shared_peak = e->memory_peak != UINT64_MAX && b->host.memory_peak > 0 && e->memory_peak <= b->host.memory_peak;
}

/* What began and ended between two looks ran no longer than since its launch. */
static uint64_t how_long(const struct member *b, const struct step *st, const struct now *now) {
        bool unseen = st->uptime_usec < USEC_PER_MSEC && b->launched_real_usec > 0 && b->launched_real_usec < now->real_usec;

        return unseen && now->real_usec - b->launched_real_usec < USEC_PER_SEC ? now->real_usec - b->launched_real_usec : st->uptime_usec;
}

static void note_end(struct member *b, enum end_by by, const struct step *st, const struct now *now) {
        const struct instance *i = &b->state;
        struct last_end *e = have(b);
        char words[NUM_TEXT_MAX];

        if (!e)
                return;
        struct last_end fresh = { .real_usec = now->real_usec,
                                  .launched_real_usec = b->launched_real_usec,
                                  .uptime_usec = how_long(b, st, now),
                                  .by = by,
                                  .memory_peak = UINT64_MAX,
                                  .memory_max = UINT64_MAX };
        if (by == END_BY_POLICY) {
                memcpy(fresh.probe, e->asked_probe, sizeof(fresh.probe));
                (void)snprintf(fresh.cause, sizeof(fresh.cause), "%s", instance_end_words(i, words));
        }
        if (i->last_exit.reason == EXIT_NOT_STARTED) {
                (void)snprintf(fresh.words, sizeof(fresh.words), "%s", i->message[0] ? i->message : "did not start");
                (void)snprintf(fresh.step, sizeof(fresh.step), "%s", b->failed_step ? b->failed_step : "host");
                (void)snprintf(fresh.hint, sizeof(fresh.hint), "%s", b->hint);
        } else {
                (void)snprintf(fresh.words, sizeof(fresh.words), "%s", exit_info_words(&i->last_exit, words));
                fill_memory(b, &fresh);
        }
        *e = fresh;
}

void last_end_note(struct member *b, const struct last_end_before *before, const struct step *st, const struct now *now) {
        const struct instance *i = &b->state;

        if (i->cause != before->cause && i->cause != CAUSE_NONE && have(b))
                (void)snprintf(b->last_end->asked_probe, sizeof(b->last_end->asked_probe), "%s", health_reason(b));
        if (st->ended)
                note_end(b, before->by, st, now);
}
