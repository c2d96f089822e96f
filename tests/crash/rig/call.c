#include "rig.h"

#include <ctrsup/spec/load.h>

#include <errno.h>
#include <string.h>

#define INTERFACE "io.ctrsup.Manager."

static int begin(struct rig *r, const char *method, json_t *parameters, bool more, struct control_client **ret) {
        _cleanup_control_client_ struct control_client *c = NULL;
        char name[96];

        (void)snprintf(name, sizeof(name), INTERFACE "%s", method);
        int e = control_client_connect(r->socket, &c, NULL);
        if (e >= 0)
                e = control_client_send(c, &(struct control_request){ .method = name, .parameters = parameters, .more = more }, NULL);
        if (e >= 0)
                *ret = take_ptr(c);
        return e;
}

static void tell(char said[RIG_PATH], int e, const struct control_answer *a) {
        if (!said)
                return;
        if (e < 0)
                (void)snprintf(said, RIG_PATH, "%s", strerror(-e));
        else
                (void)snprintf(said, RIG_PATH, "%.60s: %.180s", a->error,
                               json_string_value(json_object_get(a->parameters, "message")) ?: "");
}

json_t *rig_call(struct rig *r, const char *method, json_t *parameters_taken, unsigned limit_ms, char said[RIG_PATH]) {
        _cleanup_(json_decrefp) json_t *parameters = parameters_taken;
        _cleanup_control_client_ struct control_client *c = NULL;
        _cleanup_control_answer_ struct control_answer a = CONTROL_ANSWER_NULL;

        int e = begin(r, method, parameters, false, &c);
        if (e >= 0)
                e = control_client_wait(c, (uint64_t)limit_ms * 1000, &a, NULL);
        if (e < 0 || a.error) {
                tell(said, e, &a);
                return NULL;
        }
        return json_incref(a.parameters);
}

enum { AGAIN = -3 }; /* busy taking over, or removing: the operator's next try */

static int do_once(struct rig *r, const char *method, json_t *parameters, uint64_t end, char said[RIG_PATH]) {
        _cleanup_control_client_ struct control_client *c = NULL;

        int e = begin(r, method, parameters, true, &c);
        while (e >= 0) {
                _cleanup_control_answer_ struct control_answer a = CONTROL_ANSWER_NULL;
                const uint64_t now = rig_now_usec();

                e = control_client_wait(c, now < end ? end - now : 0, &a, NULL);
                if (e < 0)
                        break;
                if (a.error) {
                        tell(said, 0, &a);
                        return strcmp(a.error, INTERFACE "Busy") == 0 ? AGAIN : -1;
                }
                if (a.continues)
                        continue;
                const char *outcome = json_string_value(json_object_get(json_object_get(a.parameters, "result"), "outcome"));
                if (said)
                        (void)snprintf(said, RIG_PATH, "outcome %s", outcome ?: "none");
                return outcome && strcmp(outcome, "done") == 0 ? 0 : 1;
        }
        tell(said, e, NULL);
        return -2;
}

int rig_do(struct rig *r, const char *method, json_t *parameters_taken, unsigned limit_ms, char said[RIG_PATH]) {
        _cleanup_(json_decrefp) json_t *parameters = parameters_taken;
        const uint64_t end = rig_now_usec() + (uint64_t)limit_ms * 1000;
        int e;

        while ((e = do_once(r, method, parameters, end, said)) == AGAIN && rig_now_usec() < end)
                rig_sleep_usec(2000);
        return e == AGAIN ? -1 : e;
}

json_t *rig_document(const char *yaml) {
        _cleanup_stack_ struct stack stack = STACK_NULL;
        struct diag_list diags;
        json_t *document = NULL;

        if (diag_list_init(&diags, "crash.yaml") < 0)
                abort();
        if (stack_load(yaml, strlen(yaml), &(struct stack_source){ .file = "crash.yaml", .base_dir = "/" }, &diags, &stack) >= 0)
                document = stack_document(&stack);
        if (!document)
                for (size_t n = 0; n < diags.n; n++)
                        rig_note("the test's stack is wrong: %s: %s", diags.items[n].path, diags.items[n].message);
        diag_list_done(&diags);
        if (!document)
                abort();
        return json_pack("{s:o}", "document", document);
}

int rig_apply(struct rig *r, const char *yaml, unsigned limit_ms) {
        char said[RIG_PATH] = "";
        int e = rig_do(r, "Apply", rig_document(yaml), limit_ms, said);

        if (e == -1)
                rig_note("apply: %s", said);
        return e;
}

int rig_operate(struct rig *r, const char *method, const char *target, unsigned limit_ms) {
        return rig_do(r, method, json_pack("{s:[s]}", "targets", target), limit_ms, NULL);
}

int rig_remove(struct rig *r, const char *stack, unsigned limit_ms) {
        return rig_do(r, "Remove", json_pack("{s:s}", "stack", stack), limit_ms, NULL);
}

/* --- status --- */

void status_done(struct status *s) {
        free(s->items);
        json_decref(s->daemon);
        *s = STATUS_NULL;
}

static void copy(char *to, size_t size, const json_t *from) {
        (void)snprintf(to, size, "%s", json_string_value(from) ?: "");
}

static void read_one(struct seen *s, const json_t *c) {
        const json_t *exit = json_object_get(c, "exit");

        copy(s->stack, sizeof(s->stack), json_object_get(c, "stack"));
        copy(s->container, sizeof(s->container), json_object_get(c, "container"));
        copy(s->state, sizeof(s->state), json_object_get(c, "state"));
        copy(s->reason, sizeof(s->reason), json_object_get(exit, "reason"));
        copy(s->signal, sizeof(s->signal), json_object_get(exit, "signal"));
        s->replica = (unsigned)json_integer_value(json_object_get(c, "replica"));
        s->pid = (pid_t)json_integer_value(json_object_get(c, "pid"));
        s->restarts = json_integer_value(json_object_get(c, "restarts"));
        s->revision = (uint64_t)json_integer_value(json_object_get(c, "revision"));
        s->code = json_is_integer(json_object_get(exit, "code")) ? (int)json_integer_value(json_object_get(exit, "code")) : -1;
}

int rig_status(struct rig *r, struct status *ret) {
        _cleanup_(json_decrefp) json_t *reply = rig_call(r, "Status", NULL, 10000, NULL);
        json_t *list = json_object_get(reply, "containers");
        struct status s = STATUS_NULL;

        if (!json_is_array(list))
                return -ENOTCONN;
        s.items = calloc(json_array_size(list) + 1, sizeof(*s.items));
        if (!s.items)
                return -ENOMEM;
        for (; s.n < json_array_size(list); s.n++)
                read_one(&s.items[s.n], json_array_get(list, s.n));
        s.daemon = json_incref(json_object_get(reply, "daemon"));
        *ret = s;
        return 0;
}

const struct seen *status_find(const struct status *s, const char *stack, const char *container) {
        for (size_t n = 0; n < s->n; n++)
                if (strcmp(s->items[n].stack, stack) == 0 && strcmp(s->items[n].container, container) == 0)
                        return &s->items[n];
        return NULL;
}

static bool is_one_of(const char *word, const char *const *list) {
        for (; *list; list++)
                if (strcmp(word, *list) == 0)
                        return true;
        return false;
}

bool seen_is_up(const struct seen *s) {
        return is_one_of(s->state, (const char *const[]){ "running", "ready", "unhealthy", NULL });
}

bool seen_is_down(const struct seen *s) {
        return is_one_of(s->state, (const char *const[]){ "stopped", "completed", "failed", NULL });
}
