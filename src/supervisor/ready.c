#include "ready.h"
#include "defer.h"
#include "reload.h"

#include <inttypes.h>

#define EXTEND_EVERY_USEC (5 * USEC_PER_SEC)
#define EXTEND_BY_USEC (20 * USEC_PER_SEC)

/* A container that SIGKILL does not end would hold up the system's end for ever. */
static bool goes_on(const struct manager *m) {
        if (m->adopting)
                return true;
        for (size_t s = 0; m->leaving && s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        const struct instance *i = &m->stacks[s]->members[n]->state;

                        if (!instance_is_down(i) && i->kills <= STUCK_KILLS)
                                return true;
                }
        return false;
}

static int on_extend(sd_event_source *source, uint64_t usec _unused_, void *userdata) {
        char text[64];

        (void)snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%" PRIu64, EXTEND_BY_USEC);
        if (goes_on(userdata))
                notify_send(text);
        return sd_event_source_set_time_relative(source, EXTEND_EVERY_USEC);
}

int ready_open(struct manager *m, struct err *err) {
        int r = sd_event_add_time_relative(m->event, &m->extend_timer, CLOCK_MONOTONIC, EXTEND_EVERY_USEC, USEC_PER_SEC, on_extend, m);

        if (r >= 0)
                r = sd_event_source_set_enabled(m->extend_timer, SD_EVENT_ON);
        return r < 0 ? err_sys(err, -r, "arm a timer") : 0;
}

void ready_done(struct manager *m) {
        sd_event_source_disable_unref(m->extend_timer);
        defer_done(m);
}

/* A keeper that died is taken over too: only the first time is news. */
void manager_adopted(struct manager *m) {
        struct report_event e = { .kind = REPORT_DAEMON_READY, .n_stacks = m->n_stacks };

        defer_run(m);
        if (m->announced)
                return;
        m->announced = true;
        notify_send("READY=1");
        manager_report(m, &e);
        reload_stacks_d(m);
}
