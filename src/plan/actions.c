/* Changes -> actions: all that goes down, then what changes in place, then all that comes up, each with what it has to wait for.
 *
 * A container that joins namespaces of X, and X itself, when both are started anew: the follower is stopped first, so that it
 * gets its own signal and grace and does not die with X's namespaces; then X is replaced; then the follower is started.
 */
#include "actions.h"
#include "instances.h"

#include <ctrsup/plan/order.h>

#include <stdlib.h>
#include <string.h>

struct making {
        struct plan *p;
        const struct plan_input *in;
};

static bool comes_up(const struct plan_change *c) {
        return c && (c->verb == PLAN_NEW || c->verb == PLAN_STARTED || c->verb == PLAN_REPLACED);
}

static struct plan_action *add(struct making *m, enum action_kind kind, const struct plan_change *c, uint32_t replica) {
        struct plan_action *a = m->p->actions + m->p->n_actions++;

        *a = (struct plan_action){ .kind = kind, .container = c ? c->container : NULL, .replica = replica, .change = c };
        return a;
}

/* For every instance there is; for none, one action, so that the plan says what it does. */
static void add_for_each(struct making *m, enum action_kind kind, const struct plan_change *c) {
        struct instances of = plan_instances_of(m->in, c->container);

        for (size_t i = 0; i < of.n; i++)
                (void)add(m, kind, c, of.items[i]->replica);
        if (of.n == 0)
                (void)add(m, kind, c, 1);
}

/* What instances of a container may run: the old file's declaration; the new one's, when an update is taken back before it got to them. */
struct running {
        const struct spec_container *before, *already; /* NULL: not that */
};

static struct running what_runs(const struct plan_input *in, const char *container) {
        const struct spec_container *now = in->new_spec ? spec_find(in->new_spec, container) : NULL;
        struct running r = { .before = in->old_spec ? spec_find(in->old_spec, container) : NULL };
        struct instances of = plan_instances_of(in, container);

        for (size_t i = 0; now && i < of.n && !r.already; i++)
                if (of.items[i]->revision == in->revision)
                        r.already = now;
        return r;
}

static bool follows(const struct running *r, const char *provider) {
        return (r->before && order_follows(r->before, provider, NULL)) || (r->already && order_follows(r->already, provider, NULL));
}

static bool depends(const struct running *r, const char *provider) {
        return (r->before && order_depends(r->before, provider)) || (r->already && order_depends(r->already, provider));
}

/* Does c, which is to be started anew, go with somebody who goes away? Going down goes by what runs. */
static bool is_stopped_first(const struct making *m, const struct plan_change *c) {
        const struct spec_container *now = m->in->new_spec ? spec_find(m->in->new_spec, c->container) : NULL;

        if (c->verb != PLAN_REPLACED || !plan_is_alive(m->in, c->container) || (now && spec_is_scheduled(now)))
                return false;
        struct running r = what_runs(m->in, c->container);
        for (size_t i = 0; i < m->p->n_changes; i++) {
                const struct plan_change *x = m->p->changes + i;

                if ((comes_up(x) || x->verb == PLAN_REMOVED) && follows(&r, x->container))
                        return true;
        }
        return false;
}

/* ---- updates: running instances give way to a new declaration, batch by batch */

/* Does it run, so that there is something to lose? */
static bool is_updated(const struct making *m, const struct plan_change *c, const struct spec_container *declared, const struct instance *i) {
        return i && declared->type == TYPE_SERVICE && phase_is_up(i->phase) && plan_need(m->p, m->in, c, declared, i, NULL) == NEED_REPLACE;
}

static size_t batch_size(const struct spec_container *declared) {
        uint64_t n = declared->update_config.parallelism;

        return n == 0 || n > declared->replicas ? (size_t)declared->replicas : (size_t)n;
}

/* How many instances more there are while those of c are replaced: they come first and go last. */
static uint32_t surge_of(const struct making *m, const struct plan_change *c, const struct spec_container *declared) {
        size_t n = 0;

        if (declared->update_config.order != ORDER_START_FIRST || (c->verb != PLAN_REPLACED && c->verb != PLAN_STARTED) ||
            is_stopped_first(m, c))
                return 0;
        for (uint32_t k = 1; k <= declared->replicas; k++)
                n += is_updated(m, c, declared, plan_instance(m->in, c->container, k));
        return (uint32_t)(n < batch_size(declared) ? n : batch_size(declared));
}

