/* Declared before, declared now, observed -> changes. The actions that follow from them are in actions.c. */
#include <ctrsup/plan/plan.h>

#include "actions.h"
#include "instances.h"

#include <ctrsup/base/enumtab.h>
#include <ctrsup/plan/order.h>

#include <assert.h>
#include <string.h>

static const char symbols[] = {
        [PLAN_UNCHANGED] = '.', [PLAN_NEW] = '+',     [PLAN_REMOVED] = '-', [PLAN_REPLACED] = '~',
        [PLAN_UPDATED] = '!',   [PLAN_STARTED] = '>', [PLAN_KEPT] = '.',
};
static_assert(sizeof(symbols) == _PLAN_VERB_MAX, "a symbol for every verb");

static const char *const kinds[] = {
        [ACTION_STOP] = "stop",
        [ACTION_REMOVE] = "remove",
        [ACTION_UPDATE_META] = "update_meta",
        [ACTION_UPDATE_LIVE] = "update_live",
        [ACTION_REPLACE] = "replace",
        [ACTION_START] = "start",
        [ACTION_FORGET_STACK] = "forget_stack",
};
static_assert(ARRAY_SIZE(kinds) == _ACTION_KIND_MAX, "a word for every kind");

char plan_verb_symbol(enum plan_verb v) {
        return v < _PLAN_VERB_MAX ? symbols[v] : '?';
}

const char *plan_change_word(const struct plan_change *c) {
        static const char *const words[] = {
                [PLAN_UNCHANGED] = "unchanged", [PLAN_NEW] = "new",       [PLAN_REMOVED] = "removed", [PLAN_REPLACED] = "replace",
                [PLAN_UPDATED] = "live",        [PLAN_STARTED] = "start", [PLAN_KEPT] = "kept",
        };
        static_assert(ARRAY_SIZE(words) == _PLAN_VERB_MAX, "a word for every verb");

        if (c->verb == PLAN_UPDATED && c->class == CHANGE_META)
                return "meta";
        return enumtab_name(words, _PLAN_VERB_MAX, (int)c->verb);
}

const char *action_kind_name(enum action_kind k) {
        return enumtab_name(kinds, _ACTION_KIND_MAX, (int)k);
}

static const struct instance *first_instance(const struct plan_input *in, const char *container) {
        struct instances of = plan_instances_of(in, container);

        return of.n > 0 ? of.items[0] : NULL;
}

bool plan_is_alive(const struct plan_input *in, const char *container) {
        struct instances of = plan_instances_of(in, container);

        for (size_t i = 0; i < of.n; i++)
                if (plan_instance_is_alive(of.items[i]))
                        return true;
        return false;
}

/* ---- what may not change */

/* A key of a volume that is only in one of the two is no change of a volume. */
static bool is_of_new_or_old_volume(const struct plan_input *in, const char *path) {
        char key[256];

        if (strncmp(path, "volumes.", strlen("volumes.")) != 0)
                return false;
        path += strlen("volumes.");
        (void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(path, "."), path);
        return !spec_find_volume(in->old_spec, key) || !spec_find_volume(in->new_spec, key);
}

static void refuse(const struct plan_input *in, const char *prefix, const struct spec_change *k, struct diag_list *diags) {
        char path[512];

        (void)snprintf(path, sizeof(path), "%s%s", prefix, k->path);
        struct diag *d = diag_add(diags, DIAG_IMMUTABLE, spec_mark(in->new_spec, path), path, "cannot change from %s to %s",
                                  k->old_text ? k->old_text : "nothing", k->new_text ? k->new_text : "nothing");
        if (strncmp(path, "volumes.", strlen("volumes.")) == 0)
                diag_hint(
                        diags, d,
                        "declare a new volume under another key (the old one keeps its data), or: ctrsup remove %s, and apply again",
                        in->new_spec->name);
        else
                diag_hint(diags, d, "ctrsup remove %s, and apply again", in->new_spec->name);
}

static int refuse_immutable(const struct plan_input *in, const char *prefix, const struct spec_changes *keys,
                            struct diag_list *diags) {
        int r = 0;

        for (size_t i = 0; i < keys->n; i++)
                if (keys->items[i].change == CHANGE_IMMUTABLE && !is_of_new_or_old_volume(in, keys->items[i].path)) {
                        refuse(in, prefix, keys->items + i, diags);
                        r = -EPERM;
                }
        return r;
}

/* ---- changes */

static struct plan_change *add_change(struct plan *p, const char *container, enum plan_verb verb) {
        struct plan_change *c = p->changes + p->n_changes++;

        *c = (struct plan_change){ .container = arena_strdup(p->arena, container), .verb = verb };
        return c;
}

