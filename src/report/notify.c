#include <ctrsup/report/notify.h>

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

/* Worst first; the word for one, the word for several. */
static const struct {
        enum phase phase;
        const char *words;
} troubles[] = { { PHASE_FAILED, "failed" }, { PHASE_UNHEALTHY, "unhealthy" }, { PHASE_BACKOFF, "backing off" } };

/* It is where it should be; a job that runs is, and one whose time has not come. */
static bool is_ready(const struct instance *i) {
        if (i->policy.scheduled && i->phase == PHASE_PENDING)
                return !i->waiting;
        return i->phase == PHASE_READY || i->phase == PHASE_COMPLETED || (i->phase == PHASE_RUNNING && i->policy.type == TYPE_JOB);
}

static void put_trouble(const struct instance *const *instances, size_t n, struct buf *out) {
        char target[TARGET_SIZE];
        const struct instance *worst = NULL;
        size_t count = 0, at = ARRAY_SIZE(troubles);

        for (size_t k = 0; k < n; k++)
                for (size_t t = 0; t < ARRAY_SIZE(troubles); t++) {
                        if (instances[k]->phase != troubles[t].phase)
                                continue;
                        count++;
                        if (t < at) {
                                at = t;
                                worst = instances[k];
                        }
                }
        if (!worst)
                return;
        buf_printf(out, "; %s %s", instance_target(worst, !worst->policy.numbered, target), troubles[at].words);
        if (count > 1)
                buf_printf(out, ", %zu more in trouble", count - 1);
}

void notify_status_text(const struct instance *const *instances, size_t n, size_t n_stacks, struct buf *out) {
        size_t ready = 0, wanted = 0;

        if (n_stacks == 0) {
                buf_puts(out, "no stacks");
                return;
        }
        for (size_t k = 0; k < n; k++) {
                if (instances[k]->desire != DESIRE_RUN)
                        continue;
                wanted++;
                ready += is_ready(instances[k]);
        }
        buf_printf(out, "%zu stack%s, %zu/%zu ready", n_stacks, n_stacks == 1 ? "" : "s", ready, wanted);
        put_trouble(instances, n, out);
}

uint64_t notify_status(struct notify *n, const char *status, uint64_t now_usec) {
        char text[sizeof(n->status) + sizeof("STATUS=")];

        if (strncmp(n->status, status, sizeof(n->status) - 1) == 0) {
                n->due = false;
                return USEC_INFINITY;
        }
        if (n->sent_usec > 0 && now_usec < n->sent_usec + USEC_PER_SEC) {
                n->due = true;
                return n->sent_usec + USEC_PER_SEC;
        }
        (void)snprintf(n->status, sizeof(n->status), "%s", status);
        (void)snprintf(text, sizeof(text), "STATUS=%s", n->status);
        n->sent_usec = now_usec;
        n->due = false;
        notify_send(text);
        return USEC_INFINITY;
}

void notify_send(const char *text) {
        (void)sd_notify(0, text);
}
