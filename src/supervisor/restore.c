#include "restore.h"
#include "last_end.h"
#include "jobs.h"
#include "member.h"
#include "schedule.h"
#include "stack_plan.h"
#include "stacks.h"
#include "unreadable.h"
#include "update.h"
#include "update_tell.h"

#include <ctrsup/base/arena.h>
#include <ctrsup/spec/diff.h>
#include <ctrsup/store/removals.h>
#include <ctrsup/store/revisions.h>
#include <ctrsup/store/runs.h>

#include <string.h>

/* One stack while it comes back. */
struct restoring {
        struct stack_entry *s;
        struct generation *now;  /* what is wanted, or was until its removal; borrowed */
        struct generation *then; /* of an older revision that some member still runs; ours */
        int revisions_fd;        /* where its revisions are */
        char **stopped;          /* the operator's marks */
        size_t n_stopped;
};

static void notice(struct manager *m, const char *stack, const char *container, const struct err *err) {
        struct report_event e = { .kind = REPORT_NOTICE,
                                  .priority = 3,
                                  .stack = stack,
                                  .container = container,
                                  .error = err->code,
                                  .message = err->text,
                                  .hint = err->hint[0] ? err->hint : NULL };

        manager_report(m, &e);
}

static int load_generation(int fd, const char *name, uint64_t number, struct generation **ret, struct err *err) {
        _cleanup_revision_ struct revision record = REVISION_NULL;
        struct diag_list diags;

        int r = revisions_read(fd, name, number, &record, err);
        if (r < 0)
                return r;
        if (diag_list_init(&diags, name) < 0)
                return err_oom(err);
        r = generation_recall(record.document, record.number, &diags, ret);
        if (r < 0)
                r = err_set(err, -r, "stack %s, revision %ju: %s", name, (uintmax_t)record.number,
                            diags.n ? diags.items[0].message : "cannot be read");
        diag_list_done(&diags);
        if (r < 0 || strcmp((*ret)->spec->name, name) == 0)
                return r;
        r = err_set(err, EBADMSG, "stack %s: its folder holds stack %s, revision %ju", name, (*ret)->spec->name,
                    (uintmax_t)record.number);
        (void)err_hint(err, "give the folder its name again, or ctrsup remove %s", name);
        *ret = generation_unref(*ret);
        return r;
}

/* The declaration of an older revision. -ENOENT: it is not kept any more, or had no such container. */
static int declared_then(struct restoring *o, uint64_t revision, const char *container, const struct spec_container **ret,
                         struct err *err) {
        if (!o->then || o->then->revision != revision) {
                o->then = generation_unref(o->then);
                int r = load_generation(o->revisions_fd, o->s->name, revision, &o->then, err);
                if (r < 0)
                        return r;
        }
        *ret = spec_find(o->then->spec, container);
        return *ret ? 0 : err_set(err, ENOENT, "revision %ju has no container %s", (uintmax_t)revision, container);
}

static bool is_marked_stopped(const struct restoring *o, const char *container, uint32_t replica) {
        char instance[TARGET_SIZE];

        (void)snprintf(instance, sizeof(instance), "%s.%u", container, replica);
        for (size_t n = 0; n < o->n_stopped; n++)
                if (strcmp(o->stopped[n], instance) == 0)
                        return true;
        return false;
}

/* Down for good, and an apply would have started it. */
static bool is_to_try_again(const struct member *b) {
        const struct policy *p = &b->state.policy;

        return b->state.phase == PHASE_FAILED ||
               (b->state.phase == PHASE_COMPLETED && p->type == TYPE_SERVICE && p->restart == RESTART_ALWAYS);
}

/* Of us, not of the record: started again in a moment we may well read it. Nothing was touched. */
static bool is_passing(int r) {
        return r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -EINTR || r == -EAGAIN;
}

/* It was started from an older revision, before an apply that was interrupted or that left it as it was: does it run what is wanted now?
 * What cannot be compared does not, for all that is known. */
