#include "schedule.h"
#include "job_record.h"
#include "member.h"
#include "stack_plan.h"

#include <ctrsup/kernel/clock_watch.h>
#include <ctrsup/kernel/readfile.h>
#include <ctrsup/store/job.h>
#include <ctrsup/store/runs.h>

#include <string.h>

/* The zone's rules, or what the host's zone is, may change without a word. */
#define LOOK_AGAIN_USEC (3600 * USEC_PER_SEC)
#define MACHINE_ID "/etc/machine-id"

/* --- one job --- */

static uint64_t now_of(const struct member *b) {
        return manager_now(b->stack->manager).real_usec;
}

static uint64_t delay_of(const struct member *b) {
        return schedule_delay(&b->container->schedule, b->stack->manager->machine_id, b->state.stack, b->state.container);
}

static bool is_wanted(const struct member *b) {
        return b->state.desire == DESIRE_RUN || b->state.desire == DESIRE_HELD;
}

static void begin_anew(struct member *b) {
        b->job.schedule.taken_usec = now_of(b);
        b->job.schedule.queued = false;
        b->job.next_usec = 0;
}

void schedule_declare(struct member *b, const struct spec_container *was) {
        const struct spec_container *c = b->container;
        uint64_t id = spec_is_scheduled(c) ? schedule_id(&c->schedule) : 0;

        if (!was || was->schedule.randomized_delay_usec != c->schedule.randomized_delay_usec)
                b->job.next_usec = 0;
        if (id == b->job.schedule.id)
                return;
        b->job.schedule = (struct schedule){ .id = id };
        begin_anew(b);
        b->job.unsaved = true;
}

int schedule_recall(struct member *b, const struct run *run, struct err *err) {
        struct job_record record;
        const struct schedule *known = NULL;

        if (b->container->type != TYPE_JOB)
                return 0;
        int r = job_record_load(b, &record, err);
        if (r < 0)
                return r;
        if (run) {
                b->job.began_usec = run->began_usec;
                b->job.began_real_usec = run->began_real_usec;
        }
        if (b->job.schedule.id == 0)
                return 0;
        if (run && run->schedule.id == b->job.schedule.id)
                known = &run->schedule;
        else if (record.schedule.id == b->job.schedule.id)
                known = &record.schedule;
        b->job.unsaved = known != &record.schedule;
        if (known)
                b->job.schedule = *known;
        return 0;
}

void schedule_follow(struct member *b, enum desire before) {
        bool was_wanted = before == DESIRE_RUN || before == DESIRE_HELD;

        if (b->job.schedule.id == 0 || b->stack->manager->recalling)
                return;
        if (!is_wanted(b))
                b->job.schedule.queued = false;
        else if (!was_wanted) { /* what elapsed meanwhile was not wanted */
                begin_anew(b);
                job_record_save(b);
        }
}

uint64_t schedule_next_of(const struct member *b) {
        uint64_t next = b->job.next_usec;

        if (b->job.schedule.id == 0 || !is_wanted(b) || b->stack->manager->quiesced)
                return 0;
        if (next == 0 && schedule_next(&b->container->schedule, b->job.schedule.taken_usec, delay_of(b), &next, NULL) < 0)
                return 0;
        return next == USEC_INFINITY ? 0 : next;
}

static void find_next(struct member *b) {
        struct err err = { 0 };
        uint64_t since = schedule_since(b->job.schedule.taken_usec, now_of(b));

        if (since != b->job.schedule.taken_usec) {
                b->job.schedule.taken_usec = since;
                b->job.unsaved = true;
        }
        b->job.next_usec = USEC_INFINITY;
        int r = schedule_next(&b->container->schedule, since, delay_of(b), &b->job.next_usec, &err);
        bool said = b->job.no_time;
        free(b->job.no_time);
        b->job.no_time = NULL;
        if (r >= 0)
                return;
        (void)err_wrap(&err, "it does not run until that can be read");
        b->job.no_time = strdup(err.text);
        if (!said)
                member_say(b, &err);
}

static void report_skipped(struct member *b, const char *why) {
        struct report_event e = member_about(b, REPORT_JOB_SKIPPED);

        e.message = why;
        manager_report(b->stack->manager, &e);
}

static void report_late(struct member *b) {
        struct report_event e = member_about(b, REPORT_NOTICE);

        e.priority = 6;
        e.message = "runs now: its time passed while it could not";
        manager_report(b->stack->manager, &e);
}

