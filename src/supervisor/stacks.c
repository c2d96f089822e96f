#include "stacks.h"
#include "member.h"
#include "unreadable.h"

#include <ctrsup/act/limits.h>
#include <ctrsup/store/removals.h>
#include <ctrsup/store/revisions.h>
#include <ctrsup/store/uppers.h>
#include <ctrsup/store/volumes.h>

#include <string.h>

struct stack_entry *stack_new(struct manager *m, const char *name) {
        struct stack_entry **grown = reallocarray(m->stacks, m->n_stacks + 1, sizeof(*grown));
        if (!grown)
                return NULL;
        m->stacks = grown;

        struct stack_entry *s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        s->manager = m;
        (void)snprintf(s->name, sizeof(s->name), "%s", name);
        m->stacks[m->n_stacks++] = s;
        return s;
}

/* One entry an apply, when all of it was done, or when another one took its place. */
static void report_applied(struct stack_entry *s) {
        struct manager *m = s->manager;

        if (!s->applied_due)
                return;
        s->applied_due = false;
        s->applied.duration_usec = manager_now(m).mono_usec - s->applied_usec;
        manager_report(m, &s->applied);
}

static void drop_plan(struct stack_entry *s) {
        s->plan = plan_free(s->plan);
        free(s->done);
        free(s->begun);
        s->done = s->begun = NULL;
}

void stack_free(struct stack_entry *s) {
        struct manager *m = s->manager;

        for (size_t n = 0; n < m->n_stacks; n++)
                if (m->stacks[n] == s) {
                        memmove(m->stacks + n, m->stacks + n + 1, (m->n_stacks - n - 1) * sizeof(s));
                        m->n_stacks--;
                        break;
                }
        while (s->n_members > 0)
                member_free(s->members[0]);
        free(s->members);
        drop_plan(s);
        generation_unref(s->generation);
        generation_unref(s->last);
        free(s);
}

/* --- plans --- */

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

static int make_plan(const struct stack_entry *s, const struct spec *to, uint64_t revision, bool keep, struct diag_list *diags,
                     struct plan **ret) {
        return plan_of(s, s && s->generation ? s->generation->spec : NULL, to,
                       &(struct plan_input){ .revision = revision, .keep_undeclared = keep }, diags, ret);
}

/* What is to come is there from now on, pending: a stop that is said before its turn has come must find it. */
static void add_members(struct stack_entry *s) {
        for (size_t n = 0; s->generation && n < s->plan->n_actions; n++) {
                const struct plan_action *a = &s->plan->actions[n];
                const struct spec_container *c = a->container ? spec_find(s->generation->spec, a->container) : NULL;

                if (c && (a->kind == ACTION_START || a->kind == ACTION_REPLACE) &&
                    !stack_find_member(s, a->container, a->replica))
                        (void)member_new(s, s->generation, c, a->replica); /* out of memory: its action tries again */
        }
}

static int take_plan(struct stack_entry *s, struct plan *plan, struct err *err) {
        bool *done = calloc(plan->n_actions + 1, sizeof(bool)), *begun = calloc(plan->n_actions + 1, sizeof(bool));

        if (!done || !begun) {
                free(done);
                free(begun);
                plan_free(plan);
                return err_oom(err);
        }
        report_applied(s);
        drop_plan(s);
        s->plan = plan;
        s->done = done;
        s->begun = begun;
        add_members(s);
        manager_poke(s->manager);
        return 0;
}

