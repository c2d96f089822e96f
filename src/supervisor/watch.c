#include "watch.h"
#include "describe.h"
#include "gate.h"
#include "health.h"
#include "member.h"
#include "update.h"
#include "update_tell.h"

#include <ctrsup/base/hash.h>

#include <string.h>

/* exec happened is not yet "it runs": a command that dies at once is caught by looking again a little later. */
#define SETTLE_USEC (200 * USEC_PER_MSEC)
enum { HOPELESS_ATTEMPTS = 3 }; /* so many ends in a row are an answer, even if the policy goes on trying */

struct waiter {
        struct waiter *next;
        struct manager *manager;
        struct control_call *call;
        enum goal goal;
        bool events; /* no goal: follows events */
        char *stack;
        json_t *targets, *failures;
        uint64_t revision, started_usec;
        sd_event_source *deadline, *look;
        bool settle, plans, asked;
        bool over;
};

bool target_names(const char *target, const char *stack, const char *container, uint32_t replica) {
        char whole[TARGET_SIZE], numbered[TARGET_SIZE];

        (void)snprintf(whole, sizeof(whole), "%s/%s", stack, container);
        (void)snprintf(numbered, sizeof(numbered), "%s/%s.%u", stack, container, replica);
        return strcmp(target, stack) == 0 || strcmp(target, whole) == 0 || strcmp(target, numbered) == 0;
}

bool target_matches(const char *target, const struct member *b) {
        return target_names(target, b->state.stack, b->state.container, b->state.replica);
}

bool targets_match(const json_t *targets, const struct member *b) {
        if (!targets || json_array_size(targets) == 0)
                return true;
        size_t n;
        json_t *t;
        json_array_foreach (targets, n, t)
                if (json_is_string(t) && target_matches(json_string_value(t), b))
                        return true;
        return false;
}

bool targets_name(const json_t *targets, const struct member *b) {
        size_t n;
        json_t *t;

        json_array_foreach (targets, n, t)
                if (json_is_string(t) && strchr(json_string_value(t), '/') && target_matches(json_string_value(t), b))
                        return true;
        return false;
}

static bool concerns(const struct waiter *w, const struct member *b) {
        if (w->plans && json_array_size(w->targets) == 0)
                return false;
        return w->stack ? strcmp(w->stack, b->state.stack) == 0 : targets_match(w->targets, b);
}

/* Does it wait for the plan of s? */
static bool awaits_plan(const struct waiter *w, const struct stack_entry *s) {
        size_t n;
        json_t *t;

        if (w->stack)
                return strcmp(w->stack, s->name) == 0;
        if (w->plans)
                json_array_foreach (w->targets, n, t)
                        if (strcmp(json_string_value(t), s->name) == 0)
                                return true;
        return false;
}

static void free_waiter(struct waiter *w) {
        sd_event_source_disable_unref(w->deadline);
        sd_event_source_disable_unref(w->look);
        control_call_on_disconnect(w->call, NULL, NULL);
        control_call_unref(w->call);
        json_decref(w->targets);
        json_decref(w->failures);
        free(w->stack);
        free(w);
}

/* A waiter is freed where nobody iterates over the list. */
static void sweep(struct manager *m) {
        for (struct waiter **at = &m->waiters; *at;) {
                struct waiter *w = *at;

                if (w->over) {
                        *at = w->next;
                        free_waiter(w);
                } else
                        at = &w->next;
        }
}

static void on_gone(struct control_call *call, void *userdata) {
        struct waiter *w = userdata;

        (void)call;
        w->over = true;
        manager_poke(w->manager);
}

/* --- goals --- */

enum verdict { NOT_YET, DONE, HOPELESS };

static enum verdict judge_up(const struct member *b, uint64_t settle_usec, uint64_t now, uint64_t *look_again) {
        const struct instance *i = &b->state;
        const struct member *awaited;

