#include "stack_plan.h"
#include "member.h"
#include "update.h"

#include <string.h>

/* One entry an apply, when all of it was done, or when another one took its place. */
void stack_report_applied(struct stack_entry *s) {
        struct manager *m = s->manager;

        if (!s->applied_due)
                return;
        s->applied_due = false;
        s->applied.duration_usec = manager_now(m).mono_usec - s->applied_usec;
        manager_report(m, &s->applied);
}

void stack_drop_plan(struct stack_entry *s) {
        s->plan = plan_free(s->plan);
        free(s->done);
        free(s->begun);
        s->done = s->begun = NULL;
}

/* s NULL: a stack that is not there yet. how: revision, keep_undeclared, resume. */
static int plan_of(const struct stack_entry *s, const struct spec *from, const struct spec *to, const struct plan_input *how,
                   struct diag_list *diags, struct plan **ret) {
        size_t n_members = s ? s->n_members : 0;
        _cleanup_free_ const struct instance **instances = calloc(n_members + 1, sizeof(*instances));
        struct plan_input in = *how;

        if (!instances)
                return -ENOMEM;
        for (size_t n = 0; n < n_members; n++)
                instances[n] = &s->members[n]->state;
        in.old_spec = from;
        in.new_spec = to;
        in.instances = instances;
        in.n_instances = n_members;
        return plan_make(&in, diags, ret);
}

int stack_make_plan_back(const struct stack_entry *s, const struct generation *to, struct diag_list *diags, struct plan **ret) {
        return plan_of(s, s->generation->spec, to->spec, &(struct plan_input){ .revision = to->revision, .back = true }, diags, ret);
}

int stack_make_plan(const struct stack_entry *s, const struct spec *to, uint64_t revision, bool keep, struct diag_list *diags,
                    struct plan **ret) {
        return plan_of(s, s && s->generation ? s->generation->spec : NULL, to,
                       &(struct plan_input){ .revision = revision, .keep_undeclared = keep }, diags, ret);
}

void stack_add_members(struct stack_entry *s) {
        for (size_t n = 0; s->generation && s->plan && n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];
                const struct spec_container *c = a->container ? spec_find(s->generation->spec, a->container) : NULL;

                if (c && (a->kind == ACTION_START || a->kind == ACTION_REPLACE) && !s->begun[n] &&
                    !stack_find_member(s, a->container, a->replica))
                        (void)member_new(s, s->generation, c, a->replica); /* out of memory: its action tries again */
        }
}

int stack_prepare_plan(struct plan *plan, struct prepared_plan *ret, struct err *err) {
        *ret = (struct prepared_plan){ .plan = plan,
                                       .done = calloc(plan->n_actions + 1, sizeof(bool)),
                                       .begun = calloc(plan->n_actions + 1, sizeof(bool)) };
        if (ret->done && ret->begun)
                return 0;
        prepared_plan_done(ret);
        return err_oom(err);
}

void prepared_plan_done(struct prepared_plan *p) {
        plan_free(p->plan);
        free(p->done);
        free(p->begun);
        *p = (struct prepared_plan){ 0 };
}

/* Until its turn comes it runs what was declared before: a plan that takes this one's place has to know. */
static void mark_outdated(struct stack_entry *s) {
        for (size_t n = 0; n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];
                struct member *b = a->kind == ACTION_START || a->kind == ACTION_REPLACE
                                           ? stack_find_member(s, a->container, a->replica)
                                           : NULL;

                if (b && phase_is_up(b->state.phase))
                        b->state.outdated = true;
        }
}

static bool has_action(const struct plan *p, const struct member *b) {
        for (size_t n = 0; n < p->n_actions; n++)
                if (p->actions[n].container && p->actions[n].replica == b->state.replica && strcmp(p->actions[n].container, b->state.container) == 0)
                        return true;
        return false;
}