/* Its time has come; or several times have, which are one. */
static void take(struct member *b, uint64_t now) {
        bool missed = b->stack->manager->schedule_late && now - b->job.next_usec > SCHEDULE_LATE_USEC;
        enum schedule_verdict verdict = schedule_judge(&b->container->schedule, &b->state, missed);

        b->job.schedule.taken_usec = now - delay_of(b);
        /* One that takes the place of what runs takes that of what was queued, too: before, it was declared to wait. */
        b->job.schedule.queued = verdict == SCHEDULE_QUEUE || (b->job.schedule.queued && verdict != SCHEDULE_REPLACE);
        b->job.next_usec = 0;
        job_record_save(b);
        switch (verdict) {
        case SCHEDULE_START:
        case SCHEDULE_REPLACE:
                if (missed)
                        report_late(b);
                member_post(b, &(struct event){ .kind = verdict == SCHEDULE_START ? EVENT_START : EVENT_RESTART });
                return;
        case SCHEDULE_BUSY:
                report_skipped(b, "the run before it goes on");
                break;
        case SCHEDULE_MISSED:
                report_skipped(b, "its time passed while it could not run, and it is not persistent");
                break;
        case SCHEDULE_QUEUE:
        case SCHEDULE_WAITS:
        case _SCHEDULE_VERDICT_MAX:
                break;
        }
        member_save(b);
}

static void tend(struct member *b, uint64_t now) {
        if (b->state.desire == DESIRE_HELD && b->state.phase == PHASE_STOPPED) /* what it was held for is over */
                member_post(b, &(struct event){ .kind = EVENT_WANTED });
        if (b->job.schedule.queued && schedule_is_resting(&b->state)) {
                b->job.schedule.queued = false;
                member_post(b, &(struct event){ .kind = EVENT_START });
        }
        if (b->job.next_usec == 0 || b->stack->manager->schedule_stale)
                find_next(b);
        if (b->job.next_usec <= now && !stack_will_start(b)) { /* else first it is its turn to be what is declared */
                take(b, now);
                find_next(b);
        }
}

/* --- all of them --- */

static bool may_run(const struct manager *m) {
        return !m->adopting && !m->quiesced && !m->resuming && !m->asking && !m->ending && !m->leaving;
}

static void arm(struct manager *m, uint64_t at) {
        int r;

        if (at == USEC_INFINITY) {
                if (m->schedule_timer)
                        (void)sd_event_source_set_enabled(m->schedule_timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(m->schedule_timer, at);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->schedule_timer, SD_EVENT_ONESHOT);
        if (r < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .error = -r, .message = "no timer could be armed: schedules wait for the next event" };

                manager_report(m, &e);
        }
}

void schedule_tend(struct manager *m) {
        uint64_t first = USEC_INFINITY, now = manager_now(m).real_usec;

        if (!may_run(m)) {
                m->schedule_late = true;
                return;
        }
        if (m->schedule_stale || now >= m->schedule_look_usec) {
                m->schedule_stale = true;
                m->schedule_look_usec = now + LOOK_AGAIN_USEC;
        }
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];

                        if (b->job.schedule.id != 0 && is_wanted(b) && !b->forget_due) {
                                tend(b, now);
                                if (b->job.next_usec > now && b->job.next_usec < first)
                                        first = b->job.next_usec;
                                first = m->schedule_look_usec < first ? m->schedule_look_usec : first;
                        }
                        if (b->job.unsaved) {
                                job_record_save(b);
                                member_save(b);
                        }
                }
        m->schedule_late = m->schedule_stale = false;
        arm(m, first);
}

static int on_time(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        manager_poke(userdata);
        return 0;
}

static int on_clock(sd_event_source *source _unused_, int fd, uint32_t events _unused_, void *userdata) {
        struct manager *m = userdata;
        struct err err = { 0 };

        if (clock_watch_again(fd, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .error = err.code, .message = err.text };

                manager_report(m, &e);
        }
        m->schedule_late = m->schedule_stale = true;
        manager_poke(m);
        return 0;
}

int schedule_open(struct manager *m, struct err *err) {
        _cleanup_free_ char *id = NULL;
        _cleanup_fd_ int fd = -EBADF;
        size_t len;

        m->schedule_late = true;
        if (read_file(MACHINE_ID, 4096, &id, &len, NULL) >= 0)
                (void)snprintf(m->machine_id, sizeof(m->machine_id), "%.*s", (int)strcspn(id, "\n"), id);
        int r = clock_watch_open(&fd, err);
        if (r < 0)
                return r;
        r = sd_event_add_io(m->event, &m->clock_source, fd, EPOLLIN, on_clock, m);
        if (r >= 0)
                r = sd_event_source_set_io_fd_own(m->clock_source, true);
        if (r >= 0)
                (void)take_fd(&fd);
        if (r >= 0)
                r = sd_event_add_time(m->event, &m->schedule_timer, CLOCK_REALTIME, 0, 1000, on_time, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->schedule_timer, SD_EVENT_OFF);
        return r < 0 ? err_sys(err, -r, "arm a timer") : 0;
}

void schedule_done(struct manager *m) {
        m->schedule_timer = sd_event_source_disable_unref(m->schedule_timer);
        m->clock_source = sd_event_source_disable_unref(m->clock_source);
}
