#include "apply.h"
#include "member.h"
#include "present.h"
#include "stack_plan.h"
#include "stack_record.h"
#include "stacks.h"
#include "unreadable.h"
#include "update.h"

#include <ctrsup/act/filter.h>
#include <ctrsup/act/limits.h>
#include <ctrsup/store/revisions.h>

#include <string.h>

/* A profile that no filter can be made of would be found out only when what ran before is down. */
static void check_profile(struct manager *m, const struct spec *spec, const struct spec_container *c, struct diag_list *diags) {
        struct err err = { 0 };
        char path[128];
        int fd;

        if (c->seccomp.mode != SECCOMP_FILE || act_filter(&m->host.filters, c, &fd, &err) >= 0 || err.code == ENOMEM)
                return;
        (void)snprintf(path, sizeof(path), "containers.%s.seccomp", c->name);
        struct diag *d = diag_add(diags, DIAG_BAD_FORMAT, spec_mark(spec, path), path, "%s", err.text);
        if (d && err.hint[0])
                diag_hint(diags, d, "%s", err.hint);
}

/* What only this host knows to be wrong: limits it cannot keep, policy. */
static int check_on_host(struct manager *m, const struct spec *spec, const struct stack_entry *s, size_t n_others, struct diag_list *diags) {
        if (strcmp(spec->name, "keeper") == 0 || strcmp(spec->name, "logger") == 0)
                (void)diag_add(diags, DIAG_BAD_NAME, spec_mark(spec, "name"), "name",
                               "\"%s\" is a cgroup of ctrsup's own; choose another name", spec->name);
        for (size_t n = 0; n < spec->n_containers; n++) {
                limits_check(m->host.cgroups, spec, &spec->containers[n], diags);
                check_profile(m, spec, &spec->containers[n], diags);
        }
        int r = settings_check_policy(m->settings, spec, manager_count(m) - (s ? s->n_members : 0) + n_others, diags);
        if (r < 0)
                return r;
        return diag_errors(diags) > 0 ? -EBADMSG : 0;
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

/* What is declared already is not read again: the same document, down to the place of each key. */
static int generation_of(struct manager *m, const json_t *document, struct diag_list *diags, struct generation **ret) {
        const char *name = json_string_value(json_object_get(json_object_get(document, "stack"), "name"));
        const struct stack_entry *s = name ? manager_find_stack(m, name) : NULL;

        if (!s || !s->generation || !json_equal(s->generation->document, document))
                return generation_new(document, 0, diags, ret);
        diags->file = s->generation->spec->file;
        *ret = generation_ref(s->generation);
        return 0;
}

static bool declares_the_same(const struct generation *old, const struct generation *new) {
        return old == new || (old && json_equal(json_object_get(old->document, "stack"), json_object_get(new->document, "stack")));
}

/* It is what was taken back when its update failed. */
static bool failed_before(const struct stack_entry *s, const struct generation *g) {
        struct manager *m = s->manager;
        _cleanup_revision_ struct revision r = REVISION_NULL;

        if (m->options->mode != MODE_SERVICE || !s->generation || s->newest_revision <= s->generation->revision ||
            revisions_peek(m->host.state_fd, s->name, s->newest_revision, &r, NULL) < 0)
                return false;
        return json_equal(json_object_get(r.document, "stack"), json_object_get(g->document, "stack"));
}

static void say_left_alone(const struct stack_entry *s) {
        char words[128];
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .stack = s->name, .message = words,
                                  .hint = "correct the file, or apply it by hand to try again" };

        (void)snprintf(words, sizeof(words), "its file declares revision %ju, which failed: revision %ju stays",
                       (uintmax_t)s->newest_revision, (uintmax_t)s->generation->revision);
        manager_report(s->manager, &e);
}

int stack_apply(struct manager *m, const struct apply *a, struct diag_list *diags, struct plan **ret_plan, struct err *err) {
        _cleanup_generation_ struct generation *g = NULL;
        _cleanup_plan_ struct plan *plan = NULL;
        _cleanup_prepared_ struct prepared_plan prepared = { 0 };

        int r = generation_of(m, a->document, diags, &g);
        if (r < 0)
                return r == -ENOMEM ? err_oom(err) : r;
        struct stack_entry *s = manager_find_stack(m, g->spec->name);
        if (s && s->unreadable[0])
                return unreadable_refuse(s, err);
        if (s && !s->generation)
                return err_set(err, EBUSY, s->traces_stay ? "stack %s was removed, and what it left cannot be deleted yet" : "stack %s is being removed",
                               s->name);
        bool same = s && declares_the_same(s->generation, g), fresh = !s;
        if (a->only_changed && (same || (s && failed_before(s, g)))) {
                if (!same && !a->dry_run)
                        say_left_alone(s);
                *ret_plan = NULL;
                return 0;
        }
        r = check_on_host(m, g->spec, s, a->n_others, diags);
        if (r < 0)
                return r;
        g->revision = same ? s->generation->revision : s ? s->newest_revision + 1 : 1;
        r = stack_make_plan(s, g->spec, g->revision, a->keep_undeclared, diags, &plan);
        if (r < 0)
                return r == -ENOMEM ? err_oom(err) : r;
        if (s)
                present_check(s, g->spec, plan, diags);
        if (diag_errors(diags) > 0)
                return -EBADMSG;
        if (a->dry_run) {
                *ret_plan = take_ptr(plan);
                return 0;
        }
        r = stack_prepare_plan(plan_share(plan), &prepared, err);
        if (r < 0)
                return r;
        if (fresh && !(s = stack_new(m, g->spec->name)))
                return err_oom(err);
        /* From here on nothing can fail but the disk. */
        struct generation *fallback = update_fallback(s, prepared.plan, same);
        r = same ? 0 : stack_record(m, g, fallback, a->uid, err);
        if (r < 0) {
                if (fresh)
                        stack_free(s);
                return r;
        }
        update_taken(s, fallback);
        if (!same) {
                struct generation *old = s->generation;

                s->generation = generation_ref(g);
                s->newest_revision = g->revision;
                generation_unref(old);
        }
        stack_redeclare_untouched(s, prepared.plan);
        stack_take_plan(s, &prepared);
        if (same)
                stack_save_current(s); /* nobody is stopped any more */
        else
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
