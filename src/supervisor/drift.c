#include "drift.h"
#include "describe.h"
#include "member.h"
#include "update_tell.h"

#include <ctrsup/act/drift.h>
#include <ctrsup/act/limits.h>

#include <string.h>

/* What its group is to carry; NULL: it does not run, or what it was started with is not known any more. */
static const struct spec_limits *limits_of(const struct member *b) {
        if (!phase_is_up(b->state.phase) || b->state.leaving || !b->host.leafed || b->stack->manager->adopting)
                return NULL;
        if (b->host.limits)
                return b->host.limits;
        return b->state.outdated || b->update_due ? NULL : &b->container->limits;
}

/* ---- healing ---- */

enum { TURNS = 10 };
enum { DRIFTS_MAX = 32 }; /* of one container that are told one by one; all are set right */

struct drifts {
        struct cgroup_drift items[DRIFTS_MAX];
        size_t n;
};

static int collect(void *userdata, const struct act_drift *d) {
        struct drifts *list = userdata;
        struct cgroup_drift *to = &list->items[list->n];

        (void)snprintf(to->file, sizeof(to->file), "%s", d->what);
        (void)snprintf(to->wanted, sizeof(to->wanted), "%s", d->declared);
        (void)snprintf(to->is, sizeof(to->is), "%s", d->is);
        return ++list->n == DRIFTS_MAX;
}

static void report_corrected(struct member *b, const struct cgroup_drift *d) {
        struct report_event e = member_about(b, REPORT_DRIFT_CORRECTED);

        e.what = d->file;
        e.was = d->is;
        e.is = d->wanted;
        manager_report(b->stack->manager, &e);
}

static void tend(struct member *b, bool all) {
        struct act_host *h = &b->stack->manager->host;
        const struct spec_limits *limits = limits_of(b);
        struct drifts list = { .n = 0 };
        const char *key = NULL;
        struct err err = { 0 };

        if (limits)
                (void)act_drift_limits(h, &b->host, limits, all, collect, &list);
        if (list.n == 0) {
                b->drift_said = b->not_live = false;
                return;
        }
        if (limits_apply(h->cgroups, b->host.group, NULL, limits, &key, &err) >= 0) {
                for (size_t n = 0; n < list.n; n++)
                        report_corrected(b, &list.items[n]);
                b->not_live = false;
                return;
        }
        (void)err_wrap(&err, "%s is %s and cannot be set back to %s", list.items[0].file, list.items[0].is, list.items[0].wanted);
        if (!b->drift_said)
                member_say(b, &err);
        b->drift_said = true;
}

/* What we wrote is looked at each time; what we left as it was, of a tenth of them in turn. */
void drift_tend(struct manager *m) {
        unsigned turn = m->drift_turn++, at = 0;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        tend(m->stacks[s]->members[n], at++ % TURNS == turn % TURNS);
}

/* ---- telling ---- */

struct telling {
        const struct member *b;
        json_t *list;
        bool seldom; /* what is looked at in turn only */
};

static bool is_told(const struct telling *t, const char *what) {
        const char *container = t->b->state.container;
        const json_t *d;
        size_t n;

        json_array_foreach (t->list, n, d)
                if (json_integer_value(json_object_get(d, "replica")) == (json_int_t)t->b->state.replica &&
                    strcmp(json_string_value(json_object_get(d, "container")), container) == 0 &&
                    strcmp(json_string_value(json_object_get(d, "what")), what) == 0)
                        return true;
        return false;
}

static void tell(const struct telling *t, const char *what, const char *declared, const char *is, const char *cure) {
        const struct instance *i = &t->b->state;

        (void)json_array_append_new(t->list, json_pack("{s:s, s:s, s:i, s:b, s:o, s:o, s:o, s:s}", "stack", i->stack, "container",
                                                       i->container, "replica", (int)i->replica, "several",
                                                       (int)i->policy.numbered, "what", describe_text(what), "declared",
                                                       describe_text(declared), "is", describe_text(is), "cure", cure));
}

static int tell_drift(void *userdata, const struct act_drift *d) {
        const struct telling *t = userdata;
        const struct manager *m = t->b->stack->manager;
        char cure[TARGET_SIZE + 64], words[NUM_TEXT_MAX], target[TARGET_SIZE];

        if (t->seldom && is_told(t, d->what))
                return 0;
        if (d->heals)
                (void)snprintf(cure, sizeof(cure), "set back within %s",
                               num_format_duration(words, (t->seldom ? TURNS : 1) * m->settings->reconcile.interval_usec));
        else
                (void)snprintf(cure, sizeof(cure), "ctrsup restart %s mends it", member_target(t->b, target));
        tell(t, d->what, d->declared, d->is, cure);
        return 0;
}

/* It is not as it is to be, and nobody changed it from outside. */
static void tell_state(const struct telling *t) {
        const struct instance *i = &t->b->state;
        char cure[TARGET_SIZE + 64], target[TARGET_SIZE], is[32], declared[32];

        if (i->desire == DESIRE_RUN && (i->phase == PHASE_FAILED || i->phase == PHASE_BACKOFF)) {
                (void)snprintf(cure, sizeof(cure), "ctrsup why %s tells more", member_target(t->b, target));
                tell(t, "state", i->policy.type == TYPE_JOB ? "completed" : "ready", phase_name(i->phase), cure);
        }
        if (!i->outdated || !i->alive)
                return;
        (void)snprintf(is, sizeof(is), "%ju", (uintmax_t)i->revision);
        (void)snprintf(declared, sizeof(declared), "%ju",
                       (uintmax_t)(t->b->stack->generation ? t->b->stack->generation->revision : 0));
        tell(t, "revision", declared, is,
             t->b->stack->paused     ? "the update is paused: ctrsup apply goes on with it"
             : t->b->stack->fallback ? "the update that is under way replaces it"
                                     : "ctrsup apply replaces it");
}

static void tell_member(const struct member *b, json_t *all) {
        struct act_host *h = &b->stack->manager->host;
        const struct spec_limits *limits = limits_of(b);
        json_t *of_process = json_array();

        tell_state(&(struct telling){ b, all, false });
        if (limits) {
                (void)act_drift_limits(h, &b->host, limits, false, tell_drift, &(struct telling){ b, all, false });
                (void)act_drift_limits(h, &b->host, limits, true, tell_drift, &(struct telling){ b, all, true });
        }
        /* If it is there afterwards, it was what we looked at. */
        if (phase_is_up(b->state.phase) && !b->state.leaving && b->state.pid > 0 && !b->state.outdated &&
            act_drift_process(h, &b->host, b->container, b->state.pid, tell_drift, &(struct telling){ b, of_process, false }) == 0 &&
            act_signal(&b->host, 0, NULL) == 0)
                (void)json_array_extend(all, of_process);
        json_decref(of_process);
}

int drift_method(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const char *name = json_string_value(json_object_get(parameters, "stack"));
        const struct stack_entry *s = name ? manager_find_stack(m, name) : NULL;

        if (!name)
                return control_invalid_parameter(call, "stack");
        if (!s)
                return control_error(call, "NoSuchTarget", json_pack("{s:s, s:n}", "target", name, "hint"));
        json_t *all = json_array();
        for (size_t n = 0; n < s->n_members; n++)
                tell_member(s->members[n], all);
        return control_reply(call, json_pack("{s:o, s:o}", "drifts", all, "update", update_tell(s)), false);
}
