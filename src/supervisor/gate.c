#include "gate.h"
#include "member.h"
#include "stack_plan.h"

#include <ctrsup/plan/order.h>
#include <ctrsup/state/dependency.h>

#include <string.h>

/* What is over cannot be joined. */
static enum dependency of_one(const struct instance *i, enum spec_condition condition, bool shares) {
        enum dependency d = dependency_of(condition, &i, 1, NULL);

        return shares && d == DEPENDENCY_MET && !phase_is_up(i->phase) ? DEPENDENCY_LOST : d;
}

/* Every instance of a container of b's stack, held against the condition. *ret_least: the member that decides. */
static enum dependency look_at(const struct member *b, const char *container, enum spec_condition condition, bool shares,
                               const struct member **ret_least) {
        enum dependency worst = DEPENDENCY_MET;
        bool any = false;

        *ret_least = NULL;
        for (const struct member *other = member_index_find(&b->stack->index, container); other; other = other->next_of_container) {
                const struct instance *i = &other->state;

                if (i->desire == DESIRE_GONE || i->replica > other->container->replicas)
                        continue; /* an update's extra one is no reason to wait: the others are there */
                enum dependency d = of_one(i, condition, shares);
                any = true;
                if (d > worst) {
                        worst = d;
                        *ret_least = other;
                }
        }
        /* What --prune=no left may depend on what is gone for good. */
        const struct spec_container *declared = b->stack->generation ? spec_find(b->stack->generation->spec, container) : NULL;
        if (!any && declared && declared->replicas == 0)
                return DEPENDENCY_LOST;
        return any ? worst : declared || shares ? DEPENDENCY_COMING : DEPENDENCY_MET;
}

struct obstacle {
        enum dependency dependency;
        enum spec_condition condition;
        const char *container;
        const struct member *member;
};

static void try_one(const struct member *b, const char *container, enum spec_condition condition, bool shares, bool required,
                    struct obstacle *worst) {
        const struct member *least;
        enum dependency d = look_at(b, container, condition, shares, &least);

        if (d == DEPENDENCY_LOST && !required)
                d = DEPENDENCY_MET;
        if (d > worst->dependency)
                *worst = (struct obstacle){ .dependency = d, .condition = condition, .container = container, .member = least };
}

static struct obstacle find_obstacle(const struct member *b) {
        struct obstacle worst = { .dependency = DEPENDENCY_MET };

        for (int ns = 0; ns < _NS_MAX; ns++)
                if (b->container->namespaces[ns].mode == NS_CONTAINER)
                        try_one(b, b->container->namespaces[ns].container, CONDITION_STARTED, true, true, &worst);
        for (size_t n = 0; n < b->container->n_depends_on; n++) {
                const struct spec_dependency *d = &b->container->depends_on[n];

                try_one(b, d->container, d->condition, false, d->required, &worst);
        }
        return worst;
}

bool gate_is_open(const struct member *b, const struct member **ret, char words[MESSAGE_SIZE]) {
        struct obstacle o = find_obstacle(b);

        if (ret)
                *ret = o.member;
        if (words && o.dependency != DEPENDENCY_MET)
                (void)dependency_words(o.dependency, o.condition, o.container, o.member ? &o.member->state : NULL, words);
        return o.dependency == DEPENDENCY_MET;
}

/* Whom it waits for may wait, too: as long as somebody's start is to come, there is hope. */
bool gate_is_hopeless(const struct member *b) {
        for (;;) {
                struct obstacle o = find_obstacle(b);

                if (o.dependency == DEPENDENCY_LOST)
                        return !stack_will_start_one(b->stack, o.container);
                if (o.dependency == DEPENDENCY_MET || !o.member || !o.member->state.waiting)
                        return false;
                b = o.member;
        }
}

/* On its way down, and not stuck there. */
static bool is_going(const struct instance *i) {
        return (i->phase == PHASE_STOPPING || i->leaving) && i->kills <= STUCK_KILLS;
}

bool gate_is_needed(const struct member *b) {
        for (size_t n = 0; n < b->stack->n_members; n++) {
                const struct member *other = b->stack->members[n];

                if (other != b && is_going(&other->state) && order_depends(other->container, b->state.container))
                        return true;
        }
        return false;
}

void gate_tend(struct member *b) {
        if (b->state.waiting && b->stack->manager->quiesced)
                return;
        if (b->state.waiting ? gate_is_open(b, NULL, NULL) : b->state.leaving && !gate_is_needed(b))
                member_post(b, &(struct event){ .kind = EVENT_RESUME });
}