/* More of them than are declared go; those an update takes along stay until it is over. */
static uint64_t how_many_stay(const struct making *m, const struct plan_change *c) {
        const struct spec_container *declared = m->in->new_spec ? spec_find(m->in->new_spec, c->container) : NULL;

        return declared && c->verb != PLAN_KEPT ? declared->replicas + surge_of(m, c, declared) : UINT64_MAX;
}

/* already: those that run what is declared anew; else those that do not. */
static void add_down(struct making *m, const struct plan_change *c, bool already) {
        bool stopped_first = is_stopped_first(m, c);

        if (c->verb == PLAN_REMOVED) {
                if (!already)
                        add_for_each(m, ACTION_REMOVE, c);
                return;
        }
        uint64_t stay = how_many_stay(m, c);
        struct instances of = plan_instances_of(m->in, c->container);
        for (size_t k = 0; k < of.n; k++) {
                const struct instance *i = of.items[k];

                if ((i->revision == m->in->revision) != already)
                        continue;
                if (i->desire == DESIRE_GONE) /* on its way already */
                        continue;
                if (i->replica > stay)
                        (void)add(m, ACTION_REMOVE, c, i->replica);
                else if (stopped_first)
                        (void)add(m, ACTION_STOP, c, i->replica);
        }
}

/* The file's containers in reverse order. */
static int add_down_of(struct making *m, const struct spec *s, bool already) {
        _cleanup_free_ size_t *order = s ? calloc(s->n_containers + 1, sizeof(*order)) : NULL;

        if (!s)
                return 0;
        if (!order)
                return -ENOMEM;
        int r = order_containers(s, order, NULL);
        if (r < 0)
                return r;
        for (size_t k = s->n_containers; k-- > 0;) {
                const struct plan_change *c = plan_change_of(m->p, m->in, s->containers[order[k]].name);

                if (c)
                        add_down(m, c, already);
        }
        return 0;
}

/* Followers before whom they follow. Who is not in the old file can only follow. Who is still as it was before an update that is taken
 * back follows nobody of that update. */
static int add_going_down(struct making *m) {
        const struct spec *old = m->in->old_spec;

        for (size_t i = 0; i < m->p->n_changes; i++) {
                const struct plan_change *c = m->p->changes + i;

                if (c->container[0] && !(old && spec_find(old, c->container)))
                        add_down(m, c, false);
        }
        int r = add_down_of(m, old, false);
        return r < 0 ? r : add_down_of(m, m->in->new_spec, true);
}

/* While replacements are added: each batch of them waits for the one before, the first for the extra ones. */
struct batches {
        const struct spec_container *declared;
        size_t first, n_first; /* what the next action waits for */
        size_t n;              /* of the batch that is being made */
};

static int wait_for_proof(struct making *m, struct plan_action *a, const struct batches *b) {
        if (b->n_first == 0)
                return 0;
        uint32_t *proven = arena_array_of(m->p->arena, uint32_t, b->n_first);
        if (!proven)
                return -ENOMEM;
        for (size_t k = 0; k < b->n_first; k++)
                proven[k] = (uint32_t)(b->first + k);
        a->proven = proven;
        a->n_proven = b->n_first;
        a->pause_usec = b->declared->update_config.delay_usec;
        return 0;
}

static void end_batch(const struct making *m, struct batches *b) {
        b->first = m->p->n_actions - b->n;
        b->n_first = b->n;
        b->n = 0;
}

static int add_update(struct making *m, enum action_kind kind, const struct plan_change *c, uint32_t replica, struct batches *b) {
        struct plan_action *a = add(m, kind, c, replica);

        a->update = true;
        m->p->n_updates++;
        b->n++;
        return wait_for_proof(m, a, b);
}

