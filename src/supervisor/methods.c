/* Each method checks its parameters, finds what is meant, and hands on: to stacks (what is declared), to members (what is
 * operated), to watch (who waits for the outcome). */
#include "methods.h"
#include "apply.h"
#include "defer.h"
#include "describe.h"
#include "drift.h"
#include "exec.h"
#include "history.h"
#include "logger_link.h"
#include "member.h"
#include "member_reload.h"
#include "quiesce.h"
#include "reload.h"
#include "removal.h"
#include "stack_plan.h"
#include "stack_record.h"
#include "stacks.h"
#include "unreadable.h"
#include "update_tell.h"
#include "usage.h"
#include "watch.h"
#include "why.h"

#include <ctrsup/plan/explain.h>
#include <ctrsup/plan/order.h>

#include <signal.h>
#include <string.h>

/* --- parameters --- */

/* null and a missing one are the same: not said. */
static const json_t *said(const json_t *parameters, const char *key) {
        const json_t *v = json_object_get(parameters, key);

        return json_is_null(v) ? NULL : v;
}

static bool flag(const json_t *parameters, const char *key, bool otherwise) {
        const json_t *v = said(parameters, key);

        return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static const char *text(const json_t *parameters, const char *key) {
        return json_string_value(said(parameters, key));
}

/* Seconds; 0 and less are the same as not said. */
static uint64_t timeout(const json_t *parameters) {
        const json_t *v = said(parameters, "timeout");
        double seconds = json_number_value(v);

        return !json_is_number(v) || !(seconds > 0) || seconds > 1e9 ? USEC_INFINITY : (uint64_t)(seconds * (double)USEC_PER_SEC);
}

static bool is_strings(const json_t *array) {
        size_t n;
        const json_t *v;

        json_array_foreach (array, n, v)
                if (!json_is_string(v))
                        return false;
        return true;
}

static int fail(struct control_call *call, const char *name, const char *message, const char *hint) {
        return control_error(call, name, json_pack("{s:s, s:s?, s:n, s:n}", "message", message, "hint", hint, "errno", "place"));
}

/* --- targets --- */

static size_t count_matches(struct manager *m, const char *target) {
        size_t count = 0;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        count += target_matches(target, m->stacks[s]->members[n]);
        return count;
}

/* Each of them must name something. past: or something that is gone and is still told of. 0; 1: an error was answered. */
static int check_known(struct manager *m, struct control_call *call, const json_t *targets, bool past) {
        size_t n;
        const json_t *t;

        if (!json_is_array(targets) || !is_strings(targets)) {
                (void)control_invalid_parameter(call, "targets");
                return 1;
        }
        json_array_foreach (targets, n, t) {
                if (count_matches(m, json_string_value(t)) > 0 || manager_find_stack(m, json_string_value(t)) ||
                    unreadable_has(m, json_string_value(t)) || (past && update_has_gone(m, json_string_value(t))))
                        continue;
                (void)control_error(
                        call, "NoSuchTarget",
                        json_pack("{s:O, s:s?}", "target", t, "hint", m->n_stacks == 0 ? "no stack is applied" : NULL));
                return 1;
        }
        return 0;
}

static int check_targets(struct manager *m, struct control_call *call, const json_t *targets) {
        return check_known(m, call, targets, false);
}

/* --- apply, plan --- */

static int refuse(struct control_call *call, int r, const struct diag_list *diags, const struct err *err) {
        if (diag_errors(diags) > 0)
                return control_error(call, "InvalidDocument", json_pack("{s:o}", "diagnostics", diag_list_json(diags)));
        if (r == -EBUSY)
                return fail(call, "Busy", err->text, NULL);
        if (r == -EBADMSG && !err->code)
                return control_invalid_parameter(call, "document");
        return control_fail(call, err);
}

#define QUIESCED "all stacks are stopped, for a shutdown or until ctrsup daemon start-stacks"

static int apply_or_plan(struct control_call *call, json_t *parameters, struct manager *m, bool dry_run, struct plan **ret) {
        const struct control_peer *peer = control_call_peer(call);
        struct diag_list diags;
        struct err err = { 0 };
        struct apply a = {
                .document = said(parameters, "document"),
                .keep_undeclared = !flag(parameters, "prune", true),
                .dry_run = dry_run,
                .uid = peer->uid,
                .pid = peer->pid,
        };

        if (!json_is_object(a.document))
                return control_invalid_parameter(call, "document") < 0 ? -EIO : 1;
        if (m->ending || m->adopting || (m->quiesced && !dry_run))
                return fail(call, "Busy",
                            m->adopting ? "the supervisor is taking over what runs"
                            : m->ending ? "the supervisor is stopping"
                                        : QUIESCED,
                            NULL) < 0
                               ? -EIO
                               : 1;
        int r = diag_list_init(&diags, "stack");
        if (r < 0)
                return r;
        r = stack_apply(m, &a, &diags, ret, &err);
        if (r < 0 && !dry_run)
                stack_report_refused(m, &a, &diags, &err);
        if (r < 0)
                r = refuse(call, r, &diags, &err) < 0 ? -EIO : 1;
        diag_list_done(&diags);
        return r;
}

static int method_apply(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        _cleanup_plan_ struct plan *plan = NULL;
        bool dry_run = flag(parameters, "dry_run", false);

        if (defer_call(m, call, parameters, method_apply))
                return 0;
        int r = apply_or_plan(call, parameters, m, dry_run, &plan);
        if (r != 0)
                return r < 0 ? r : 0;
        bool more = control_call_more(call) && !dry_run;
        r = control_reply(call, json_pack("{s:o}", "plan", plan_to_json(plan)), more);
        if (r < 0 || !more)
                return r;
        return watch_goal(m, call,
                          &(struct wait_for){ .goal = GOAL_UP,
                                              .stack = plan->stack,
                                              .revision = plan->revision,
                                              .settle = true,
                                              .timeout_usec = timeout(parameters) });
}

static int method_plan(struct control_call *call, json_t *parameters, void *userdata) {
        _cleanup_plan_ struct plan *plan = NULL;

        if (defer_call(userdata, call, parameters, method_plan))
                return 0;
        int r = apply_or_plan(call, parameters, userdata, true, &plan);
        if (r != 0)
                return r < 0 ? r : 0;
        return control_reply(call, json_pack("{s:o}", "plan", plan_to_json(plan)), false);
}

/* --- status, events, lines --- */

/* Those that are gone, as far as they are named. */
static void add_gone(struct manager *m, const json_t *targets, json_t *containers) {
        _cleanup_(json_decrefp) json_t *ends = json_array();
        json_t *t, *end;
        size_t n;

        json_array_foreach ((json_t *)(uintptr_t)targets, n, t)
                for (size_t s = 0; s < m->n_stacks; s++)
                        if (strchr(json_string_value(t), '.'))
                                update_add_gone(m->stacks[s], json_string_value(t), ends);
        json_array_foreach (ends, n, end)
                (void)json_array_append(containers, json_object_get(end, "container"));
}

static int method_status(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const json_t *targets = said(parameters, "targets");

        if (targets && check_known(m, call, targets, true) != 0)
                return 0;
        json_t *containers = json_array();
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (targets_match(targets, m->stacks[s]->members[n]))
                                (void)json_array_append_new(containers, describe_container(m->stacks[s]->members[n]));
        add_gone(m, targets, containers);
        return control_reply(
                call, json_pack("{s:o, s:o, s:o}", "containers", containers, "updates", update_tell_all(m, targets), "daemon", describe_daemon(m)), false);
}

static int method_usage(struct control_call *call, json_t *parameters, void *userdata) {
        const json_t *targets = said(parameters, "targets"), *from = said(parameters, "from");

        if (targets && check_targets(userdata, call, targets) != 0)
                return 0;
        if (from && !json_is_integer(from))
                return control_invalid_parameter(call, "from");
        return usage_reply(userdata, call, targets, json_integer_value(from));
}

static int method_events(struct control_call *call, json_t *parameters, void *userdata) {
        return watch_events(userdata, call, flag(parameters, "follow", false));
}

static int method_attach(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        json_t *targets = json_object_get(parameters, "targets");

        if (json_is_null(targets))
                targets = NULL;
        if (targets && check_targets(m, call, targets) != 0)
                return 0;
        if (!control_call_more(call))
                return fail(call, "Failed", "Attach needs a call that takes several replies", NULL);
        int r = logger_link_attach(m, call, targets);
        if (r < 0)
                return fail(call, "Failed", "the logger cannot be followed now", "try again");
        return 0;
}

/* --- operations --- */

struct operation {
        enum event_kind event;
        enum goal goal;
        int signal;
        uint64_t grace_usec;
};

static bool operates_on(const json_t *targets, bool all, const struct member *b) {
        return (all || targets_match(targets, b)) && b->state.desire != DESIRE_GONE;
}

/* named: itself, not only its stack. A job with a schedule is run, and run again, when it is asked for; with the others it waits for its
 * time, or goes on. */
static void operate_on(struct member *b, const struct operation *o, bool named) {
        struct event e = { .kind = o->event, .signal = o->signal, .grace_usec = o->grace_usec };

        if (o->event == EVENT_STOP)
                stack_overrule(b);
        if (o->event == EVENT_START && phase_is_up(b->state.phase) && !b->state.leaving)
                return;
        if (o->event != EVENT_STOP && stack_will_restart(b))
                return; /* it is down for what comes before it in the plan */
        if (b->state.policy.scheduled && o->event != EVENT_STOP && !named)
                e.kind = EVENT_WANTED;
        else if (o->event == EVENT_START && b->state.leaving && b->state.outdated)
                e.kind = EVENT_RESTART; /* not kept up as it is: what it runs is not declared any more */
        member_post(b, &e);
}

/* Who says `depends_on.X.restart` is restarted with X, and so on. chosen: per member, in the order of list. */
static void choose_followers(struct member *const *list, bool *chosen, size_t n) {
        for (bool grown = true; grown;) {
                grown = false;
                for (size_t i = 0; i < n; i++)
                        for (size_t k = 0; k < n && !chosen[i]; k++)
                                if (chosen[k] && phase_is_up(list[i]->state.phase) && list[i]->state.desire == DESIRE_RUN &&
                                    order_follows(list[i]->container, list[k]->state.container, NULL))
                                        chosen[i] = grown = true;
        }
}

static int operate(struct manager *m, const json_t *targets, bool all, const struct operation *o) {
        for (size_t s = 0; s < m->n_stacks; s++) {
                struct stack_entry *stack = m->stacks[s];
                size_t n = stack->n_members;
                _cleanup_free_ struct member **list = stack_ordered(stack);
                _cleanup_free_ bool *chosen = calloc(n + 1, sizeof(*chosen));
                bool any = false;

                if (!list || !chosen)
                        return -ENOMEM;
                for (size_t k = 0; k < n; k++) {
                        if (o->event == EVENT_STOP && (all || targets_match(targets, list[k])))
                                stack_redeclare(list[k]);
                        chosen[k] = operates_on(targets, all, list[k]);
                        any = any || chosen[k];
                }
                if (o->event == EVENT_RESTART)
                        choose_followers(list, chosen, n);
                /* Who depends on others is told first of the way down, last of the way up. */
                for (size_t k = 0; k < n; k++) {
                        size_t at = o->event == EVENT_START ? k : n - 1 - k;

                        if (chosen[at])
                                operate_on(list[at], o, !all && targets_name(targets, list[at]));
                }
                if (any)
                        stack_save_current(stack);
        }
        return 0;
}

/* Of a stack that cannot be read nothing is known that could be started or stopped. */
static int check_readable(struct manager *m, const json_t *targets, struct err *err) {
        size_t n;
        const json_t *t;

        json_array_foreach (targets, n, t) {
                char stack[NAME_SIZE];
                const char *target = json_string_value(t);

                (void)snprintf(stack, sizeof(stack), "%.*s", (int)strcspn(target, "/"), target);
                int r = unreadable_refuse(manager_find_stack(m, stack), err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int run_operation(struct control_call *call, json_t *parameters, struct manager *m, const struct operation *o) {
        json_t *targets = json_object_get(parameters, "targets");
        bool all = flag(parameters, "all", false);
        struct err err = { 0 };

        if (m->quiesced && o->event != EVENT_STOP)
                return fail(call, "Busy", QUIESCED, NULL);
        if (!all && check_targets(m, call, targets) != 0)
                return 0;
        if (!all && json_array_size(targets) == 0)
                return control_invalid_parameter(call, "targets");
        if (!all && check_readable(m, targets, &err) < 0)
                return control_fail(call, &err);
        if (operate(m, targets, all, o) < 0)
                return -ENOMEM;
        if (!control_call_more(call))
                return control_reply(call, NULL, false);
        return watch_goal(
                m, call,
                &(struct wait_for){
                        .goal = o->goal, .targets = all ? NULL : targets, .asked = true, .timeout_usec = timeout(parameters) });
}

static int method_start(struct control_call *call, json_t *parameters, void *userdata) {
        if (defer_call(userdata, call, parameters, method_start))
                return 0;
        return run_operation(call, parameters, userdata, &(struct operation){ .event = EVENT_START, .goal = GOAL_UP });
}

static int method_restart(struct control_call *call, json_t *parameters, void *userdata) {
        if (defer_call(userdata, call, parameters, method_restart))
                return 0;
        return run_operation(call, parameters, userdata, &(struct operation){ .event = EVENT_RESTART, .goal = GOAL_UP });
}

/* "SIGTERM"; 0: none was said; -EINVAL. */
static int signal_of(const char *name) {
        if (!name)
                return 0;
        if (strncmp(name, "SIG", 3) == 0)
                for (int s = 1; s < NSIG; s++)
                        if (sigabbrev_np(s) && strcmp(sigabbrev_np(s), name + 3) == 0)
                                return s;
        return -EINVAL;
}

static int method_stop(struct control_call *call, json_t *parameters, void *userdata) {
        int signal = signal_of(text(parameters, "signal"));

        if (defer_call(userdata, call, parameters, method_stop))
                return 0;
        if (signal < 0)
                return control_invalid_parameter(call, "signal");
        return run_operation(
                call, parameters, userdata,
                &(struct operation){ .event = EVENT_STOP, .goal = GOAL_DOWN, .signal = signal, .grace_usec = USEC_INFINITY });
}

static int method_reload_containers(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const json_t *targets = json_object_get(parameters, "targets");
        struct err err = { 0 };

        if (defer_call(m, call, parameters, method_reload_containers))
                return 0;
        if (check_targets(m, call, targets) != 0)
                return 0;
        if (json_array_size(targets) == 0)
                return control_invalid_parameter(call, "targets");
        if (check_readable(m, targets, &err) < 0)
                return control_fail(call, &err);
        int r = member_reload(m, call, targets, &err);
        return r == -EINVAL ? fail(call, "Failed", err.text, err.hint[0] ? err.hint : NULL) : r < 0 ? control_fail(call, &err) : 0;
}

static int method_remove(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const char *name = text(parameters, "stack");
        struct stack_entry *s = name ? manager_find_stack(m, name) : NULL;
        struct err err = { 0 };

        if (defer_call(m, call, parameters, method_remove))
                return 0;
        if (!name)
                return control_invalid_parameter(call, "stack");
        if (!s)
                return control_error(call, "NoSuchTarget", json_pack("{s:s, s:n}", "target", name, "hint"));
        const struct control_peer *peer = control_call_peer(call);
        s->has_remover = true;
        s->remover_uid = peer->uid;
        s->remover_pid = peer->pid;
        int r = stack_remove(m, s, flag(parameters, "volumes", false), &err);
        if (r < 0)
                return control_fail(call, &err);
        if (!control_call_more(call))
                return control_reply(call, NULL, false);
        return watch_goal(m, call, &(struct wait_for){ .goal = GOAL_GONE, .stack = name, .timeout_usec = timeout(parameters) });
}

static int method_wait(struct control_call *call, json_t *parameters, void *userdata) {
        static const struct {
                const char *word;
                enum goal goal;
        } goals[] = { { "ready", GOAL_UP }, { "healthy", GOAL_HEALTHY }, { "completed", GOAL_COMPLETED }, { "stopped", GOAL_DOWN } };
        struct manager *m = userdata;
        json_t *targets = json_object_get(parameters, "targets");
        const char *word = text(parameters, "for");

        if (check_targets(m, call, targets) != 0)
                return 0;
        for (size_t n = 0; word && n < ARRAY_SIZE(goals); n++)
                if (strcmp(goals[n].word, word) == 0)
                        return watch_goal(m, call,
                                          &(struct wait_for){ .goal = goals[n].goal,
                                                              .targets = targets,
                                                              .timeout_usec = timeout(parameters) });
        return control_invalid_parameter(call, "for");
}

/* --- exec --- */

static struct member *find_one(struct manager *m, const char *target, size_t *ret_count) {
        struct member *found = NULL;

        *ret_count = 0;
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (target_matches(target, m->stacks[s]->members[n])) {
                                struct member *b = m->stacks[s]->members[n];

                                if (b->state.replica > b->container->replicas && !strchr(target, '.'))
                                        continue; /* an update's extra one is meant by its number only */
                                found = b;
                                (*ret_count)++;
                        }
        return found;
}

static int method_exec(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const char *target = text(parameters, "target"), *key;
        json_t *environment = json_object_get(parameters, "environment"), *value;
        struct err err = { 0 };
        size_t count;

        struct exec_request q = {
                .command = json_object_get(parameters, "command"),
                .environment = json_is_object(environment) ? environment : NULL,
                .user = text(parameters, "user"),
                .working_dir = text(parameters, "working_dir"),
                .tty = flag(parameters, "tty", false),
                .rows = (unsigned short)json_integer_value(json_object_get(parameters, "rows")),
                .columns = (unsigned short)json_integer_value(json_object_get(parameters, "columns")),
        };
        if (!target)
                return control_invalid_parameter(call, "target");
        if (!json_is_array(q.command) || json_array_size(q.command) == 0 || !is_strings(q.command))
                return control_invalid_parameter(call, "command");
        json_object_foreach (q.environment, key, value)
                if (!json_is_string(value))
                        return control_invalid_parameter(call, "environment");
        q.member = find_one(m, target, &count);
        if (count == 0)
                return control_error(call, "NoSuchTarget", json_pack("{s:s, s:n}", "target", target, "hint"));
        if (count > 1)
                return fail(call, "Failed", "the target names several containers; exec takes one", "name it as STACK/CONTAINER, one of several as STACK/CONTAINER.N");
        if (!phase_is_up(q.member->state.phase)) {
                (void)err_set(&err, ESRCH, "%s does not run (%s)", target, phase_name(q.member->state.phase));
                return control_fail(call, &err);
        }
        int r = exec_start(m, call, &q, &err);
        return r < 0 ? control_fail(call, &err) : 0;
}

/* --- the end of a foreground supervisor --- */

static int method_shutdown(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;

        if (m->options->mode != MODE_FOREGROUND)
                return fail(call, "Unsupported", "only a foreground supervisor is ended this way", "systemctl stop ctrsup");
        manager_end(m, 0, flag(parameters, "force", false));
        if (!control_call_more(call))
                return control_reply(call, NULL, false);
        return watch_goal(m, call, &(struct wait_for){ .goal = GOAL_DOWN, .timeout_usec = USEC_INFINITY });
}

const struct control_method manager_methods[] = {
        { CONTROL_METHOD("Apply"), method_apply, CONTROL_ADMIN },
        { CONTROL_METHOD("Plan"), method_plan, CONTROL_ADMIN },
        { CONTROL_METHOD("Status"), method_status, CONTROL_READ },
        { CONTROL_METHOD("Usage"), method_usage, CONTROL_READ },
        { CONTROL_METHOD("Start"), method_start, CONTROL_ADMIN },
        { CONTROL_METHOD("Stop"), method_stop, CONTROL_ADMIN },
        { CONTROL_METHOD("Restart"), method_restart, CONTROL_ADMIN },
        { CONTROL_METHOD("ReloadContainers"), method_reload_containers, CONTROL_ADMIN },
        { CONTROL_METHOD("Remove"), method_remove, CONTROL_ADMIN },
        { CONTROL_METHOD("Events"), method_events, CONTROL_READ },
        { CONTROL_METHOD("Wait"), method_wait, CONTROL_READ },
        { CONTROL_METHOD("Attach"), method_attach, CONTROL_READ },
        { CONTROL_METHOD("Exec"), method_exec, CONTROL_ADMIN },
        { CONTROL_METHOD("Why"), why_method, CONTROL_READ },
        { CONTROL_METHOD("Diff"), drift_method, CONTROL_READ },
        { CONTROL_METHOD("History"), history_method, CONTROL_READ },
        { CONTROL_METHOD("Document"), history_method_document, CONTROL_ADMIN },
        { CONTROL_METHOD("Reload"), reload_method, CONTROL_ADMIN },
        { CONTROL_METHOD("Quiesce"), quiesce_method, CONTROL_ADMIN },
        { CONTROL_METHOD("Resume"), quiesce_method_resume, CONTROL_ADMIN },
        { CONTROL_METHOD("Shutdown"), method_shutdown, CONTROL_ADMIN },
};
const size_t n_manager_methods = ARRAY_SIZE(manager_methods);
