/* See cgroup_watch.h. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/cgroup_watch.h>

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

struct entry {
        uint64_t cookie;
        int events_wd, memory_wd; /* -1: none */
        int oom_fd;               /* v1's eventfd */
        bool used;
};

struct cgroup_watch {
        struct cgroup_tree *t;
        int epoll_fd, inotify_fd;
        struct entry *entries;
        size_t n;
};

/* In the epoll set the inotify fd has this number, an eventfd its entry's index. */
#define INOTIFY_KEY UINT64_MAX

struct cgroup_watch *cgroup_watch_free(struct cgroup_watch *w) {
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n; i++)
                if (w->entries[i].used)
                        (void)close_fd(w->entries[i].oom_fd);
        (void)close_fd(w->inotify_fd);
        (void)close_fd(w->epoll_fd);
        free(w->entries);
        free(w);
        return NULL;
}

int cgroup_watch_new(struct cgroup_watch **ret, struct cgroup_tree *t, struct err *err) {
        _cleanup_cgroup_watch_ struct cgroup_watch *w = calloc(1, sizeof(*w));
        struct epoll_event e = { .events = EPOLLIN, .data.u64 = INOTIFY_KEY };

        if (!w)
                return err_oom(err);
        w->t = t;
        w->inotify_fd = -EBADF;
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (w->epoll_fd < 0)
                return err_sys(err, errno, "watch cgroups: epoll_create1");
        w->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (w->inotify_fd < 0)
                return err_sys(err, errno, "watch cgroups: inotify_init1");
        if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->inotify_fd, &e) < 0)
                return err_sys(err, errno, "watch cgroups: epoll_ctl");
        *ret = take_ptr(w);
        return 0;
}

int cgroup_watch_fd(const struct cgroup_watch *w) {
        return w->epoll_fd;
}

static struct entry *find(struct cgroup_watch *w, uint64_t cookie) {
        for (size_t i = 0; i < w->n; i++)
                if (w->entries[i].used && w->entries[i].cookie == cookie)
                        return &w->entries[i];
        return NULL;
}

static struct entry *new_entry(struct cgroup_watch *w) {
        for (size_t i = 0; i < w->n; i++)
                if (!w->entries[i].used)
                        return &w->entries[i];

        size_t old = w->n, n = old ? old * 2 : 16;
        struct entry *grown = reallocarray(w->entries, n, sizeof(*grown));
        if (!grown)
                return NULL;
        memset(grown + old, 0, (n - old) * sizeof(*grown));
        w->entries = grown;
        w->n = n;
        return &w->entries[old];
}

