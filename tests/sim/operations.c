/* What can happen to a host, at random. An operation's own choices come from its own seed, so that a trace from which some are
 * left out still does the same with the others. */
#include "sim.h"

#include <ctrsup/base/cleanup.h>
#include <supervisor/manager.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *any_stack(struct chance *c) {
        return model_stacks[chance_below(c, MODEL_STACKS)];
}

static json_t *any_duration(struct chance *c, uint64_t max_msec) {
        char text[32];

        (void)snprintf(text, sizeof(text), "%jums", (uintmax_t)chance_below(c, max_msec + 1));
        return json_string(text);
}

/* On one that comes before it in the file: no circles. */
static json_t *make_dependency(struct chance *c, const json_t *before) {
        size_t which = json_object_size(before) > 0 ? chance_below(c, json_object_size(before)) : 0, n = 0;
        const char *name;
        json_t *on;

        json_object_foreach ((json_t *)before, name, on) {
                if (n++ != which)
                        continue;
                if (json_object_get(on, "schedule"))
                        return NULL;
                bool ends = strcmp(json_string_value(json_object_get(on, "restart")), "always") != 0 || name[0] == 'j';
                json_t *d = json_pack("{s:b, s:b}", "restart", (int)chance_one_in(c, 3), "required", (int)!chance_one_in(c, 4));

                if (chance_one_in(c, 2))
                        json_object_set_new(d, "condition", json_string(ends && chance_one_in(c, 2) ? "completed" : "started"));
                return json_pack("{s:o}", name, d);
        }
        return NULL;
}

static json_t *make_schedule(struct chance *c) {
        static const char *const times[] = { "*:*:0/7 UTC", "*:0/1 UTC", "*:0/10 UTC", "daily UTC", "Mon 03:30 UTC", "2030-01-01 UTC" };
        static const char *const overlaps[] = { "skip", "queue", "replace" };

        return json_pack("{s:s, s:b, s:o, s:s}", "on_calendar", times[chance_below(c, ARRAY_SIZE(times))], "persistent", (int)!chance_one_in(c, 3),
                         "randomized_delay", any_duration(c, chance_one_in(c, 2) ? 0 : 20000), "overlap", overlaps[chance_below(c, ARRAY_SIZE(overlaps))]);
}

static void put_hooks(struct chance *c, json_t *container) {
        static const char *const kinds[] = { "pre_start", "post_start", "pre_stop", "post_stop" };
        char timeout[16];

        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                json_t *list = json_array();

                (void)snprintf(timeout, sizeof(timeout), "%jums", (uintmax_t)chance_between(c, 200, 3000));
                for (uint64_t n = chance_one_in(c, 2) ? chance_between(c, 1, 2) : 0; n > 0; n--)
                        (void)json_array_append_new(list, json_pack("{s:[s,s], s:s}", "command", "/bin/hook", kinds[k], "timeout", timeout));
                json_object_set_new(container, kinds[k], list);
        }
}