static int compare(struct restoring *o, struct member *b, uint64_t revision, struct err *err) {
        const struct spec_container *then = NULL;
        struct spec_changes changes = { 0 };

        int r = declared_then(o, revision, b->state.container, &then, err);
        if (is_passing(r))
                return r;
        struct arena *arena = arena_new();
        if (!arena)
                return err_oom(err);
        if (then && (r = spec_diff_container(arena, then, b->container, &changes)) < 0)
                r = err_oom(err);
        else if (is_to_try_again(b) || !then || spec_changes_class(&changes) >= CHANGE_REPLACE)
                b->state.outdated = true;
        else {
                b->state.revision = b->generation->revision;
                b->update_due = changes.n > 0 && spec_changes_class(&changes) == CHANGE_LIVE;
        }
        (void)arena_free(arena);
        return is_passing(r) ? r : 0;
}

/* Of another boot. */
static void recall_success(struct member *b) {
        struct instance was = b->state;

        was.phase = PHASE_COMPLETED;
        was.last_exit = (struct exit_info){ .reason = EXIT_EXITED };
        member_post(b, &(struct event){ .kind = EVENT_RECALLED, .was = &was });
}

/* What the last supervisor of this boot wrote of it. The disk has the operator's marks of each revision; of the same revision the record is
 * the newer one. */
static int recall(struct restoring *o, struct member *b, struct err *ret_err) {
        struct manager *m = o->s->manager;
        bool marked = is_marked_stopped(o, b->state.container, b->state.replica);
        struct run run;
        struct err err = { 0 };

        int r = runs_read(m->runtime_fd, o->s->name, b->state.container, b->state.replica, &run, &err);
        int known = is_passing(r) ? 0 : schedule_recall(b, r < 0 ? NULL : &run, ret_err);
        if (known < 0)
                return known;
        if (r < 0) {
                if (is_passing(r)) {
                        *ret_err = err;
                        return r;
                }
                if (r != -ENOENT)
                        notice(m, NULL, NULL, &err);
                if (jobs_has_succeeded(b))
                        recall_success(b);
                if (marked)
                        member_post(b, &(struct event){ .kind = EVENT_STOP, .grace_usec = USEC_INFINITY });
                return 0;
        }
        bool same = run.instance.revision == b->generation->revision;
        if (b->undeclared)
                same = true;
        if (!same)
                run.instance.desire = marked ? DESIRE_STOPPED : DESIRE_RUN;
        else if (run.instance.desire == DESIRE_GONE && !b->undeclared && o->s->generation)
                run.instance.desire = DESIRE_RUN; /* declared again since */
        b->run = malloc(sizeof(run));
        if (!b->run)
                return err_oom(ret_err);
        *b->run = run;
        b->saved_revision = run.instance.revision;
        last_end_recall(b, &run.last_end);
        member_post(b, &(struct event){ .kind = EVENT_RECALLED, .was = &b->run->instance });
        b->host.grouped = true; /* its limits and empty leaves may be all that is left, and go with it */
        b->host.root_uid = run.root_uid;
        b->host.root_gid = run.root_gid;
        return same ? 0 : compare(o, b, run.instance.revision, ret_err);
}

