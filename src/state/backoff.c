#include <ctrsup/state/backoff.h>

#include <ctrsup/base/num.h>

uint64_t backoff_delay(const struct spec_restart_policy *p, uint32_t attempts, uint32_t random) {
        uint64_t delay = p->delay_usec;

        for (uint32_t i = 1; i < attempts && delay < p->max_delay_usec; i++)
                if (__builtin_mul_overflow(delay, 2u, &delay))
                        delay = p->max_delay_usec;
        if (delay > p->max_delay_usec)
                delay = p->max_delay_usec;

        /* A part of a tenth, -1024/1024 to 1024/1024 of it, without leaving 64 bits. */
        uint64_t part = random % 2049, tenth = delay / 10;
        uint64_t size = part < 1024 ? 1024 - part : part - 1024;
        uint64_t shift = tenth / 1024 * size + tenth % 1024 * size / 1024;
        return part < 1024 ? delay - shift : delay + shift;
}

uint32_t backoff_attempts_after(const struct spec_restart_policy *p, uint32_t attempts, uint64_t uptime_usec) {
        return uptime_usec >= p->window_usec ? 0 : attempts;
}

bool restart_budget_take(struct restart_budget *b, uint64_t now_usec) {
        uint64_t passed = now_usec - b->since_usec, earned;

        if (__builtin_mul_overflow(passed, (uint64_t)RESTARTS_PER_SECOND, &earned) || b->since_usec == 0)
                earned = RESTARTS_AT_ONCE * USEC_PER_SEC;
        if (earned > RESTARTS_AT_ONCE * USEC_PER_SEC)
                earned = RESTARTS_AT_ONCE * USEC_PER_SEC;
        if (earned < USEC_PER_SEC)
                return false;
        b->since_usec = now_usec - (earned - USEC_PER_SEC) / RESTARTS_PER_SECOND;
        return true;
}

bool backoff_may_restart(const struct spec_restart_policy *p, uint32_t attempts) {
        return p->max_attempts == 0 || attempts < p->max_attempts;
}