static bool action_is_done(const struct stack_entry *s, const struct plan_action *a) {
        const struct member *b = a->container ? stack_find_member(s, a->container, a->replica) : NULL;

        switch (a->kind) {
        case ACTION_STOP:
        case ACTION_REMOVE:
                return !b || (instance_is_down(&b->state) && !b->launch_due && phase_is_settled(b->state.phase));
        case ACTION_START:
        case ACTION_REPLACE:
                if (!b)
                        return true;
                if (b->launch_due || b->state.again)
                        return false;
                return phase_is_up(b->state.phase) || phase_is_settled(b->state.phase) || b->state.phase == PHASE_BACKOFF;
        case ACTION_UPDATE_META:
        case ACTION_UPDATE_LIVE:
        case ACTION_FORGET_STACK:
        case _ACTION_KIND_MAX:
                break;
        }
        return true;
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
                member_declare(b, s->generation, c);
                b->state.outdated = false;
                member_post(b, &(struct event){ .kind = a->kind == ACTION_REPLACE                            ? EVENT_REPLACE
                                                        : s->plan->resume && b->state.phase == PHASE_PENDING ? EVENT_RESUME
                                                                                                             : EVENT_START });
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

/* Stopped by the operator, and no apply has said otherwise since. */
static bool stays_stopped(const struct stack_entry *s, const struct member *b) {
        return b->state.desire == DESIRE_STOPPED && (!s->plan || start_to_come(s, b) == s->plan->n_actions);
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
                if (ready && !s->begun[n]) {
                        s->begun[n] = moved = true;
                        begin_action(s, a);
                }
                if (s->begun[n] && action_is_done(s, a))
                        s->done[n] = moved = true;
                all = all && s->done[n];
        }
        if (all) {
                report_applied(s);
                drop_plan(s);
        }
        return moved;
}

/* --- the record of what is wanted --- */

/* `current` as it is to be. anew: also when it says so already, which it may do without being on disk. */
static int write_current(struct stack_entry *s, bool anew, struct err *err) {
        int state_fd = s->manager->host.state_fd;
        _cleanup_free_ char(*names)[TARGET_SIZE] = calloc(s->n_members + 1, sizeof(*names));
        _cleanup_free_ const char **list = calloc(s->n_members + 1, sizeof(*list));
        size_t count = 0;

        if (!names || !list)
                return err_oom(err);
        for (size_t n = 0; n < s->n_members; n++)
                if (stays_stopped(s, s->members[n])) {
                        (void)snprintf(names[count], sizeof(names[count]), "%s.%u", s->members[n]->state.container,
                                       s->members[n]->state.replica);
                        list[count] = names[count];
                        count++;
                }
        struct revision_current current = { .number = s->generation->revision, .stopped = list, .n_stopped = count };
        if (!anew && revisions_is_current(state_fd, s->name, &current))
                return 0;
        return revisions_set_current(state_fd, s->name, &current, err);
}

/* The disk is to say what memory says. */
static int pay_record(struct manager *m, const char *name, struct err *err) {
        struct stack_entry *s = manager_find_stack(m, name);

        return s && s->generation ? write_current(s, true, err) : revisions_forget(m->host.state_fd, name, err);
}

/* A change was refused, perhaps when it was to be seen already. */
static void refused(struct manager *m, const char *name, int code) {
        if (manager_find_stack(m, name))
                degraded_owe(m, PLACE_STATE, pay_record, name, code);
        else if (revisions_forget(m->host.state_fd, name, NULL) < 0) /* takes no room */
                degraded_owe(m, PLACE_STATE, pay_record, name, code);
        else
                degraded_refused(m, PLACE_STATE, code);
}

void stack_save_stopped(struct stack_entry *s) {
        struct manager *m = s->manager;

        if (m->options->mode != MODE_SERVICE || !s->generation)
                return;
        int r = write_current(s, degraded_owes(m, pay_record, s->name), NULL);
        if (r < 0)
                degraded_owe(m, PLACE_STATE, pay_record, s->name, -r);
        else
                degraded_paid(m, pay_record, s->name);
}

/* --- apply --- */

