/* How long to wait before the next start, and whether there is one: the restart clock. Pure: the random number is an argument.
 *
 * The first wait is `delay`, each next one twice as long, up to `max_delay`, then +-10 % so that a hundred containers that
 * died together do not come back together. Up for `window` counts as success: the next wait is `delay` again. With
 * max_attempts, that many restarts in a row without such a success are the last ones.
 */
#pragma once

#include <ctrsup/spec/spec.h>

#include <stdbool.h>
#include <stdint.h>

/* The wait before restart number `attempts` (from 1), jittered by random. Never above max_delay by more than 10 %, never 0 when
 * delay is not. */
uint64_t backoff_delay(const struct spec_restart_policy *p, uint32_t attempts, uint32_t random);
/* Restarts in a row after a run of uptime_usec: 0 when that was a success, else attempts. */
uint32_t backoff_attempts_after(const struct spec_restart_policy *p, uint32_t attempts, uint64_t uptime_usec);
/* attempts restarts were made in a row: is another one allowed? */
bool backoff_may_restart(const struct spec_restart_policy *p, uint32_t attempts);

/* Restarts by the policy of all containers together, a token bucket: a thousand that crash at once are started again one after the other,
 * and leave the machine to those that run. Whoever is started by an operator or an apply takes none. */
enum { RESTARTS_PER_SECOND = 50, RESTARTS_AT_ONCE = 100 };
struct restart_budget {
        uint64_t since_usec; /* monotonic: tokens are earned since then; 0: all of them are there */
};
/* One token; false: there is none now. */
bool restart_budget_take(struct restart_budget *b, uint64_t now_usec);
