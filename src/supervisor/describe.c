#include "describe.h"
#include "gate.h"
#include "health.h"
#include "job_record.h"
#include "member.h"
#include "notify_socket.h"
#include "schedule.h"
#include "unreadable.h"

#include <ctrsup/act/log.h>
#include <ctrsup/kernel/cgroup_stat.h>

#include <string.h>
#include <time.h>

json_t *describe_time(uint64_t usec) {
        char text[64], whole[32];
        time_t seconds = (time_t)(usec / USEC_PER_SEC);
        struct tm tm;

        if (usec == 0 || !gmtime_r(&seconds, &tm) || strftime(whole, sizeof(whole), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
                return json_null();
        (void)snprintf(text, sizeof(text), "%s.%06uZ", whole, (unsigned)(usec % USEC_PER_SEC));
        return json_string(text);
}

/* When that was, or will be, by the wall clock as it goes now: it may have been set since, and ages are told by the difference. It is
 * looked at again only when it has jumped, so that the same moment is told in the same words. */
static json_t *moment_json(struct manager *m, uint64_t mono_usec) {
        struct now now = manager_now(m);
        int64_t offset = (int64_t)(now.real_usec - now.mono_usec), off = offset - m->clock_offset_usec;

        if (off > (int64_t)USEC_PER_SEC || off < -(int64_t)USEC_PER_SEC)
                m->clock_offset_usec = offset;
        return mono_usec == USEC_INFINITY ? json_null() : describe_time(mono_usec + (uint64_t)m->clock_offset_usec);
}

static json_t *count_json(uint64_t n) {
        return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

json_t *describe_text(const char *text) {
        size_t len = text ? strlen(text) : 0;

        if (len == 0)
                return json_null();
        for (size_t cut = 0; cut < 4 && cut < len; cut++) {
                json_t *j = json_stringn(text, len - cut);

                if (j)
                        return j;
        }
        return json_string("(words that are not UTF-8)");
}

json_t *describe_exit(const struct exit_info *e) {
        char name[32];
        const char *abbrev;

        if (e->reason == EXIT_NONE)
                return json_null();
        abbrev = e->signal > 0 ? sigabbrev_np(e->signal) : NULL;
        (void)snprintf(name, sizeof(name), "SIG%s", abbrev ? abbrev : "?");
        if (e->signal > 0 && !abbrev)
                (void)snprintf(name, sizeof(name), "%d", e->signal);
        return json_pack("{s:o, s:o, s:s}", "code", e->reason == EXIT_EXITED ? json_integer(e->code) : json_null(), "signal",
                         e->signal > 0 ? json_string(name) : json_null(), "reason", exit_reason_name(e->reason));
}

static json_t *limits_json(const struct spec_limits *l) {
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "memory", count_json(l->memory), "memory_high",
                         count_json(l->memory_high), "memory_swap", count_json(l->memory_swap), "cpus",
                         l->cpus_milli == SIZE_INFINITY ? json_null() : json_real((double)l->cpus_milli / 1000), "cpu_weight",
                         l->cpu_weight == 0                 ? json_null()
                         : l->cpu_weight == CPU_WEIGHT_IDLE ? json_string("idle")
                                                            : json_integer(l->cpu_weight),
                         "cpuset", describe_text(l->cpuset), "pids", count_json(l->pids));
}

static json_t *usage_json(const struct member *b) {
        struct cgroup_stat s;

        if (!b->host.grouped || !b->state.alive || cgroup_read_stat(b->stack->manager->host.cgroups, b->host.group, &s, NULL) < 0)
                return json_pack("{s:n, s:n, s:n}", "memory", "pids", "cpu_usec");
        return json_pack("{s:o, s:o, s:o, s:o}", "memory", count_json(s.memory_bytes), "memory_peak",
                         count_json(s.memory_peak_bytes), "pids", count_json(s.pids), "cpu_usec", count_json(s.cpu_usec));
}

/* Its schedule cannot be told: its zone is gone from the host. */
static bool has_no_time(const struct member *b) {
        return b->state.policy.scheduled && b->job.no_time && (b->state.phase == PHASE_PENDING || b->state.phase == PHASE_COMPLETED);
}

/* Why it is as it is, in words; what was the last failure when nothing else is to be said. */
static json_t *message_json(const struct member *b) {
        char words[MESSAGE_SIZE];

        if (b->state.waiting && !gate_is_open(b, NULL, words))
                return describe_text(words);
        return describe_text(has_no_time(b) ? b->job.no_time : b->state.message);
}

static json_t *log_json(const struct member *b) {
        struct manager *m = b->stack->manager;
        enum act_log log = m->streams ? ACT_LOG_CALLER : act_log_choose(&m->host, b->container);
        char path[512], tag[256];

        (void)snprintf(path, sizeof(path), "%s/%s/%s.%u.log", m->logs_dir, b->state.stack, b->state.container, b->state.replica);
        (void)snprintf(tag, sizeof(tag), "%s/%s", b->state.stack, b->state.container);
        return json_pack("{s:s, s:o, s:s}", "driver", act_log_name(log), "path",
                         log == ACT_LOG_FILE ? json_string(path) : json_null(), "tag",
                         b->container->logging.tag ? b->container->logging.tag : tag);
}

/* Of a job: when it runs, and how it ran. */
static void put_job(const struct member *b, json_t *container) {
        const char *calendar = spec_is_scheduled(b->container) ? b->container->schedule.on_calendar.text : NULL;

        (void)json_object_set_new(container, "schedule", describe_text(calendar));
        (void)json_object_set_new(container, "next_run_at", describe_time(schedule_next_of(b)));
        (void)json_object_set_new(container, "runs", job_record_runs(b));
}

/* Of a job whose time has not come nothing is pending. */
static const char *state_name(const struct member *b) {
        const struct instance *i = &b->state;

        if (has_no_time(b))
                return phase_name(PHASE_FAILED);
        return i->phase == PHASE_PENDING && i->policy.scheduled && !i->waiting ? "scheduled" : phase_name(i->phase);
}

json_t *describe_container(const struct member *b) {
        const struct instance *i = &b->state;
        struct manager *m = b->stack->manager;

        json_t *j = json_pack("{s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:[], s:o, s:I}", "stack", i->stack, "container",
                         i->container, "replica", (int)i->replica, "state", state_name(b), "health", describe_text(health_status_name(health_of(b))),
                         "health_message", describe_text(health_reason(b)), "notify", notify_socket_describe(b), "pid",
                         i->pid > 0 ? json_integer(i->pid) : json_null(), "restarts", (json_int_t)i->restarts, "exit",
                         describe_exit(&i->last_exit), "started_at",
                         i->started_real_usec ? moment_json(m, i->started_usec) : json_null(), "next_attempt_at",
                         i->phase == PHASE_BACKOFF ? moment_json(m, i->deadline_usec) : json_null(), "message", message_json(b), "limits",
                         limits_json(&b->container->limits), "usage", usage_json(b), "addresses", "log", log_json(b), "revision",
                         (json_int_t)i->revision);
        (void)json_object_set_new(j, "several", json_boolean(i->policy.numbered));
        (void)json_object_set_new(j, "hook", describe_text(spec_hook_name(i->hook)));
        put_job(b, j);
        return j;
}

static const char *readiness_words(const struct member *b) {
        static const char *const words[_READINESS_MAX] = {
                [READINESS_NOTIFY] = "waits for READY=1",
                [READINESS_HEALTHCHECK] = "waits for its health check",
        };

        if (b->state.policy.type == TYPE_JOB)
                return NULL;
        return b->container->healthcheck.kind == HEALTHCHECK_NOTIFY && spec_readiness_of(b->container) == READINESS_HEALTHCHECK
                       ? "waits for WATCHDOG=1"
                       : words[spec_readiness_of(b->container)];
}

/* What a person wants to read beside "a -> b". */
static json_t *transition_words(const struct member *b, enum phase from) {
        const struct instance *i = &b->state;
        char words[NUM_TEXT_MAX], text[MESSAGE_SIZE + 64];

        if (i->hook != HOOK_NONE) {
                (void)snprintf(text, sizeof(text), "%s hooks run", spec_hook_name(i->hook));
                return describe_text(text);
        }
        switch (i->phase) {
        case PHASE_BACKOFF:
        case PHASE_FAILED:
                if (i->last_exit.reason == EXIT_NONE || i->last_exit.reason == EXIT_NOT_STARTED)
                        return json_null(); /* why it did not start is said once, by the result, with the hint */
                if (i->phase == PHASE_BACKOFF)
                        (void)snprintf(text, sizeof(text), "%s (attempt %u)", instance_end_words(i, words), i->attempts);
                else
                        (void)snprintf(text, sizeof(text), "%s", instance_end_words(i, words));
                return describe_text(text);
        case PHASE_PENDING:
                return i->waiting ? message_json(b) : json_null();
        case PHASE_RUNNING: /* what it says itself of how far it is */
                return b->notify && b->notify->status[0] ? describe_text(b->notify->status) : describe_text(readiness_words(b));
        case PHASE_STOPPING: /* what it said before is no news of its end */
                return describe_text(b->notify && from == PHASE_STOPPING ? b->notify->status : NULL);
        case PHASE_STARTING:
        case PHASE_READY:
        case PHASE_UNHEALTHY:
        case PHASE_STOPPED:
        case PHASE_COMPLETED:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                break;
        }
        return json_null();
}

/* How long it may stay as it is. A launch's own limit is not the stack's to tell. */
static json_t *within_json(const struct instance *i, const struct now *now) {
        bool told = i->phase == PHASE_RUNNING || i->phase == PHASE_STOPPING || i->phase == PHASE_BACKOFF;

        return told && i->deadline_usec != USEC_INFINITY && i->deadline_usec > now->mono_usec
                       ? json_real((double)(i->deadline_usec - now->mono_usec) / USEC_PER_SEC)
                       : json_null();
}

json_t *describe_transition(const struct member *b, enum phase from) {
        const struct instance *i = &b->state;
        struct now now = manager_now(b->stack->manager);
        bool ran = i->phase == PHASE_COMPLETED && b->job.began_usec != 0; /* all of it, not only since that was seen */
        double lasted = (double)(now.mono_usec - (ran ? b->job.began_usec : b->phase_since_usec)) / USEC_PER_SEC;

        return json_pack("{s:o, s:s, s:s, s:i, s:b, s:s, s:s, s:o, s:f, s:o}", "time", describe_time(now.real_usec), "stack", i->stack,
                         "container", i->container, "replica", (int)i->replica, "several", (int)i->policy.numbered, "from", phase_name(from), "to",
                         state_name(b), "message", transition_words(b, from), "duration", lasted, "within",
                         within_json(i, &now));
}

/* When what failed was launched, at real time; 0: not known. */
static uint64_t failed_start(const struct member *b) {
        return phase_is_up(b->state.phase) || !b->last_end || b->last_end->real_usec == 0 ? b->launched_real_usec : b->last_end->launched_real_usec;
}

/* "exited with status 1 after 300ms (4 attempts)" */
static void put_end(const struct member *b, char *buf, size_t size) {
        const struct instance *i = &b->state;
        char words[NUM_TEXT_MAX], after[NUM_TEXT_MAX], times[32] = "";
        bool told = i->cause == CAUSE_NONE && b->last_end && b->last_end->real_usec > 0;

        if (i->attempts > 1)
                (void)snprintf(times, sizeof(times), " (%u attempts)", i->attempts);
        (void)snprintf(buf, size, "%s%s%s%s", instance_end_words(i, words), told ? " after " : "",
                       told ? num_human_duration(after, b->last_end->uptime_usec) : "", times);
}

json_t *describe_failure(const struct member *b) {
        const struct instance *i = &b->state;
        char text[MESSAGE_SIZE + 128], waits[MESSAGE_SIZE];

        bool not_live = phase_is_up(i->phase) && b->not_live;

        if (i->waiting && !gate_is_open(b, NULL, waits))
                (void)snprintf(text, sizeof(text), "%s", waits);
        else if (not_live)
                (void)snprintf(text, sizeof(text), "it goes on as it was: %s", i->message);
        else if (i->last_exit.reason == EXIT_NOT_STARTED || i->last_exit.reason == EXIT_NONE || i->cause == CAUSE_POST_START)
                (void)snprintf(text, sizeof(text), "%s", i->message[0] ? i->message : phase_name(i->phase));
        else
                put_end(b, text, sizeof(text));
        return json_pack("{s:s, s:s, s:i, s:b, s:o, s:o, s:[], s:o, s:o}", "stack", i->stack, "container", i->container, "replica",
                         (int)i->replica, "several", (int)i->policy.numbered, "message", describe_text(text), "hint",
                         not_live || i->last_exit.reason == EXIT_NOT_STARTED ? describe_text(b->hint) : json_null(), "lines", "log", log_json(b), "since",
                         describe_time(failed_start(b)));
}

json_t *describe_daemon(const struct manager *m) {
        size_t up = 0, all = 0;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++, all++)
                        up += phase_is_up(m->stacks[s]->members[n]->state.phase);
        const struct cgroup_where *where = cgroup_tree_where(m->host.cgroups);
        return json_pack(
                "{s:s, s:i, s:b, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:o, s:o, s:o}",
                "version", CTRSUP_VERSION, "pid", (int)getpid(), "foreground", m->options->mode != MODE_SERVICE, "started_at",
                describe_time(m->started_real_usec), "socket", describe_text(m->socket_path), "state_dir", m->state_dir, "runtime_dir",
                m->runtime_dir, "stacks_dir", m->settings->paths.stacks, "cgroup_root", cgroup_tree_root(m->host.cgroups),
                "cgroup_mode", where->n_hierarchies > 1 ? "hybrid" : "v2", "stacks", (json_int_t)m->n_stacks, "containers",
                (json_int_t)all, "running", (json_int_t)up, "clients",
                (json_int_t)(m->control ? control_server_n_clients(m->control) : 0), "keeper_pid",
                m->host.keeper ? json_integer(keeper_client_pid(m->host.keeper)) : json_null(), "logger_pid",
                m->logger_pid > 0 ? json_integer(m->logger_pid) : json_null(), "status", describe_text(m->notify.status), "state",
                degraded_state(m), "reason", degraded_reason(m), "since",
                m->degraded.error ? describe_time(m->degraded.since_real_usec) : json_null(), "unreadable", unreadable_describe(m));
}