const struct instance *plan_instance(const struct plan_input *in, const char *container, uint32_t replica) {
        struct instances of = plan_instances_of(in, container);

        for (size_t i = 0; i < of.n; i++)
                if (of.items[i]->replica == replica)
                        return of.items[i];
        return NULL;
}

/* It was stopped after it had done what it was to do, for once: no start is owed. */
static bool is_done(const struct instance *i, const struct spec_container *declared) {
        return i->phase == PHASE_COMPLETED && declared->type == TYPE_JOB && declared->rerun != RERUN_ON_APPLY && !i->outdated;
}

static const char *why_failed(struct plan *p, const struct instance *i) {
        return arena_printf(p->arena, "failed: %s", i->message[0] ? i->message : "for an unknown reason");
}

static const char outdated[] = "runs an older declaration";

/* A new supervisor goes on with what is wanted and never began. */
static enum plan_need need_to_resume(const struct plan_input *in, const struct spec_container *declared, const struct instance *i,
                                     const char **reason) {
        if (i && i->desire == DESIRE_RUN && i->phase == PHASE_PENDING && !spec_is_scheduled(declared)) {
                *reason = "not running";
                return NEED_START;
        }
        if (i && i->desire == DESIRE_RUN && i->outdated && !in->paused) {
                *reason = outdated;
                return NEED_REPLACE;
        }
        return NEED_NOTHING;
}

/* Why would an apply start it? NULL: it is as it should be. */
static const char *why_start(struct plan *p, const struct plan_input *in, const struct spec_container *declared, const struct instance *i) {
        if (!i)
                return "not running";
        if (i->desire == DESIRE_GONE)
                return "was being removed";
        if (i->desire == DESIRE_STOPPED && !is_done(i, declared))
                return "stopped by an operator";
        if (i->desire == DESIRE_HELD) /* for a plan whose place this one takes */
                return "was to be started again";
        if (spec_is_scheduled(declared)) /* its time will come */
                return NULL;
        if (i->phase == PHASE_PENDING && !i->waiting)
                return "not started yet";
        if (in->back)
                return NULL;
        if (i->phase == PHASE_FAILED)
                return why_failed(p, i);
        if (i->phase == PHASE_COMPLETED && declared->type == TYPE_JOB && declared->rerun == RERUN_ON_APPLY)
                return "runs at every apply";
        if (i->phase == PHASE_COMPLETED && declared->type == TYPE_SERVICE && declared->restart == RESTART_ALWAYS)
                return "completed, and is to run always";
        return NULL;
}

enum plan_need plan_need(struct plan *p, const struct plan_input *in, const struct plan_change *c, const struct spec_container *declared,
                         const struct instance *i, const char **ret_reason) {
        const char *unused, **reason = ret_reason ? ret_reason : &unused;

        *reason = NULL;
        if (in->back && i && (i->desire == DESIRE_STOPPED || (declared->type == TYPE_JOB && i->phase == PHASE_COMPLETED)))
                return NEED_NOTHING; /* what a job did is not undone by doing what it did before */
        if (c->class >= CHANGE_REPLACE) { /* all of them are another from now on */
                if (!i || i->desire == DESIRE_GONE)
                        return NEED_START;
                if (c->follows || i->revision != in->revision)
                        return NEED_REPLACE;
        }
        if (in->resume)
                return need_to_resume(in, declared, i, reason);
        if ((*reason = why_start(p, in, declared, i)))
                return NEED_START;
        if (!i->outdated || spec_is_scheduled(declared))
                return NEED_NOTHING;
        *reason = outdated;
        return NEED_REPLACE;
}

/* Declared as it was: is there a reason to start one of it, or to start it anew? Those that come with more replicas are said by that key. */
static void look_at_status(struct plan *p, const struct plan_input *in, const struct spec_container *before,
                           const struct spec_container *declared, struct plan_change *c) {
        for (uint32_t n = 1; n <= declared->replicas && n <= before->replicas && c->verb != PLAN_REPLACED; n++) {
                const char *reason;
                enum plan_need need = plan_need(p, in, c, declared, plan_instance(in, c->container, n), &reason);

                if (need == NEED_NOTHING || (need == NEED_START && c->verb == PLAN_STARTED))
                        continue;
                c->verb = need == NEED_START ? PLAN_STARTED : PLAN_REPLACED;
                c->reason = reason;
        }
}

/* Does some instance run something else than what is declared now? Not when an update is taken back before it got to them. */
static bool has_another(const struct plan_input *in, const struct spec_container *declared) {
        struct instances of = plan_instances_of(in, declared->name);
        bool any = false, other = false;

        for (size_t i = 0; i < of.n; i++)
                if (of.items[i]->desire != DESIRE_GONE) {
                        any = true;
                        other = other || of.items[i]->revision != in->revision;
                }
        return other || !any;
}