/* What only this host knows to be wrong: limits it cannot keep, policy. */
static int check_on_host(struct manager *m, const struct spec *spec, const struct stack_entry *s, struct diag_list *diags) {
        if (strcmp(spec->name, "keeper") == 0 || strcmp(spec->name, "logger") == 0)
                (void)diag_add(diags, DIAG_BAD_NAME, spec_mark(spec, "name"), "name",
                               "\"%s\" is a cgroup of ctrsup's own; choose another name", spec->name);
        for (size_t n = 0; n < spec->n_containers; n++)
                limits_check(m->host.cgroups, spec, &spec->containers[n], diags);
        int r = settings_check_policy(m->settings, spec, manager_count(m) - (s ? s->n_members : 0), diags);
        if (r < 0)
                return r;
        return diag_errors(diags) > 0 ? -EBADMSG : 0;
}

static int record(struct manager *m, const struct apply *a, const struct generation *g, struct err *err) {
        if (m->options->mode != MODE_SERVICE)
                return 0; /* a foreground stack does not come back after a reboot */
        struct revision r = {
                .number = g->revision,
                .applied_real_usec = manager_now(m).real_usec,
                .uid = a->uid,
                .document = g->document,
        };
        int e = revisions_add(m->host.state_fd, g->spec->name, &r, m->settings->reconcile.history, err);
        if (e < 0) {
                refused(m, g->spec->name, -e);
                return err_wrap(err, "record the stack; nothing was changed");
        }
        degraded_paid(m, pay_record, g->spec->name);
        return 0;
}

static void note_applied(struct stack_entry *s, const struct apply *a, const struct plan *plan) {
        s->applied = (struct report_event){
                .kind = REPORT_STACK_APPLIED,
                .stack = s->name,
                .revision = s->generation->revision,
                .added = plan->n_added,
                .changed = plan->n_changed,
                .removed = plan->n_removed,
                .has_actor = true,
                .actor_uid = a->uid,
                .actor_pid = a->pid,
        };
        s->applied_due = true;
        s->applied_usec = manager_now(s->manager).mono_usec;
}

/* Whom the plan does not touch runs what the new file says, word for word; or is not in it, and is left alone. */
static void redeclare_untouched(struct stack_entry *s, const struct plan *plan) {
        for (size_t n = 0; n < plan->n_changes; n++) {
                const struct plan_change *change = &plan->changes[n];
                const struct spec_container *c = spec_find(s->generation->spec, change->container);

                for (size_t k = 0; k < s->n_members; k++) {
                        struct member *b = s->members[k];

                        if (strcmp(b->state.container, change->container) != 0)
                                continue;
                        if (change->verb == PLAN_UNCHANGED && c)
                                member_declare(b, s->generation, c);
                        else if (change->verb == PLAN_KEPT)
                                b->state.kept = true;
                        member_save(b);
                }
        }
}

static bool declares_the_same(const struct generation *old, const struct generation *new) {
        return old && json_equal(json_object_get(old->document, "stack"), json_object_get(new->document, "stack"));
}

int stack_apply(struct manager *m, const struct apply *a, struct diag_list *diags, struct plan **ret_plan, struct err *err) {
        _cleanup_generation_ struct generation *g = NULL;
        _cleanup_plan_ struct plan *plan = NULL, *own = NULL;

        int r = generation_new(a->document, 0, diags, &g);
        if (r < 0)
                return r == -ENOMEM ? err_oom(err) : r;
        struct stack_entry *s = manager_find_stack(m, g->spec->name);
        if (s && s->unreadable[0])
                return unreadable_refuse(s, err);
        if (s && !s->generation)
                return err_set(err, EBUSY, s->traces_stay ? "stack %s was removed, and what it left cannot be deleted yet" : "stack %s is being removed",
                               s->name);
        r = check_on_host(m, g->spec, s, diags);
        if (r < 0)
                return r;
        bool same = s && declares_the_same(s->generation, g);
        if (same && a->only_changed) {
                *ret_plan = NULL;
                return 0;
        }
        g->revision = same ? s->generation->revision : s ? s->generation->revision + 1 : 1;
        r = make_plan(s, g->spec, g->revision, a->keep_undeclared, diags, &plan);
        if (r < 0)
                return r == -ENOMEM ? err_oom(err) : r;
        if (a->dry_run) {
                *ret_plan = take_ptr(plan);
                return 0;
        }
        r = make_plan(s, g->spec, g->revision, a->keep_undeclared, diags, &own);
        if (r < 0)
                return err_oom(err);
        if (!same) {
                r = record(m, a, g, err);
                if (r < 0)
                        return r;
        }
        if (!s && !(s = stack_new(m, g->spec->name)))
                return err_oom(err);
        if (!same) {
                struct generation *old = s->generation;

                s->generation = generation_ref(g);
                generation_unref(old);
        }
        redeclare_untouched(s, own);
        r = take_plan(s, take_ptr(own), err);
        if (r < 0)
                return r;
        if (!same)
                note_applied(s, a, plan);
        *ret_plan = take_ptr(plan);
        return 0;
}

