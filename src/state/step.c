/* The table; what holds is in step.h. A cell changes the instance and asks for effects (cells.h, move.h); step() notes the change of
 * phase. Cells that say `ignored` are events that cannot come there, or come too late to matter; why is said at the row.
 */
#include "cells.h"

#include <ctrsup/base/enumtab.h>

#include <assert.h>

static void ignored(struct move *m) {
        (void)m;
}

/* clang-format off */
static void (*const actions[_PHASE_MAX][_EVENT_MAX])(struct move *m) = {
/* Nothing runs and nothing was asked of the keeper, so no answer can come. RECALLED and, here and in the phases that are down,
 * ADOPTED: by a supervisor that has just begun. */
[PHASE_PENDING] = {
        [EVENT_START] = intent_start_now,   [EVENT_STOP] = intent_stop_down,     [EVENT_RESTART] = intent_start_now,
        [EVENT_REPLACE] = intent_start_now, [EVENT_REMOVE] = intent_remove_down, [EVENT_ADOPTED] = fact_adopted,
        [EVENT_STARTED] = ignored,          [EVENT_START_FAILED] = ignored,      [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,        [EVENT_OOM] = ignored,               [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,            [EVENT_TIMER] = ignored,             [EVENT_HOLD] = intent_hold_down,
        [EVENT_RECALLED] = fact_recalled,   [EVENT_RESUME] = intent_resume,      [EVENT_WANTED] = intent_want,
        [EVENT_EXTEND] = ignored,           [EVENT_HOOKED] = ignored,
},
/* START: it does. EXITED: the keeper may tell of the end before anybody read that it began. EMPTY: the leaf is empty until the
 * clone, and after a failed one; the keeper's answer says which. */
[PHASE_STARTING] = {
        [EVENT_START] = intent_stay_up,       [EVENT_STOP] = intent_stop_up,             [EVENT_RESTART] = intent_restart_now,
        [EVENT_REPLACE] = intent_restart_now, [EVENT_REMOVE] = intent_remove_up,         [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = fact_came_up,       [EVENT_START_FAILED] = fact_did_not_start, [EVENT_READY] = fact_early_ready,
        [EVENT_UNHEALTHY] = ignored,          [EVENT_OOM] = fact_hit_by_oom,             [EVENT_EXITED] = fact_exited,
        [EVENT_EMPTY] = fact_start_emptied,   [EVENT_TIMER] = fact_start_overdue,        [EVENT_HOLD] = intent_hold_up,
        [EVENT_RECALLED] = ignored,           [EVENT_RESUME] = ignored,                  [EVENT_WANTED] = intent_stay_up,
        [EVENT_EXTEND] = ignored,             [EVENT_HOOKED] = ignored,
},
/* UNHEALTHY: what was never ready cannot stop being it. STARTED, START_FAILED: were answered. EXTEND: here somebody waits for it, and on
 * its way down; nowhere else. */
[PHASE_RUNNING] = {
        [EVENT_START] = intent_stay_up,                    [EVENT_STOP] = intent_stop_up,           [EVENT_RESTART] = intent_restart_now,
        [EVENT_REPLACE] = intent_restart_now,              [EVENT_REMOVE] = intent_remove_up,       [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = ignored,                         [EVENT_START_FAILED] = ignored,          [EVENT_READY] = fact_ready,
        [EVENT_UNHEALTHY] = fact_unhealthy_from_the_start, [EVENT_OOM] = fact_hit_by_oom,           [EVENT_EXITED] = fact_exited,
        [EVENT_EMPTY] = fact_await_exit,                   [EVENT_TIMER] = fact_readiness_overdue,  [EVENT_HOLD] = intent_hold_up,
        [EVENT_RECALLED] = ignored,                        [EVENT_RESUME] = intent_go_on_leaving,   [EVENT_WANTED] = intent_stay_up,
        [EVENT_EXTEND] = fact_gets_ready_later,            [EVENT_HOOKED] = fact_post_start_hooked,
},
[PHASE_READY] = {
        [EVENT_START] = intent_stay_up,       [EVENT_STOP] = intent_stop_up,         [EVENT_RESTART] = intent_restart_now,
        [EVENT_REPLACE] = intent_restart_now, [EVENT_REMOVE] = intent_remove_up,     [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = ignored,            [EVENT_START_FAILED] = ignored,        [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = fact_unhealthy,   [EVENT_OOM] = fact_hit_by_oom,         [EVENT_EXITED] = fact_exited,
        [EVENT_EMPTY] = fact_await_exit,      [EVENT_TIMER] = fact_exit_overdue,     [EVENT_HOLD] = intent_hold_up,
        [EVENT_RECALLED] = ignored,           [EVENT_RESUME] = intent_go_on_leaving, [EVENT_WANTED] = intent_stay_up,
        [EVENT_EXTEND] = ignored,             [EVENT_HOOKED] = ignored,
},
/* UNHEALTHY: still; what is to happen then may have been declared anew. */
[PHASE_UNHEALTHY] = {
        [EVENT_START] = intent_stay_up,       [EVENT_STOP] = intent_stop_up,         [EVENT_RESTART] = intent_restart_now,
        [EVENT_REPLACE] = intent_restart_now, [EVENT_REMOVE] = intent_remove_up,     [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = ignored,            [EVENT_START_FAILED] = ignored,        [EVENT_READY] = fact_ready,
        [EVENT_UNHEALTHY] = fact_unhealthy,   [EVENT_OOM] = fact_hit_by_oom,         [EVENT_EXITED] = fact_exited,
        [EVENT_EMPTY] = fact_await_exit,      [EVENT_TIMER] = fact_exit_overdue,     [EVENT_HOLD] = intent_hold_up,
        [EVENT_RECALLED] = ignored,           [EVENT_RESUME] = intent_go_on_leaving, [EVENT_WANTED] = intent_stay_up,
        [EVENT_EXTEND] = ignored,             [EVENT_HOOKED] = ignored,
},
/* The way down has three parts: (a launch is out ->) the main process lives -> the leaf empties. Intents only change what comes
 * after. READY, UNHEALTHY: nobody waits for that any more. */
[PHASE_STOPPING] = {
        [EVENT_START] = intent_start_when_down,   [EVENT_STOP] = intent_stop_again,          [EVENT_RESTART] = intent_start_when_down,
        [EVENT_REPLACE] = intent_start_when_down, [EVENT_REMOVE] = intent_remove_when_down,  [EVENT_ADOPTED] = ignored,
        [EVENT_STARTED] = fact_came_up_unwanted,  [EVENT_START_FAILED] = fact_did_not_start, [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,              [EVENT_OOM] = fact_hit_by_oom,             [EVENT_EXITED] = fact_exited,
        [EVENT_EMPTY] = fact_emptied,             [EVENT_TIMER] = fact_grace_over,           [EVENT_HOLD] = intent_hold_when_down,
        [EVENT_RECALLED] = ignored,               [EVENT_RESUME] = ignored,                  [EVENT_WANTED] = intent_want_when_down,
        [EVENT_EXTEND] = fact_ends_later,         [EVENT_HOOKED] = fact_pre_stop_hooked,
},
/* Down, in four shades. Nothing runs, nothing is outstanding: only intents count, and in BACKOFF the timer. STOP of what ended by
 * itself notes the operator's wish, so that no plan and no reboot takes it for an accident. */
[PHASE_STOPPED] = {
        [EVENT_START] = intent_start_now,   [EVENT_STOP] = intent_stop_down,     [EVENT_RESTART] = intent_start_now,
        [EVENT_REPLACE] = intent_start_now, [EVENT_REMOVE] = intent_remove_down, [EVENT_ADOPTED] = fact_adopted,
        [EVENT_STARTED] = ignored,          [EVENT_START_FAILED] = ignored,      [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,        [EVENT_OOM] = ignored,               [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,            [EVENT_TIMER] = ignored,             [EVENT_HOLD] = ignored,
        [EVENT_RECALLED] = ignored,         [EVENT_RESUME] = ignored,            [EVENT_WANTED] = intent_want_stopped,
        [EVENT_EXTEND] = ignored,           [EVENT_HOOKED] = ignored,
},
[PHASE_COMPLETED] = {
        [EVENT_START] = intent_start_now,   [EVENT_STOP] = intent_stop_completed, [EVENT_RESTART] = intent_start_now,
        [EVENT_REPLACE] = intent_start_now, [EVENT_REMOVE] = intent_remove_down,  [EVENT_ADOPTED] = fact_adopted,
        [EVENT_STARTED] = ignored,          [EVENT_START_FAILED] = ignored,       [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,        [EVENT_OOM] = ignored,                [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,            [EVENT_TIMER] = ignored,              [EVENT_HOLD] = ignored,
        [EVENT_RECALLED] = ignored,         [EVENT_RESUME] = ignored,             [EVENT_WANTED] = intent_want,
        [EVENT_EXTEND] = ignored,           [EVENT_HOOKED] = ignored,
},
[PHASE_FAILED] = {
        [EVENT_START] = intent_start_now,   [EVENT_STOP] = intent_stop_down,     [EVENT_RESTART] = intent_start_now,
        [EVENT_REPLACE] = intent_start_now, [EVENT_REMOVE] = intent_remove_down, [EVENT_ADOPTED] = fact_adopted,
        [EVENT_STARTED] = ignored,          [EVENT_START_FAILED] = ignored,      [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,        [EVENT_OOM] = ignored,               [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,            [EVENT_TIMER] = ignored,             [EVENT_HOLD] = ignored,
        [EVENT_RECALLED] = ignored,         [EVENT_RESUME] = ignored,            [EVENT_WANTED] = intent_want,
        [EVENT_EXTEND] = ignored,           [EVENT_HOOKED] = ignored,
},
[PHASE_BACKOFF] = {
        [EVENT_START] = intent_start_now,   [EVENT_STOP] = intent_stop_down,     [EVENT_RESTART] = intent_start_now,
        [EVENT_REPLACE] = intent_start_now, [EVENT_REMOVE] = intent_remove_down, [EVENT_ADOPTED] = fact_adopted,
        [EVENT_STARTED] = ignored,          [EVENT_START_FAILED] = ignored,      [EVENT_READY] = ignored,
        [EVENT_UNHEALTHY] = ignored,        [EVENT_OOM] = ignored,               [EVENT_EXITED] = ignored,
        [EVENT_EMPTY] = ignored,            [EVENT_TIMER] = fact_try_again,      [EVENT_HOLD] = intent_hold_down,
        [EVENT_RECALLED] = ignored,         [EVENT_RESUME] = ignored,            [EVENT_WANTED] = intent_want,
        [EVENT_EXTEND] = ignored,           [EVENT_HOOKED] = ignored,
},
};
/* clang-format on */

struct step step(struct instance *i, const struct event *e, const struct now *now) {
        struct move m = { .i = i, .e = e, .now = now, .step.from = i->phase };

        assert(i->phase >= 0 && i->phase < _PHASE_MAX && e->kind < _EVENT_MAX);
        if (e->kind == EVENT_TIMER && now->mono_usec < i->deadline_usec)
                return m.step; /* of an earlier deadline */
        actions[i->phase][e->kind](&m);
        if (i->phase != m.step.from && e->kind != EVENT_RECALLED) /* it was said when it happened */
                m.step.effects |= EFFECT_REPORT;
        return m.step;
}

static const char *const kinds[] = {
        [EVENT_START] = "start",     [EVENT_STOP] = "stop",
        [EVENT_RESTART] = "restart", [EVENT_REPLACE] = "replace",
        [EVENT_REMOVE] = "remove",   [EVENT_ADOPTED] = "adopted",
        [EVENT_STARTED] = "started", [EVENT_START_FAILED] = "start_failed",
        [EVENT_READY] = "ready",     [EVENT_OOM] = "oom",
        [EVENT_EXITED] = "exited",   [EVENT_UNHEALTHY] = "unhealthy",
        [EVENT_EMPTY] = "empty",     [EVENT_TIMER] = "timer",
        [EVENT_HOLD] = "hold",       [EVENT_RECALLED] = "recalled",
        [EVENT_RESUME] = "resume",   [EVENT_WANTED] = "wanted",
        [EVENT_EXTEND] = "extend",   [EVENT_HOOKED] = "hooked",
};
static_assert(ARRAY_SIZE(kinds) == _EVENT_MAX, "a word for every event");

const char *event_kind_name(enum event_kind k) {
        return enumtab_name(kinds, _EVENT_MAX, (int)k);
}

const char *effect_name(enum effect e) {
        static const char *const names[] = { "signal", "kill", "cleanup", "launch", "report", "stuck", "start-limit", "forget" };

        return enumtab_name(names, ARRAY_SIZE(names), __builtin_ctz(e));
}
