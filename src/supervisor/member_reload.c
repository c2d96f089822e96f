#include "member_reload.h"
#include "inside.h"
#include "member.h"
#include "watch.h"

#include <string.h>

#define TIMEOUT_USEC (30 * USEC_PER_SEC) /* as a hook's */

/* One container of a request. */
struct told {
        struct reloading *request;
        struct member *member;  /* only while it is told: it may be gone before its command's outcome is known */
        struct inside *command; /* NULL: it has ended, or a signal it was */
        json_t *result;         /* ReloadResult */
};

struct reloading {
        struct reloading *next;
        struct manager *manager;
        struct control_call *call;
        size_t n, open; /* open: whose outcome is awaited */
        bool complete;  /* all were told */
        struct told *told;
};

static bool has_reload(const struct member *b) {
        return b->container->reload.signal > 0 || b->container->reload.exec.n > 0;
}

static struct reloading *request_free(struct reloading *q) {
        for (struct reloading **at = &q->manager->reloads; *at; at = &(*at)->next)
                if (*at == q) {
                        *at = q->next;
                        break;
                }
        for (size_t n = 0; n < q->n; n++) {
                inside_leave(q->told[n].command);
                json_decref(q->told[n].result);
        }
        control_call_unref(q->call);
        free(q->told);
        free(q);
        return NULL;
}

static void answer(struct reloading *q) {
        json_t *results = json_array();

        if (q->open > 0 || !q->complete)
                return;
        for (size_t n = 0; n < q->n; n++)
                (void)json_array_append(results, q->told[n].result);
        (void)control_reply(q->call, json_pack("{s:o}", "results", results), false);
        (void)request_free(q);
}

/* --- one of them --- */

static json_t *how_json(const struct spec_reload *r) {
        _cleanup_buf_ struct buf words = BUF_NULL;

        if (r->signal > 0)
                return json_string(spec_signal_name(r->signal));
        for (size_t n = 0; n < r->exec.n; n++)
                buf_printf(&words, "%s%s", n > 0 ? " " : "", r->exec.items[n]);
        return json_string(buf_text(&words));
}

static void outcome(struct told *t, bool good, const char *message, const char *said) {
        char words[ERR_TEXT_MAX + 64];
        struct report_event e = { .kind = REPORT_NOTICE,
                                  .priority = good ? 6 : 4,
                                  .stack = json_string_value(json_object_get(t->result, "stack")),
                                  .container = json_string_value(json_object_get(t->result, "container")),
                                  .replica = (uint32_t)json_integer_value(json_object_get(t->result, "replica")),
                                  .message = words };

        (void)snprintf(words, sizeof(words), "%s: %s", good ? "told to reload" : "reload failed", message);
        manager_report(t->request->manager, &e);
        (void)json_object_set_new(t->result, "done", json_boolean(good));
        (void)json_object_set_new(t->result, "message", json_string(message));
        (void)json_object_set_new(t->result, "output", said[0] ? json_string(said) : json_null());
        t->request->open--;
}

static void on_command(const struct inside_outcome *o, void *userdata) {
        struct told *t = userdata;

        inside_leave(t->command); /* what is left of it has no say any more, and the answer frees where it is kept */
        outcome(t, o->good, o->how, o->said);
        answer(t->request);
}

static void tell(struct told *t) {
        const struct spec_reload *r = &t->member->container->reload;
        struct err err = { 0 };

        t->request->open++;
        if (r->signal > 0) {
                int e = act_signal(&t->member->host, r->signal, &err);

                outcome(t, e >= 0, e >= 0 ? spec_signal_name(r->signal) : err.text, "");
                return;
        }
        int e = inside_begin(&(struct inside_command){ .member = t->member,
                                                       .kind = CGROUP_HOOK,
                                                       .argv = &r->exec,
                                                       .timeout_usec = TIMEOUT_USEC,
                                                       .done = on_command,
                                                       .userdata = t },
                             &t->command, &err);
        if (e < 0)
                outcome(t, false, e == -EAGAIN ? "the keeper is busy" : err.text, "");
}

/* --- a request --- */

/* One that was named itself has to be there and to have a way; of a stack, those that are. */
static int check(const struct manager *m, const json_t *targets, struct err *err) {
        const json_t *target;
        size_t n;

        json_array_foreach (targets, n, target) {
                const char *name = json_string_value(target);
                bool any = false;

                for (size_t s = 0; s < m->n_stacks; s++)
                        for (size_t k = 0; k < m->stacks[s]->n_members; k++) {
                                const struct member *b = m->stacks[s]->members[k];

                                if (!target_matches(name, b))
                                        continue;
                                any = any || (has_reload(b) && phase_is_up(b->state.phase));
                                if (!strchr(name, '/'))
                                        continue;
                                if (!has_reload(b)) {
                                        (void)err_set(err, EINVAL, "%s declares no reload", name);
                                        return err_hint(err,
                                                        "add reload: {signal: SIGHUP} or {exec: [CMD]} to it, or restart it");
                                }
                                if (!phase_is_up(b->state.phase))
                                        return err_set(err, EINVAL, "%s does not run (%s)", name, phase_name(b->state.phase));
                        }
                if (!any)
                        return err_set(err, EINVAL, "nothing of %s runs that declares a reload", name);
        }
        return 0;
}

static size_t each(struct manager *m, const json_t *targets, struct told *ret) {
        size_t count = 0;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];

                        if (!targets_match(targets, b) || !has_reload(b) || !phase_is_up(b->state.phase))
                                continue;
                        if (ret)
                                ret[count].member = b;
                        count++;
                }
        return count;
}

int member_reload(struct manager *m, struct control_call *call, const json_t *targets, struct err *err) {
        int r = check(m, targets, err);

        if (r < 0)
                return r;
        struct reloading *q = calloc(1, sizeof(*q));
        size_t n = each(m, targets, NULL);
        struct told *told = calloc(n + 1, sizeof(*told));
        if (!q || !told) {
                free(q);
                free(told);
                return err_oom(err);
        }
        *q = (struct reloading){ .manager = m, .call = control_call_ref(call), .n = n, .told = told, .next = m->reloads };
        m->reloads = q;
        (void)each(m, targets, told);
        for (size_t k = 0; k < n; k++) {
                const struct member *b = told[k].member;

                told[k].request = q;
                told[k].result = json_pack("{s:s, s:s, s:I, s:o}", "stack", b->state.stack, "container", b->state.container,
                                           "replica", (json_int_t)b->state.replica, "how", how_json(&b->container->reload));
                tell(&told[k]);
        }
        q->complete = true;
        answer(q);
        return 0;
}

void member_reload_done(struct manager *m) {
        struct err err = { 0 };

        (void)err_set(&err, ECONNRESET, "the supervisor ends; how the commands end will not be known");
        while (m->reloads) {
                (void)control_fail(m->reloads->call, &err);
                (void)request_free(m->reloads);
        }
}
