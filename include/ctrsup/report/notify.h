/* What the service manager is told. The texts are pure; notify_send() is sd_notify(3). */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/state/status.h>

/* "2 stacks, 11/12 ready; shop/api.2 backing off": instances is all of them. One instance in trouble is named, the worst first:
 * failed, unhealthy, backing off; more are counted. Without any: "no stacks". */
void notify_status_text(const struct instance *const *instances, size_t n, size_t n_stacks, struct buf *out);

struct notify {
        char status[192];               /* last sent */
        uint64_t sent_usec;             /* monotonic; when */
        bool due;                       /* a newer status waits */
};

/* Sends STATUS= when it changed, at most once a second. Returns when to call again (monotonic usec), USEC_INFINITY: nothing waits. */
uint64_t notify_status(struct notify *n, const char *status, uint64_t now_usec);
/* "READY=1", "STOPPING=1", "WATCHDOG=1" …: a whole sd_notify(3) text. Nobody listening is fine. */
void notify_send(const char *text);