static int add_surge(struct making *m, const struct plan_change *c, uint32_t n, struct batches *b) {
        int r = 0;

        for (uint32_t k = (uint32_t)b->declared->replicas + 1; k <= b->declared->replicas + n && r == 0; k++) {
                const struct instance *i = plan_instance(m->in, c->container, k);

                r = add_update(m, i && phase_is_up(i->phase) && i->revision != m->in->revision ? ACTION_REPLACE : ACTION_START, c, k, b);
        }
        end_batch(m, b);
        return r;
}

/* Are others of it replaced while they run? */
static bool has_updates(const struct making *m, const struct plan_change *c, const struct spec_container *declared) {
        for (uint32_t k = 1; k <= declared->replicas; k++)
                if (is_updated(m, c, declared, plan_instance(m->in, c->container, k)))
                        return true;
        return false;
}

/* The new declaration has been tried with it, and it does not run: it is tried again before one more that runs is given up for it. */
static bool has_failed_already(const struct making *m, const struct instance *i) {
        return !m->in->resume && !m->in->back && i && i->desire == DESIRE_RUN && i->revision == m->in->revision &&
               (i->phase == PHASE_BACKOFF || i->phase == PHASE_FAILED || i->phase == PHASE_UNHEALTHY);
}

/* Those that do not run first: they have nobody to wait for, but those that run wait for them. */
static int add_coming_up(struct making *m, const struct plan_change *c, const struct spec_container *declared) {
        bool stopped_first = is_stopped_first(m, c);
        uint32_t surge = surge_of(m, c, declared);
        struct batches b = { .declared = declared };
        bool updates = has_updates(m, c, declared);
        int r = 0;

        for (uint32_t k = 1; k <= declared->replicas; k++) {
                const struct instance *i = plan_instance(m->in, c->container, k);
                enum plan_need need = plan_need(m->p, m->in, c, declared, i, NULL);

                if (m->in->back && i && i->desire == DESIRE_STOPPED)
                        continue; /* by an operator, meanwhile */
                if (stopped_first)
                        (void)add(m, ACTION_START, c, k);
                else if (updates && has_failed_already(m, i))
                        continue;
                else if (need == NEED_START || (need == NEED_REPLACE && !updates))
                        (void)add(m, need == NEED_REPLACE ? ACTION_REPLACE : ACTION_START, c, k);
        }
        if (stopped_first || !updates)
                return 0;
        for (uint32_t k = 1; k <= declared->replicas && r == 0; k++) {
                const struct instance *i = plan_instance(m->in, c->container, k);

                if (has_failed_already(m, i))
                        r = add_update(m, ACTION_START, c, k, &b);
                else if (plan_need(m->p, m->in, c, declared, i, NULL) == NEED_REPLACE && !is_updated(m, c, declared, i))
                        r = add_update(m, ACTION_REPLACE, c, k, &b);
        }
        if (b.n > 0)
                end_batch(m, &b);
        if (surge > 0 && r == 0)
                r = add_surge(m, c, surge, &b);
        for (uint32_t k = 1; k <= declared->replicas && r == 0; k++) {
                if (!is_updated(m, c, declared, plan_instance(m->in, c->container, k)))
                        continue;
                r = add_update(m, ACTION_REPLACE, c, k, &b);
                if (b.n == batch_size(declared))
                        end_batch(m, &b);
        }
        if (b.n > 0)
                end_batch(m, &b);
        for (uint32_t k = 1; k <= surge && r == 0; k++)
                r = wait_for_proof(m, add(m, ACTION_REMOVE, c, (uint32_t)declared->replicas + k), &b);
        return r;
}

/* Those of c that need nothing else: its keys that change in place. */
static void add_in_place(struct making *m, const struct plan_change *c, const struct spec_container *declared) {
        for (uint32_t k = 1; k <= declared->replicas; k++) {
                const struct instance *i = plan_instance(m->in, c->container, k);

                if (i && plan_need(m->p, m->in, c, declared, i, NULL) == NEED_NOTHING)
                        (void)add(m, c->class == CHANGE_LIVE && plan_instance_is_alive(i) ? ACTION_UPDATE_LIVE : ACTION_UPDATE_META, c, k);
        }
}

