#include "update.h"
#include "describe.h"
#include "gate.h"
#include "member.h"
#include "stack_plan.h"
#include "stack_record.h"
#include "update_tell.h"
#include "watch.h"

#include <ctrsup/base/arena.h>
#include <ctrsup/spec/diff.h>
#include <ctrsup/state/trial.h>
#include <ctrsup/store/revisions.h>

#include <string.h>

static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        struct stack_entry *s = userdata;

        (void)source;
        (void)usec;
        manager_poke(s->manager);
        return 0;
}

static void say(struct stack_entry *s, const struct err *err) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .stack = s->name, .error = err->code, .message = err->text };

        manager_report(s->manager, &e);
}

/* The pump looks again then, or earlier. */
static void look_again_at(struct stack_entry *s, uint64_t usec) {
        uint64_t armed;
        int r = 0;

        if (usec == USEC_INFINITY)
                return;
        if (!s->update_timer)
                r = sd_event_add_time(s->manager->event, &s->update_timer, CLOCK_MONOTONIC, usec, 1000, on_time, s);
        else if (sd_event_source_get_enabled(s->update_timer, NULL) <= 0 || sd_event_source_get_time(s->update_timer, &armed) < 0 || usec < armed) {
                r = sd_event_source_set_time(s->update_timer, usec);
                if (r >= 0)
                        r = sd_event_source_set_enabled(s->update_timer, SD_EVENT_ONESHOT);
        }
        if (r < 0) /* the next reconcile looks, too */
                say(s, &(struct err){ .code = -r, .text = "no timer could be armed: the update goes on with the next event" });
}

void update_begin(struct member *b) {
        b->on_trial = true;
        b->trial_restarts = 0; /* counted from its start on */
        b->proven_usec = 0;
}

static void pass(struct member *b) {
        b->on_trial = false;
        b->proven_usec = manager_now(b->stack->manager).mono_usec;
}

/* A new supervisor: is another instance of its container on trial, from the batch that was under way? Not one that this plan starts, too. */
static bool follows_a_trial(const struct stack_entry *s, const struct plan_action *a) {
        for (const struct member *b = member_index_find(&s->index, a->container); b; b = b->next_of_container)
                if (b->on_trial && b->state.replica != a->replica && !stack_will_start(b))
                        return true;
        return false;
}

bool update_may_begin(struct stack_entry *s, const struct plan_action *a) {
        uint64_t now = manager_now(s->manager).mono_usec, from = 0;

        if (s->plan->resume && a->update && a->n_proven == 0 && follows_a_trial(s, a))
                return false;

        for (size_t n = 0; n < a->n_proven; n++) {
                const struct plan_action *p = &s->plan->actions[a->proven[n]];
                const struct member *b = stack_find_member(s, p->container, p->replica);

                if (!s->done[a->proven[n]] || (b && b->on_trial))
                        return false;
                uint64_t until = b ? b->proven_usec + a->pause_usec : 0;
                from = until > from ? until : from;
        }
        if (from <= now)
                return true;
        look_again_at(s, from);
        return false;
}

static void end_trials(struct stack_entry *s) {
        for (size_t n = 0; n < s->n_members; n++)
                s->members[n]->on_trial = false;
        sd_event_source_disable_unref(s->update_timer);
        s->update_timer = NULL;
}

/* For history, rollback and the next supervisor; what the disk does not take is not known there. */
static void mark_failed(struct stack_entry *s, bool failed) {
        if (s->manager->options->mode == MODE_SERVICE)
                (void)revisions_mark_failed(s->manager->host.state_fd, s->name, s->generation->revision, failed, failed ? s->failed_ends : NULL, NULL);
}

static void end_update(struct stack_entry *s) {
        if (s->generation && s->failed_revision != s->generation->revision && !s->going_back)
                mark_failed(s, false); /* tried again it did not fail */
        end_trials(s);
        s->fallback = generation_unref(s->fallback);
        s->paused = s->going_back = false;
        if (s->generation)
                stack_save_current(s);
}

void update_drop(struct stack_entry *s) {
        end_trials(s);
        s->fallback = generation_unref(s->fallback);
        json_decref(s->update_failures);
        s->update_failures = NULL;
        update_forget_ends(s);
        s->paused = s->going_back = false;
}

