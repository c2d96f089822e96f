#include "usage.h"
#include "member.h"
#include "watch.h"

#include <ctrsup/kernel/cgroup_stat.h>

#include <time.h>

/* A reply covers so many containers at most: each costs about 15 small files, and the loop has others to serve. Who wants all asks
 * again from `next` on. */
enum { PAGE = 32 };

static json_t *count_json(uint64_t n) {
        return n == UINT64_MAX ? json_null() : json_integer((json_int_t)n);
}

static json_t *share_json(uint64_t hundredths) {
        return hundredths == CGROUP_UNKNOWN ? json_null() : json_real((double)hundredths / 100);
}

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* NULL: its group has gone meanwhile. */
static json_t *use_json(const struct member *b) {
        struct manager *m = b->stack->manager;
        const struct spec_limits *l = &b->container->limits;
        struct cgroup_stat s;
        struct cgroup_pressure p;

        if (cgroup_read_stat(m->host.cgroups, b->host.group, &s, NULL) < 0)
                return NULL;
        uint64_t at = now_usec(); /* not the loop's time: that stands still for a whole page */
        cgroup_read_pressure(m->host.cgroups, b->host.group, &p);
        return json_pack(
                "{s:s, s:s, s:i, s:b, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}}",
                "stack", b->state.stack, "container", b->state.container, "replica", (int)b->state.replica, "several",
                (int)b->state.policy.numbered, "at_usec", (json_int_t)at, "cpu_usec", count_json(s.cpu_usec), "throttled_usec",
                count_json(s.throttled_usec), "cpus",
                l->cpus_milli == SIZE_INFINITY ? json_null() : json_real((double)l->cpus_milli / 1000), "memory",
                count_json(s.memory_bytes), "memory_peak", count_json(s.memory_peak_bytes), "memory_max", count_json(l->memory),
                "swap", count_json(s.swap_bytes), "io_read", count_json(s.io_read_bytes), "io_written",
                count_json(s.io_written_bytes), "pids", count_json(s.pids), "pids_max", count_json(l->pids), "oom_kills",
                count_json(s.oom_kills), "pressure", "cpu", share_json(p.cpu), "memory", share_json(p.memory), "io",
                share_json(p.io));
}

int usage_reply(struct manager *m, struct control_call *call, const json_t *targets, json_int_t from) {
        json_t *uses = json_array(), *next = NULL;
        json_int_t place = 0;

        for (size_t s = 0; s < m->n_stacks && !next; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members && !next; n++, place++) {
                        const struct member *b = m->stacks[s]->members[n];

                        if (place < from || !b->host.grouped || !b->state.alive || !targets_match(targets, b))
                                continue;
                        if (json_array_size(uses) == PAGE)
                                next = json_integer(place);
                        else
                                (void)json_array_append_new(uses, use_json(b));
                }
        return control_reply(call, json_pack("{s:o, s:o}", "uses", uses, "next", next ? next : json_null()), false);
}
