#include "member.h"
#include "degraded.h"
#include "last_end.h"
#include "fdstore.h"
#include "gate.h"
#include "health.h"
#include "hooks.h"
#include "job_record.h"
#include "jobs.h"
#include "log_pipes.h"
#include "notify_socket.h"
#include "orphan.h"
#include "schedule.h"
#include "watch.h"

#include <ctrsup/act/limits.h>
#include <ctrsup/act/log.h>
#include <ctrsup/kernel/cgroup_stat.h>

#include <string.h>

enum { FINISH_TRIES = 8 }; /* of giving back what a start held, when the kernel or the disk refuses; then it is said, and left */

struct member *member_new(struct stack_entry *s, struct generation *g, const struct spec_container *c, uint32_t replica) {
        struct member **grown = reallocarray(s->members, s->n_members + 1, sizeof(*grown));
        if (!grown)
                return NULL;
        s->members = grown;

        struct member *b = calloc(1, sizeof(*b));
        if (!b)
                return NULL;
        struct policy policy = policy_of(c);
        b->stack = s;
        b->host = ACT_INSTANCE_NULL;
        b->host.stack = s->name;
        b->host.replica = replica;
        b->host.cookie = ++s->manager->next_cookie;
        instance_init(&b->state, s->name, c->name, replica, &policy);
        /* Leaves of an earlier supervisor may be around: count on from the time, so that no name comes twice. */
        b->state.generation = manager_now(s->manager).real_usec / USEC_PER_SEC;
        (void)snprintf(b->host.group, sizeof(b->host.group), "%s/%s.%u", s->name, c->name, replica);
        b->phase_since_usec = manager_now(s->manager).mono_usec;
        if (member_index_add(&s->index, b) < 0) {
                free(b);
                return NULL;
        }
        member_declare(b, g, c);
        s->members[s->n_members++] = b;
        return b;
}

struct member *member_free(struct member *b) {
        if (!b)
                return NULL;
        struct stack_entry *s = b->stack;
        for (size_t n = 0; n < s->n_members; n++)
                if (s->members[n] == b) {
                        memmove(s->members + n, s->members + n + 1, (s->n_members - n - 1) * sizeof(b));
                        s->n_members--;
                        break;
                }
        member_index_remove(&s->index, b);
        health_free(b);
        free(b->job.runs);
        free(b->job.no_time);
        notify_socket_free(b);
        hooks_free(b);
        sd_event_source_disable_unref(b->timer);
        sd_event_source_disable_unref(b->pidfd_source);
        act_instance_done(&b->host);
        free(b->run);
        free(b->last_end);
        generation_unref(b->limits_generation);
        generation_unref(b->plan_generation);
        generation_unref(b->generation);
        free(b);
        return NULL;
}

struct member *stack_find_member(const struct stack_entry *s, const char *container, uint32_t replica) {
        struct member *b = member_index_find(&s->index, container);

        while (b && b->state.replica != replica)
                b = b->next_of_container;
        return b;
}

void member_declare(struct member *b, struct generation *g, const struct spec_container *c) {
        struct generation *old = b->generation;
        const struct spec_container *was = b->container;

        b->generation = generation_ref(g);
        b->container = c;
        b->state.policy = policy_of(c);
        b->state.revision = g->revision;
        b->state.kept = false;
        health_declare(b, was);
        schedule_declare(b, was);
        generation_unref(old);
}

const char *member_target(const struct member *b, char buf[TARGET_SIZE]) {
        return instance_target(&b->state, !b->state.policy.numbered, buf);
}

/* --- reporting --- */

struct report_event member_about(const struct member *b, enum report_kind kind) {
        return (struct report_event){
                .kind = kind,
                .stack = b->state.stack,
                .container = b->state.container,
                .replica = b->state.replica,
                .numbered = b->state.policy.numbered,
                .instance_id = b->host.id,
                .revision = b->state.revision,
        };
}

