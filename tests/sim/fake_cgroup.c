/* Groups, leaves and their events: cgroup v2 as kernel/cgroup*.h promises it. */
#include "world.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/cgroup.h>
#include <ctrsup/kernel/cgroup_limit.h>
#include <ctrsup/kernel/cgroup_probe.h>
#include <ctrsup/kernel/cgroup_procs.h>
#include <ctrsup/kernel/cgroup_stat.h>
#include <ctrsup/kernel/cgroup_stray.h>
#include <ctrsup/kernel/cgroup_watch.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cgroup_tree {
        struct cgroup_where where;
        char mount[160];
        char slash[2];
};

enum { WATCH_MAX = 256, PENDING_MAX = 4096 };

struct cgroup_watch {
        struct {
                char group[KEEPER_LABEL_MAX];
                uint64_t generation, cookie;
        } entries[WATCH_MAX];
        size_t n_entries;
        struct {
                uint64_t cookie;
                enum cgroup_event event;
        } pending[PENDING_MAX];
        size_t n_pending;
};

static struct cgroup_watch *watching; /* the living supervisor's */

static int ghost(struct err *err) { return err_set(err, EIO, "killed"); }

int cgroup_tree_open(struct cgroup_tree **ret, const char *root, const char *auto_name, const struct cgroup_source *source, struct err *err) {
        struct cgroup_tree *t = calloc(1, sizeof(*t));

        (void)root;
        (void)auto_name;
        (void)source;
        (void)err;
        (void)snprintf(t->mount, sizeof(t->mount), "%s/cgroupfs", world.runtime_dir);
        (void)strcpy(t->slash, "/");
        t->where.n_hierarchies = 1;
        t->where.hierarchies[0] = (struct cgroup_hierarchy){ .mount = t->mount, .root = t->slash, .self = t->slash };
        *ret = t;
        return 0;
}

struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *t) {
        free(t);
        return NULL;
}

const char *cgroup_tree_root(const struct cgroup_tree *t) {
        (void)t;
        return "/";
}

const struct cgroup_where *cgroup_tree_where(const struct cgroup_tree *t) { return &t->where; }

int cgroup_tree_make(struct cgroup_tree *t, struct err *err) {
        (void)t;
        return world_seam() ? 0 : ghost(err);
}

int cgroup_tree_remove(struct cgroup_tree *t, struct err *err) {
        (void)t;
        return world_seam() ? 0 : ghost(err);
}

int cgroup_adopt(struct cgroup_tree *t, const char *leaf, pid_t pid, struct err *err) {
        (void)t;
        (void)leaf;
        (void)pid;
        return world_seam() ? 0 : ghost(err);
}

int cgroup_create(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        bool new;

        (void)t;
        if (!world_seam())
                return ghost(err);
        if (leaf_find(group, generation))
                return err_set(err, EEXIST, "make cgroup %s/payload.%ju", group, (uintmax_t)generation);
        for (size_t n = 0; n < world.n_leaves; n++)
                if (world.leaves[n]->there && strcmp(world.leaves[n]->group, group) == 0 && leaf_count(world.leaves[n]) > 0)
                        violation("%s: payload.%ju is made while payload.%ju is populated", group, (uintmax_t)generation,
                                  (uintmax_t)world.leaves[n]->generation);
        (void)group_make(group, &new);
        (void)leaf_make(group, generation);
        return new;
}

