/* Changes -> actions: all that goes down, then what changes in place, then all that comes up, each with what it has to wait for.
 *
 * A container that joins namespaces of X, and X itself, when both are started anew: the follower is stopped first, so that it
 * gets its own signal and grace and does not die with X's namespaces; then X is replaced; then the follower is started.
 */
#include "actions.h"

#include <ctrsup/plan/order.h>

#include <stdlib.h>
#include <string.h>

struct making {
        struct plan *p;
        const struct plan_input *in;
};

/* The change of a container, NULL: there is none. */
static const struct plan_change *change_of(const struct plan *p, const char *container) {
        for (size_t i = 0; i < p->n_changes; i++)
                if (strcmp(p->changes[i].container, container) == 0)
                        return p->changes + i;
        return NULL;
}

static bool comes_up(const struct plan_change *c) {
        return c && (c->verb == PLAN_NEW || c->verb == PLAN_STARTED || c->verb == PLAN_REPLACED);
}

/* The first and, for replicas, the following instances' numbers; 1 when there is no instance. */
static uint32_t next_replica(const struct making *m, const char *container, size_t *cursor, bool *ret_there) {
        for (; *cursor < m->in->n_instances; (*cursor)++)
                if (strcmp(m->in->instances[*cursor]->container, container) == 0) {
                        *ret_there = true;
                        return m->in->instances[(*cursor)++]->replica;
                }
        *ret_there = false;
        return 1;
}

static struct plan_action *add(struct making *m, enum action_kind kind, const struct plan_change *c, uint32_t replica) {
        struct plan_action *a = m->p->actions + m->p->n_actions++;

        *a = (struct plan_action){ .kind = kind, .container = c ? c->container : NULL, .replica = replica, .change = c };
        return a;
}

static void add_for_each(struct making *m, enum action_kind kind, const struct plan_change *c) {
        size_t cursor = 0, made = 0;
        bool there = true;

        for (uint32_t replica; replica = next_replica(m, c->container, &cursor, &there), there || made == 0; made++)
                (void)add(m, kind, c, replica);
}

/* What runs was started from the old file, so going down goes by that: does c, which is to be started anew, go with somebody who goes
 * away? */
static bool is_stopped_first(const struct making *m, const struct plan_change *c) {
        const struct spec_container *before = m->in->old_spec ? spec_find(m->in->old_spec, c->container) : NULL;

        const struct spec_container *now = m->in->new_spec ? spec_find(m->in->new_spec, c->container) : NULL;

        if (!before || c->verb != PLAN_REPLACED || !plan_is_alive(m->in, c->container) || (now && spec_is_scheduled(now)))
                return false;
        for (size_t i = 0; i < m->p->n_changes; i++) {
                const struct plan_change *x = m->p->changes + i;

                if ((comes_up(x) || x->verb == PLAN_REMOVED) && order_follows(before, x->container, NULL))
                        return true;
        }
        return false;
}

/* Followers before whom they follow. Who is not in the old file can only follow. */
static int add_going_down(struct making *m) {
        const struct spec *old = m->in->old_spec;
        _cleanup_free_ size_t *order = calloc((old ? old->n_containers : 0) + 1, sizeof(*order));

        if (!order)
                return -ENOMEM;
        for (size_t i = 0; i < m->p->n_changes; i++)
                if (m->p->changes[i].verb == PLAN_REMOVED && !(old && spec_find(old, m->p->changes[i].container)))
                        add_for_each(m, ACTION_REMOVE, m->p->changes + i);
        if (!old)
                return 0;
        int r = order_containers(old, order, NULL);
        if (r < 0)
                return r;
        for (size_t k = old->n_containers; k-- > 0;) {
                const struct plan_change *c = change_of(m->p, old->containers[order[k]].name);

                if (c && c->verb == PLAN_REMOVED)
                        add_for_each(m, ACTION_REMOVE, c);
                else if (c && is_stopped_first(m, c))
                        add_for_each(m, ACTION_STOP, c);
        }
        return 0;
}

static void add_coming_up(struct making *m, const struct plan_change *c) {
        size_t cursor = 0;
        bool there;

        (void)next_replica(m, c->container, &cursor, &there);
        add_for_each(m, c->verb == PLAN_REPLACED && there && !is_stopped_first(m, c) ? ACTION_REPLACE : ACTION_START, c);
}

static void add_for_declared(struct making *m, const size_t *order) {
        const struct spec *s = m->in->new_spec;

        for (size_t k = 0; k < s->n_containers; k++) {
                const struct plan_change *c = change_of(m->p, s->containers[order[k]].name);

                if (c->verb == PLAN_UPDATED)
                        add_for_each(m,
                                     c->class == CHANGE_LIVE && plan_is_alive(m->in, c->container) ? ACTION_UPDATE_LIVE
                                                                                                   : ACTION_UPDATE_META,
                                     c);
        }
        for (size_t k = 0; k < s->n_containers; k++) {
                const struct plan_change *c = change_of(m->p, s->containers[order[k]].name);

                if (comes_up(c))
                        add_coming_up(m, c);
        }
}

/* ---- what waits for what */

static bool goes_down(const struct plan_action *a) {
        return a->kind == ACTION_STOP || a->kind == ACTION_REMOVE;
}

static bool is_launch(const struct plan_action *a) {
        return a->kind == ACTION_START || a->kind == ACTION_REPLACE;
}

/* An action's container, as it was and as it will be declared; looked up once. */
struct declared {
        const struct spec_container *before, *now;
};

static bool follows(const struct spec_container *c, const char *provider) {
        return c && order_follows(c, provider, NULL);
}

static bool depends(const struct spec_container *c, const char *provider) {
        return c && order_depends(c, provider);
}

/* Must b wait for a, which comes before it? */
static bool waits(const struct plan_action *a, const struct declared *da, const struct plan_action *b,
                  const struct declared *db) {
        if (b->kind == ACTION_FORGET_STACK)
                return true;
        if (goes_down(a) && goes_down(b) && depends(da->before, b->container))
                return true;
        if (goes_down(a) && b->kind == ACTION_REPLACE && follows(da->before, b->container))
                return true;
        if (!is_launch(b))
                return false;
        /* What is removed may hold what b wants (a volume, a host path); its own stop; those whom it follows. */
        return a->kind == ACTION_REMOVE || (a->kind == ACTION_STOP && a->change == b->change && a->replica == b->replica) ||
               (is_launch(a) && depends(db->now, a->container));
}

static int add_waits(struct plan *p, const struct plan_input *in) {
        _cleanup_free_ uint32_t *after = calloc(p->n_actions + 1, sizeof(*after));
        _cleanup_free_ struct declared *declared = calloc(p->n_actions + 1, sizeof(*declared));

        if (!after || !declared)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_actions; i++)
                if (p->actions[i].container)
                        declared[i] = (struct declared){
                                .before = in->old_spec ? spec_find(in->old_spec, p->actions[i].container) : NULL,
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

        /* At most a stop and a start for each instance, or one action for a container without any; and the last one. */
        p->actions = arena_array_of(p->arena, struct plan_action, 2 * (p->n_changes + in->n_instances) + 1);
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
                add_for_declared(&m, order);
        } else
                (void)add(&m, ACTION_FORGET_STACK, NULL, 0);
        return add_waits(p, in);
}