static json_t *make_container(struct chance *c, size_t which, const json_t *before, bool goes_back) {
        static const char *const modes[] = { "read-only", "read-only", "ephemeral", "tmpfs", "persistent" };
        static const char *const restarts[] = { "no", "on-failure", "always", "always" };
        static const char *const spaces[] = { "net", "ipc", "uts" };
        char version[8], peer[32];
        bool job = model_containers[which][0] == 'j';

        (void)snprintf(version, sizeof(version), "%ju", (uintmax_t)chance_below(c, 3));
        json_t *j = json_pack(
                "{s:{s:[{s:s}], s:s}, s:[s,s], s:s, s:s, s:o, s:{s:o, s:s, s:i, s:o}}", "rootfs", "layers", "dir", "/srv/rootfs",
                "mode", modes[chance_below(c, ARRAY_SIZE(modes))], "command", "/bin/payload", version, "type",
                job ? "job" : "service", "restart", restarts[chance_below(c, job ? 3 : ARRAY_SIZE(restarts))],
                "stop_grace_period", any_duration(c, 4000), "restart_policy", "delay", any_duration(c, 1500), "max_delay", "5s",
                "max_attempts", chance_one_in(c, 3) ? (int)chance_between(c, 1, 4) : 0, "window", any_duration(c, 8000));
        if (chance_one_in(c, 3)) {
                const char *name;
                json_t *value;

                json_object_foreach ((json_t *)before, name, value)
                        if (name[0] == 'c' && !json_object_get(value, "replicas")) { /* of one that is joined there is one */
                                (void)snprintf(peer, sizeof(peer), "container:%s", name);
                                json_object_set_new(j, "namespaces",
                                                    json_pack("{s:s}", spaces[chance_below(c, ARRAY_SIZE(spaces))], peer));
                                break;
                        }
        }
        if (chance_one_in(c, 3)) {
                json_t *dependency = make_dependency(c, before);

                if (dependency)
                        json_object_set_new(j, "depends_on", dependency);
        }
        if (chance_one_in(c, 3)) {
                json_object_set_new(j, "healthcheck",
                                    json_pack("{s:{s:i}, s:s, s:s, s:o, s:i, s:o, s:s}", "tcp", "port", 80, "interval", "1s", "timeout",
                                              "2s", "start_interval", json_string(chance_one_in(c, 2) ? "100ms" : "1s"), "retries",
                                              (int)chance_between(c, 1, 3), "start_period", any_duration(c, 3000), "on_failure",
                                              chance_one_in(c, 2) ? "restart" : "none"));
                if (!job && chance_one_in(c, 3))
                        json_object_set_new(j, "readiness", json_pack("{s:s}", "type", "started"));
        } else if (!job && chance_one_in(c, 4))
                json_object_set_new(j, "healthcheck",
                                    json_pack("{s:{}, s:s, s:s}", "notify", "timeout", chance_one_in(c, 2) ? "12s" : "40s", "on_failure",
                                              chance_one_in(c, 2) ? "restart" : "none"));
        if (!job && chance_one_in(c, 4))
                json_object_set_new(j, "readiness", json_pack("{s:s, s:s}", "type", "notify", "timeout", chance_one_in(c, 2) ? "2s" : "20s"));
        if (!job) {
                bool several = chance_one_in(c, 3);
                bool surges = several && chance_one_in(c, 2) && strcmp(json_string_value(json_object_get(json_object_get(j, "rootfs"), "mode")), "persistent") != 0;

                if (several)
                        json_object_set_new(j, "replicas", json_integer((json_int_t)chance_below(c, 4)));
                json_object_set_new(j, "update_config",
                                    json_pack("{s:s, s:s, s:i, s:o, s:o}", "failure_action", goes_back ? "rollback" : chance_one_in(c, 3) ? "pause" : "continue",
                                              "order", surges ? "start-first" : "stop-first", "parallelism", (int)chance_below(c, 3), "monitor",
                                              any_duration(c, 3000), "delay", any_duration(c, 1000)));
        }
        struct chance own = { c->state ^ UINT64_C(0x5c4ed) }; /* the others stay as they were */
        if (job && chance_one_in(&own, 2)) {
                json_object_set_new(j, "schedule", make_schedule(&own));
                if (chance_one_in(&own, 3))
                        json_object_set_new(j, "max_runtime", json_string("20s"));
        } else if (chance_one_in(&own, 3)) /* a run of the others is one launch in the model */
                put_hooks(&own, j);
        if (chance_one_in(c, 4))
                json_object_set_new(j, "limits", json_pack("{s:s}", "memory", chance_one_in(c, 2) ? "64M" : "128M"));
        return j;
}

/* goes_back: an update that fails is taken back. */
static json_t *make_document(struct chance *c, bool goes_back) {
        json_t *containers = json_object();

        for (size_t n = 0; n < MODEL_CONTAINERS; n++)
                if (chance_one_in(c, 2))
                        json_object_set_new(containers, model_containers[n], make_container(c, n, containers, goes_back));
        if (json_object_size(containers) == 0)
                json_object_set_new(containers, model_containers[0], make_container(c, 0, containers, goes_back));
        return json_pack("{s:s, s:{s:s, s:o}, s:{}}", "file", "stack.yaml", "stack", "name", any_stack(c), "containers",
                         containers, "marks");
}