/* What an apply took out of the file, and was still there: it was to go, or to be kept. */
static int bring_back_undeclared(struct restoring *o, struct err *ret_err) {
        struct manager *m = o->s->manager;
        _cleanup_free_ struct run_name *names = NULL;
        size_t n = 0;
        struct err err = { 0 };

        int r = runs_list(m->runtime_fd, o->s->name, &names, &n, &err);
        if (is_passing(r)) {
                *ret_err = err;
                return r;
        }
        if (r < 0) {
                notice(m, o->s->name, NULL, &err);
                return 0;
        }
        for (size_t k = 0; k < n; k++) {
                struct run run;

                if (stack_find_member(o->s, names[k].container, names[k].replica))
                        continue;
                r = runs_read(m->runtime_fd, o->s->name, names[k].container, names[k].replica, &run, &err);
                if (is_passing(r)) {
                        *ret_err = err;
                        return r;
                }
                if (r < 0)
                        continue;
                const struct spec_container *c = NULL;
                r = declared_then(o, run.instance.revision, names[k].container, &c, &err);
                if (is_passing(r)) {
                        *ret_err = err;
                        return r;
                }
                if (r < 0 && run.instance.kept) {
                        (void)err_wrap(&err, "what --prune=no kept is left alone, its declaration cannot be read");
                        (void)err_hint(&err, "ctrsup remove %s ends it", o->s->name);
                        notice(m, o->s->name, names[k].container, &err);
                        o->s->keeps_unknown = true;
                        continue;
                }
                if (r < 0) { /* adoption ends what runs of it, as of a stranger */
                        (void)runs_remove(m->runtime_fd, o->s->name, names[k].container, names[k].replica, NULL);
                        continue;
                }
                struct member *b = member_new(o->s, o->then, c, names[k].replica);
                if (!b)
                        return err_oom(ret_err);
                b->undeclared = true;
                r = recall(o, b, ret_err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int bring_back(struct restoring *o, struct err *err) {
        const struct spec *spec = o->now->spec;

        for (size_t n = 0; n < spec->n_containers; n++)
                for (uint32_t k = 1; k <= spec->containers[n].replicas; k++) {
                        struct member *b = member_new(o->s, o->now, &spec->containers[n], k);

                        if (!b)
                                return err_oom(err);
                        int r = recall(o, b, err);
                        if (r < 0)
                                return r;
                }
        int r = bring_back_undeclared(o, err);
        o->then = generation_unref(o->then);
        return r;
}

/* Why its last update is paused, or was taken back; what cannot be read is not told. */
static void bring_back_failure(struct stack_entry *s) {
        _cleanup_revision_ struct revision last = REVISION_NULL;

        if ((s->paused || s->newest_revision > s->generation->revision) &&
            revisions_peek(s->manager->host.state_fd, s->name, s->newest_revision, &last, NULL) >= 0 && last.failed)
                update_recall_ends(s, last.number, last.ends);
}

/* The number to count on from, and what an update under way goes back to. */
static int bring_back_update(struct stack_entry *s, struct err *ret_err) {
        int state_fd = s->manager->host.state_fd;
        _cleanup_free_ uint64_t *numbers = NULL;
        uint64_t fallback = 0;
        struct err err = { 0 };
        size_t n = 0;
        int r = revisions_list(state_fd, s->name, &numbers, &n, &err);

        s->newest_revision = s->generation->revision;
        if (r >= 0 && n > 0 && numbers[0] > s->newest_revision)
                s->newest_revision = numbers[0];
        if (r >= 0)
                r = revisions_fallback(state_fd, s->name, &fallback, &s->paused, &err);
        if (r >= 0 && fallback > 0)
                r = load_generation(state_fd, s->name, fallback, &s->fallback, &err);
        if (is_passing(r)) {
                *ret_err = err;
                return r;
        }
        if (r < 0) {
                (void)err_wrap(&err, "an update of stack %s that fails cannot be taken back", s->name);
                notice(s->manager, NULL, NULL, &err);
        }
        bring_back_failure(s);
        return 0;
}

static int restore_stack(struct manager *m, const char *name, struct err *err) {
        struct restoring o = { .revisions_fd = m->host.state_fd };
        _cleanup_generation_ struct generation *g = NULL;

        int r = load_generation(m->host.state_fd, name, 0, &g, err);
        if (r >= 0)
                r = revisions_stopped(m->host.state_fd, name, &o.stopped, &o.n_stopped, err);
        if (r < 0)
                return r;
        o.s = stack_new(m, name);
        if (o.s) {
                o.s->generation = take_ptr(g);
                o.now = o.s->generation;
                r = bring_back_update(o.s, err);
                if (r >= 0)
                        r = jobs_load(o.s, err);
                if (r >= 0)
                        r = bring_back(&o, err);
        } else
                r = err_oom(err);
        free(o.stopped);
        return r;
}

static int restore_removal(struct manager *m, int removing_fd, const char *name, struct err *err) {
        struct restoring o = { .revisions_fd = removing_fd };
        _cleanup_generation_ struct generation *g = NULL;
        bool volumes = false;

        int r = load_generation(removing_fd, name, 0, &g, err);
        if (r >= 0)
                r = removals_with_volumes(m->host.state_fd, name, &volumes, err);
        if (r < 0)
                return r;
        o.s = stack_new(m, name);
        if (!o.s)
                return err_oom(err);
        o.s->last = take_ptr(g);
        o.s->remove_volumes = volumes;
        o.now = o.s->last;
        return bring_back(&o, err);
}

int restore_all(struct manager *m, struct err *err) {
        _cleanup_free_ char **names = NULL, **leaving = NULL;
        _cleanup_fd_ int removing = -EBADF;
        struct err why = { 0 };
        size_t n = 0, n_leaving = 0;

        m->recalling = true; /* until adoption */
        m->sweep_due = revisions_sweep(m->host.state_fd, NULL) < 0;
        int r = revisions_stacks(m->host.state_fd, &names, &n, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = restore_stack(m, names[i], &why);
                if (is_passing(r)) {
                        *err = why;
                        return r;
                }
                if (r < 0) {
                        unreadable_add(m, names[i], &why);
                        why = (struct err){ 0 };
                }
        }
        r = removals_open(m->host.state_fd, &removing, err);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = revisions_stacks(removing, &leaving, &n_leaving, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_leaving; i++)
                if (manager_find_stack(m, leaving[i])) /* applied again since: only the last step was missing */
                        (void)removals_end(m->host.state_fd, leaving[i], NULL);
                else if ((r = restore_removal(m, removing, leaving[i], &why)) < 0) {
                        if (is_passing(r)) {
                                *err = why;
                                return r;
                        }
                        if (r == -EBADMSG || r == -EPROTO || r == -EPERM || r == -ELOOP || r == -ENOTDIR)
                                unreadable_add_leaving(m, leaving[i], &why);
                        else /* of the disk: what it holds may be read later */
                                unreadable_add(m, leaving[i], &why);
                        why = (struct err){ 0 };
                }
        return 0;
}

void restore_tend(struct manager *m) {
        if (m->sweep_due)
                m->sweep_due = revisions_sweep(m->host.state_fd, NULL) < 0;
}

/* The last supervisor died between the restart of one and that of who shares its namespaces: those are the old ones. */
static bool shares_what_is_gone(const struct member *b) {
        for (int ns = 0; ns < _NS_MAX && phase_is_up(b->state.phase); ns++) {
                const struct spec_namespace *n = &b->container->namespaces[ns];
                const struct member *provider = n->mode == NS_CONTAINER ? stack_find_member(b->stack, n->container, 1) : NULL;

                if (provider && phase_is_up(provider->state.phase) && provider->start_ticks > b->start_ticks)
                        return true;
        }
        return false;
}

void stack_resume(struct stack_entry *s) {
        struct err err = { 0 };

        for (size_t n = 0; n < s->n_members; n++) {
                struct member *b = s->members[n];

                if (b->update_due)
                        member_update(b, NULL);
                b->update_due = false;
                if (b->state.desire == DESIRE_GONE && instance_is_down(&b->state))
                        member_post(b, &(struct event){ .kind = EVENT_REMOVE });
                else if (b->state.desire == DESIRE_RUN && !b->state.policy.scheduled && shares_what_is_gone(b))
                        member_post(b, &(struct event){ .kind = EVENT_RESTART });
        }
        if (s->manager->quiesced && s->generation)
                return; /* what is held now is started when that is over */
        if (stack_plan_rest(s, &err) < 0)
                notice(s->manager, s->name, NULL, &err);
        update_resume(s);
}