void stack_report_refused(struct manager *m, const struct apply *a, const struct diag_list *diags, const struct err *err) {
        const char *name = json_string_value(json_object_get(json_object_get(a->document, "stack"), "name"));
        const struct diag *d = NULL;
        char words[ERR_TEXT_MAX];
        struct report_event e = { .kind = REPORT_STACK_APPLY_FAILED,
                                  .stack = name,
                                  .has_actor = true,
                                  .actor_uid = a->uid,
                                  .actor_pid = a->pid,
                                  .message = err->text };

        for (size_t n = 0; n < diags->n && !d; n++)
                if (diags->items[n].severity == DIAG_ERROR)
                        d = &diags->items[n];
        if (d) {
                (void)snprintf(words, sizeof(words), "%s:%u:%u: %s%s%s", diags->file, d->mark.line, d->mark.column, d->path,
                               d->path[0] ? ": " : "", d->message);
                e.kind = d->id == DIAG_POLICY_REFUSED ? REPORT_POLICY_REFUSED : REPORT_STACK_APPLY_FAILED;
                e.message = words;
                e.hint = d->hint;
                e.file = diags->file;
                e.line = d->mark.line;
                e.keys = e.kind == REPORT_POLICY_REFUSED ? d->path : NULL;
        } else
                e.error = err->code;
        if (!e.message[0])
                e.message = "the document is no stack";
        manager_report(m, &e);
}

int stack_plan_rest(struct stack_entry *s, struct err *err) {
        const struct generation *g = s->generation ? s->generation : s->last;
        struct diag_list diags;
        struct plan *plan = NULL;

        if (!g)
                return 0;
        if (diag_list_init(&diags, s->name) < 0)
                return err_oom(err);
        int r = plan_of(s, g->spec, s->generation ? g->spec : NULL,
                        &(struct plan_input){ .revision = g->revision, .resume = s->generation != NULL }, &diags, &plan);
        diag_list_done(&diags);
        if (r < 0)
                return err_set(err, -r, "no plan to go on with stack %s can be made", s->name);
        if (plan->n_actions == 0) {
                plan_free(plan);
                return 0;
        }
        return take_plan(s, plan, err);
}

static bool is_in_use(void *userdata, const struct upper_name *u) {
        const struct member *b = stack_find_member(userdata, u->container, u->replica);

        return b && b->host.ephemeral && b->host.leaf == u->generation;
}

void stack_sweep(struct stack_entry *s) {
        if (s->manager->options->mode == MODE_SERVICE &&
            (s->generation || s->last)) /* of one that cannot be read nothing is known */
                (void)uppers_sweep(s->manager->host.state_fd, s->name, is_in_use, s, NULL); /* tried again with every reconcile */
        s->traces_stay = false;
}

/* --- removal --- */