static enum report_kind kind_of(const struct member *b, const struct step *st) {
        if (phase_is_up(b->state.phase) && !phase_is_up(st->from) && st->from != PHASE_STARTING)
                return REPORT_CONTAINER_STATE; /* taken over: it was said when it happened */
        switch (b->state.phase) {
        case PHASE_RUNNING:
                return st->from == PHASE_UNHEALTHY ? REPORT_CONTAINER_STATE : REPORT_CONTAINER_STARTED;
        case PHASE_READY:
                return st->from == PHASE_STARTING ? REPORT_CONTAINER_STARTED : REPORT_CONTAINER_READY;
        case PHASE_BACKOFF:
                return REPORT_RESTART_SCHEDULED;
        case PHASE_PENDING:
        case PHASE_STARTING:
        case PHASE_UNHEALTHY:
        case PHASE_STOPPING:
        case PHASE_STOPPED:
        case PHASE_COMPLETED:
        case PHASE_FAILED:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                break;
        }
        return REPORT_CONTAINER_STATE;
}

static void fill_usage(struct member *b, struct report_event *e) {
        struct cgroup_stat stat;

        if (!b->host.grouped || cgroup_read_stat(b->stack->manager->host.cgroups, b->host.group, &stat, NULL) < 0)
                return;
        if (stat.cpu_usec != CGROUP_UNKNOWN)
                e->cpu_nsec = stat.cpu_usec * 1000;
        if (stat.memory_peak_bytes != CGROUP_UNKNOWN)
                e->memory_peak = stat.memory_peak_bytes;
        if (stat.oom_kills != CGROUP_UNKNOWN)
                e->oom_kills = stat.oom_kills - b->host.oom_kills;
        if (b->container->limits.memory != SIZE_INFINITY)
                e->memory_max = b->container->limits.memory;
}

/* The end of a run and the change of phase it brings are one event for the user: one entry. */
static void report_step(struct member *b, const struct step *st, const struct now *now) {
        struct manager *m = b->stack->manager;
        struct step_change change = { st->from, b->state.phase };
        bool changed = st->effects & EFFECT_REPORT;

        if (st->ended && b->state.last_exit.reason != EXIT_NOT_STARTED) {
                struct report_event e =
                        member_about(b, b->state.policy.type == TYPE_JOB ? REPORT_JOB_FINISHED : REPORT_CONTAINER_EXITED);

                e.exit = &b->state.last_exit;
                e.uptime_usec = st->uptime_usec;
                fill_usage(b, &e);
                if (changed && b->state.phase != PHASE_BACKOFF)
                        e.change = &change;
                manager_report(m, &e);
                changed = changed && b->state.phase == PHASE_BACKOFF;
        }
        if (changed) {
                struct report_event e = member_about(b, kind_of(b, st));

                e.change = &change;
                e.pid = b->state.pid;
                e.restarts = b->state.restarts;
                e.duration_usec = now->mono_usec - b->phase_since_usec;
                char words[NUM_TEXT_MAX];
                if (b->state.phase == PHASE_BACKOFF && b->state.last_exit.reason != EXIT_NONE)
                        e.message = instance_end_words(&b->state, words);
                if (b->state.phase == PHASE_BACKOFF && b->state.deadline_usec != USEC_INFINITY)
                        e.delay_usec = b->state.deadline_usec - now->mono_usec;
                manager_report(m, &e);
        }
        if (st->effects & EFFECT_START_LIMIT) {
                struct report_event e = member_about(b, REPORT_START_LIMIT);

                e.restarts = b->state.attempts;
                manager_report(m, &e);
        }
        if (st->effects & EFFECT_STUCK) {
                struct report_event e = member_about(b, REPORT_NOTICE);

                e.priority = 3;
                e.message =
                        "SIGKILL did not end all of its processes (one is stuck in the kernel); trying on, no second copy is started";
                manager_report(m, &e);
        }
        if (st->effects & EFFECT_REPORT) {
                watch_transition(m, b, st->from);
                b->phase_since_usec = now->mono_usec;
        }
}

