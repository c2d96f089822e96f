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
        if (c->kind == HEALTHCHECK_NOTIFY)
                return h->watchdog_usec;
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
        h->status = HEALTH_STARTING;
        h->started_usec = started_usec;
        if (c->kind == HEALTHCHECK_NOTIFY) {
                h->watchdog_usec = c->timeout_usec;
                h->next_usec =
                        later(started_usec, c->start_period_usec > c->timeout_usec ? c->start_period_usec : c->timeout_usec);
                return;
        }
        uint64_t within = wait_of(h, c) < HEALTH_FIRST_USEC ? wait_of(h, c) : HEALTH_FIRST_USEC;
        h->next_usec = later(now_usec, spread(within, random));
}

void health_resume(struct health *h, const struct spec_healthcheck *c, uint64_t started_usec, uint64_t now_usec,
                   uint32_t random) {
        if (c->kind == HEALTHCHECK_NONE || h->status == HEALTH_NONE) {
                health_begin(h, c, started_usec, now_usec, random);
                return;
        }
        h->started_usec = started_usec;
        if (c->kind != HEALTHCHECK_NOTIFY) {
                h->next_usec = later(now_usec, spread(wait_of(h, c), random));
                return;
        }
        /* When it last gave one, nobody knows: it gets the whole time once more. What is silent too long already stays that. */
        if (h->watchdog_usec == 0)
                h->watchdog_usec = c->timeout_usec;
        h->next_usec = h->status == HEALTH_UNHEALTHY ? USEC_INFINITY : later(now_usec, h->watchdog_usec);
        uint64_t first = later(started_usec, c->start_period_usec);
        if (!h->succeeded && h->next_usec < first)
                h->next_usec = first;
}

void health_redeclare(struct health *h, const struct spec_healthcheck *c, uint64_t now_usec) {
        uint64_t started_usec = h->status == HEALTH_NONE ? now_usec : h->started_usec;

        if (c->kind == HEALTHCHECK_NONE || h->status == HEALTH_NONE)
                health_begin(h, c, started_usec, now_usec, 0);
        else if (c->kind != HEALTHCHECK_NOTIFY)
                h->next_usec = now_usec;
        else if (c->timeout_usec > h->watchdog_usec) /* a shorter one it will be told with its next start */
                health_set_watchdog(h, c->timeout_usec, now_usec);
}

void health_set_watchdog(struct health *h, uint64_t usec, uint64_t now_usec) {
        h->watchdog_usec = usec;
        if (h->next_usec != USEC_INFINITY)
                h->next_usec = later(now_usec, usec);
}

void health_probe(struct health *h) {
        h->next_usec = USEC_INFINITY;
}

static void take_failure(struct health *h, const struct spec_healthcheck *c, uint64_t now_usec) {
        if (!h->succeeded && now_usec < later(h->started_usec, c->start_period_usec))
                return;
        uint32_t enough = c->kind == HEALTHCHECK_NOTIFY ? 1 : (uint32_t)c->retries;
        if (h->failures < enough)
                h->failures++;
        if (h->failures >= enough) {
                h->failures = enough; /* fewer than before, perhaps */
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
        /* By notify it is heard of when it is alive again. */
        h->next_usec =
                c->kind == HEALTHCHECK_NOTIFY && h->status == HEALTH_UNHEALTHY ? USEC_INFINITY : later(now_usec, wait_of(h, c));
        return h->status != before;
}

const char *health_status_name(enum health_status s) {
        return enumtab_name(statuses, _HEALTH_STATUS_MAX, (int)s);
}

int health_status_value(const char *word) {
        return enumtab_value(statuses, _HEALTH_STATUS_MAX, word);
}
