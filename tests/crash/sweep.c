/* Every point: at each system call of an operation, by name and ordinal, the supervisor is killed, or the call fails with an error it
 * may have; so with the keeper, and with what becomes a container between clone and exec. Then the next supervisor must make it good.
 *
 * SWEEP_POINTS (60) points drawn by the seed; 0: all of them. SWEEP_ONLY: scenarios whose name has this in it. Some points again:
 * SWEEP_POINT="stop:write:3:ENOSPC launch:*:7:" (":" and nothing for a kill). */
#include "rig/rig.h"
#include "rig/story.h"
#include "rig/trace.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { SETTLE_MS = 10000, OPERATION_MS = 8000 };
enum target { SUPERVISOR, STARTING_SUPERVISOR, KEEPER, CHILD };
enum before { ABSENT, STOPPED, UP };

static const struct scenario {
        const char *name;
        enum target target;
        enum before before;
        const char *method;            /* NULL: none but the recovery itself */
        bool absent_after, down_after; /* what may be, besides `before`; else: up */
} scenarios[] = {
        { "apply", SUPERVISOR, ABSENT, "Apply", false, false },
        { "start", SUPERVISOR, STOPPED, "Start", false, false },
        { "stop", SUPERVISOR, UP, "Stop", false, true },
        { "restart", SUPERVISOR, UP, "Restart", false, false },
        { "remove", SUPERVISOR, UP, "Remove", true, false },
        { "recovery", STARTING_SUPERVISOR, UP, NULL, false, false },
        { "keeper-start", KEEPER, STOPPED, "Start", false, false },
        { "keeper-stop", KEEPER, UP, "Stop", false, true },
        { "launch", CHILD, STOPPED, "Start", false, false },
};

struct sweep {
        struct rig *rig;
        struct buf stack;
        pid_t bystander;
        unsigned hit, missed, broken, refused;
        char trace[RIG_PATH];
};

static bool is_as(struct sweep *w, enum before wanted) {
        _cleanup_status_ struct status s = STATUS_NULL;

        if (rig_status(w->rig, &s) < 0)
                return false;
        const struct seen *a = status_find(&s, "sweep", "a"), *b = status_find(&s, "sweep", "b");
        if (!a || !b)
                return !a && !b && wanted == ABSENT;
        return seen_is_up(b) && (wanted == UP ? seen_is_up(a) : wanted == STOPPED && strcmp(a->state, "stopped") == 0);
}

static bool prepare(struct sweep *w, enum before wanted) {
        struct rig *r = w->rig;

        if (is_as(w, wanted))
                return true;
        if (wanted == ABSENT)
                return rig_remove(r, "sweep", 20000) == 0 && check_settles(r, CHECK_SETTLED, SETTLE_MS);
        if (rig_apply(r, buf_text(&w->stack), 20000) != 0 || (!is_as(w, UP) && rig_operate(r, "Start", "sweep", 20000) != 0))
                return false;
        if (wanted == STOPPED && rig_operate(r, "Stop", "sweep/a", 20000) != 0)
                return false;
        return check_settles(r, CHECK_SETTLED, SETTLE_MS);
}

static int operate(struct sweep *w, const struct scenario *c) {
        json_t *parameters = strcmp(c->method, "Apply") == 0    ? rig_document(buf_text(&w->stack))
                             : strcmp(c->method, "Remove") == 0 ? json_pack("{s:s}", "stack", "sweep")
                                                                : json_pack("{s:[s]}", "targets", "sweep/a");
        int r = rig_do(w->rig, c->method, parameters, OPERATION_MS, NULL);

        if (r >= 0)
                rig_sleep_usec(20000); /* what it does after its answer */
        return r;
}

static bool start_traced(struct sweep *w, const struct trace_point *p) {
        struct rig *r = w->rig;
        bool ended = false;

        rig_kill(r);
        rig_start(r, trace_command(w->trace, p, 0));
        const uint64_t end = rig_now_usec() + 1500000;
        while (rig_now_usec() < end && !(ended = rig_supervisor_has_ended(r))) {
                _cleanup_status_ struct status s = STATUS_NULL;

                if (rig_status(r, &s) >= 0 && s.n == 3 && is_as(w, UP))
                        break;
                rig_sleep_usec(2000);
        }
        rig_sleep_usec(20000);
        ended = ended || rig_supervisor_has_ended(r);
        rig_kill(r); /* and strace with it */
        rig_sleep_usec(2000);
        w->refused += ended && p && p->error[0];
        return p && (p->error[0] ? trace_injected(w->trace) : ended);
}

