/* What systemd says of the whole system: running, stopping … asked of PID 1 itself, for no message bus needs to run any more when
 * the answer counts. Nothing is waited for: the answer comes from the loop, or NULL after SYSTEM_STATE_USEC. */
#pragma once

#include <ctrsup/base/err.h>

#include <systemd/sd-event.h>

#define SYSTEM_STATE_USEC UINT64_C(2000000)

struct system_query;

/* answer runs once, from the loop; state NULL: nobody knows. The query is freed afterwards, by whoever asked. */
int system_state_ask(sd_event *event, void (*answer)(const char *state, void *userdata), void *userdata, struct system_query **ret,
                     struct err *err);
struct system_query *system_query_free(struct system_query *q); /* returns NULL; takes NULL */
