/* One fd for the events of all leaves: a leaf that became empty (or populated, or frozen), a group that ran out of memory.
 *
 * v2 events come by inotify on cgroup.events and memory.events, v1 OOM by an eventfd on memory.oom_control; all of them sit in
 * one epoll set whose fd the caller polls. Events say "look": they may come twice, or for a change that is over; what is true
 * is in cgroup_is_populated() and cgroup_read_oom_kills(). A v1 OOM event comes before the kill is counted.
 */
#pragma once

#include <ctrsup/kernel/cgroup.h>

struct cgroup_watch;

enum cgroup_event {
        CGROUP_EVENT_CHANGED, /* the leaf's cgroup.events: populated or frozen */
        CGROUP_EVENT_OOM,     /* the group's memory.events, or v1's notification */
};

typedef void cgroup_watch_fn(void *userdata, uint64_t cookie, enum cgroup_event event);

int cgroup_watch_new(struct cgroup_watch **ret, struct cgroup_tree *t, struct err *err);
struct cgroup_watch *cgroup_watch_free(struct cgroup_watch *w); /* returns NULL; takes NULL; before the tree */
static inline void cgroup_watch_freep(struct cgroup_watch **w) {
        *w = cgroup_watch_free(*w);
}
#define _cleanup_cgroup_watch_ _cleanup_(cgroup_watch_freep)

int cgroup_watch_fd(const struct cgroup_watch *w); /* readable: call cgroup_watch_dispatch() */
/* cookie: the caller's, given back with events; one per leaf. A host that does not notify of OOM is no error. */
int cgroup_watch_add(struct cgroup_watch *w, const char *group, uint64_t generation, uint64_t cookie, struct err *err);
void cgroup_watch_remove(struct cgroup_watch *w, uint64_t cookie);
/* Never blocks. fn may add and remove. */
int cgroup_watch_dispatch(struct cgroup_watch *w, cgroup_watch_fn *fn, void *userdata, struct err *err);