int cgroup_open_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, int *ret_fd, struct err *err) {
        struct leaf *l = leaf_find(group, generation);

        if (!l)
                return err_set(err, ENOENT, "open cgroup %s/payload.%ju", group, (uintmax_t)generation);
        int fd = open(t->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* it has a file cgroup.kill */
        if (fd < 0 || fd >= WORLD_FDS_MAX)
                abort();
        world.fds[fd] = (struct fd){ FD_LEAF, l };
        *ret_fd = fd;
        return 0;
}

int cgroup_open_tasks(struct cgroup_tree *t, const char *group, int fds[CGROUP_HIERARCHY_MAX], size_t *ret_n, struct err *err) {
        (void)t;
        (void)group;
        (void)fds;
        (void)err;
        *ret_n = 0;
        return 0;
}

int cgroup_kill(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        struct leaf *l = leaf_find(group, generation);

        (void)t;
        if (!world_seam())
                return ghost(err);
        if (l)
                leaf_kill(l);
        return 0;
}

/* No stack of the simulation has a command as its check: these are of hooks. One is known by the begin of its id. */
int cgroup_probe_make(struct cgroup_tree *t, const struct cgroup_probe *p, int *ret_fd, struct err *err) {
        struct leaf *l = leaf_find(p->group, p->generation);

        (void)t;
        if (!world_seam())
                return ghost(err);
        if (!l)
                return err_set(err, ENOENT, "make a cgroup in payload.%ju", (uintmax_t)p->generation);
        *ret_fd = world_fd(FD_LEAF, l);
        return 0;
}

static int end_commands(const struct cgroup_probe *p, bool all) {
        struct leaf *l = leaf_find(p->group, p->generation);

        if (!world_seam())
                return -EIO;
        for (size_t n = 0; l && n < world.n_procs; n++) {
                struct proc *q = world.procs[n];

                if (q->exec && q->leaf == l && q->state != PROC_DEAD && (all || memcmp(q->id, &p->number, sizeof(p->number)) == 0))
                        proc_signal(q, SIGKILL);
        }
        return 0;
}

int cgroup_probe_end(struct cgroup_tree *t, const struct cgroup_probe *p, struct err *err) {
        (void)t;
        (void)err;
        return end_commands(p, false);
}

int cgroup_probe_end_all(struct cgroup_tree *t, const struct cgroup_probe *p, struct err *err) {
        (void)t;
        (void)err;
        return p->kind == CGROUP_HOOK ? end_commands(p, true) : 0;
}

int cgroup_freeze(struct cgroup_tree *t, const char *group, uint64_t generation, bool freeze, struct err *err) {
        (void)t;
        (void)group;
        (void)generation;
        (void)freeze;
        return world_seam() ? 0 : ghost(err);
}

int cgroup_is_populated(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        const struct leaf *l = leaf_find(group, generation);

        (void)t;
        (void)err;
        return l && leaf_count(l) > 0;
}

static int remove_leaf(struct leaf *l, struct err *err) {
        if (leaf_count(l) > 0)
                return err_set(err, EBUSY, "remove cgroup %s/payload.%ju", l->group, (uintmax_t)l->generation);
        l->there = false;
        return 0;
}

int cgroup_remove_leaf(struct cgroup_tree *t, const char *group, uint64_t generation, struct err *err) {
        struct leaf *l = leaf_find(group, generation);

        (void)t;
        if (!world_seam())
                return ghost(err);
        /* The kernel is not always done when the last process is gone. */
        if (l && !world.calm && chance_one_in(&world.chance, 16))
                return err_set(err, EBUSY, "remove cgroup %s/payload.%ju", group, (uintmax_t)generation);
        return l ? remove_leaf(l, err) : 0;
}

int cgroup_remove(struct cgroup_tree *t, const char *group, struct err *err) {
        struct group *g = group_find(group);

        (void)t;
        if (!world_seam())
                return ghost(err);
        for (size_t n = 0; n < world.n_leaves; n++)
                if (world.leaves[n]->there && strcmp(world.leaves[n]->group, group) == 0) {
                        int r = remove_leaf(world.leaves[n], err);

                        if (r < 0)
                                return r;
                }
        if (g)
                g->there = false;
        return 0;
}

int cgroup_each_leaf(struct cgroup_tree *t, cgroup_leaf_fn *fn, void *userdata, struct err *err) {
        (void)t;
        (void)err;
        for (size_t n = 0; n < world.n_leaves; n++) {
                struct leaf *l = world.leaves[n];
                int r = l->there ? fn(userdata, l->group, l->generation, leaf_count(l) > 0) : 0;

                if (r != 0)
                        return r;
        }
        return 0;
}

int cgroup_read_procs(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t **ret, size_t *ret_n, struct err *err) {
        const struct leaf *l = leaf_find(group, generation);
        pid_t *pids = calloc(world.n_procs + 1, sizeof(*pids));
        size_t count = 0;

        (void)t;
        (void)err;
        for (size_t n = 0; n < world.n_procs; n++)
                if (l && world.procs[n]->leaf == l && world.procs[n]->state != PROC_DEAD)
                        pids[count++] = world.procs[n]->pid;
        *ret = pids;
        *ret_n = count;
        return 0;
}

int cgroup_holds(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t pid) {
        const struct proc *p = proc_of_pid(pid);

        (void)t;
        return !p || p->state == PROC_DEAD ? -ESRCH : p->leaf == leaf_find(group, generation);
}

int cgroup_held(struct cgroup_tree *t, const char *group, uint64_t generation, int pidfd) {
        (void)t;
        (void)group;
        (void)generation;
        (void)pidfd;
        return -EOPNOTSUPP;
}

/* --- limits: this host enforces all of them --- */

int cgroup_check(struct cgroup_tree *t, const struct cgroup_setting *s, struct err *err) {
        (void)t;
        (void)s;
        (void)err;
        return 0;
}

int cgroup_set(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct err *err) {
        const struct group *g = group_find(group);

        (void)t;
        (void)s;
        if (!world_seam())
                return ghost(err);
        return g && g->there ? 0 : err_set(err, ENOENT, "no cgroup %s", group);
}

bool cgroup_oom_group_is_native(const struct cgroup_tree *t) {
        (void)t;
        return false; /* so that the supervisor has something to do */
}

int cgroup_find_disk(const char *path, dev_t *ret, struct err *err) {
        (void)path;
        (void)ret;
        return err_set(err, ENOENT, "no disk");
}

int cgroup_compare(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct cgroup_drift *ret, struct err *err) {
        (void)t;
        (void)group;
        (void)s;
        (void)ret;
        (void)err;
        return 0;
}

int cgroup_find_stray(struct cgroup_tree *t, pid_t pid, const char *group, uint64_t generation, struct cgroup_drift *ret, struct err *err) {
        (void)t;
        (void)pid;
        (void)group;
        (void)generation;
        (void)ret;
        (void)err;
        return 0;
}

const char *cgroup_limit_file(enum cgroup_limit l) {
        (void)l;
        return "limit";
}

enum cgroup_controller cgroup_limit_controller(enum cgroup_limit l) {
        (void)l;
        return CGROUP_MEMORY;
}

int cgroup_read_stat(struct cgroup_tree *t, const char *group, struct cgroup_stat *ret, struct err *err) {
        const struct group *g = group_find(group);

        (void)t;
        if (!g || !g->there)
                return err_set(err, ENOENT, "no cgroup %s", group);
        *ret = (struct cgroup_stat){ .oom_kills = g->oom_kills, .memory_peak_bytes = 4096 };
        return 0;
}

void cgroup_read_pressure(struct cgroup_tree *t, const char *group, struct cgroup_pressure *ret) {
        (void)t;
        (void)group;
        *ret = (struct cgroup_pressure){ CGROUP_UNKNOWN, CGROUP_UNKNOWN, CGROUP_UNKNOWN };
}

int cgroup_read_oom_kills(struct cgroup_tree *t, const char *group, uint64_t *ret, struct err *err) {
        const struct group *g = group_find(group);

        (void)t;
        if (!g || !g->there)
                return err_set(err, ENOENT, "no cgroup %s", group);
        *ret = g->oom_kills;
        return 0;
}

uint64_t cgroup_memory_firm(struct cgroup_tree *t, const char *group) {
        (void)t;
        (void)group;
        return CGROUP_UNKNOWN;
}

uint64_t cgroup_memory_peak(struct cgroup_tree *t, const char *group) {
        (void)t;
        (void)group;
        return 4096;
}

uint64_t cgroup_reset_memory_peak(struct cgroup_tree *t, const char *group) {
        (void)t;
        (void)group;
        return 0;
}

/* --- events --- */

int cgroup_watch_new(struct cgroup_watch **ret, struct cgroup_tree *t, struct err *err) {
        (void)t;
        (void)err;
        *ret = calloc(1, sizeof(**ret));
        if (!world.ghost)
                watching = *ret;
        return 0;
}

struct cgroup_watch *cgroup_watch_free(struct cgroup_watch *w) {
        if (w == watching)
                watching = NULL;
        free(w);
        return NULL;
}

/* The supervisor does not close it: it is the watch's own. */
int cgroup_watch_fd(const struct cgroup_watch *w) {
        enum { AT = WORLD_FDS_MAX - 1 };

        world.fds[AT] = (struct fd){ FD_WATCH, (void *)w };
        return AT;
}

int cgroup_watch_add(struct cgroup_watch *w, const char *group, uint64_t generation, uint64_t cookie, struct err *err) {
        if (!world_seam())
                return ghost(err);
        if (!leaf_find(group, generation))
                return err_set(err, ENOENT, "watch cgroup %s/payload.%ju", group, (uintmax_t)generation);
        cgroup_watch_remove(w, cookie);
        if (w->n_entries == WATCH_MAX)
                violation("more than %d leaves are watched: none is ever let go", WATCH_MAX);
        (void)snprintf(w->entries[w->n_entries].group, sizeof(w->entries[0].group), "%s", group);
        w->entries[w->n_entries].generation = generation;
        w->entries[w->n_entries++].cookie = cookie;
        return 0;
}

void cgroup_watch_remove(struct cgroup_watch *w, uint64_t cookie) {
        for (size_t n = 0; n < w->n_entries; n++)
                if (w->entries[n].cookie == cookie) {
                        w->entries[n] = w->entries[--w->n_entries];
                        return;
                }
}

int cgroup_watch_dispatch(struct cgroup_watch *w, cgroup_watch_fn *fn, void *userdata, struct err *err) {
        size_t n = w->n_pending;

        (void)err;
        for (size_t i = 0; i < n; i++)
                fn(userdata, w->pending[i].cookie, w->pending[i].event);
        memmove(w->pending, w->pending + n, (w->n_pending - n) * sizeof(w->pending[0]));
        w->n_pending -= n;
        return 0;
}

bool watch_is_readable(const void *watch) {
        return ((const struct cgroup_watch *)watch)->n_pending > 0;
}

static void notify(const char *group, const uint64_t *generation, enum cgroup_event event) {
        struct cgroup_watch *w = watching;

        for (size_t n = 0; w && n < w->n_entries; n++) {
                if (strcmp(w->entries[n].group, group) != 0 || (generation && w->entries[n].generation != *generation))
                        continue;
                /* A queue that overflowed loses events; the reconcile timer is there for that. */
                if (w->n_pending == PENDING_MAX || (!world.calm && chance_one_in(&world.chance, 64)))
                        continue;
                w->pending[w->n_pending].cookie = w->entries[n].cookie;
                w->pending[w->n_pending++].event = event;
        }
}

void watch_notify_leaf(const struct leaf *l) { notify(l->group, &l->generation, CGROUP_EVENT_CHANGED); }

void watch_notify_oom(const struct group *g) { notify(g->name, NULL, CGROUP_EVENT_OOM); }
