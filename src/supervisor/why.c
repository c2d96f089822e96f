#include "why.h"
#include "describe.h"
#include "last_end.h"
#include "unreadable.h"
#include "update_tell.h"
#include "watch.h"

#include <string.h>

static json_t *bytes_json(uint64_t n) {
        return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

static json_t *end_json(const struct member *b) {
        const struct last_end *e = b->last_end;

        if (!e || e->real_usec == 0)
                return json_null();
        return json_pack("{s:o, s:o, s:f, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "at", describe_time(e->real_usec),
                         "launched_at", describe_time(e->launched_real_usec), "uptime", (double)e->uptime_usec / USEC_PER_SEC,
                         "by", end_by_name(e->by), "cause", describe_text(e->cause), "words", describe_text(e->words), "exit",
                         describe_exit(&b->state.last_exit), "step", describe_text(e->step), "hint", describe_text(e->hint),
                         "probe", describe_text(e->probe), "memory_peak", bytes_json(e->memory_peak), "memory_peak_shared",
                         (int)(e->shared_peak != 0), "memory_max", bytes_json(e->memory_max));
}

/* Who takes it down now; null: nobody does. */
static json_t *stopping_json(const struct member *b) {
        const struct instance *i = &b->state;

        if (i->phase != PHASE_STOPPING && !i->leaving)
                return json_null();
        return json_string(end_by_name(end_by_of(i, b->last_end ? b->last_end->asked : END_BY_ITSELF)));
}

json_t *why_explain(const struct member *b) {
        const struct spec_restart_policy *p = &b->state.policy.restart_policy;

        return json_pack("{s:o, s:b, s:b, s:o, s:i, s:o, s:o, s:o}", "container", describe_container(b), "several",
                         (int)b->state.policy.numbered, "job", (int)(b->state.policy.type == TYPE_JOB), "launched_at",
                         describe_time(b->launched_real_usec), "attempts", (int)b->state.attempts, "max_attempts",
                         p->max_attempts ? json_integer((json_int_t)p->max_attempts) : json_null(), "stopping", stopping_json(b),
                         "end", end_json(b));
}

int why_method(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const char *target = json_string_value(json_object_get(parameters, "target"));

        if (!target)
                return control_invalid_parameter(call, "target");
        json_t *all = json_array();
        for (size_t s = 0; s < m->n_stacks; s++) {
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (target_matches(target, m->stacks[s]->members[n]))
                                (void)json_array_append_new(all, why_explain(m->stacks[s]->members[n]));
                update_add_gone(m->stacks[s], target, all);
        }
        if (json_array_size(all) == 0 && !manager_find_stack(m, target) && !unreadable_has(m, target)) {
                json_decref(all);
                return control_error(
                        call, "NoSuchTarget",
                        json_pack("{s:s, s:s?}", "target", target, "hint", m->n_stacks == 0 ? "no stack is applied" : NULL));
        }
        _cleanup_(json_decrefp) json_t *targets = json_pack("[s]", target);
        return control_reply(call,
                             json_pack("{s:o, s:o, s:o}", "explanations", all, "updates", update_tell_all(m, targets), "unreadable", unreadable_describe(m)),
                             false);
}