void stack_redeclare_untouched(struct stack_entry *s, const struct plan *plan) {
        for (size_t n = 0; n < plan->n_changes; n++) {
                const struct plan_change *change = &plan->changes[n];
                const struct spec_container *c = spec_find(s->generation->spec, change->container);

                for (struct member *b = member_index_find(&s->index, change->container); b; b = b->next_of_container) {
                        if (change->verb == PLAN_KEPT)
                                b->state.kept = true;
                        else if (c && (change->verb == PLAN_UNCHANGED || !has_action(plan, b))) {
                                member_declare(b, s->generation, c);
                                if (b->state.desire == DESIRE_STOPPED && !s->going_back)
                                        member_post(b, &(struct event){ .kind = EVENT_WANTED });
                        }
                        if (change->verb != PLAN_UNCHANGED || !member_may_stay_on_record(b))
                                member_save(b);
                }
        }
}

void stack_take_plan(struct stack_entry *s, struct prepared_plan *p) {
        stack_report_applied(s);
        stack_drop_plan(s);
        s->plan = take_ptr(p->plan);
        s->done = take_ptr(p->done);
        s->begun = take_ptr(p->begun);
        stack_add_members(s);
        mark_outdated(s);
        manager_poke(s->manager);
}

static bool action_is_done(const struct stack_entry *s, const struct plan_action *a) {
        const struct member *b = a->container ? stack_find_member(s, a->container, a->replica) : NULL;

        switch (a->kind) {
        case ACTION_STOP:
        case ACTION_REMOVE:
                return !b || (instance_is_down(&b->state) && !b->launch_due &&
                              (phase_is_settled(b->state.phase) || b->state.phase == PHASE_PENDING)); /* PENDING: another one than was stopped */
        case ACTION_START:
        case ACTION_REPLACE:
                if (!b)
                        return true;
                if (b->launch_due || b->state.again)
                        return false;
                return b->state.waiting || phase_is_up(b->state.phase) || phase_is_settled(b->state.phase) ||
                       b->state.phase == PHASE_BACKOFF || b->state.policy.scheduled;
        case ACTION_UPDATE_META:
        case ACTION_UPDATE_LIVE:
        case ACTION_FORGET_STACK:
        case _ACTION_KIND_MAX:
                break;
        }
        return true;
}

/* What is to happen to b, which is declared as c says and was not before. A run of a job with a schedule goes on to its end; a service
 * that becomes one has none. */
static enum event_kind event_of(const struct stack_entry *s, const struct plan_action *a, const struct member *b, const struct spec_container *c) {
        if (spec_is_scheduled(c))
                return b->container->type == TYPE_SERVICE && !instance_is_down(&b->state) ? EVENT_HOLD : EVENT_WANTED;
        if (a->kind == ACTION_REPLACE)
                return EVENT_REPLACE;
        return s->plan->resume && b->state.phase == PHASE_PENDING ? EVENT_RESUME : EVENT_START;
}

static void begin_action(struct stack_entry *s, const struct plan_action *a) {
        const struct spec_container *c = a->container && s->generation ? spec_find(s->generation->spec, a->container) : NULL;
        struct member *b = a->container ? stack_find_member(s, a->container, a->replica) : NULL;

        switch (a->kind) {
        case ACTION_STOP:
                if (b)
                        member_post(b, &(struct event){ .kind = EVENT_HOLD });
                break;
        case ACTION_REMOVE:
                if (b)
                        member_post(b, &(struct event){ .kind = EVENT_REMOVE });
                break;
        case ACTION_UPDATE_META:
        case ACTION_UPDATE_LIVE:
                if (!b || !c)
                        break;
                member_declare(b, s->generation, c);
                if (a->kind == ACTION_UPDATE_LIVE)
                        member_update(b, a->change);
                member_save(b);
                if (b->state.desire == DESIRE_STOPPED) /* it has done what it was to */
                        member_post(b, &(struct event){ .kind = EVENT_WANTED });
                if (b->state.phase == PHASE_BACKOFF) /* what is tried next follows the new policy, and now */
                        member_post(b, &(struct event){ .kind = EVENT_START });
                break;
        case ACTION_REPLACE:
        case ACTION_START:
                if (!c)
                        break;
                if (!b)
                        b = member_new(s, s->generation, c, a->replica);
                if (!b)
                        break; /* out of memory: the next reconcile tries again */
                enum event_kind kind = event_of(s, a, b, c);
                member_declare(b, s->generation, c);
                b->state.outdated = b->forget_due = false;
                if (a->update)
                        update_begin(b);
                member_post(b, &(struct event){ .kind = kind });
                break;
        case ACTION_FORGET_STACK: /* stack_try_forget(), when the last member is gone */
        case _ACTION_KIND_MAX:
                break;
        }
}

