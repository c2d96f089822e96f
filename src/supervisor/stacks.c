#include "stacks.h"
#include "member.h"
#include "stack_plan.h"
#include "update.h"

#include <ctrsup/plan/order.h>
#include <ctrsup/store/uppers.h>

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
        member_index_done(&s->index);
        stack_drop_plan(s);
        update_drop(s);
        generation_unref(s->generation);
        generation_unref(s->last);
        json_decref(s->succeeded);
        free(s);
}

struct ranked {
        struct member *member;
        size_t rank;
};

static int compare_ranks(const void *a, const void *b) {
        const struct ranked *x = a, *y = b;

        return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : (x->member->state.replica < y->member->state.replica ? -1 : 1);
}

struct member **stack_ordered(const struct stack_entry *s) {
        const struct generation *g = s->generation ? s->generation : s->last;
        size_t n_containers = g ? g->spec->n_containers : 0;
        _cleanup_free_ size_t *order = calloc(n_containers + 1, sizeof(*order)), *rank = calloc(n_containers + 1, sizeof(*rank));
        _cleanup_free_ struct ranked *ranked = calloc(s->n_members + 1, sizeof(*ranked));
        struct member **list = calloc(s->n_members + 1, sizeof(*list));

        if (!order || !rank || !ranked || !list || (g && order_containers(g->spec, order, NULL) < 0)) {
                free(list);
                return NULL;
        }
        for (size_t k = 0; k < n_containers; k++)
                rank[order[k]] = k;
        for (size_t n = 0; n < s->n_members; n++) {
                const struct spec_container *c = g ? spec_find(g->spec, s->members[n]->state.container) : NULL;

                ranked[n] = (struct ranked){ s->members[n], c ? rank[c - g->spec->containers] : SIZE_MAX };
        }
        qsort(ranked, s->n_members, sizeof(*ranked), compare_ranks);
        for (size_t n = 0; n < s->n_members; n++)
                list[n] = ranked[n].member;
        return list;
}

static bool is_in_use(void *userdata, const struct upper_name *u) {
        const struct member *b = stack_find_member(userdata, u->container, u->replica);

        return b && b->host.ephemeral && b->host.leaf == u->generation;
}

void stack_sweep(struct stack_entry *s) {
        if (s->manager->options->mode == MODE_SERVICE && (s->generation || s->last) &&
            !s->keeps_unknown) /* of what cannot be read nothing is known */
                (void)uppers_sweep(s->manager->host.state_fd, s->name, is_in_use, s, NULL); /* tried again with every reconcile */
        s->traces_stay = false;
}