/* Runs the operation with p in its way; whether it was reached. p NULL: nothing is, and *ret_seen gets all points. */
static bool run_traced(struct sweep *w, const struct scenario *c, const struct trace_point *p, struct trace_points *ret_seen) {
        struct rig *r = w->rig;
        bool hit = false;

        if (c->target == CHILD) {
                struct trace_children *t = trace_children_start(host_find(r, "ctrsup-keeper"), p);
                (void)operate(w, c);
                unsigned count = trace_children_end(t, &hit);
                for (unsigned n = 1; !p && n <= count; n++)
                        trace_points_add_child(ret_seen, t, n);
                trace_children_free(t);
                return hit;
        }
        (void)remove(w->trace);
        if (c->target == STARTING_SUPERVISOR)
                return start_traced(w, p);
        pid_t target = c->target == KEEPER ? host_find(r, "ctrsup-keeper") : r->supervisor;
        pid_t strace = rig_spawn(trace_command(w->trace, p, target), "/dev/null");
        if (trace_wait_attached(target))
                (void)operate(w, c);
        else
                rig_note("strace did not attach to pid %d", (int)target);
        const uint64_t end = rig_now_usec() + (p && !p->error[0] ? 30000 : 0); /* it ends with what it killed */
        while (rig_now_usec() < end && !rig_has_ended(strace))
                rig_sleep_usec(1000);
        (void)kill(strace, SIGTERM);
        (void)waitpid(strace, NULL, 0);
        return p && trace_injected(w->trace);
}

/* A supervisor that was killed, or ended, is followed by the next one, as systemd does. */
static bool go_on(struct sweep *w) {
        struct rig *r = w->rig;

        if (rig_supervisor_has_ended(r))
                rig_start(r, NULL);
        return rig_wait_up(r, 10000);
}

static bool is_allowed(struct sweep *w, const struct scenario *c) {
        return is_as(w, c->before) || is_as(w, c->absent_after ? ABSENT : c->down_after ? STOPPED : UP);
}

/* What looks settled may be a moment between two steps: what counts is where it stays. */
static bool comes_to_rest(struct sweep *w, const struct scenario *c) {
        const uint64_t end = rig_now_usec() + (uint64_t)SETTLE_MS * 1000;

        while (!is_allowed(w, c)) {
                if (rig_now_usec() >= end)
                        return false;
                rig_sleep_usec(5000);
        }
        return true;
}

static void note_status(struct sweep *w) {
        _cleanup_status_ struct status s = STATUS_NULL;

        if (rig_status(w->rig, &s) < 0)
                rig_note("the supervisor does not answer");
        for (size_t n = 0; n < s.n; n++)
                rig_note("%s/%s is %s (%s), pid %d", s.items[n].stack, s.items[n].container, s.items[n].state, s.items[n].reason,
                         (int)s.items[n].pid);
}

static bool bystander_is_well(struct sweep *w) {
        _cleanup_status_ struct status s = STATUS_NULL;

        if (rig_status(w->rig, &s) < 0)
                return false;
        const struct seen *b = status_find(&s, "by", "stander");
        return b && b->pid == w->bystander && b->restarts == 0;
}

/* Only at its start may an error end it; one that crashes has not ended. */
static bool ended_well(struct sweep *w, const struct scenario *c, const struct trace_point *p, const char **ret_why) {
        struct rig *r = w->rig;
        const bool killed = c->target == SUPERVISOR && !p->error[0];

        *ret_why = "it ended";
        if (r->supervisor > 0 && rig_supervisor_has_ended(r) && !killed && !r->crashed)
                return false;
        *ret_why = "it crashed";
        return !r->crashed || trace_is_impossible(w->trace);
}