/* A watch by descriptor: the directory is not walked again, and no symbolic link followed. */
static int watch_file(struct cgroup_watch *w, int hierarchy, const char *path) {
        char proc[64];
        _cleanup_fd_ int fd = openat(w->t->root_fds[hierarchy], path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        (void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
        int wd = inotify_add_watch(w->inotify_fd, proc, IN_MODIFY);
        return wd < 0 ? -errno : wd;
}

/* cgroup v1, memory.rst: write "<eventfd> <fd of memory.oom_control>" to cgroup.event_control. */
static int watch_oom_v1(struct cgroup_watch *w, const char *group, size_t index) {
        struct epoll_event e = { .events = EPOLLIN, .data.u64 = index };
        char path[CGROUP_PATH_MAX], text[64];
        int root_fd = w->t->root_fds[w->t->where.controllers[CGROUP_MEMORY]];

        (void)snprintf(path, sizeof(path), "%s/memory.oom_control", group);
        _cleanup_fd_ int control = openat(root_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (control < 0)
                return -errno;
        _cleanup_fd_ int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)snprintf(path, sizeof(path), "%s/cgroup.event_control", group);
        (void)snprintf(text, sizeof(text), "%d %d", fd, control);
        int r = cgroup_file_write(root_fd, path, text);
        if (r < 0)
                return r;
        if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
                return -errno;
        return take_fd(&fd);
}

int cgroup_watch_add(struct cgroup_watch *w, const char *group, uint64_t generation, uint64_t cookie, struct err *err) {
        char path[CGROUP_PATH_MAX + 32];
        int r = cgroup_group_check(group, err);

        if (r < 0)
                return r;
        if (find(w, cookie))
                return err_set(err, EEXIST, "watch the cgroup %s: its cookie is in use", group);
        struct entry *e = new_entry(w);
        if (!e)
                return err_oom(err);
        *e = (struct entry){ .cookie = cookie, .events_wd = -1, .memory_wd = -1, .oom_fd = -EBADF };

        cgroup_leaf_path(path, group, generation);
        r = watch_file(w, CGROUP_UNIFIED, strcat(path, "/cgroup.events"));
        if (r < 0)
                return err_sys(err, -r, "watch %s/%s", w->t->root, path);
        e->events_wd = r;
        if (cgroup_is_v1(w->t, CGROUP_MEMORY))
                e->oom_fd = watch_oom_v1(w, group, (size_t)(e - w->entries));
        else {
                (void)snprintf(path, sizeof(path), "%s/memory.events", group);
                e->memory_wd = watch_file(w, CGROUP_UNIFIED, path);
        }
        e->used = true;
        return 0;
}

/* The same group's memory.events is watched once, whoever asked: it must stay while a newer leaf's entry shares it. */
static bool shared(const struct cgroup_watch *w, const struct entry *but, int wd) {
        for (size_t i = 0; i < w->n; i++)
                if (w->entries[i].used && &w->entries[i] != but && w->entries[i].memory_wd == wd)
                        return true;
        return false;
}

void cgroup_watch_remove(struct cgroup_watch *w, uint64_t cookie) {
        struct entry *e = find(w, cookie);

        if (!e)
                return;
        e->used = false;
        (void)inotify_rm_watch(w->inotify_fd, e->events_wd); /* fails when the directory is gone, and the watch with it */
        if (e->memory_wd >= 0 && !shared(w, e, e->memory_wd))
                (void)inotify_rm_watch(w->inotify_fd, e->memory_wd);
        e->oom_fd = close_fd(e->oom_fd);
}

/* fn may have changed the table: every entry is looked at anew by its index. */
static void tell(struct cgroup_watch *w, int wd, bool all, cgroup_watch_fn *fn, void *userdata) {
        for (size_t i = 0; i < w->n; i++) {
                if (w->entries[i].used && (all || w->entries[i].events_wd == wd))
                        fn(userdata, w->entries[i].cookie, CGROUP_EVENT_CHANGED);
                if (i < w->n && w->entries[i].used && w->entries[i].memory_wd >= 0 && (all || w->entries[i].memory_wd == wd))
                        fn(userdata, w->entries[i].cookie, CGROUP_EVENT_OOM);
        }
}

static void read_inotify(struct cgroup_watch *w, cgroup_watch_fn *fn, void *userdata) {
        _Alignas(struct inotify_event) char buf[4096];
        ssize_t n;

        while ((n = read(w->inotify_fd, buf, sizeof(buf))) > 0)
                for (const char *at = buf; at < buf + n;) {
                        const struct inotify_event *e = (const struct inotify_event *)(const void *)at;

                        at += sizeof(*e) + e->len;
                        /* A lost event could have been anybody's: all are told to look. */
                        if (e->mask & (IN_MODIFY | IN_Q_OVERFLOW))
                                tell(w, e->wd, e->mask & IN_Q_OVERFLOW, fn, userdata);
                }
}

int cgroup_watch_dispatch(struct cgroup_watch *w, cgroup_watch_fn *fn, void *userdata, struct err *err) {
        struct epoll_event events[64];
        int n = epoll_wait(w->epoll_fd, events, ARRAY_SIZE(events), 0);

        if (n < 0)
                return errno == EINTR ? 0 : err_sys(err, errno, "watch cgroups: epoll_wait");
        for (int i = 0; i < n; i++) {
                uint64_t key = events[i].data.u64, count;

                if (key == INOTIFY_KEY) {
                        read_inotify(w, fn, userdata);
                        continue;
                }
                /* The kernel also signals the eventfd when the group is removed: "look" is right then too. */
                if (w->entries[key].used && w->entries[key].oom_fd >= 0 &&
                    read(w->entries[key].oom_fd, &count, sizeof(count)) > 0)
                        fn(userdata, w->entries[key].cookie, CGROUP_EVENT_OOM);
        }
        return 0;
}