static void report_failed(struct stack_entry *s, const struct member *b, enum report_kind kind, uint64_t to) {
        char text[TARGET_SIZE + MESSAGE_SIZE];
        struct report_event e = { .kind = kind,
                                  .priority = 4,
                                  .stack = s->name,
                                  .revision = s->generation->revision,
                                  .revision_to = to };

        e.message = update_failed_words(b, text, sizeof(text));
        manager_report(s->manager, &e);
}

static void note_failure(struct stack_entry *s, const struct member *b) {
        if (s->failed_revision != s->generation->revision || !s->update_failures) {
                json_decref(s->update_failures);
                s->update_failures = json_array();
                update_forget_ends(s);
        }
        (void)json_array_append_new(s->update_failures, describe_failure(b));
        update_note_end(s, b);
        s->failed_revision = s->generation->revision;
        if (b->container->update_config.failure_action != UPDATE_CONTINUE)
                mark_failed(s, true);
}

/* What is not begun of it stays as it is; what runs is left alone. */
static void pause_update(struct stack_entry *s, struct member *b) {
        s->paused = true;
        note_failure(s, b);
        report_failed(s, b, REPORT_UPDATE_PAUSED, 0);
        for (size_t n = 0; s->plan && n < s->plan->n_actions; n++)
                if (!s->begun[n] && (s->plan->actions[n].update || s->plan->actions[n].n_proven > 0)) {
                        const struct plan_action *a = &s->plan->actions[n];
                        struct member *extra = a->kind == ACTION_START ? stack_find_member(s, a->container, a->replica) : NULL;

                        s->begun[n] = s->done[n] = true;
                        if (extra && extra->state.phase == PHASE_PENDING && extra->state.replica > extra->container->replicas)
                                member_post(extra, &(struct event){ .kind = EVENT_REMOVE }); /* it has not come, and will not */
                }
        end_trials(s);
        stack_save_current(s);
        watch_update(s);
}

static int go_back(struct stack_entry *s, struct member *culprit, struct err *err) {
        _cleanup_generation_ struct generation *to = generation_ref(s->fallback);
        _cleanup_prepared_ struct prepared_plan prepared = { 0 };
        struct plan *plan = NULL;
        struct diag_list diags;

        if (diag_list_init(&diags, s->name) < 0)
                return err_oom(err);
        for (size_t n = 0; n < s->n_members; n++) /* the update did not get to it */
                if (s->members[n]->state.revision == to->revision)
                        s->members[n]->state.outdated = false;
        int r = stack_make_plan_back(s, to, &diags, &plan);
        diag_list_done(&diags);
        if (r >= 0)
                r = stack_prepare_plan(plan, &prepared, err);
        else
                r = err_set(err, -r, "no plan to go back to revision %ju of stack %s can be made", (uintmax_t)to->revision, s->name);
        if (r < 0)
                return r;
        s->applied_due = false; /* it was not */
        report_failed(s, culprit, REPORT_UPDATE_ROLLED_BACK, to->revision);
        note_failure(s, culprit);
        end_trials(s);
        generation_unref(s->generation);
        s->generation = generation_ref(to);
        s->fallback = generation_unref(s->fallback);
        s->going_back = true;
        stack_redeclare_untouched(s, prepared.plan);
        stack_take_plan(s, &prepared);
        stack_save_current(s);
        watch_update(s);
        return 0;
}

static void fail(struct stack_entry *s, struct member *b) {
        struct err err = { 0 };

        if (s->going_back || b->container->update_config.failure_action == UPDATE_CONTINUE) {
                if (!s->going_back)
                        note_failure(s, b);
                pass(b);
                return;
        }
        if (b->container->update_config.failure_action == UPDATE_ROLLBACK && s->fallback) {
                if (go_back(s, b, &err) >= 0)
                        return;
                say(s, &err);
        }
        pause_update(s, b);
}

/* Does a batch wait for its proof? */
static bool holds_up_others(const struct member *b) {
        const struct plan *p = b->stack->plan;

        for (size_t n = 0; p && n < p->n_actions; n++)
                for (size_t k = 0; !b->stack->begun[n] && k < p->actions[n].n_proven; k++) {
                        const struct plan_action *a = &p->actions[p->actions[n].proven[k]];

                        if (a->replica == b->state.replica && strcmp(a->container, b->state.container) == 0)
                                return true;
                }
        return false;
}