static bool at_point(struct sweep *w, const struct scenario *c, const struct trace_point *p, const char **ret_why) {
        *ret_why = "the state before it cannot be made";
        if (!go_on(w) || !prepare(w, c->before))
                return false;
        const long said = rig_log_size(w->rig);
        const unsigned refused = w->refused;
        const pid_t keeper = c->target == KEEPER && p->error[0] ? host_find(w->rig, "ctrsup-keeper") : 0;
        w->rig->crashed = false;
        bool hit = run_traced(w, c, p, NULL);
        w->hit += hit;
        w->missed += !hit;
        if (!ended_well(w, c, p, ret_why))
                return false;
        *ret_why = "an error ended the keeper";
        if (keeper > 0 && host_find(w->rig, "ctrsup-keeper") != keeper)
                return false;
        *ret_why = "it ended without a word";
        if (w->refused > refused && rig_log_size(w->rig) == said)
                return false;
        *ret_why = "the next supervisor does not come up";
        if (!go_on(w))
                return false;
        *ret_why = "it does not settle";
        if (!check_settles(w->rig, CHECK_SETTLED, SETTLE_MS))
                return false;
        *ret_why = "neither what was before nor what was asked for";
        if (!comes_to_rest(w, c))
                return false;
        *ret_why = "a bystander was touched";
        return bystander_is_well(w);
}

struct point {
        const struct scenario *scenario;
        struct trace_point at;
};

static size_t record(struct sweep *w, const struct scenario *c, struct point **points, size_t n) {
        struct trace_points t = { 0 };

        if (!go_on(w) || !prepare(w, c->before))
                return n;
        (void)run_traced(w, c, NULL, &t);
        if (c->target != CHILD)
                trace_points_read(&t, w->trace);
        *points = reallocarray(*points, n + t.n + 1, sizeof(**points));
        if (!*points)
                abort();
        for (size_t k = 0; k < t.n; k++)
                (*points)[n++] = (struct point){ c, t.items[k] };
        rig_note("%-14s %zu points", c->name, t.n);
        free(t.items);
        return n;
}

/* Where something was wrong once, at whatever call of the kind. */
static bool is_always_tried(const struct point *p) {
        static const struct {
                const char *scenario, *call, *error;
        } tried[] = {
                { "recovery", "sendmsg", "ENOMEM" }, /* two loggers */
                { "recovery", "epoll_ctl", "ENOMEM" },
                { "restart", "recvmsg",
                  "EMFILE" }, /* the keeper was said to be gone, and its container's pidfd was closed while the loop watched it */
        };

        for (size_t n = 0; n < ARRAY_SIZE(tried); n++)
                if (strcmp(p->scenario->name, tried[n].scenario) == 0 && strcmp(p->at.call, tried[n].call) == 0 &&
                    strcmp(p->at.error, tried[n].error) == 0)
                        return true;
        return false;
}

static void swap(struct point *points, size_t a, size_t b) {
        struct point p = points[a];

        points[a] = points[b];
        points[b] = p;
}

static void shuffle(struct rig *r, struct point *points, size_t n) {
        for (size_t k = n; k > 1; k--)
                swap(points, k - 1, rig_random(r) % k);
}

static int by_scenario(const void *a, const void *b) {
        const struct point *x = a, *y = b;

        return x->scenario < y->scenario ? -1 : x->scenario > y->scenario;
}

static bool parse_point(const char *text, struct point *ret) {
        for (size_t n = 0; n < ARRAY_SIZE(scenarios); n++) {
                size_t len = strlen(scenarios[n].name);

                if (strncmp(text, scenarios[n].name, len) != 0 || text[len] != ':')
                        continue;
                ret->scenario = &scenarios[n];
                ret->at.error[0] = '\0';
                return sscanf(text + len + 1, "%31[^:]:%u:%15[A-Z]", ret->at.call, &ret->at.ordinal, ret->at.error) >= 2;
        }
        return false;
}

/* Those that SWEEP_POINT names. */
static size_t named(const char *text, struct point **ret) {
        size_t n = 0;

        *ret = calloc(strlen(text) / 2 + 1, sizeof(**ret));
        if (!*ret)
                abort();
        for (text += strspn(text, " \n"); *text; text += strcspn(text, " \n"), text += strspn(text, " \n"))
                n += parse_point(text, *ret + n);
        return n;
}

