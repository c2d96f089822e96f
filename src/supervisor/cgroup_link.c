/* See cgroup_link.h. */
#include "cgroup_link.h"
#include "member.h"

#include <ctrsup/kernel/cgroup_where.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/lock.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* Nothing tells who holds this one: less than a person notices, more than a child needs to exec. */
enum { LOCK_PATIENCE_USEC = 50000 };

static void on_cgroup_event(void *userdata, uint64_t cookie, enum cgroup_event event) {
        struct manager *m = userdata;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];

                        if (b->host.cookie != cookie)
                                continue;
                        if (event == CGROUP_EVENT_OOM)
                                member_check_oom(b);
                        else if (b->state.populated && act_is_populated(&m->host, &b->host) == 0)
                                member_post(b, &(struct event){ .kind = EVENT_EMPTY });
                        return;
                }
}

static int on_watch(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;

        (void)source;
        (void)fd;
        (void)revents;
        (void)cgroup_watch_dispatch(m->host.watch, on_cgroup_event, m, NULL);
        return 0;
}

/* A keeper in "<root>/keeper" says where the root is: that is how the cgroup of ctrsup-payload.service is found. */
static int root_of_keeper(const struct manager *m, char **ret) {
        char path[64], text[4096];
        _cleanup_file_ FILE *f = NULL;
        char *own = NULL;

        (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)keeper_client_pid(m->host.keeper));
        f = fopen(path, "re");
        size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
        text[n] = '\0';
        if (n == 0 || cgroup_where_self_unified(text, &own, NULL) < 0)
                return -ENOENT;
        char *leaf = strrchr(own, '/');
        if (leaf && leaf != own && strcmp(leaf, "/keeper") == 0) {
                *leaf = '\0';
                *ret = own;
                return 0;
        }
        free(own);
        return -ENOENT;
}

/* A keeper that we had to start says nothing of the root. In this boot it is where it was: what runs is there. */
static void remember_root(struct manager *m) {
        const char *root = cgroup_tree_root(m->host.cgroups);
        struct err err = { 0 };

        if (file_write_volatile(m->runtime_fd, CGROUP_LINK_ROOT_FILE, root, strlen(root), 0600, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .error = err.code, .message = err.text };

                manager_report(m, &e);
        }
}

static int remembered_root(const struct manager *m, char **ret) {
        _cleanup_cgroup_tree_ struct cgroup_tree *t = NULL;
        _cleanup_free_ char *root = NULL, *path = NULL;
        size_t len = 0;

        int r = file_read(m->runtime_fd, CGROUP_LINK_ROOT_FILE, PATH_MAX, &root, &len, NULL);
        if (r >= 0 && (len == 0 || root[0] != '/' || strlen(root) != len))
                r = -EBADMSG;
        if (r >= 0)
                r = cgroup_tree_open(&t, root, "", NULL, NULL);
        if (r >= 0)
                r = cgroup_hierarchy_locate(&cgroup_tree_where(t)->hierarchies[CGROUP_UNIFIED], root, &path, NULL);
        if (r >= 0 && access(path, F_OK) < 0)
                r = -errno; /* of another boot, or its unit was stopped */
        if (r >= 0)
                *ret = take_ptr(root);
        return r;
}

/* Two supervisors below one root would each end what the other one runs, as left over from somebody before it. */
static int lock_root(struct manager *m, struct err *err) {
        const struct cgroup_where *where = cgroup_tree_where(m->host.cgroups);
        _cleanup_free_ char *path = NULL;

        int r = cgroup_hierarchy_locate(&where->hierarchies[CGROUP_UNIFIED], cgroup_tree_root(m->host.cgroups), &path, err);
        if (r < 0)
                return r;
        m->cgroup_lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (m->cgroup_lock_fd < 0)
                return err_sys(err, errno, "open %s", path);
        r = lock_try(m->cgroup_lock_fd, LOCK_PATIENCE_USEC);
        if (r == 0)
                return 0;
        if (r != -EWOULDBLOCK)
                return err_sys(err, -r, "lock %s", path);
        (void)err_set(err, EBUSY, "another supervisor uses the cgroups below %s", cgroup_tree_root(m->host.cgroups));
        return err_hint(err, "give this one a root of its own: cgroup.root in ctrsup.conf");
}

int cgroup_link_open(struct manager *m, struct err *err) {
        const char *setting = m->settings->cgroup.root;
        _cleanup_free_ char *root = NULL;
        char name[64] = "ctrsup";
        bool found = false, of_keeper = false;

        if (m->options->mode != MODE_SERVICE)
                (void)snprintf(name, sizeof(name), "ctrsup-%s-%d", m->options->mode == MODE_RUN ? "run" : "fg", (int)getpid());
        else if (strcmp(setting, "auto") == 0)
                of_keeper = root_of_keeper(m, &root) >= 0;
        if (m->options->mode == MODE_SERVICE && strcmp(setting, "auto") == 0)
                found = of_keeper || remembered_root(m, &root) >= 0;
        int r = cgroup_tree_open(&m->host.cgroups,
                                 found                              ? root
                                 : m->options->mode == MODE_SERVICE ? setting
                                                                    : "auto",
                                 name, NULL, err);
        if (r >= 0)
                r = cgroup_tree_make(m->host.cgroups, err);
        if (r >= 0)
                r = lock_root(m, err);
        if (r >= 0 && m->options->mode == MODE_SERVICE && !of_keeper)
                r = cgroup_adopt(m->host.cgroups, "keeper", keeper_client_pid(m->host.keeper), err);
        if (r >= 0)
                r = cgroup_watch_new(&m->host.watch, m->host.cgroups, err);
        if (r < 0)
                return err_wrap(err, "set up the cgroups");
        remember_root(m);
        r = sd_event_add_io(m->event, &m->watch_source, cgroup_watch_fd(m->host.watch), EPOLLIN, on_watch, m);
        return r < 0 ? err_sys(err, -r, "watch the cgroups") : 0;
}