static int change_of_declared(struct plan *p, const struct plan_input *in, const struct spec_container *declared,
                              struct diag_list *diags) {
        const struct spec_container *before = in->old_spec ? spec_find(in->old_spec, declared->name) : NULL;
        struct plan_change *c = add_change(p, declared->name, PLAN_UNCHANGED);
        char prefix[200];

        if (!before) {
                /* Left alone by --prune=no, and declared again: nobody compared it with what runs. */
                const struct instance *i = first_instance(in, declared->name);

                if (i && !has_another(in, declared)) { /* an update is taken back before it removed it */
                        look_at_status(p, in, declared, declared, c);
                        return 0;
                }
                c->verb = i && i->desire != DESIRE_GONE ? PLAN_REPLACED : PLAN_NEW;
                c->class = CHANGE_REPLACE;
                c->reason = c->verb == PLAN_REPLACED ? "was not in the file before" : NULL;
                return 0;
        }
        int r = spec_diff_container(p->arena, before, declared, &c->keys);
        if (r < 0)
                return r;
        (void)snprintf(prefix, sizeof(prefix), "containers.%s.", declared->name);
        r = refuse_immutable(in, prefix, &c->keys, diags);
        c->class = spec_changes_class(&c->keys);
        if (c->class >= CHANGE_REPLACE && !has_another(in, declared))
                c->class = CHANGE_META;
        if (c->keys.n > 0)
                c->verb = c->class >= CHANGE_REPLACE ? PLAN_REPLACED : PLAN_UPDATED;
        if (c->verb != PLAN_REPLACED)
                look_at_status(p, in, before, declared, c);
        return r;
}

/* Some of it runs on, whatever is started beside it. */
static bool runs_on(const struct plan_input *in, const char *container) {
        struct instances of = plan_instances_of(in, container);

        for (size_t i = 0; i < of.n; i++)
                if (of.items[i]->desire == DESIRE_RUN && !instance_is_down(of.items[i]))
                        return true;
        return false;
}

/* A new supervisor starts nobody whom an operator stopped, nor does an update that is taken back. */
static bool may_follow(const struct plan_input *in, const char *container) {
        const struct instance *i = first_instance(in, container);

        return plan_is_alive(in, container) && ((!in->resume && !in->back) || i->desire == DESIRE_RUN);
}

/* Namespaces of a container that is started anew are new ones: who joined the old ones must join again. And who says that it restarts
 * with a dependency does when that is replaced. */
static int let_followers_follow(struct plan *p, const struct plan_input *in) {
        _cleanup_free_ size_t *order = calloc(in->new_spec->n_containers + 1, sizeof(*order));
        struct plan_change *first = p->changes + p->first_declared; /* same index as in the spec */

        if (!order)
                return -ENOMEM;
        int r = order_containers(in->new_spec, order, NULL);
        if (r < 0)
                return r;
        for (size_t k = 0; k < in->new_spec->n_containers; k++) {
                struct plan_change *c = first + order[k];

                if (c->verb == PLAN_NEW || (c->verb == PLAN_STARTED && !runs_on(in, c->container)) || !may_follow(in, c->container) ||
                    spec_is_scheduled(in->new_spec->containers + order[k])) /* a run goes on to its end */
                        continue;
                for (size_t j = 0; j < in->new_spec->n_containers; j++) {
                        const struct plan_change *x = first + j;
                        const char *key = NULL;

                        if (x->verb != PLAN_NEW && x->verb != PLAN_STARTED && x->verb != PLAN_REPLACED)
                                continue;
                        /* New namespaces must be joined; whom it only depends on may come and go. */
                        const struct spec_container *d = in->new_spec->containers + order[k];
                        if (x->verb == PLAN_REPLACED ? !order_follows(d, x->container, &key)
                                                     : !order_shares(d, x->container, &key))
                                continue;
                        if (c->verb != PLAN_REPLACED)
                                c->class = CHANGE_REPLACE;
                        c->verb = PLAN_REPLACED;
                        c->follows = x->container;
                        c->follows_key = key;
                        break;
                }
        }
        return 0;
}

static bool is_declared(const struct spec *s, const char *container) {
        return s && spec_find(s, container);
}

const struct plan_change *plan_change_of(const struct plan *p, const struct plan_input *in, const char *container) {
        const struct spec_container *declared = in->new_spec ? spec_find(in->new_spec, container) : NULL;

        if (declared)
                return p->changes + p->first_declared + (declared - in->new_spec->containers);
        for (size_t i = p->first_declared + (in->new_spec ? in->new_spec->n_containers : 0); i < p->n_changes; i++)
                if (strcmp(p->changes[i].container, container) == 0)
                        return p->changes + i;
        return NULL;
}