static bool set_up(struct sweep *w) {
        struct rig *r = w->rig;
        _cleanup_buf_ struct buf by = BUF_NULL;
        _cleanup_status_ struct status s = STATUS_NULL;

        rig_configure(r, "reconcile = { interval = \"1s\"; };");
        (void)snprintf(w->trace, sizeof(w->trace), "%s/trace", r->work);
        story_head(r, &by, "by");
        buf_puts(&by, "  stander: {command: [/bin/beat, steady]}\n");
        story_head(r, &w->stack, "sweep");
        buf_puts(
                &w->stack,
                "  a: {command: [/bin/beat, steady], limits: {memory: 32M, pids: 20}, rootfs: {mode: ephemeral}, volumes: [{type: volume, source: v, target: /v}]}\n"
                "  b: {command: [/bin/beat, steady]}\nvolumes: {v: {}}\n");
        rig_start(r, NULL);
        if (!rig_wait_up(r, 10000) || rig_apply(r, buf_text(&by), 20000) != 0 || rig_status(r, &s) < 0)
                return false;
        const struct seen *b = status_find(&s, "by", "stander");
        w->bystander = b ? b->pid : 0;
        return w->bystander > 0;
}

static size_t choose(struct sweep *w, struct point **ret, size_t *ret_all) {
        const char *only = getenv("SWEEP_ONLY"), *one = getenv("SWEEP_POINT");
        const unsigned wanted = rig_count("SWEEP_POINTS", 60);
        size_t n = 0, first = 0;

        if (one && *one)
                return *ret_all = named(one, ret);
        for (size_t k = 0; k < ARRAY_SIZE(scenarios); k++)
                if (!only || strstr(scenarios[k].name, only))
                        n = record(w, &scenarios[k], ret, n);
        *ret_all = n;
        for (size_t k = 0; k < n; k++)
                if (is_always_tried(*ret + k))
                        swap(*ret, first++, k);
        if (wanted > 0 && first + wanted < n) {
                shuffle(w->rig, *ret + first, n - first);
                n = first + wanted;
        }
        if (n > 0)
                qsort(*ret, n, sizeof(**ret), by_scenario);
        return n;
}

static int test(struct rig *r) {
        struct sweep w = { .rig = r };
        struct point *points = NULL;
        size_t all = 0;

        if (system("command -v strace >/dev/null") != 0) {
                printf("ok 1 - the sweep # SKIP there is no strace\n");
                return 0;
        }
        if (!rig_ok(r, set_up(&w), "a bystander runs"))
                return rig_finish(r);
        const size_t n = choose(&w, &points, &all);
        const uint64_t start = rig_now_usec();
        for (size_t k = 0; k < n && w.broken < 10; k++) {
                const struct point *p = &points[k];
                const char *why = "";

                bool good = at_point(&w, p->scenario, &p->at, &why);
                if (good && (k + 1 == n || points[k + 1].scenario != p->scenario || k % 10 == 9)) {
                        why = "not all of it can be removed";
                        (void)rig_remove(r, "sweep", 20000);
                        _cleanup_status_ struct status s = STATUS_NULL;
                        good = check_settles(r, CHECK_SETTLED, SETTLE_MS) && rig_status(r, &s) == 0 && s.n == 1;
                }
                if (good)
                        continue;
                w.broken++;
                note_status(&w);
                rig_ok(r, false, "SWEEP_POINT=%s:%s:%u:%s: %s", p->scenario->name, p->at.call, p->at.ordinal, p->at.error, why);
                (void)go_on(&w);
                (void)rig_remove(r, "sweep", 20000);
        }
        rig_note(
                "%zu points in all, %zu tried in %.1f s: %u hit, %u not reached; %u times a supervisor that could not start said so and ended",
                all, n, (double)(rig_now_usec() - start) / 1e6, w.hit, w.missed, w.refused);
        rig_ok(r, n > 0 && w.broken == 0, "after each point what was asked for, or what was before, and nothing else");
        rig_ok(r, w.hit > 0 && w.hit >= n / 2, "most points are reached");
        (void)go_on(&w);
        rig_ok(r, rig_remove(r, "by", 20000) == 0 && check_settles(r, CHECK_EMPTY, SETTLE_MS), "removed, nothing is left");
        free(points);
        buf_done(&w.stack);
        return rig_finish(r);
}

int main(void) {
        return rig_main("sweep", test);
}
