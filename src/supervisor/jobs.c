#include "jobs.h"
#include "degraded.h"

#include <ctrsup/store/jobs.h>

int jobs_load(struct stack_entry *s, struct err *err) {
        struct err why = { 0 };
        int r = jobs_read(s->manager->host.state_fd, s->name, &s->succeeded, &why);

        if (r < 0) {
                *err = why;
                return r;
        }
        if (why.code) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .stack = s->name, .error = why.code, .message = why.text };

                manager_report(s->manager, &e);
        }
        return 0;
}

static json_t *declaration(const struct member *b) {
        return json_object_get(json_object_get(json_object_get(b->generation->document, "stack"), "containers"), b->state.container);
}

static bool is_of_interest(const struct member *b) {
        return b->container->type == TYPE_JOB && b->container->rerun == RERUN_ON_CHANGE && !spec_is_scheduled(b->container);
}

bool jobs_has_succeeded(const struct member *b) {
        const json_t *then = json_object_get(b->stack->succeeded, b->state.container);

        return then && is_of_interest(b) && json_equal(then, declaration(b));
}

static int pay(struct manager *m, const char *name, struct err *err) {
        const struct stack_entry *s = manager_find_stack(m, name);

        return s && s->generation && s->succeeded ? jobs_write(m->host.state_fd, name, s->succeeded, err) : 0;
}

void jobs_note(struct member *b) {
        struct stack_entry *s = b->stack;
        struct manager *m = s->manager;

        if (b->state.phase != PHASE_COMPLETED || !is_of_interest(b) || !s->generation || m->options->mode != MODE_SERVICE || jobs_has_succeeded(b))
                return;
        if (!s->succeeded)
                s->succeeded = json_object();
        int r = json_object_set(s->succeeded, b->state.container, declaration(b)) < 0 ? -ENOMEM : pay(m, s->name, NULL);
        if (r < 0)
                degraded_owe(m, PLACE_STATE, pay, s->name, -r);
        else
                degraded_paid(m, pay, s->name);
}
