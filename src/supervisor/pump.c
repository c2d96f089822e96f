#include "pump.h"
#include "gate.h"
#include "hooks.h"
#include "log_pipes.h"
#include "logger_link.h"
#include "member.h"
#include "orphan.h"
#include "quiesce.h"
#include "removal.h"
#include "run.h"
#include "schedule.h"
#include "stack_plan.h"
#include "trash.h"
#include "update.h"
#include "watch.h"

/* Retry of what the kernel had not finished (a leaf that is still busy, a keeper that did not read). */
#define RETRY_USEC (20 * USEC_PER_MSEC)
#define RETRY_MAX_USEC USEC_PER_SEC

static bool each_member(struct manager *m, bool (*fn)(struct member *b)) {
        bool all = true;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        all = fn(m->stacks[s]->members[n]) && all;
        return all;
}

static bool finish(struct member *b) {
        return !b->finish_due || member_finish(b);
}

/* A stop overtook a launch that still waited for its turn: nothing is with the keeper, so there is no answer to wait for. What follows
 * an end is part of the stop, if there is time for it. */
static bool take_back(struct member *b) {
        bool follows_end = b->state.hook == HOOK_POST_STOP;

        if (!b->launch_due || b->state.phase != PHASE_STOPPING || (follows_end && !b->stack->manager->forced))
                return false;
        b->launch_due = false;
        member_post(b, &(struct event){ .kind = EVENT_START_FAILED });
        return true;
}

/* The end of one may be what the next one waits for: a chain takes as many turns of the loop as it has links. */
static bool give_turn(struct member *b) {
        gate_tend(b);
        return true;
}

static bool launch(struct member *b) {
        struct manager *m = b->stack->manager;
        bool follows_end = b->state.hook == HOOK_POST_STOP;

        if (take_back(b) || !b->launch_due || m->adopting || m->asking || (m->quiesced && !follows_end) || !m->host.keeper ||
            m->launching >= m->settings->reconcile.parallel)
                return true;
        if (b->finish_due)
                return false; /* of the start before */
        if (b->state.attempts > 0 && !follows_end && !restart_budget_take(&m->restart_budget, manager_now(m).mono_usec))
                return false;
        return member_launch(b);
}

/* What fails again and again stands behind what does not. */
static bool launch_first(struct member *b) {
        return b->state.attempts > 0 || launch(b);
}

/* A process of somebody else in there keeps it for ever: said once, when it is no moment any more. */
static bool give_back_group(struct member *b) {
        struct err err = { 0 };

        if (act_forget(&b->stack->manager->host, &b->host, &err) >= 0)
                return true;
        if (b->stack->manager->retry_usec == RETRY_MAX_USEC && !b->group_said) {
                (void)err_hint(&err, "is a process in there that is not of this container? cgroup.procs tells");
                member_say(b, &err);
                b->group_said = true;
        }
        return false;
}

/* Frees members that are to be forgotten and stacks that have none left. false: a group is still busy. */
static bool forget(struct manager *m) {
        bool all = true;

        for (size_t s = m->n_stacks; s-- > 0;) {
                struct stack_entry *stack = m->stacks[s];

                for (size_t n = stack->n_members; n-- > 0;) {
                        struct member *b = stack->members[n];

                        if (!b->forget_due)
                                continue;
                        if (b->finish_due || !give_back_group(b)) {
                                all = false;
                                continue;
                        }
                        member_forget_record(b);
                        member_free(b);
                        stack_add_members(stack);
                }
                bool ending = (stack->leaving && !stack->traces_stay) || (stack->keeps_unknown && !stack->generation);
                if (!stack_try_forget(stack) && ending)
                        all = false;
        }
        return all;
}

bool pump_is_idle(const struct manager *m) {
        return m->n_stacks == 0;
}

static void update_status(struct manager *m) {
        size_t count = 0, all = manager_count(m);
        _cleanup_buf_ struct buf text = BUF_NULL;
        _cleanup_free_ const struct instance **list = calloc(all + 1, sizeof(*list));

        for (size_t s = 0; list && s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        list[count++] = &m->stacks[s]->members[n]->state;
        if (!list)
                return;
        degraded_put(m, &text);
        buf_puts(&text, text.len > 0 ? "; " : "");
        notify_status_text(list, count, m->n_stacks, &text);
        uint64_t again = notify_status(&m->notify, buf_text(&text), manager_now(m).mono_usec);
        if (again != USEC_INFINITY) {
                (void)sd_event_source_set_time(m->status_timer, again);
                (void)sd_event_source_set_enabled(m->status_timer, SD_EVENT_ONESHOT);
        }
}

static int run(sd_event_source *source, void *userdata) {
        struct manager *m = userdata;
        bool settled, moved;

        (void)source;
        quiesce_tend(m);
        do {
                moved = false;
                for (size_t s = 0; s < m->n_stacks; s++)
                        if (!m->quiesced || !m->stacks[s]->generation) /* a plan goes on where it was; a removal does not wait */
                                moved = stack_run_plan(m->stacks[s]) || moved;
        } while (moved);
        for (size_t s = 0; s < m->n_stacks; s++)
                update_tend(m->stacks[s]);
        settled = each_member(m, orphan_ask);
        settled = each_member(m, finish) && settled;
        schedule_tend(m);
        if (!m->adopting)
                (void)each_member(m, give_turn);
        settled = each_member(m, hooks_tend) && settled;
        settled = each_member(m, launch_first) && settled;
        settled = each_member(m, launch) && settled;
        settled = logger_link_again(m) && settled;
        settled = log_pipes_hear(m) && settled;
        settled = forget(m) && settled;
        watch_check(m);
        trash_sweep(m);
        update_status(m);
        if (m->options->mode == MODE_RUN)
                run_check(m);
        if (m->ending && pump_is_idle(m)) {
                m->over = true;
                return 0;
        }
        if (settled)
                m->retry_usec = RETRY_USEC;
        else {
                (void)sd_event_source_set_time(m->status_timer, manager_now(m).mono_usec + m->retry_usec);
                (void)sd_event_source_set_enabled(m->status_timer, SD_EVENT_ONESHOT);
        }
        return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        struct manager *m = userdata;

        (void)source;
        (void)usec;
        m->retry_usec = 2 * m->retry_usec < RETRY_MAX_USEC ? 2 * m->retry_usec : RETRY_MAX_USEC; /* until all is settled */
        manager_poke(m);
        return 0;
}

void manager_poke(struct manager *m) {
        if (m->pump)
                (void)sd_event_source_set_enabled(m->pump, SD_EVENT_ONESHOT);
}

int pump_new(struct manager *m) {
        m->retry_usec = RETRY_USEC;
        int r = sd_event_add_defer(m->event, &m->pump, run, m);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(m->pump, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* After everything that happened in this round was taken in. */
        r = sd_event_source_set_priority(m->pump, SD_EVENT_PRIORITY_IDLE);
        if (r < 0)
                return r;
        r = sd_event_add_time(m->event, &m->status_timer, CLOCK_MONOTONIC, 0, 1000, on_retry, m);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(m->status_timer, SD_EVENT_OFF);
}
