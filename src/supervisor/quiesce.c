#include "quiesce.h"
#include "defer.h"
#include "member.h"
#include "stack_plan.h"
#include "update.h"
#include "system_state.h"
#include "watch.h"

#include <ctrsup/plan/order.h>

#include <fcntl.h>
#include <string.h>

#define MARKER "quiesced"

static bool is_down(const struct member *b) {
        return instance_is_down(&b->state) && phase_is_settled(b->state.phase) && !b->launch_due;
}

static bool all_down(const struct manager *m) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (!is_down(m->stacks[s]->members[n]))
                                return false;
        return true;
}

static bool follows(const struct member *b, const struct member *provider) {
        return b != provider && order_depends(b->container, provider->state.container);
}

static bool has_follower_up(const struct member *b) {
        for (size_t n = 0; n < b->stack->n_members; n++)
                if (follows(b->stack->members[n], b) && !instance_is_down(&b->stack->members[n]->state))
                        return true;
        return false;
}

static void hold(struct member *b) {
        bool over = is_down(b); /* completed, failed, stopped: that is what it stays */

        if (b->state.desire == DESIRE_RUN && !over && !has_follower_up(b))
                member_post(b, &(struct event){ .kind = EVENT_HOLD, .grace_usec = USEC_INFINITY });
}

static bool waits_for_provider(const struct member *b) {
        for (size_t n = 0; n < b->stack->n_members; n++) {
                const struct instance *i = &b->stack->members[n]->state;

                if (follows(b, b->stack->members[n]) && (i->desire == DESIRE_HELD || i->phase == PHASE_PENDING ||
                                                         i->phase == PHASE_STARTING || i->phase == PHASE_STOPPING))
                        return true;
        }
        return false;
}

static bool is_wanted(const struct member *b) {
        const struct generation *g = b->stack->generation;

        return b->state.kept || (g && spec_find(g->spec, b->state.container));
}

/* true: it still waits. */
static bool release(struct member *b) {
        if (b->state.desire != DESIRE_HELD || !is_wanted(b))
                return false;
        if (waits_for_provider(b))
                return true;
        member_post(b, &(struct event){ .kind = b->state.policy.scheduled ? EVENT_WANTED : EVENT_START });
        return false;
}

void quiesce_tend(struct manager *m) {
        bool waiting = false;

        if (m->adopting || (!m->quiesced && !m->resuming))
                return;
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (m->quiesced)
                                hold(m->stacks[s]->members[n]);
                        else
                                waiting = release(m->stacks[s]->members[n]) || waiting;
        if (!m->quiesced)
                m->resuming = waiting;
        if (m->leaving && all_down(m))
                m->over = true;
}

static void begin(struct manager *m, const char *why) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 5, .message = why };

        if (!m->quiesced)
                manager_report(m, &e);
        m->quiesced = true;
        m->resuming = false;
        manager_poke(m);
}

/* --- the methods --- */

static int mark(struct manager *m, struct err *err) {
        int fd = openat(m->runtime_fd, MARKER, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return err_sys(err, errno, "create %s/" MARKER, m->runtime_dir);
        close_fd(fd);
        return 0;
}

static int unsupported(struct control_call *call) {
        return control_error(call, "Unsupported",
                             json_pack("{s:s}", "message", "only the daemon's stacks are stopped and started together"));
}

int quiesce_method(struct control_call *call, json_t *parameters, void *manager) {
        struct manager *m = manager;
        struct wait_for f = { .goal = GOAL_DOWN, .timeout_usec = USEC_INFINITY };
        struct err err = { 0 };

        if (defer_call(m, call, parameters, quiesce_method))
                return 0;
        if (m->options->mode != MODE_SERVICE)
                return unsupported(call);
        if (json_is_true(json_object_get(parameters, "shutdown")) && m->settings->reconcile.shutdown == SHUTDOWN_LEAVE) {
                f.plans = true; /* of no stack: nothing to wait for */
                return watch_goal(m, call, &f);
        }
        /* A marker that cannot be made must not leave containers to be killed without order. */
        if (mark(m, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .message = err.text };

                manager_report(m, &e);
        }
        begin(m, "all stacks are stopped, in order");
        return watch_goal(m, call, &f);
}

/* What a plan before this supervisor had not got to: it did not while all was down. */
static void plan_rest(struct manager *m) {
        for (size_t s = 0; s < m->n_stacks; s++) {
                struct err err = { 0 };

                if (m->stacks[s]->generation && !m->stacks[s]->plan && stack_plan_rest(m->stacks[s], &err) < 0) {
                        struct report_event e = {
                                .kind = REPORT_NOTICE, .priority = 3, .stack = m->stacks[s]->name, .message = err.text
                        };

                        manager_report(m, &e);
                }
                update_resume(m->stacks[s]);
        }
}

int quiesce_method_resume(struct control_call *call, json_t *parameters, void *manager) {
        struct manager *m = manager;

        if (defer_call(m, call, parameters, quiesce_method_resume))
                return 0;
        if (m->options->mode != MODE_SERVICE)
                return unsupported(call);
        if (m->leaving)
                return control_error(call, "Busy", json_pack("{s:s}", "message", "the system is going down"));
        (void)unlinkat(m->runtime_fd, MARKER, 0);
        if (m->quiesced) {
                struct report_event e = { .kind = REPORT_NOTICE,
                                          .priority = 5,
                                          .message = "the stacks that were stopped are started again" };

                m->quiesced = false;
                m->resuming = true;
                manager_report(m, &e);
                plan_rest(m);
                manager_poke(m);
        }
        return control_reply(call, NULL, false);
}

/* --- the system goes down --- */

static void on_state_at_start(const char *state, void *userdata) {
        struct manager *m = userdata;

        m->asking = false;
        if (state && strcmp(state, "stopping") == 0)
                begin(m, "the system is going down: nothing is started");
        manager_poke(m);
}

static bool under_systemd(const struct manager *m) {
        return m->options->mode == MODE_SERVICE && getenv("NOTIFY_SOCKET");
}

void quiesce_restore(struct manager *m) {
        if (m->options->mode == MODE_SERVICE && faccessat(m->runtime_fd, MARKER, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                begin(m, "the stacks stay stopped, as they were left: ctrsup daemon start-stacks starts them");
        if (under_systemd(m))
                m->asking = system_state_ask(m->event, on_state_at_start, m, &m->system_query, NULL) == 0;
}

static void on_state_at_end(const char *state, void *userdata) {
        struct manager *m = userdata;

        if (!state || strcmp(state, "stopping") != 0) {
                m->over = true;
                return;
        }
        m->leaving = true;
        begin(m, "the system is going down: all stacks are stopped, in order");
}

void quiesce_on_end(struct manager *m) {
        notify_send("STOPPING=1");
        if (m->ending_asked || !under_systemd(m) || m->settings->reconcile.shutdown == SHUTDOWN_LEAVE) {
                m->over = true;
                return;
        }
        m->ending_asked = true;
        m->system_query = system_query_free(m->system_query);
        m->asking = false;
        if (system_state_ask(m->event, on_state_at_end, m, &m->system_query, NULL) < 0)
                m->over = true;
}

void quiesce_done(struct manager *m) {
        m->system_query = system_query_free(m->system_query);
}