int stack_remove(struct manager *m, struct stack_entry *s, bool volumes, struct err *err) {
        struct diag_list diags;
        struct plan *plan = NULL;

        if (s->unreadable[0])
                return unreadable_remove(m, s, volumes, err);
        s->remove_volumes = s->remove_volumes || volumes;
        if (!s->generation) { /* under way */
                s->traces_stay = false;
                manager_poke(m);
                return 0;
        }
        int r = diag_list_init(&diags, s->name);
        if (r < 0)
                return err_oom(err);
        r = make_plan(s, NULL, s->generation->revision, false, &diags, &plan);
        diag_list_done(&diags);
        if (r < 0)
                return err_set(err, -r, "no plan to remove stack %s can be made", s->name);
        /* First the intent, durably: a power cut must not bring it back. */
        if (m->options->mode == MODE_SERVICE && !m->ending) {
                r = removals_begin(m->host.state_fd, s->name, s->remove_volumes, err);
                if (r < 0 && r != -ENOENT) {
                        plan_free(plan);
                        refused(m, s->name, -r);
                        return err_wrap(err, "forget the stack; nothing was changed");
                }
        }
        r = take_plan(s, plan, err);
        if (r < 0)
                return r;
        s->last = take_ptr(s->generation);
        return 0;
}

static bool keeps_layers(const struct spec *spec) {
        for (size_t n = 0; n < spec->n_containers; n++)
                if (spec->containers[n].rootfs.mode == ROOTFS_PERSISTENT)
                        return true;
        return false;
}

static int remove_volumes(struct stack_entry *s, struct err *err) {
        int result = 0;

        for (size_t n = 0; s->remove_volumes && n < s->last->spec->n_volumes; n++) {
                const struct spec_named_volume *v = &s->last->spec->volumes[n];
                int r = v->external ? 0 : volumes_remove(s->manager->host.state_fd, v->name, err);

                if (r < 0 && r != -ENOENT)
                        result = r;
        }
        return result;
}

/* Each step may have been done before. The record of the removal goes last: until then the next supervisor knows of it, too. */
static int remove_traces(struct stack_entry *s, struct err *err) {
        struct manager *m = s->manager;

        int r = remove_volumes(s, err);
        if (!m->ending) {
                int e = uppers_remove_stack(m->host.state_fd, s->name, err);
                r = e < 0 ? e : r;
        }
        /* Ids go after the data that bears them: volumes have the container's own ids on disk, kept writable layers the host's. */
        if (r >= 0 && !m->host.borrow_ids && (!m->ending || !keeps_layers(s->last->spec)))
                r = uids_release(m->host.uids_fd, s->name, NULL, err);
        if (r >= 0 && m->options->mode == MODE_SERVICE && !m->ending)
                r = removals_end(m->host.state_fd, s->name, err);
        return r;
}

/* What runs is gone. What stays behind is said once, and tried again with every reconcile. */
static int forget_traces(struct stack_entry *s) {
        struct manager *m = s->manager;
        struct err err = { 0 };

        int r = remove_traces(s, &err);
        if (r < 0 && s->traces_told)
                return r;
        struct report_event event = { .kind = r < 0 ? REPORT_NOTICE : REPORT_STACK_REMOVED, .stack = s->name, .priority = 4 };

        event.has_actor = s->has_remover;
        event.actor_uid = s->remover_uid;
        event.actor_pid = s->remover_pid;
        if (r < 0) {
                event.message = err.text;
                event.hint = err.hint[0] ? err.hint : NULL;
                s->traces_told = true;
                degraded_refused(m, PLACE_STATE, -r);
        }
        manager_report(m, &event);
        return r;
}

bool stack_try_forget(struct stack_entry *s) {
        if (s->leaving && unreadable_is_gone(s)) {
                stack_free(s);
                return true;
        }
        if (s->generation || !s->last || s->n_members > 0 || (s->traces_stay && !s->manager->ending))
                return false;
        int r = forget_traces(s);
        if (r < 0 && s->manager->options->mode == MODE_SERVICE && !s->manager->ending) {
                s->traces_stay = true;
                return false;
        }
        stack_free(s);
        return true;
}
