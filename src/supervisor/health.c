#include "health.h"
#include "inside.h"
#include "member.h"
#include "notify_socket.h"
#include "orphan.h"

#include <ctrsup/observe/probe.h>

#include <string.h>

#define RETRY_USEC (100 * USEC_PER_MSEC) /* the keeper has no room, or the last probe has not quite ended */
#define TROUBLE_USEC USEC_PER_SEC

enum health_status health_of(const struct member *b) {
        return b->health ? b->health->state.status : HEALTH_NONE;
}

const char *health_reason(const struct member *b) {
        return b->health ? b->health->reason : "";
}

/* ---- turns ---- */

static void begin_probe(struct member *b);
static void overdue(struct member *b);
static void arm_at(struct member *b, uint64_t at);

static void enqueue(struct member *b) {
        struct manager *m = b->stack->manager;

        b->health->queued = true;
        b->health->next = NULL;
        if (m->probe_queue_end)
                m->probe_queue_end->health->next = b;
        else
                m->probe_queue = b;
        m->probe_queue_end = b;
}

static void dequeue(struct member *b) {
        struct manager *m = b->stack->manager;
        struct member *before = NULL;

        if (!b->health->queued)
                return;
        for (struct member *at = m->probe_queue; at != b; at = at->health->next)
                before = at;
        if (before)
                before->health->next = b->health->next;
        else
                m->probe_queue = b->health->next;
        if (m->probe_queue_end == b)
                m->probe_queue_end = before;
        b->health->queued = false;
}

/* Also of one whose turn had come and who goes down before: the next is not to wait for it. */
static void end_turn(struct member *b) {
        struct manager *m = b->stack->manager;

        if (b->health->has_turn) {
                b->health->has_turn = false;
                m->probing--;
        }
        struct member *next = m->probe_queue;
        if (next) {
                dequeue(next);
                arm_at(next, manager_now(m).mono_usec); /* by its timer: not within what ended the other one */
        }
}

static int on_due(sd_event_source *source, uint64_t usec, void *userdata) {
        struct member *b = userdata;
        struct manager *m = b->stack->manager;

        (void)source;
        (void)usec;
        if (b->health->under_way)
                end_turn(b);                                /* it takes long */
        else if (m->adopting || m->over || b->health->exec) /* the picture is not whole; one that was ended is not gone yet */
                arm_at(b, manager_now(m).mono_usec + RETRY_USEC);
        else if (b->container->healthcheck.kind == HEALTHCHECK_NOTIFY)
                overdue(b);
        else if (m->probing >= PROBES_MAX)
                enqueue(b);
        else
                begin_probe(b);
        return 0;
}

