/* The supervisor under test, as its init system sees it. */
#include "sim.h"

#include <ctrsup/control/server.h>
#include <supervisor/manager.h>

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MAX = 20000, CALLS_MAX = 4096 };

struct manager *supervisor;

static struct {
        struct settings *settings;
        struct options options;
        size_t fds;         /* open when none runs */
        bool coming, last;  /* a start is under way; none is to come */
        struct call *calls[CALLS_MAX];
        size_t n_calls;
} own;

static size_t count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        while (readdir(d))
                n++;
        (void)closedir(d);
        return n;
}

void supervisor_init(void) {
        own.settings = settings_new();
        own.settings->reconcile.parallel = chance_between(&world.chance, 1, 4);
        own.settings->paths.state = world.state_dir;
        own.settings->paths.runtime = world.runtime_dir;
        own.settings->paths.logs = world.runtime_dir;
        own.options = (struct options){ .mode = MODE_SERVICE, .state = world.state_dir, .runtime = world.runtime_dir, .lifeline_fd = -1, .document_fd = -1 };
        own.fds = count_fds();
}

static void come(void *object, uint64_t number) {
        (void)object;
        (void)number;
        own.coming = false;
        if (!own.last)
                supervisor_start();
}

static void come_later(uint64_t at_most_usec) {
        if (own.coming)
                return;
        own.coming = true;
        world_at(world.mono_usec + (world.calm ? 1000 : chance_below(&world.chance, at_most_usec)), come, NULL, 0);
}

/* Nothing of it may be left in this process: what it had open, the kernel closes. */
static void bury(void) {
        if (supervisor) {
                world.inside = true;
                supervisor = manager_free(supervisor);
                world.inside = false;
        }
        world.ghost = false;
        world.die_in = 0;
        model_on_death();
        for (size_t n = 0; n < own.n_calls; n++)
                if (own.calls[n]->state == CALL_OPEN)
                        own.calls[n]->state = CALL_DROPPED;
        if (event_leaked() > 0)
                violation("%zu event sources are left of a supervisor", event_leaked());
        if (count_fds() != own.fds)
                violation("%zu fds are open after a supervisor, %zu were before", count_fds(), own.fds);
}

void supervisor_start(void) {
        struct err err = { 0 };
        int code = 0;

        if (supervisor)
                return;
        world.epoch++;
        model_on_start();
        trace("supervisor %u starts", world.epoch);
        world.inside = true;
        int r = manager_new(&own.options, own.settings, &supervisor, &code, &err);
        world.inside = false;
        if (supervisor)
                (void)strcpy(supervisor->machine_id, SIM_MACHINE_ID);
        if (world.ghost) {
                stats->deaths_in_start++;
                stats->deaths++;
                bury();
                come_later(2 * USEC_PER_SEC);
        } else if (r < 0) {
                if (!world.disk_full && !world.disk_broken && keeper_is_awake())
                        violation("the supervisor does not start: %s", err.text);
                trace("it could not start: %s", err.text);
                bury();
                come_later(2 * USEC_PER_SEC);
        }
}

void supervisor_settle(void) {
        size_t turns = 0;

        while (supervisor && !world.ghost && !event_is_idle(supervisor->event)) {
                world.inside = true;
                int r = sd_event_run(supervisor->event, 0);
                world.inside = false;
                if (r < 0)
                        violation("the loop fails: %d", r);
                stats->turns++;
                if (++turns > TURNS_MAX)
                        violation("the supervisor spins: %d turns, and nothing moved", TURNS_MAX);
        }
        if (world.ghost) {
                stats->deaths++;
                bury();
                come_later(2 * USEC_PER_SEC);
        }
}

void supervisor_kill(void) {
        if (!supervisor)
                return;
        trace("the supervisor is killed");
        world.ghost = true;
        supervisor_settle();
}

static void end_orderly(void) {
        if (!supervisor)
                return;
        trace("the supervisor is told to end");
        event_raise(supervisor->event, SIGTERM);
        supervisor_settle();
        if (!supervisor) /* killed meanwhile */
                return;
        if (!supervisor->over)
                violation("SIGTERM does not end it");
        world.inside = true;
        int r = manager_loop(supervisor);
        world.inside = false;
        if (r != 0 && !world.ghost)
                violation("it ends with %d", r);
        bury();
}

void supervisor_stop(void) {
        end_orderly();
        come_later(5 * USEC_PER_SEC);
}

void supervisor_done(void) {
        own.last = true;
        end_orderly();
}

struct call *supervisor_call(const char *method, json_t *parameters, bool more) {
        struct call *c = calloc(1, sizeof(*c));

        if (own.n_calls == CALLS_MAX)
                violation("too many calls in one episode");
        own.calls[own.n_calls++] = c;
        stats->calls++;
        world.inside = true;
        control_make_call(method, parameters, more, c);
        world.inside = false;
        if (c->state == CALL_FAILED) {
                stats->refused++;
                trace("refused: %s", c->words);
        }
        return c;
}

size_t supervisor_open_calls(void) {
        size_t n = 0;

        for (size_t i = 0; i < own.n_calls; i++) {
                n += own.calls[i]->state == CALL_OPEN;
                if (own.calls[i]->state == CALL_OPEN)
                        trace("call %zu is open", i);
        }
        return n;
}

void sim_run_for(uint64_t usec) {
        uint64_t until = world.mono_usec + usec;

        for (;;) {
                supervisor_settle();
                model_step();
                uint64_t next = world_next_event(), timer = supervisor ? event_next_timer(supervisor->event) : UINT64_MAX;

                next = timer < next ? timer : next;
                if (next > until)
                        break;
                if (next > world.mono_usec)
                        world.mono_usec = next;
                world_run_due();
        }
        world.mono_usec = until;
        stats->virtual_seconds += usec / USEC_PER_SEC;
}
