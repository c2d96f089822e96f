#include <ctrsup/state/health.h>

#include <ctrsup/base/enumtab.h>

#include <assert.h>

static const char *const statuses[] = {
        [HEALTH_NONE] = "", [HEALTH_STARTING] = "starting", [HEALTH_HEALTHY] = "healthy", [HEALTH_UNHEALTHY] = "unhealthy"
};
static_assert(ARRAY_SIZE(statuses) == _HEALTH_STATUS_MAX, "a word for every status");

static uint64_t later(uint64_t from, uint64_t usec) {
        uint64_t sum;

        return __builtin_add_overflow(from, usec, &sum) ? USEC_INFINITY - 1 : sum;
}

/* Where start_interval was not said, its default may be the longer one. */
static uint64_t wait_of(const struct health *h, const struct spec_healthcheck *c) {
        return h->succeeded || c->interval_usec < c->start_interval_usec ? c->interval_usec : c->start_interval_usec;
}

/* A moment within usec. */
static uint64_t spread(uint64_t usec, uint32_t random) {
        return (uint64_t)((unsigned __int128)usec * random >> 32);
}

void health_begin(struct health *h, const struct spec_healthcheck *c, uint64_t started_usec, uint64_t now_usec, uint32_t random) {
        *h = HEALTH_NULL;
        if (c->kind == HEALTHCHECK_NONE)
                return;
        uint64_t within = wait_of(h, c) < HEALTH_FIRST_USEC ? wait_of(h, c) : HEALTH_FIRST_USEC;
        h->status = HEALTH_STARTING;
        h->started_usec = started_usec;
        h->next_usec = later(now_usec, spread(within, random));
}

void health_resume(struct health *h, const struct spec_healthcheck *c, uint64_t started_usec, uint64_t now_usec,
                   uint32_t random) {
        if (c->kind == HEALTHCHECK_NONE || h->status == HEALTH_NONE) {
                health_begin(h, c, started_usec, now_usec, random);
                return;
        }
        h->started_usec = started_usec;
        h->next_usec = later(now_usec, spread(wait_of(h, c), random));
}

void health_redeclare(struct health *h, const struct spec_healthcheck *c, uint64_t now_usec) {
        uint64_t started_usec = h->status == HEALTH_NONE ? now_usec : h->started_usec;

        if (c->kind == HEALTHCHECK_NONE || h->status == HEALTH_NONE)
                health_begin(h, c, started_usec, now_usec, 0);
        else
                h->next_usec = now_usec;
}

void health_probe(struct health *h) {
        h->next_usec = USEC_INFINITY;
}

static void take_failure(struct health *h, const struct spec_healthcheck *c, uint64_t now_usec) {
        if (!h->succeeded && now_usec < later(h->started_usec, c->start_period_usec))
                return;
        if (h->failures < c->retries)
                h->failures++;
        if (h->failures >= c->retries) {
                h->failures = (uint32_t)c->retries; /* fewer than before, perhaps */
                h->status = HEALTH_UNHEALTHY;
        }
}

bool health_take(struct health *h, const struct spec_healthcheck *c, bool good, uint64_t now_usec) {
        enum health_status before = h->status;

        if (good) {
                h->succeeded = true;
                h->failures = 0;
                h->status = HEALTH_HEALTHY;
        } else
                take_failure(h, c, now_usec);
        h->next_usec = later(now_usec, wait_of(h, c));
        return h->status != before;
}

const char *health_status_name(enum health_status s) {
        return enumtab_name(statuses, _HEALTH_STATUS_MAX, (int)s);
}

int health_status_value(const char *word) {
        return enumtab_value(statuses, _HEALTH_STATUS_MAX, word);
}