static void arm_at(struct member *b, uint64_t at) {
        struct member_health *h = b->health;
        int r = 0;

        if (at == USEC_INFINITY || !h->following) {
                if (h->timer)
                        (void)sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
                return;
        }
        if (!h->timer)
                r = sd_event_add_time(b->stack->manager->event, &h->timer, CLOCK_MONOTONIC, at, 1000, on_due, b);
        else {
                r = sd_event_source_set_time(h->timer, at);
                if (r >= 0)
                        r = sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                member_say(b, &(struct err){ .code = -r, .text = "no timer could be armed: its health is not looked at" });
}

static void arm(struct member *b) {
        arm_at(b, b->health->state.next_usec);
}

/* ---- probes ---- */

static void on_probe(bool good, const char *words, void *userdata) {
        health_outcome(userdata, good, words);
}

static void end_probe(struct member *b) {
        b->health->under_way = false;
        end_turn(b);
}

/* What is ours to have (file descriptors, memory, a cgroup) is not there: nothing is known of its health. */
static void not_probed(struct member *b, struct err *err) {
        struct member_health *h = b->health;

        (void)err_wrap(err, "its health cannot be looked at");
        (void)snprintf(h->reason, sizeof(h->reason), "%.250s", err->text);
        if (!h->trouble)
                member_say(b, err);
        h->trouble = true;
        end_probe(b);
        arm_at(b, manager_now(b->stack->manager).mono_usec + TROUBLE_USEC);
}

static struct cgroup_probe probes_of(const struct member *b) {
        return (struct cgroup_probe){ .kind = CGROUP_PROBE, .group = b->host.group, .generation = b->host.leaf };
}

static void on_command(const struct inside_outcome *o, void *userdata) {
        char words[INSIDE_HOW_MAX + INSIDE_OUTPUT_MAX];

        if (!o->known) {
                health_no_outcome(userdata);
                return;
        }
        (void)snprintf(words, sizeof(words), "%s%s%s", o->how, o->said[0] ? ": " : "", o->said);
        health_outcome(userdata, o->good, words);
}

static int begin_command(struct member *b, struct err *err) {
        const struct spec_healthcheck *c = &b->container->healthcheck;
        struct cgroup_probe last = probes_of(b);

        (void)cgroup_probe_end_all(b->stack->manager->host.cgroups, &last, NULL); /* what the last one left and is still dying */
        return inside_begin(&(struct inside_command){ .member = b,
                                                      .kind = CGROUP_PROBE,
                                                      .argv = &c->exec,
                                                      .timeout_usec = c->timeout_usec,
                                                      .done = on_command,
                                                      .userdata = b },
                            &b->health->exec, err);
}

static void begin_probe(struct member *b) {
        struct manager *m = b->stack->manager;
        const struct spec_healthcheck *c = &b->container->healthcheck;
        struct err err = { 0 };
        int r;

        b->health->under_way = b->health->has_turn = true;
        m->probing++;
        health_probe(&b->health->state);
        arm_at(b, manager_now(m).mono_usec + PROBE_TURN_USEC);
        orphan_find_pidfd(b);
        if (b->host.pidfd < 0)
                r = -EAGAIN;
        else if (c->kind == HEALTHCHECK_EXEC)
                r = begin_command(b, &err);
        else
                r = probe_new(m->event, b->host.pidfd, c, on_probe, b, &b->health->probe, &err);
        if (r == -EAGAIN || r == -ESRCH)
                health_no_outcome(b); /* no room now; it is ending, and that will be heard */
        else if (r < 0)
                not_probed(b, &err);
}

static void cancel_probe(struct member *b) {
        dequeue(b);
        b->health->probe = probe_free(b->health->probe);
        inside_leave(b->health->exec);
        end_probe(b);
}

void health_no_outcome(struct member *b) {
        end_probe(b);
        arm_at(b, manager_now(b->stack->manager).mono_usec + RETRY_USEC);
}

static void report(struct member *b, const char *words) {
        struct report_event e = member_about(b, REPORT_CONTAINER_HEALTH);

        e.health = health_status_name(b->health->state.status);
        e.message = words;
        e.pid = b->state.pid;
        manager_report(b->stack->manager, &e);
}

/* A service that waits for its first success, or had been ready before it failed. */
static bool is_ready_now(const struct member *b) {
        return b->state.phase == PHASE_UNHEALTHY || b->state.unhealthy_early || (b->state.phase == PHASE_RUNNING && b->state.policy.type == TYPE_SERVICE &&
                                                     spec_readiness_of(b->container) == READINESS_HEALTHCHECK);
}

static void take_outcome(struct member *b, bool good, const char *words) {
        struct member_health *h = b->health;

        bool changed = health_take(&h->state, &b->container->healthcheck, good, manager_now(b->stack->manager).mono_usec);
        probe_clean_text(words, strcspn(words, "\n"), true, h->reason, sizeof(h->reason));
        if (changed) {
                report(b, words);
                manager_poke(b->stack->manager); /* somebody may wait for it */
        }
        arm(b);
        if (good && is_ready_now(b))
                member_post(b, &(struct event){ .kind = EVENT_READY });
        else if (!good && h->state.status == HEALTH_UNHEALTHY)
                member_post(b, &(struct event){ .kind = EVENT_UNHEALTHY, .message = h->reason });
        else
                member_save(b);
}

void health_outcome(struct member *b, bool good, const char *words) {
        end_probe(b);
        b->health->trouble = false;
        b->health->probe = probe_free(b->health->probe);
        take_outcome(b, good, words);
}

/* ---- by notify ---- */

static bool is_by_notify(const struct member *b) {
        return b->container->healthcheck.kind == HEALTHCHECK_NOTIFY && b->health && b->health->following;
}

/* What it has sent and nobody has read yet counts. */
static void overdue(struct member *b) {
        char words[NUM_TEXT_MAX], text[NUM_TEXT_MAX + 32];

        notify_socket_hear(b);
        if (!is_by_notify(b))
                return;
        if (b->health->state.next_usec > manager_now(b->stack->manager).mono_usec) {
                arm(b);
                return;
        }
        (void)snprintf(text, sizeof(text), "no WATCHDOG=1 within %s", num_format_duration(words, b->health->state.watchdog_usec));
        take_outcome(b, false, text);
}

void health_sign(struct member *b, bool good, const char *words) {
        if (is_by_notify(b))
                take_outcome(b, good, words);
}

void health_watchdog(struct member *b, uint64_t usec) {
        if (!is_by_notify(b))
                return;
        health_set_watchdog(&b->health->state, usec, manager_now(b->stack->manager).mono_usec);
        arm(b);
}

/* ---- its life ---- */

static void follow(struct member *b) {
        struct manager *m = b->stack->manager;
        struct member_health *h = b->health ? b->health : calloc(1, sizeof(*h));
        const struct spec_healthcheck *c = &b->container->healthcheck;
        struct now now = manager_now(m);

        b->health = h;
        if (!h) {
                member_say(b, &(struct err){ .code = ENOMEM, .text = "out of memory: its health is not looked at" });
                return;
        }
        const struct run *was = b->run && memcmp(b->run->instance.id, b->state.id, sizeof(b->state.id)) == 0 ? b->run : NULL;
        h->following = true;
        h->state = HEALTH_NULL;
        h->reason[0] = '\0';
        if (was) {
                h->state.status = was->health;
                h->state.succeeded = was->health_succeeded;
                h->state.failures = was->health_failures;
                h->state.watchdog_usec = was->watchdog_usec;
                (void)strcpy(h->reason, was->health_reason);
                health_resume(&h->state, c, b->state.started_usec, now.mono_usec, now.random);
        } else
                health_begin(&h->state, c, b->state.started_usec, now.mono_usec, now.random);
        /* One that was started without a socket cannot say anything; one that is to say first that it is ready need not yet. */
        if (c->kind == HEALTHCHECK_NOTIFY &&
            (!b->host.notifies ||
             (b->state.phase == PHASE_RUNNING && spec_readiness_of(b->container) == READINESS_NOTIFY && !h->state.succeeded)))
                health_probe(&h->state);
        struct cgroup_probe last = probes_of(b);
        if (m->adopting) /* probes of the last supervisor's */
                (void)cgroup_probe_end_all(m->host.cgroups, &last, NULL);
        arm(b);
}

static void unfollow(struct member *b) {
        struct member_health *h = b->health;

        h->following = false;
        cancel_probe(b);
        h->state = HEALTH_NULL;
        h->reason[0] = '\0';
        arm(b);
}

void health_follow(struct member *b) {
        bool up = phase_is_up(b->state.phase), following = b->health && b->health->following;

        if (up && !following && b->container->healthcheck.kind != HEALTHCHECK_NONE)
                follow(b);
        else if (!up && following)
                unfollow(b);
}

void health_declare(struct member *b, const struct spec_container *was) {
        const struct spec_healthcheck *c = &b->container->healthcheck;

        if (!phase_is_up(b->state.phase) || !was || spec_healthcheck_equal(c, &was->healthcheck))
                return;
        if (!b->health || !b->health->following)
                follow(b);
        else {
                cancel_probe(b);
                health_redeclare(&b->health->state, c, manager_now(b->stack->manager).mono_usec);
                arm(b);
        }
        if (c->kind != HEALTHCHECK_NONE || b->state.policy.type != TYPE_SERVICE ||
            spec_readiness_of(b->container) != READINESS_STARTED)
                return;
        if (b->health)
                b->health->reason[0] = '\0';
        if (b->state.phase != PHASE_READY) /* nobody is left to say it */
                member_post(b, &(struct event){ .kind = EVENT_READY });
}

void health_free(struct member *b) {
        if (!b->health)
                return;
        cancel_probe(b);
        sd_event_source_disable_unref(b->health->timer);
        free(b->health);
        b->health = NULL;
}
