#include "world.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct world world;

/* splitmix64 */
uint64_t chance_next(struct chance *c) {
        uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

uint64_t chance_below(struct chance *c, uint64_t n) {
        return n ? chance_next(c) % n : 0;
}

uint64_t chance_between(struct chance *c, uint64_t from, uint64_t to) {
        return from + chance_below(c, to - from + 1);
}

void world_init(uint64_t seed) {
        world = (struct world){
                .chance = { seed },
                .mono_usec = 1000 * USEC_PER_SEC,
                .real_offset_usec = INT64_C(1790000000) * (int64_t)USEC_PER_SEC,
                .next_pid = WORLD_FIRST_PID,
                .kernel_tells = seed % 2,
        };
}

uint64_t world_real_usec(void) {
        return (uint64_t)((int64_t)world.mono_usec + world.real_offset_usec);
}

bool world_seam(void) {
        if (!world.inside)
                return true;
        if (world.ghost)
                return false;
        world.seams++;
        if (world.die_in > 0 && --world.die_in == 0) {
                world.ghost = true;
                trace("the supervisor is killed at seam %ju", (uintmax_t)world.seams);
        }
        return !world.ghost;
}

/* --- time --- */

static void *grow(void *array, size_t n, size_t size) {
        if (n & (n - 1))
                return array;
        void *grown = reallocarray(array, n ? 2 * n : 1, size);
        if (!grown)
                abort();
        return grown;
}

void world_at(uint64_t usec, void (*run)(void *object, uint64_t number), void *object, uint64_t number) {
        world.events = grow(world.events, world.n_events, sizeof(*world.events));
        world.events[world.n_events++] = (struct world_event){ .at = usec < world.mono_usec ? world.mono_usec : usec,
                                                               .seq = world.next_seq++,
                                                               .run = run,
                                                               .object = object,
                                                               .number = number };
}

static struct world_event *first_event(void) {
        struct world_event *first = NULL;

        for (size_t n = 0; n < world.n_events; n++) {
                struct world_event *e = &world.events[n];

                if (!first || e->at < first->at || (e->at == first->at && e->seq < first->seq))
                        first = e;
        }
        return first;
}

uint64_t world_next_event(void) {
        const struct world_event *first = first_event();

        return first ? first->at : UINT64_MAX;
}

void world_run_due(void) {
        struct world_event *first;

        while ((first = first_event()) && first->at <= world.mono_usec) {
                struct world_event e = *first;

                *first = world.events[--world.n_events];
                e.run(e.object, e.number);
        }
}

/* --- fds --- */

int world_fd(enum fd_kind kind, void *object) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        if (fd < 0 || fd >= WORLD_FDS_MAX)
                abort();
        world.fds[fd] = (struct fd){ kind, object };
        return fd;
}

struct fd world_fd_of(int fd) {
        return fd >= 0 && fd < WORLD_FDS_MAX ? world.fds[fd] : (struct fd){ 0 };
}

bool world_fd_is_ready(int fd) {
        struct fd what = world_fd_of(fd);
        struct pollfd p = { .fd = fd, .events = POLLIN };

        switch (what.kind) {
        case FD_KEEPER:
                return keeper_client_is_readable(what.object);
        case FD_WATCH:
                return watch_is_readable(what.object);
        case FD_LOGGER:
                return logger_is_readable(what.object);
        case FD_CHILD:
                return what.object ? logger_child_is_over(what.object) : !world.trash;
        case FD_PROC:
                return ((const struct proc *)what.object)->state == PROC_DEAD;
        case FD_CLOCK:
                return world.clock_set;
        case FD_NOTIFY:
                return notify_is_readable(what.object);
        case FD_LEAF:
        case FD_OTHER:
                return false;
        case FD_NONE:
                break;
        }
        return poll(&p, 1, 0) > 0;
}

/* --- groups and leaves --- */

struct group *group_find(const char *name) {
        for (size_t n = 0; n < world.n_groups; n++)
                if (strcmp(world.groups[n]->name, name) == 0)
                        return world.groups[n];
        return NULL;
}

struct group *group_make(const char *name, bool *ret_new) {
        struct group *g = group_find(name);

        if (!g) {
                g = calloc(1, sizeof(*g));
                world.groups = grow(world.groups, world.n_groups, sizeof(*world.groups));
                (void)snprintf(g->name, sizeof(g->name), "%s", name);
                world.groups[world.n_groups++] = g;
        }
        *ret_new = !g->there;
        if (!g->there)
                g->oom_kills = 0;
        g->there = true;
        return g;
}

struct leaf *leaf_find(const char *group, uint64_t generation) {
        for (size_t n = world.n_leaves; n-- > 0;)
                if (world.leaves[n]->there && world.leaves[n]->generation == generation &&
                    strcmp(world.leaves[n]->group, group) == 0)
                        return world.leaves[n];
        return NULL;
}