        switch (i->phase) {
        case PHASE_READY:
                if (now < b->phase_since_usec + settle_usec) {
                        if (*look_again < b->phase_since_usec + settle_usec)
                                *look_again = b->phase_since_usec + settle_usec;
                        return NOT_YET;
                }
                return DONE;
        case PHASE_COMPLETED:
                return DONE;
        case PHASE_FAILED:
        case PHASE_STOPPED:
                return i->desire == DESIRE_RUN && (i->again || b->launch_due) ? NOT_YET : HOPELESS;
        case PHASE_BACKOFF:
                return i->last_exit.reason == EXIT_NOT_STARTED || i->cause == CAUSE_NOT_READY || i->attempts >= HOPELESS_ATTEMPTS ? HOPELESS : NOT_YET;
        case PHASE_PENDING: /* as hopeless as whom it waits for */
                if (!i->waiting || gate_is_open(b, &awaited, NULL))
                        return NOT_YET;
                return gate_is_hopeless(b) || (awaited && judge_up(awaited, settle_usec, now, look_again) == HOPELESS) ? HOPELESS
                                                                                                                       : NOT_YET;
        case PHASE_UNHEALTHY:
                return HOPELESS;
        case PHASE_STARTING:
        case PHASE_RUNNING: /* a job, or not ready yet */
        case PHASE_STOPPING:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                break;
        }
        return NOT_YET;
}

/* As long as it runs it may get there. */
static enum verdict judge_healthy(const struct member *b, uint64_t now, uint64_t *look_again) {
        if (b->container->healthcheck.kind == HEALTHCHECK_NONE || !phase_is_up(b->state.phase))
                return judge_up(b, 0, now, look_again);
        return health_of(b) == HEALTH_HEALTHY ? DONE : NOT_YET;
}

/* A job with a schedule is where it should be, whatever it does: nobody asked for this run of it. Who did is told how it ends. */
static bool is_left_to_its_time(const struct waiter *w, const struct member *b) {
        if (!b->state.policy.scheduled || w->goal != GOAL_UP)
                return false;
        if (schedule_is_resting(&b->state) && (b->state.phase == PHASE_PENDING || b->phase_since_usec < w->started_usec))
                return true;
        return !targets_name(w->targets, b);
}

static enum verdict judge(const struct waiter *w, const struct member *b, uint64_t now, uint64_t *look_again) {
        const struct instance *i = &b->state;

        if (is_left_to_its_time(w, b))
                return DONE;
        switch (w->goal) {
        case GOAL_UP:
                return judge_up(b, w->settle ? SETTLE_USEC : 0, now, look_again);
        case GOAL_HEALTHY:
                return judge_healthy(b, now, look_again);
        case GOAL_DOWN:
                if (w->asked && i->desire == DESIRE_RUN)
                        return HOPELESS;
                return instance_is_down(i) && phase_is_settled(i->phase) && !b->launch_due ? DONE : NOT_YET;
        case GOAL_COMPLETED:
                return i->phase == PHASE_COMPLETED                             ? DONE
                       : i->phase == PHASE_FAILED || i->phase == PHASE_STOPPED ? HOPELESS
                                                                               : NOT_YET;
        case GOAL_GONE: /* as long as there is a member it is not */
        case _GOAL_MAX:
                break;
        }
        return NOT_YET;
}

static json_t *make_result(const struct waiter *w, const char *outcome, json_t *failures) {
        uint64_t took = manager_now(w->manager).mono_usec - w->started_usec;
        const struct stack_entry *s = w->stack ? manager_find_stack(w->manager, w->stack) : NULL;

        return json_pack("{s:{s:s, s:s?, s:o, s:o, s:f, s:o}}", "result", "outcome", outcome, "stack", w->stack, "revision",
                         w->revision ? json_integer((json_int_t)w->revision) : json_null(), "running",
                         s && s->generation ? json_integer((json_int_t)s->generation->revision) : json_null(), "duration",
                         (double)took / USEC_PER_SEC, "failures", failures);
}

static void answer(struct waiter *w, const char *outcome, json_t *failures) {
        (void)control_reply(w->call, make_result(w, outcome, failures ? failures : json_array()), false);
        w->over = true;
        manager_poke(w->manager);
}

/* What made the update fail comes first; then what is not well now. */
static void answer_failed_update(struct waiter *w, const struct stack_entry *s, const json_t *now) {
        json_t *failures = json_copy(s->update_failures), *f;
        size_t n;

        json_array_foreach ((json_t *)(uintptr_t)now, n, f) {
                bool said = false;
                json_t *other;
                size_t k;

                json_array_foreach (failures, k, other)
                        said = said || (json_equal(json_object_get(f, "container"), json_object_get(other, "container")) &&
                                        json_equal(json_object_get(f, "replica"), json_object_get(other, "replica")));
                if (!said)
                        (void)json_array_append(failures, f);
        }
        answer(w, s->generation->revision != w->revision && json_array_size(now) == 0 ? "restored" : "failed", failures);
}