/* The plan's action that is to start b and has not begun; n_actions: none. */
static size_t start_to_come(const struct stack_entry *s, const struct member *b) {
        size_t n = 0;

        for (; n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];

                if ((a->kind == ACTION_START || a->kind == ACTION_REPLACE) && !s->begun[n] && a->replica == b->state.replica &&
                    strcmp(a->container, b->state.container) == 0)
                        break;
        }
        return n;
}

void stack_redeclare(struct member *b) {
        struct stack_entry *s = b->stack;

        if (!s->plan || b->state.desire != DESIRE_GONE)
                return;
        size_t n = start_to_come(s, b);
        if (n == s->plan->n_actions)
                return;
        s->begun[n] = true;
        begin_action(s, &s->plan->actions[n]);
}

void stack_overrule(struct member *b) {
        struct stack_entry *s = b->stack;

        for (size_t n = 0; s->plan && n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];
                const struct spec_container *c = a->container && s->generation ? spec_find(s->generation->spec, a->container) : NULL;

                if (a->kind == ACTION_REMOVE || !a->container || a->replica != b->state.replica || strcmp(a->container, b->state.container) != 0)
                        continue;
                if (c && (a->kind == ACTION_START || a->kind == ACTION_REPLACE) && !s->begun[n])
                        member_declare(b, s->generation, c);
                s->begun[n] = s->done[n] = true;
        }
}

bool stack_run_plan(struct stack_entry *s) {
        bool moved = false, all = true;

        if (!s->plan)
                return false;
        for (size_t n = 0; n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];
                bool ready = true;

                if (s->done[n])
                        continue;
                for (size_t d = 0; d < a->n_after && ready; d++)
                        ready = s->done[a->after[d]];
                if (ready && !s->begun[n] && update_may_begin(s, a)) {
                        s->begun[n] = moved = true;
                        begin_action(s, a);
                }
                if (s->begun[n] && action_is_done(s, a))
                        s->done[n] = moved = true;
                all = all && s->done[n];
        }
        if (all) {
                stack_report_applied(s);
                stack_drop_plan(s);
        }
        return moved;
}

bool stack_will_start(const struct member *b) {
        return b->stack->plan && start_to_come(b->stack, b) < b->stack->plan->n_actions;
}

bool stack_will_start_one(const struct stack_entry *s, const char *container) {
        for (size_t n = 0; s->plan && n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];

                if ((a->kind == ACTION_START || a->kind == ACTION_REPLACE) && !s->begun[n] && strcmp(a->container, container) == 0)
                        return true;
        }
        return false;
}

bool stack_will_restart(const struct member *b) {
        const struct stack_entry *s = b->stack;

        if (!stack_will_start(b))
                return false;
        for (size_t n = 0; n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];

                if (a->kind == ACTION_STOP && !s->done[n] && a->replica == b->state.replica && strcmp(a->container, b->state.container) == 0)
                        return true;
        }
        return b->state.desire == DESIRE_HELD;
}

bool stack_keeps_stopped(const struct member *b) {
        return b->state.desire == DESIRE_STOPPED && !stack_will_start(b);
}

int stack_plan_rest(struct stack_entry *s, struct err *err) {
        const struct generation *g = s->generation ? s->generation : s->last;
        struct diag_list diags;
        struct prepared_plan prepared;
        struct plan *plan = NULL;

        if (!g)
                return 0;
        if (diag_list_init(&diags, s->name) < 0)
                return err_oom(err);
        int r = plan_of(s, g->spec, s->generation ? g->spec : NULL,
                        &(struct plan_input){ .revision = g->revision, .resume = s->generation != NULL, .paused = s->paused }, &diags, &plan);
        diag_list_done(&diags);
        if (r < 0)
                return err_set(err, -r, "no plan to go on with stack %s can be made", s->name);
        if (plan->n_actions == 0) {
                plan_free(plan);
                return 0;
        }
        r = stack_prepare_plan(plan, &prepared, err);
        if (r >= 0)
                stack_take_plan(s, &prepared);
        return r;
}