struct leaf *leaf_make(const char *group, uint64_t generation) {
        struct leaf *l = calloc(1, sizeof(*l));

        (void)snprintf(l->group, sizeof(l->group), "%s", group);
        l->generation = generation;
        l->there = true;
        world.leaves = grow(world.leaves, world.n_leaves, sizeof(*world.leaves));
        world.leaves[world.n_leaves++] = l;
        return l;
}

size_t leaf_count(const struct leaf *l) {
        size_t count = 0;

        for (size_t n = 0; n < world.n_procs; n++)
                count += world.procs[n]->leaf == l && world.procs[n]->state != PROC_DEAD;
        return count;
}

static void dies_of_kill(void *object, uint64_t number) {
        (void)number;
        proc_end(object, CLD_KILLED, SIGKILL);
}

void leaf_kill(struct leaf *l) {
        l->killed = true;
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->leaf == l && world.procs[n]->state != PROC_DEAD)
                        proc_signal(world.procs[n], SIGKILL);
}

/* --- processes --- */

struct proc *proc_new(const char *label, struct leaf *l, bool main) {
        struct proc *p = calloc(1, sizeof(*p));

        for (size_t n = 0; main && n < world.n_procs; n++) {
                const struct proc *other = world.procs[n];

                if (other->state == PROC_DEAD)
                        continue;
                if (other->main && strcmp(other->label, label) == 0)
                        violation("%s: a second process (pid %d) beside pid %d", label, world.next_pid, other->pid);
                if (other->leaf == l)
                        violation("%s: started in payload.%ju, where pid %d lives", label, (uintmax_t)l->generation, other->pid);
        }
        p->pid = world.next_pid++;
        p->main = main;
        p->leaf = l;
        p->born_usec = world.mono_usec;
        (void)snprintf(p->label, sizeof(p->label), "%s", label);
        world.procs = grow(world.procs, world.n_procs, sizeof(*world.procs));
        world.procs[world.n_procs++] = p;
        return p;
}

void proc_end(struct proc *p, int code, int status) {
        if (p->state == PROC_DEAD)
                return;
        bool was_running = p->state == PROC_RUNNING;

        p->state = PROC_DEAD;
        p->ended_usec = world.mono_usec;
        p->exit.code = code;
        p->exit.status = status;
        p->exit.at_usec = world.mono_usec;
        trace("%s: pid %d %s %d%s", p->label, p->pid, code == CLD_EXITED ? "exits with" : "is killed by", status,
              p->main ? "" : " (left behind)");
        if (!was_running && p->main)
                p->dropped = true; /* it never ran: no exit is owed */
        if (p->main || p->exec)
                keeper_on_end(p);
        if (leaf_count(p->leaf) == 0) {
                logger_on_end(p->leaf);
                watch_notify_leaf(p->leaf);
        }
}

static void dies_of_stop(void *object, uint64_t signal) {
        struct proc *p = object;

        /* As PID 1 of a well-behaved program: half of them handle it and exit. */
        if (p->pid % 2)
                proc_end(p, CLD_EXITED, 0);
        else
                proc_end(p, CLD_KILLED, (int)signal);
}

void proc_signal(struct proc *p, int signal) {
        if (p->state == PROC_DEAD)
                return;
        if (signal == SIGKILL) {
                uint64_t wait = p->stuck && !world.calm ? chance_between(&world.chance, 1, 70) * USEC_PER_SEC
                                                        : chance_below(&world.chance, 2000);

                world_at(world.mono_usec + wait, dies_of_kill, p, 0);
        } else if (p->state == PROC_RUNNING && (!p->deaf || world.calm))
                world_at(world.mono_usec + chance_below(&world.chance, 100 * USEC_PER_MSEC), dies_of_stop, p, (uint64_t)signal);
}

struct proc *proc_of_id(const uint8_t id[KEEPER_ID_SIZE]) {
        for (size_t n = world.n_procs; n-- > 0;)
                if (world.procs[n]->main && memcmp(world.procs[n]->id, id, KEEPER_ID_SIZE) == 0)
                        return world.procs[n];
        return NULL;
}

struct proc *proc_of_pid(pid_t pid) {
        return pid >= WORLD_FIRST_PID && (size_t)(pid - WORLD_FIRST_PID) < world.n_procs ? world.procs[pid - WORLD_FIRST_PID]
                                                                                         : NULL;
}

struct proc *proc_main(const char *label) {
        for (size_t n = world.n_procs; n-- > 0;)
                if (world.procs[n]->main && world.procs[n]->state != PROC_DEAD && strcmp(world.procs[n]->label, label) == 0)
                        return world.procs[n];
        return NULL;
}