static void changes_of_undeclared(struct plan *p, const struct plan_input *in) {
        enum plan_verb verb = in->keep_undeclared && in->new_spec ? PLAN_KEPT : PLAN_REMOVED;

        for (size_t i = 0; in->old_spec && i < in->old_spec->n_containers; i++)
                if (!is_declared(in->new_spec, in->old_spec->containers[i].name))
                        (void)add_change(p, in->old_spec->containers[i].name, verb);
        /* What an earlier --prune=no left. One that is on its way out needs no second word. */
        for (size_t i = 0; i < in->n_instances; i++)
                if (in->instances[i]->desire != DESIRE_GONE && !plan_change_of(p, in, in->instances[i]->container))
                        (void)add_change(p, in->instances[i]->container, (in->resume || in->back) && in->instances[i]->kept ? PLAN_KEPT : verb);
}

static int changes_of_stack(struct plan *p, const struct plan_input *in, struct diag_list *diags) {
        struct spec_changes keys = { 0 };

        if (!in->old_spec || !in->new_spec)
                return 0;
        int r = spec_diff_stack(p->arena, in->old_spec, in->new_spec, &keys);
        if (r < 0 || keys.n == 0)
                return r;
        struct plan_change *c = add_change(p, "", PLAN_UPDATED);
        c->keys = keys;
        c->class = CHANGE_META;
        return refuse_immutable(in, "", &keys, diags);
}

static void count(struct plan *p) {
        for (size_t i = 0; i < p->n_changes; i++) {
                static const size_t where[] = {
                        [PLAN_UNCHANGED] = offsetof(struct plan, n_unchanged), [PLAN_NEW] = offsetof(struct plan, n_added),
                        [PLAN_REMOVED] = offsetof(struct plan, n_removed),     [PLAN_REPLACED] = offsetof(struct plan, n_changed),
                        [PLAN_UPDATED] = offsetof(struct plan, n_changed),     [PLAN_STARTED] = offsetof(struct plan, n_changed),
                        [PLAN_KEPT] = offsetof(struct plan, n_unchanged),
                };

                if (p->changes[i].container[0])
                        (*(size_t *)((char *)p + where[p->changes[i].verb]))++;
        }
}

static int make(struct plan *p, const struct plan_input *in, struct diag_list *diags) {
        size_t room = 1 + in->n_instances + (in->old_spec ? in->old_spec->n_containers : 0) +
                      (in->new_spec ? in->new_spec->n_containers : 0);
        int refused = 0, r;

        p->stack = arena_strdup(p->arena, (in->new_spec ? in->new_spec : in->old_spec)->name);
        p->revision = in->revision;
        p->resume = in->resume;
        p->changes = arena_array_of(p->arena, struct plan_change, room);
        if (!p->stack || !p->changes)
                return -ENOMEM;
        r = changes_of_stack(p, in, diags);
        if (r == -EPERM)
                refused = r;
        else if (r < 0)
                return r;
        p->first_declared = p->n_changes;
        for (size_t i = 0; in->new_spec && i < in->new_spec->n_containers; i++) {
                r = change_of_declared(p, in, in->new_spec->containers + i, diags);
                if (r == -EPERM)
                        refused = r;
                else if (r < 0)
                        return r;
        }
        if (refused)
                return refused;
        if (in->new_spec && (r = let_followers_follow(p, in)) < 0)
                return r;
        changes_of_undeclared(p, in);
        for (size_t i = 0; i < p->n_changes; i++)
                if (!p->changes[i].container)
                        return -ENOMEM;
        count(p);
        return plan_make_actions(p, in);
}

int plan_make(const struct plan_input *in, struct diag_list *diags, struct plan **ret) {
        struct arena *arena = arena_new();
        struct plan *p = arena ? arena_new_of(arena, struct plan) : NULL;
        int r = -ENOMEM;

        assert(in->old_spec || in->new_spec);
        struct plan_input input = *in;
        _cleanup_free_ const struct instance **sorted = NULL;
        if (p && (r = plan_sort_instances(in, &sorted)) >= 0) {
                p->arena = arena;
                input.sorted = sorted;
                r = make(p, &input, diags);
        }
        if (r < 0) {
                (void)arena_free(arena);
                return r;
        }
        *ret = p;
        return 0;
}

struct plan *plan_share(struct plan *p) {
        p->shares++;
        return p;
}

struct plan *plan_free(struct plan *p) {
        if (p && p->shares > 0)
                p->shares--;
        else if (p)
                (void)arena_free(p->arena);
        return NULL;
}

bool plan_is_empty(const struct plan *p) {
        for (size_t i = 0; i < p->n_changes; i++)
                if (p->changes[i].verb != PLAN_UNCHANGED && p->changes[i].verb != PLAN_KEPT)
                        return false;
        return true;
}