/* Somebody applied something else meanwhile: what comes of that is no answer to this. */
static void answer_overtaken(struct waiter *w, uint64_t revision) {
        char words[96];

        (void)snprintf(words, sizeof(words), "overtaken: revision %ju was applied meanwhile", (uintmax_t)revision);
        answer(w, "failed", json_pack("[{s:s, s:s, s:i, s:s, s:n, s:[], s:n}]", "stack", w->stack, "container", "", "replica", 0, "message", words,
                                      "hint", "lines", "log"));
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        struct waiter *w = userdata;

        (void)source;
        (void)usec;
        manager_poke(w->manager);
        return 0;
}

static void look_again_at(struct waiter *w, uint64_t usec) {
        if (!w->look)
                (void)sd_event_add_time(w->manager->event, &w->look, CLOCK_MONOTONIC, usec, 1000, on_look, w);
        else {
                (void)sd_event_source_set_time(w->look, usec);
                (void)sd_event_source_set_enabled(w->look, SD_EVENT_ONESHOT);
        }
}

static bool plan_is_stuck_or_done(const struct stack_entry *s) {
        if (!s->plan)
                return true;
        /* An action that waits for a container that cannot come up will not begin. */
        for (size_t n = 0; n < s->plan->n_actions; n++)
                if (s->begun[n] && !s->done[n])
                        return false;
        return true;
}

static void check(struct waiter *w) {
        struct manager *m = w->manager;
        uint64_t now = manager_now(m).mono_usec, look_again = 0;
        size_t waiting = 0, hopeless = json_array_size(w->failures);
        _cleanup_(json_decrefp) json_t *failures = w->failures ? json_copy(w->failures) : json_array();

        const struct stack_entry *stack = w->stack ? manager_find_stack(m, w->stack) : NULL;
        if (w->goal == GOAL_UP && w->stack && (!stack || !stack->generation)) {
                answer(w, "failed", NULL); /* removed, or the supervisor ends: it will not come up */
                return;
        }
        if (w->goal == GOAL_UP && stack && w->revision > 0 && stack->generation->revision != w->revision && stack->failed_revision != w->revision) {
                answer_overtaken(w, stack->generation->revision);
                return;
        }
        if (w->goal == GOAL_GONE) {
                if (!stack || stack->traces_stay) /* what runs is gone, and the rest is on record */
                        answer(w, "done", NULL);
                return;
        }
        bool updates = w->goal == GOAL_UP && stack && w->revision > 0, failed = updates && stack->failed_revision == w->revision;
        for (size_t s = 0; s < m->n_stacks; s++) {
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        const struct member *b = m->stacks[s]->members[n];

                        if (!concerns(w, b))
                                continue;
                        enum verdict v = failed && !stack->going_back && b->state.phase == PHASE_BACKOFF ? HOPELESS
                                         : b->forget_due && w->goal != GOAL_UP ? DONE : judge(w, b, now, &look_again);
                        if (v == DONE && w->goal == GOAL_UP && w->revision > 0 && b->not_live && !b->host.limits)
                                v = HOPELESS; /* it runs, but not as it was asked for */
                        if (v == HOPELESS) {
                                hopeless++;
                                (void)json_array_append_new(failures, describe_failure(b));
                        } else if (v == NOT_YET &&
                                   !(w->goal == GOAL_UP && b->state.desire == DESIRE_GONE && w->stack && !m->stacks[s]->plan))
                                waiting++;
                }
                if (awaits_plan(w, m->stacks[s]) && m->stacks[s]->plan && !(hopeless && plan_is_stuck_or_done(m->stacks[s])))
                        waiting++;
        }
        if (updates && update_is_open(stack))
                waiting++;
        if (waiting > 0) {
                if (look_again)
                        look_again_at(w, look_again);
                return;
        }
        if (failed)
                answer_failed_update(w, stack, failures);
        else
                answer(w, hopeless ? "failed" : "done", hopeless ? take_ptr(failures) : NULL);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        (void)source;
        (void)usec;
        answer(userdata, "timeout", NULL);
        return 0;
}