/* Its effect is certain when the supervisor lives on and did not put it off until it has taken over, or answered before it died. */
static bool is_sure(const struct call *call) {
        return call->state == CALL_DONE || (!world.ghost && !supervisor->adopting);
}

/* As long as an update is under way what was declared before may come back. */
static bool may_be_taken_back(const json_t *document) {
        const struct stack_entry *s =
                supervisor ? manager_find_stack(supervisor, json_string_value(json_object_get(json_object_get(document, "stack"), "name"))) : NULL;

        return !s || s->fallback;
}

static void apply(struct chance *c) {
        _cleanup_(json_decrefp) json_t *document = make_document(c, chance_one_in(c, 5));
        _cleanup_free_ char *text = json_dumps(json_object_get(document, "stack"), JSON_COMPACT);

        trace("apply %s", text);
        bool more = chance_one_in(c, 2);
        const struct call *call = supervisor_call("Apply", json_pack("{s:O}", "document", document), more);
        if (call->state == CALL_FAILED && strstr(call->words, "diagnostics"))
                violation("a good document is refused: %s", call->words);
        if (call->state != CALL_FAILED || world.disk_broken)
                model_applied(document, is_sure(call) && call->state != CALL_FAILED && !may_be_taken_back(document));
}

static void operate(struct chance *c, const char *method, enum wish wish) {
        const char *stack = any_stack(c);
        char target[64];

        if (chance_one_in(c, 3))
                (void)snprintf(target, sizeof(target), "%s", stack);
        else
                (void)snprintf(target, sizeof(target), "%s/%s", stack, model_containers[chance_below(c, MODEL_CONTAINERS)]);
        trace("%s %s", method, target);
        const struct call *call = supervisor_call(method, json_pack("{s:[s]}", "targets", target), chance_one_in(c, 2));
        if (call->state != CALL_FAILED || !strstr(call->words, "NoSuchTarget"))
                model_wished(target, wish, is_sure(call));
}

static void stop(struct chance *c) {
        operate(c, "Stop", WISH_STOPPED);
}
static void start(struct chance *c) {
        operate(c, "Start", WISH_RUN);
}
static void restart(struct chance *c) {
        operate(c, "Restart", WISH_RUN);
}

static void remove_stack(struct chance *c) {
        const char *stack = any_stack(c);

        trace("remove %s", stack);
        const struct call *call = supervisor_call(
                "Remove", json_pack("{s:s, s:b}", "stack", stack, "volumes", (int)chance_one_in(c, 2)), chance_one_in(c, 2));
        if (call->state != CALL_FAILED || (world.disk_broken && !strstr(call->words, "NoSuchTarget")))
                model_removed(stack, is_sure(call) && call->state != CALL_FAILED);
}

/* --- what happens to processes --- */

static struct proc *any_running(struct chance *c) {
        size_t count = 0;
        struct proc *found = NULL;

        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->main && world.procs[n]->state == PROC_RUNNING && chance_one_in(c, ++count))
                        found = world.procs[n];
        return found;
}

static void payload_exits(struct chance *c) {
        struct proc *p = any_running(c);

        if (p)
                proc_end(p, CLD_EXITED, chance_one_in(c, 2) ? 0 : (int)chance_between(c, 1, 255));
}

static void payload_is_killed(struct chance *c) {
        static const int signals[] = { SIGKILL, SIGTERM, SIGSEGV };
        struct proc *p = any_running(c);

        if (p)
                proc_end(p, CLD_KILLED, signals[chance_below(c, ARRAY_SIZE(signals))]);
}

static void out_of_memory(struct chance *c) {
        struct proc *p = any_running(c);

        if (!p)
                return;
        trace("%s: out of memory", p->label);
        struct group *g = group_find(p->label);
        if (g)
                g->oom_kills++;
        p->oom = true;
        proc_end(p, CLD_KILLED, SIGKILL);
        if (g)
                watch_notify_oom(g);
}

/* --- what happens to programs of ours --- */