void member_say(struct member *b, const struct err *err) {
        struct report_event e = member_about(b, REPORT_NOTICE);

        e.priority = 4;
        e.error = err->code;
        e.message = err->text;
        e.hint = err->hint[0] ? err->hint : NULL;
        manager_report(b->stack->manager, &e);
}

/* --- effects --- */

static void effect_signal(struct member *b) {
        struct err err = { 0 };
        int r = act_signal(&b->host, b->state.stop_signal, &err);

        if (r < 0 && r != -ESRCH)
                member_say(b, &err);
}

static void effect_kill(struct member *b) {
        struct err err = { 0 };

        if (act_kill(&b->stack->manager->host, &b->host, &err) < 0)
                member_say(b, &err);
}

static void effect_cleanup(struct member *b) {
        b->finish_due = true;
        (void)member_finish(b);
}

static void effect_launch(struct member *b) {
        b->launch_due = true;
        if (b->generation == b->stack->generation)
                b->state.outdated = false; /* what starts now is what is declared */
        b->forget_due = false; /* declared again before it was forgotten */
}

static void effect_forget(struct member *b) {
        b->forget_due = true;
}

/* The record comes after the signal (a recorded stop is not signalled again) and before the keeper is told to forget how it ended. */
static const struct {
        enum effect effect; /* 0: always */
        void (*run)(struct member *b);
} effects[] = {
        { EFFECT_SIGNAL, effect_signal },   { EFFECT_KILL, effect_kill },     { 0, member_save },
        { EFFECT_CLEANUP, effect_cleanup }, { EFFECT_LAUNCH, effect_launch }, { EFFECT_FORGET, effect_forget },
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void)source;
        (void)usec;
        notify_socket_hear(userdata); /* it may have asked for more time, or be ready */
        member_post(userdata, &(struct event){ .kind = EVENT_TIMER });
        return 0;
}