static int add_for_declared(struct making *m, const size_t *order) {
        const struct spec *s = m->in->new_spec;
        int r = 0;

        for (size_t k = 0; k < s->n_containers; k++) {
                const struct spec_container *declared = s->containers + order[k];
                const struct plan_change *c = plan_change_of(m->p, m->in, declared->name);

                if (c->keys.n > 0 && c->class < CHANGE_REPLACE)
                        add_in_place(m, c, declared);
        }
        for (size_t k = 0; k < s->n_containers && r == 0; k++) {
                const struct spec_container *declared = s->containers + order[k];
                const struct plan_change *c = plan_change_of(m->p, m->in, declared->name);

                if (c->verb != PLAN_UNCHANGED)
                        r = add_coming_up(m, c, declared);
        }
        return r;
}

/* ---- what waits for what */

static bool goes_down(const struct plan_action *a) {
        return a->kind == ACTION_STOP || a->kind == ACTION_REMOVE;
}

static bool is_launch(const struct plan_action *a) {
        return a->kind == ACTION_START || a->kind == ACTION_REPLACE;
}

/* An action's container, as it is and as it will be declared; looked up once. */
struct declared {
        struct running runs;
        const struct spec_container *now;
};

/* Must b wait for a, which comes before it? */
static bool waits(const struct plan_action *a, const struct declared *da, const struct plan_action *b,
                  const struct declared *db) {
        if (b->kind == ACTION_FORGET_STACK)
                return true;
        if (goes_down(a) && goes_down(b) && depends(&da->runs, b->container))
                return true;
        if (goes_down(a) && b->kind == ACTION_REPLACE && follows(&da->runs, b->container))
                return true;
        if (!is_launch(b))
                return false;
        /* What is removed may hold what b wants (a volume, a host path); its own stop; those whom it follows. */
        return (a->kind == ACTION_REMOVE && a->n_proven == 0) || (a->kind == ACTION_STOP && a->change == b->change && a->replica == b->replica) ||
               (is_launch(a) && db->now && order_depends(db->now, a->container));
}

static int add_waits(struct plan *p, const struct plan_input *in) {
        _cleanup_free_ uint32_t *after = calloc(p->n_actions + 1, sizeof(*after));
        _cleanup_free_ struct declared *declared = calloc(p->n_actions + 1, sizeof(*declared));

        if (!after || !declared)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_actions; i++)
                if (p->actions[i].container)
                        declared[i] = (struct declared){
                                .runs = what_runs(in, p->actions[i].container),
                                .now = in->new_spec ? spec_find(in->new_spec, p->actions[i].container) : NULL,
                        };
        for (size_t b = 0; b < p->n_actions; b++) {
                size_t n = 0;

                for (size_t a = 0; a < b; a++)
                        if (waits(p->actions + a, declared + a, p->actions + b, declared + b))
                                after[n++] = (uint32_t)a;
                if (n == 0)
                        continue;
                p->actions[b].after = arena_array_of(p->arena, uint32_t, n);
                if (!p->actions[b].after)
                        return -ENOMEM;
                memcpy(p->actions[b].after, after, n * sizeof(*after));
                p->actions[b].n_after = n;
        }
        return 0;
}

int plan_make_actions(struct plan *p, const struct plan_input *in) {
        struct making m = { .p = p, .in = in };

        /* At most a stop and a start for each instance, an update's extra ones that come and go, or one action for a container without any;
         * and the last one. */
        size_t room = 2 * (p->n_changes + in->n_instances) + 1;
        for (size_t i = 0; in->new_spec && i < in->new_spec->n_containers; i++)
                room += 3 * in->new_spec->containers[i].replicas;
        p->actions = arena_array_of(p->arena, struct plan_action, room);
        if (!p->actions)
                return -ENOMEM;
        int r = add_going_down(&m);
        if (r < 0)
                return r;
        if (in->new_spec) {
                _cleanup_free_ size_t *order = calloc(in->new_spec->n_containers + 1, sizeof(*order));

                r = order ? order_containers(in->new_spec, order, NULL) : -ENOMEM;
                if (r < 0)
                        return r;
                r = add_for_declared(&m, order);
                if (r < 0)
                        return r;
        } else
                (void)add(&m, ACTION_FORGET_STACK, NULL, 0);
        return add_waits(p, in);
}
