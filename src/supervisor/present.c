#include "present.h"
#include "member.h"

#include <ctrsup/base/num.h>
#include <ctrsup/kernel/cgroup_stat.h>

#include <sys/sysinfo.h>

static uint64_t free_swap(void) {
        struct sysinfo info;

        return sysinfo(&info) < 0 ? 0 : (uint64_t)info.freeswap * info.mem_unit;
}

static void check(const struct member *b, const struct spec *to, const struct spec_container *c, struct diag_list *diags) {
        uint64_t limit = c->limits.memory, swap = c->limits.memory_swap == 0 ? 0 : free_swap();
        char path[256], target[TARGET_SIZE], wanted[NUM_TEXT_MAX], is[NUM_TEXT_MAX];

        if (limit == SIZE_INFINITY || !b->host.grouped || (b->host.limits && b->host.limits->memory <= limit))
                return;
        uint64_t firm = cgroup_memory_firm(b->stack->manager->host.cgroups, b->host.group);
        if (firm == CGROUP_UNKNOWN || firm <= limit || firm - limit <= swap)
                return;
        (void)snprintf(path, sizeof(path), "containers.%s.limits.memory", c->name);
        (void)member_target(b, target);
        struct diag *d = diag_add(diags, DIAG_OUT_OF_RANGE, spec_mark(to, path), path, "%s is less than the %s that %s holds now and cannot give back",
                                  num_human_size(wanted, limit), num_human_size(is, firm), target);
        diag_hint(diags, d, "to start it anew with that limit: ctrsup stop %s, then apply", target);
}

void present_check(const struct stack_entry *s, const struct spec *to, const struct plan *plan, struct diag_list *diags) {
        const struct spec_container *said = NULL; /* of several replicas the first is told */

        for (size_t n = 0; n < plan->n_actions; n++) {
                const struct plan_action *a = &plan->actions[n];
                const struct spec_container *c = a->kind == ACTION_UPDATE_LIVE ? spec_find(to, a->container) : NULL;
                const struct member *b = c ? stack_find_member(s, a->container, a->replica) : NULL;
                size_t before = diag_errors(diags);

                if (!b || c == said || !phase_is_up(b->state.phase))
                        continue;
                check(b, to, c, diags);
                if (diag_errors(diags) > before)
                        said = c;
        }
}
