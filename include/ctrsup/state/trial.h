/* Is a new instance good enough for the update to go on? It has to get ready, and to stay that for update_config.monitor. */
#pragma once

#include <ctrsup/state/status.h>

enum trial {
        TRIAL_GOES_ON,
        TRIAL_PASSED,           /* it stayed ready; or there is nothing to prove: it completed, or somebody wants it down */
        TRIAL_FAILED,           /* it ended by itself, did not get ready in time, or is not healthy */
        _TRIAL_MAX,
};

/* since_usec: monotonic, of its phase. *ret_until: when to look again, USEC_INFINITY: at its next change. */
enum trial trial_of(const struct instance *i, uint64_t since_usec, uint64_t monitor_usec, uint64_t now_usec, uint64_t *ret_until);