static void kill_keeper(struct chance *c) {
        (void)c;
        trace("the keeper is killed");
        stats->keeper_deaths++;
        model_excuse_all();
        keeper_kill();
}

static void kill_logger(struct chance *c) {
        (void)c;
        trace("the logger is killed");
        stats->logger_deaths++;
        logger_kill();
}

static void kill_supervisor(struct chance *c) {
        (void)c;
        supervisor_kill();
}

/* In the middle of whatever it does next. */
static void kill_supervisor_inside(struct chance *c) {
        world.die_in = chance_one_in(c, 3) ? chance_between(c, 1, 400) : chance_between(c, 1, 40);
        trace("the supervisor will be killed %ju seams from now", (uintmax_t)world.die_in);
}

/* At once, and its successor as it starts. */
static void kill_supervisor_twice(struct chance *c) {
        supervisor_kill();
        world.die_in = chance_between(c, 1, 120);
        trace("its successor will be killed %ju seams from now", (uintmax_t)world.die_in);
}

static void restart_supervisor(struct chance *c) {
        (void)c;
        supervisor_stop();
}

static void stall_keeper(struct chance *c) {
        bool stalled = chance_one_in(c, 3);

        trace("the keeper is %s", stalled ? "stalled" : "awake");
        if (keeper_is_alive())
                keeper_stall(stalled);
}

static void fill_disk(struct chance *c) {
        world.disk_full = chance_one_in(c, 2);
        world.disk_broken = !world.disk_full;
        trace("the disk is %s", world.disk_full ? "full" : "broken");
}

static void mend_disk(struct chance *c) {
        (void)c;
        world.disk_full = world.disk_broken = false;
        trace("the disk is well");
}

static void jump_clock(struct chance *c) {
        int64_t years = (int64_t)chance_below(c, 21) - 10;

        world.real_offset_usec += years * 365 * 86400 * (int64_t)USEC_PER_SEC;
        if (world.real_offset_usec < INT64_C(946684800) * (int64_t)USEC_PER_SEC) /* no host of ours thinks it is before 2000 */
                world.real_offset_usec = INT64_C(946684800) * (int64_t)USEC_PER_SEC;
        world.clock_set = true;
        model_clock_jumped();
        trace("the clock jumps by %jd years", (intmax_t)years);
}

static void time_passes(struct chance *c) {
        sim_run_for(chance_below(c, 40 * USEC_PER_SEC));
}

static const struct {
        unsigned weight;
        bool needs_supervisor;
        void (*run)(struct chance *c);
} kinds[] = {
        { 16, true, apply },
        { 9, true, stop },
        { 8, true, start },
        { 6, true, restart },
        { 5, true, remove_stack },
        { 12, false, payload_exits },
        { 6, false, payload_is_killed },
        { 4, false, out_of_memory },
        { 2, false, kill_keeper },
        { 2, false, kill_logger },
        { 3, false, kill_supervisor },
        { 4, false, kill_supervisor_inside },
        { 1, false, kill_supervisor_twice },
        { 2, false, restart_supervisor },
        { 3, false, stall_keeper },
        { 1, false, fill_disk },
        { 3, false, mend_disk },
        { 2, false, jump_clock },
        { 8, false, time_passes },
};

struct operation operation_random(struct chance *c) {
        uint64_t all = 0;
        unsigned kind = 0;

        for (size_t n = 0; n < ARRAY_SIZE(kinds); n++)
                all += kinds[n].weight;
        for (uint64_t at = chance_below(c, all); at >= kinds[kind].weight; kind++)
                at -= kinds[kind].weight;
        return (struct operation){ .kind = kind, .seed = chance_next(c) };
}

void operation_run(const struct operation *o) {
        struct chance c = { o->seed };

        stats->operations++;
        if (kinds[o->kind].needs_supervisor && !supervisor)
                sim_run_for(3 * USEC_PER_SEC);
        if (!kinds[o->kind].needs_supervisor || supervisor)
                kinds[o->kind].run(&c);
        supervisor_settle();
        sim_run_for(chance_one_in(&c, 3) ? chance_below(&c, 3 * USEC_PER_SEC) : chance_below(&c, 20000));
}
