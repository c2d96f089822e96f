#include <ctrsup/state/trial.h>

enum trial trial_of(const struct instance *i, uint64_t since_usec, uint64_t monitor_usec, uint64_t now_usec, uint64_t *ret_until) {
        uint64_t until;

        *ret_until = USEC_INFINITY;
        if (i->desire == DESIRE_STOPPED || i->desire == DESIRE_GONE)
                return TRIAL_PASSED;
        if (i->desire == DESIRE_HELD || i->leaving || i->again) /* it is the one before that runs, or goes down */
                return TRIAL_GOES_ON;
        switch (i->phase) {
        case PHASE_READY:
                if (__builtin_add_overflow(since_usec, monitor_usec, &until))
                        until = USEC_INFINITY;
                if (until <= now_usec)
                        return TRIAL_PASSED;
                *ret_until = until;
                return TRIAL_GOES_ON;
        case PHASE_COMPLETED:
                return TRIAL_PASSED;
        case PHASE_STOPPING: /* given up: it is over before it is down */
                return i->cause != CAUSE_NONE ? TRIAL_FAILED : TRIAL_GOES_ON;
        case PHASE_UNHEALTHY:
        case PHASE_FAILED:
        case PHASE_BACKOFF:
                return TRIAL_FAILED;
        case PHASE_PENDING:
        case PHASE_STARTING:
        case PHASE_RUNNING:
        case PHASE_STOPPED:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                break;
        }
        return TRIAL_GOES_ON;
}
