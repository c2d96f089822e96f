#include "defer.h"

struct deferred {
        struct deferred *next;
        struct control_call *call;
        json_t *parameters;
        defer_handler handler;
};

static void free_first(struct manager *m) {
        struct deferred *d = m->deferred;

        m->deferred = d->next;
        control_call_unref(d->call);
        json_decref(d->parameters);
        free(d);
}

bool defer_call(struct manager *m, struct control_call *call, json_t *parameters, defer_handler handler) {
        struct deferred **at = &m->deferred;

        if (!m->adopting)
                return false;
        struct deferred *d = calloc(1, sizeof(*d));
        if (!d) {
                struct err err = { 0 };

                (void)err_oom(&err);
                (void)control_fail(call, &err);
                return true;
        }
        *d = (struct deferred){ .call = control_call_ref(call), .parameters = json_incref(parameters), .handler = handler };
        while (*at)
                at = &(*at)->next;
        *at = d;
        return true;
}

void defer_run(struct manager *m) {
        while (m->deferred && !m->adopting) {
                struct deferred *d = m->deferred;

                /* A client that has gone meanwhile does not want it any more. */
                int r = control_call_is_open(d->call) ? d->handler(d->call, d->parameters, m) : 0;
                if (r < 0 && control_call_is_open(d->call)) {
                        struct err err = { 0 };

                        (void)err_sys(&err, -r, "%s", control_call_method(d->call));
                        (void)control_fail(d->call, &err);
                }
                free_first(m);
        }
}

void defer_done(struct manager *m) {
        while (m->deferred)
                free_first(m);
}