static void for_each_member(struct manager *m, void (*run)(struct manager *m, struct member *b)) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        run(m, m->stacks[s]->members[n]);
}

static void forget_told(struct manager *m, struct member *b) {
        (void)m;
        b->told_waiting = 0;
}

static struct waiter *new_waiter(struct manager *m, struct control_call *call) {
        struct waiter *w = calloc(1, sizeof(*w));

        if (!w)
                return NULL;
        w->manager = m;
        w->started_usec = manager_now(m).mono_usec;
        w->call = control_call_ref(call);
        control_call_on_disconnect(call, on_gone, w);
        w->next = m->waiters;
        m->waiters = w;
        for_each_member(m, forget_told); /* it has been told nothing yet */
        return w;
}

/* Whom it waits for may change while its phase does not. */
static void tell_waiting(struct manager *m, struct member *b) {
        char words[MESSAGE_SIZE];
        uint64_t now = b->state.waiting && !gate_is_open(b, NULL, words) ? hash_of(words, strlen(words)) : 0;

        if (now && now != b->told_waiting)
                watch_transition(m, b, b->state.phase);
        b->told_waiting = now;
}

void watch_check(struct manager *m) {
        if (m->waiters && !m->adopting)
                for_each_member(m, tell_waiting);
        for (struct waiter *w = m->waiters; w; w = w->next)
                if (!w->over && !w->events && !m->adopting)
                        check(w);
        sweep(m);
}

int watch_goal(struct manager *m, struct control_call *call, const struct wait_for *f) {
        struct waiter *w = new_waiter(m, call);

        if (!w)
                return -ENOMEM;
        w->goal = f->goal;
        w->revision = f->revision;
        w->settle = f->settle;
        w->plans = f->plans;
        w->failures = json_incref(f->failures);
        w->asked = f->asked;
        w->targets = json_incref(f->targets);
        if (f->stack && !(w->stack = strdup(f->stack))) {
                w->over = true;
                return -ENOMEM;
        }
        if (f->timeout_usec != USEC_INFINITY)
                (void)sd_event_add_time(m->event, &w->deadline, CLOCK_MONOTONIC, w->started_usec + f->timeout_usec, 1000,
                                        on_deadline, w);
        manager_poke(m);
        return 0;
}

int watch_events(struct manager *m, struct control_call *call, bool follow) {
        struct event_ring *ring = &m->ring;

        if (control_call_more(call))
                for (size_t n = 0; n < ring->n; n++) {
                        json_t *e = ring->items[(ring->next + ring->size - ring->n + n) % ring->size];

                        (void)control_reply(call, json_pack("{s:O}", "event", e), true);
                }
        if (!follow || !control_call_more(call))
                return control_reply(call, json_pack("{s:n}", "event"), false);
        int r = control_reply(call, json_pack("{s:n}", "event"), true);
        struct waiter *w = r < 0 ? NULL : new_waiter(m, call);
        if (!w)
                return r < 0 ? r : -ENOMEM;
        w->events = true;
        return 0;
}

void watch_event(struct manager *m, json_t *event) {
        for (struct waiter *w = m->waiters; w; w = w->next)
                if (w->events && !w->over)
                        (void)control_reply(w->call, json_pack("{s:O}", "event", event), true);
}

void watch_transition(struct manager *m, const struct member *b, enum phase from) {
        _cleanup_(json_decrefp) json_t *transition = NULL;

        for (struct waiter *w = m->waiters; w; w = w->next) {
                if (w->events || w->over || !control_call_more(w->call) || !concerns(w, b))
                        continue;
                if (!transition)
                        transition = describe_transition(b, from);
                (void)control_reply(w->call, json_pack("{s:O}", "transition", transition), true);
        }
}

void watch_update(const struct stack_entry *s) {
        for (struct waiter *w = s->manager->waiters; w; w = w->next)
                if (!w->events && !w->over && w->stack && strcmp(w->stack, s->name) == 0 && w->revision > 0 && control_call_more(w->call))
                        (void)control_reply(w->call, json_pack("{s:o}", "update", update_tell(s)), true);
}

void watch_done(struct manager *m) {
        for (struct waiter *w = m->waiters; w; w = w->next) {
                if (w->events && !w->over)
                        (void)control_reply(w->call, json_pack("{s:n}", "event"), false);
                w->over = true;
        }
        sweep(m);
}