static void arm_timer(struct member *b) {
        uint64_t at = b->stack->manager->recalling ? USEC_INFINITY : b->state.deadline_usec;
        int r;

        if (at == USEC_INFINITY) {
                if (b->timer)
                        (void)sd_event_source_set_enabled(b->timer, SD_EVENT_OFF);
                return;
        }
        if (!b->timer)
                r = sd_event_add_time(b->stack->manager->event, &b->timer, CLOCK_MONOTONIC, at, 1000, on_timer, b);
        else {
                r = sd_event_source_set_time(b->timer, at);
                if (r >= 0)
                        r = sd_event_source_set_enabled(b->timer, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                member_say(b, &(struct err){ .code = -r, .text = "no timer could be armed: the next event will have to do" });
}

/* What is unhealthy was said to be that. */
static void report_cause(struct member *b) {
        struct report_event e = member_about(b, REPORT_NOTICE);
        char words[NUM_TEXT_MAX], text[NUM_TEXT_MAX + RUN_STATUS_SIZE + 32];
        const char *status = b->notify && b->notify->status[0] ? b->notify->status : NULL;

        (void)snprintf(text, sizeof(text), "%s%s%s: it is stopped", stop_cause_words(b->state.cause, &b->state.policy, words),
                       status ? "; it said: " : "", status ? status : "");
        e.priority = 4;
        e.message = text;
        manager_report(b->stack->manager, &e);
}

void member_post(struct member *b, const struct event *event) {
        struct manager *m = b->stack->manager;
        struct now now = manager_now(m);
        struct event told = *event, *e = &told;
        char words[MESSAGE_SIZE];

        hooks_hear(b, e, words);
        b->state.blocked = !gate_is_open(b, NULL, NULL);
        b->state.needed = gate_is_needed(b);
        struct last_end_before before = last_end_look(b, e);
        enum desire desire = b->state.desire;
        struct step st = step(&b->state, e, &now);

        if (b->state.cause != before.cause && b->state.cause != CAUSE_NONE && b->state.cause != CAUSE_UNHEALTHY && e->kind == EVENT_TIMER)
                report_cause(b);
        last_end_note(b, &before, &st, &now);
        report_step(b, &st, &now);
        notify_socket_follow(b);
        health_follow(b);
        job_record_follow(b, &st, &now);
        schedule_follow(b, desire);
        hooks_follow(b);
        for (size_t n = 0; n < ARRAY_SIZE(effects); n++)
                if (effects[n].effect == 0 || (st.effects & effects[n].effect))
                        effects[n].run(b);
        arm_timer(b);
        jobs_note(b);
        manager_poke(m);
}

void member_settle(struct member *b) {
        member_save(b);
        jobs_note(b);
        arm_timer(b);
}

void member_check_oom(struct member *b) {
        struct act_host *h = &b->stack->manager->host;
        uint64_t kills;

        if (!b->host.leafed || cgroup_read_oom_kills(h->cgroups, b->host.group, &kills, NULL) < 0 || kills <= b->host.oom_kills)
                return;
        struct report_event e = member_about(b, REPORT_CONTAINER_OOM);
        fill_usage(b, &e);
        if (!b->state.oom)
                manager_report(b->stack->manager, &e);
        b->host.oom_kills = kills;
        member_post(b, &(struct event){ .kind = EVENT_OOM });
        if (limits_oom_group_is_ours(h->cgroups, &b->container->limits))
                effect_kill(b);
}

/* --- launch and end --- */

void member_update(struct member *b, const struct plan_change *change) {
        struct manager *m = b->stack->manager;
        struct mark mark;
        struct err err = { 0 };
        _cleanup_buf_ struct buf keys = BUF_NULL;
        struct report_event e = { .kind = REPORT_CONTAINER_UPDATED,
                                  .stack = b->state.stack,
                                  .container = b->state.container,
                                  .replica = b->state.replica,
                                  .numbered = b->state.policy.numbered };

        int r = act_update(&m->host, &b->host, b->generation->spec, b->container, &mark, &err);
        if (b->host.limits == &b->container->limits) { /* also when it was the log that failed */
                generation_unref(b->limits_generation);
                b->limits_generation = generation_ref(b->generation);
        }
        b->not_live = r < 0;
        if (r < 0) {
                /* What the kernel does not take live is taken by the next start; the container goes on as it was. */
                e.kind = REPORT_NOTICE;
                e.priority = 3;
                e.message = err.text;
                e.hint = err.hint[0] ? err.hint : NULL;
                (void)snprintf(b->state.message, sizeof(b->state.message), "%.500s", err.text);
                (void)snprintf(b->hint, sizeof(b->hint), "%s", err.hint);
                manager_report(m, &e);
                return;
        }
        for (size_t n = 0; change && n < change->keys.n; n++)
                buf_printf(&keys, "%s%s", n ? ", " : "", change->keys.items[n].path);
        e.keys = buf_text(&keys);
        manager_report(m, &e);
}

void member_start_failed(struct member *b, const struct err *why, struct mark mark, bool populated) {
        char words[ERR_TEXT_MAX + 1024];
        struct err told = *why, *err = &told;
        struct report_event e = member_about(b, REPORT_CONTAINER_FAILED);

        bool as_start = hooks_start_failed(b, err);
        if (b->stack->manager->options->mode == MODE_RUN) /* its document was made by the client: no line of it says anything */
                mark = MARK_NULL;
        if (mark.line > 0)
                (void)snprintf(words, sizeof(words), "%s:%u:%u: %s", b->generation->spec->file, mark.line, mark.column,
                               err->text);
        else
                (void)snprintf(words, sizeof(words), "%s", err->text);
        degraded_suspect(b->stack->manager, err->code);
        if (!as_start) {
                member_post(b, &(struct event){ .kind = EVENT_START_FAILED, .populated = populated });
                return;
        }
        (void)snprintf(b->hint, sizeof(b->hint), "%s", err->hint);
        b->start_error = err->code;
        e.error = err->code;
        e.step = b->failed_step ? b->failed_step : "host"; /* what we prepare here: layers, cgroup, limits */
        e.message = words;
        e.hint = b->hint[0] ? b->hint : NULL;
        if (mark.line > 0) {
                e.file = b->generation->spec->file;
                e.line = mark.line;
        }
        manager_report(b->stack->manager, &e);
        member_post(b, &(struct event){ .kind = EVENT_START_FAILED, .message = words, .populated = populated });
}

/* Whose namespaces it shares. A peer that is not up cannot be joined: the restart policy tries again. */
static int find_peers(const struct member *b, struct act_launch *l, struct mark *ret_mark, struct err *err) {
        static const char *const keys[_NS_MAX] = { "pid", "ipc", "uts", "net", "cgroup", "user", "mount", "time" };

        for (int n = 0; n < _NS_MAX; n++) {
                const struct spec_namespace *ns = &b->container->namespaces[n];

                if (ns->mode != NS_CONTAINER)
                        continue;
                const struct member *peer = stack_find_member(b->stack, ns->container, 1);
                if (!peer || !phase_is_up(peer->state.phase) || peer->host.pidfd < 0) {
                        char path[256];

                        (void)snprintf(path, sizeof(path), "containers.%s.namespaces.%s", b->container->name, keys[n]);
                        *ret_mark = spec_mark(b->generation->spec, path);
                        return err_set(err, ESRCH, "start %s/%s: %s, whose %s namespace it shares, does not run", b->state.stack,
                                       b->state.container, ns->container, keys[n]);
                }
                l->peers[n] = &peer->host;
        }
        return 0;
}

/* Once: containers run without it, held by what else there is. */
static void say_missing_filter(struct manager *m) {
        struct report_event e = {
                .kind = REPORT_NOTICE,
                .priority = 4,
                .error = m->host.device_filters.missing,
                .message = "the kernel takes no device filter (CONFIG_CGROUP_BPF): containers are kept from devices by their /dev, nodev and the lack of mknod only"
        };

        if (e.error == 0 || m->device_filter_said)
                return;
        m->device_filter_said = true;
        manager_report(m, &e);
}

bool member_launch(struct member *b) {
        struct manager *m = b->stack->manager;
        struct act_launch l = { .spec = b->generation->spec, .container = b->container, .streams = m->streams };
        struct mark mark = MARK_NULL;
        struct err err = { 0 };

        b->command_failed = false;
        b->failed_step = NULL;
        int r = find_peers(b, &l, &mark, &err);
        if (r >= 0)
                r = act_new_id(&b->host, &err);
        if (r >= 0) {
                b->host.leaf = b->state.generation;
                memcpy(b->state.id, b->host.id, sizeof(b->state.id));
                b->state.unnamed = false;
                b->start_ticks = 0;
                b->launched_real_usec = manager_now(m).real_usec;
                b->host.log = m->streams ? ACT_LOG_CALLER
                                         : act_log_choose(&m->host, b->container); /* whoever takes it over goes by that */
                member_save(b); /* the intent, before anything of it is there */
                r = hooks_launch(b, &l, &mark, &err);
                say_missing_filter(m);
                generation_unref(b->plan_generation);
                b->plan_generation = generation_ref(b->generation);
                if (r == -EAGAIN)
                        return false;
                if (b->host.limits == &b->container->limits) {
                        generation_unref(b->limits_generation);
                        b->limits_generation = generation_ref(b->generation);
                }
                if (r < 0)
                        (void)err_wrap(&err, "start %s/%s", b->state.stack, b->state.container);
        }
        b->launch_due = false;
        if (r < 0) {
                member_start_failed(b, &err, mark, false);
                return true;
        }
        b->seen_by_keeper = true;
        m->launching++;
        fdstore_put(m, b);
        return true;
}

bool member_finish(struct member *b) {
        struct err err = { 0 };

        orphan_unwatch(b);
        int r = act_finish(&b->stack->manager->host, &b->host, b->state.container, &err);

        if (r == -EBUSY || r == -EAGAIN || (r < 0 && ++b->finish_tries < FINISH_TRIES))
                return false;
        b->finish_tries = 0;
        if (r < 0)
                member_say(b, &err);
        orphan_end(b);
        fdstore_drop_start(b->stack->manager, b->host.id_text);
        log_pipes_leave(b);
        b->finish_due = false;
        return true;
}