static enum trial judge(const struct member *b, uint64_t now, uint64_t *ret_until) {
        const struct stack_entry *s = b->stack;
        enum trial t = trial_of(&b->state, b->phase_since_usec, s->going_back ? 0 : b->container->update_config.monitor_usec, now, ret_until);

        /* Restarted by its policy between two looks. */
        if (t == TRIAL_GOES_ON && b->state.restarts > b->trial_restarts && !b->state.leaving && !b->state.again)
                return TRIAL_FAILED;
        /* Nobody knows when it will start: no other one that runs is given up for it, but with nothing left to do the update is over. */
        if (t == TRIAL_GOES_ON && b->state.waiting && gate_is_hopeless(b))
                return holds_up_others(b) ? TRIAL_FAILED : s->plan ? TRIAL_GOES_ON : TRIAL_PASSED;
        return t;
}

void update_tend(struct stack_entry *s) {
        uint64_t now = manager_now(s->manager).mono_usec, until;
        bool all = !s->plan;

        if (!s->generation || s->manager->adopting || s->manager->quiesced)
                return;
        for (size_t n = 0; n < s->n_members; n++) {
                struct member *b = s->members[n];

                if (!b->on_trial)
                        continue;
                switch (judge(b, now, &until)) {
                case TRIAL_PASSED:
                        pass(b);
                        manager_poke(s->manager); /* the next batch */
                        break;
                case TRIAL_FAILED:
                        fail(s, b);
                        manager_poke(s->manager);
                        return;
                case TRIAL_GOES_ON:
                case _TRIAL_MAX:
                        all = false;
                        look_again_at(s, until);
                        break;
                }
        }
        if (all && !s->paused && (s->fallback || s->going_back))
                end_update(s);
}

/* Its turn has come, or comes when the pause is over. */
static bool is_next(const struct stack_entry *s, const struct plan_action *a) {
        for (size_t n = 0; n < a->n_proven; n++) {
                const struct plan_action *p = &s->plan->actions[a->proven[n]];
                const struct member *b = stack_find_member(s, p->container, p->replica);

                if (!s->done[a->proven[n]] || (b && b->on_trial))
                        return false;
        }
        return a->n_proven > 0;
}

bool update_is_open(const struct stack_entry *s) {
        if (s->going_back && s->plan)
                return true;
        for (size_t n = 0; s->plan && n < s->plan->n_actions; n++)
                if (!s->begun[n] && is_next(s, &s->plan->actions[n]))
                        return true;
        for (size_t n = 0; n < s->n_members; n++)
                if (s->members[n]->on_trial && s->members[n]->state.phase != PHASE_PENDING)
                        return true;
        return false;
}

struct generation *update_fallback(const struct stack_entry *s, const struct plan *plan, bool same) {
        if (!s || !s->generation)
                return NULL;
        if (s->fallback)
                return s->fallback;
        return plan->n_updates > 0 && !same ? s->generation : NULL;
}

void update_taken(struct stack_entry *s, struct generation *fallback) {
        struct generation *old = s->fallback;

        s->fallback = fallback ? generation_ref(fallback) : NULL;
        generation_unref(old);
        s->paused = s->going_back = false;
        json_decref(s->update_failures);
        s->update_failures = NULL;
        update_forget_ends(s);
        s->failed_revision = 0;
}

/* It runs what is wanted now, and that is not what the stack would go back to. */
static bool was_on_trial(const struct stack_entry *s, const struct member *b, struct arena *arena) {
        const struct spec_container *before = spec_find(s->fallback->spec, b->state.container);
        struct spec_changes changes = { 0 };

        return before && b->state.policy.type == TYPE_SERVICE && b->generation == s->generation && b->state.revision == s->generation->revision &&
               !b->state.outdated && spec_diff_container(arena, before, b->container, &changes) >= 0 &&
               spec_changes_class(&changes) >= CHANGE_REPLACE;
}

void update_resume(struct stack_entry *s) {
        struct arena *arena = s->fallback && s->generation && !s->paused ? arena_new() : NULL;

        for (size_t n = 0; arena && n < s->n_members; n++)
                if (was_on_trial(s, s->members[n], arena)) {
                        update_begin(s->members[n]);
                        s->members[n]->trial_restarts = s->members[n]->state.restarts;
                }
        arena_free(arena);
}
