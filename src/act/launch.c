/* One start: everything the recipe names is made here, on the supervisor's side, and only cheap things are: opening what a user
 * wrote (layers, binds) is left to the child, so that a file system that hangs holds up one container and not this loop. */
#include <ctrsup/act/instance.h>

#include <ctrsup/act/devices.h>
#include <ctrsup/act/filter.h>
#include <ctrsup/act/limits.h>
#include <ctrsup/act/log.h>
#include <ctrsup/act/notify.h>
#include <ctrsup/kernel/cgroup_stat.h>
#include <ctrsup/kernel/userns.h>
#include <ctrsup/store/uppers.h>
#include <ctrsup/store/volumes.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

enum { MAPS_MAX = 16 };

/* What one launch opens; all of it is closed when the keeper has it. */
struct parts {
        int leaf_fd, kill_fd, tasks_fds[CGROUP_HIERARCHY_MAX], null_fd;
        size_t n_tasks;
        struct act_log_ends log;
        char upper[PATH_MAX];
        char **volume_dirs; /* NULL entries; one per volume of the container */
        size_t n_volumes;
        struct recipe_device devices[ACT_DEVICES_MAX];
};

static void parts_done(struct parts *p) {
        close_fd(p->leaf_fd);
        close_fd(p->kill_fd);
        close_fd(p->null_fd);
        close_fd(p->log.out);
        close_fd(p->log.err);
        for (size_t n = 0; n < p->n_tasks; n++)
                close_fd(p->tasks_fds[n]);
        for (size_t n = 0; p->volume_dirs && n < p->n_volumes; n++)
                free(p->volume_dirs[n]);
        free(p->volume_dirs);
}
#define _cleanup_parts_ _cleanup_(parts_done)

static struct mark mark_of(const struct spec *s, const struct spec_container *c, const char *key) {
        char path[512];

        (void)snprintf(path, sizeof(path), "containers.%s.%s", c->name, key);
        return spec_mark(s, path);
}

void act_set_id(struct act_instance *i, const uint8_t id[KEEPER_ID_SIZE]) {
        memcpy(i->id, id, sizeof(i->id));
        for (size_t n = 0; n < sizeof(i->id); n++)
                (void)snprintf(i->id_text + 2 * n, 3, "%02x", i->id[n]);
}

int act_new_id(struct act_instance *i, struct err *err) {
        uint8_t id[KEEPER_ID_SIZE];

        if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
                return err_sys(err, errno, "get random bytes");
        act_set_id(i, id);
        return 0;
}

static size_t copy_maps(struct id_map maps[MAPS_MAX], const struct spec_id_map *from, size_t n, uint32_t block) {
        if (n == 0) {
                maps[0] = (struct id_map){ 0, block, UIDS_BLOCK };
                return 1;
        }
        for (size_t m = 0; m < n && m < MAPS_MAX; m++)
                maps[m] = (struct id_map){ from[m].container, from[m].host, from[m].size };
        return n;
}

static int borrow_block(struct act_host *h, uint32_t *ret, struct err *err) {
        int r = 0;

        if (h->borrowed_lock < 0)
                r = uids_borrow(h->uids_fd, h->uid_base, h->uid_count, h->uids_taken, h->n_uids_taken, &h->borrowed_ids,
                                &h->borrowed_lock, err);
        *ret = h->borrowed_ids;
        return r;
}

/* The container's own user namespace, made once for its life: its block of ids, or the map that was written. */
static int make_user_namespace(struct act_host *h, struct act_instance *i, const struct spec_container *c, struct err *err) {
        struct id_map uids[MAPS_MAX], gids[MAPS_MAX];
        uint32_t block = 0;
        int r;

        if (c->n_uids > MAPS_MAX || c->n_gids > MAPS_MAX)
                return err_set(err, E2BIG, "more than %d entries in user_mapping", MAPS_MAX);
        if (c->n_uids == 0 || c->n_gids == 0) {
                r = h->borrow_ids ? borrow_block(h, &block, err)
                                  : uids_take(h->uids_fd, h->uid_base, h->uid_count, h->uids_taken, h->n_uids_taken, i->stack,
                                              c->name, &block, err);
                if (r < 0)
                        return r;
        }
        size_t n_uids = copy_maps(uids, c->uids, c->n_uids, block), n_gids = copy_maps(gids, c->gids, c->n_gids, block);
        r = userns_root(uids, n_uids, &i->root_uid);
        if (r >= 0)
                r = userns_root(gids, n_gids, &i->root_gid);
        if (r < 0)
                return err_set(err, -r, "user_mapping maps no host id to the container's root");
        r = userns_new(uids, n_uids, gids, n_gids, &i->userns_fd, err);
        return r < 0 ? err_wrap(err, "make the user namespace") : 0;
}

static int ensure_user(struct act_host *h, struct act_instance *i, const struct act_launch *l, int *ret_fd, struct mark *ret_mark,
                       struct err *err) {
        const struct spec_namespace *ns = &l->container->namespaces[NS_USER];

        if (ns->mode == NS_HOST) {
                *ret_fd = -EBADF;
                i->root_uid = i->root_gid = 0;
                return 0;
        }
        if (ns->mode == NS_CONTAINER) {
                const struct act_instance *peer = l->peers[NS_USER];

                *ret_fd = peer->userns_fd;
                i->root_uid = peer->root_uid;
                i->root_gid = peer->root_gid;
                return 0;
        }
        if (i->userns_fd < 0) {
                int r = make_user_namespace(h, i, l->container, err);

                if (r < 0) {
                        *ret_mark = mark_of(l->spec, l->container, "user_mapping");
                        return r;
                }
        }
        *ret_fd = i->userns_fd;
        return 0;
}

int act_adopt(struct act_host *h, struct act_instance *i, const struct spec_container *c, pid_t pid, struct err *err) {
        if (c->namespaces[NS_USER].mode != NS_PRIVATE || i->userns_fd >= 0)
                return 0;
        /* The very one it runs in, so that who follows it can share it; one with the same map, if it is gone by now. */
        if (i->root_uid != 0 && userns_of(pid, &i->userns_fd, NULL) >= 0)
                return 0;
        return make_user_namespace(h, i, c, err);
}

/* Named volumes are made when they are new; their host directories go into the recipe. */
static int ensure_volumes(struct act_host *h, const struct act_launch *l, struct parts *p, struct mark *ret_mark,
                          struct err *err) {
        const struct spec_container *c = l->container;

        p->n_volumes = c->n_volumes;
        p->volume_dirs = calloc(c->n_volumes + 1, sizeof(char *));
        if (!p->volume_dirs)
                return err_oom(err);
        for (size_t n = 0; n < c->n_volumes; n++) {
                char path[VOLUME_PATH_SIZE];
                bool created;

                if (c->volumes[n].type != VOLUME_VOLUME)
                        continue;
                const struct spec_named_volume *v = spec_find_volume(l->spec, c->volumes[n].source);
                if (!v)
                        return err_set(err, ENOENT, "no volume \"%s\" in the stack", c->volumes[n].source);
                int r = volumes_ensure(h->state_fd, v, &created, err);
                if (r < 0) {
                        char key[64];

                        (void)snprintf(key, sizeof(key), "volumes[%zu].source", n);
                        *ret_mark = mark_of(l->spec, c, key);
                        return err_wrap(err, "volume %s", v->key);
                }
                if (asprintf(&p->volume_dirs[n], "%s/%s", h->state_dir, volumes_path(v->name, path)) < 0)
                        return err_oom(err);
        }
        return 0;
}

static struct upper_name upper_name(const struct act_instance *i, const char *container, bool persistent) {
        return (struct upper_name){
                .persistent = persistent, .stack = i->stack, .container = container, .replica = i->replica, .generation = i->leaf
        };
}

static int ensure_upper(struct act_host *h, struct act_instance *i, const struct act_launch *l, struct parts *p,
                        struct mark *ret_mark, struct err *err) {
        const struct spec_rootfs *rootfs = &l->container->rootfs;
        char path[UPPER_PATH_SIZE];

        if (rootfs->mode != ROOTFS_EPHEMERAL && rootfs->mode != ROOTFS_PERSISTENT)
                return 0;
        struct upper_name name = upper_name(i, l->container->name, rootfs->mode == ROOTFS_PERSISTENT);
        i->ephemeral = rootfs->mode == ROOTFS_EPHEMERAL; /* also half of one is thrown away */
        int r = uppers_ensure(h->state_fd, &name, i->root_uid, i->root_gid, err);
        if (r < 0) {
                *ret_mark = mark_of(l->spec, l->container, "rootfs.mode");
                return err_wrap(err, "make the writable layer");
        }
        (void)snprintf(p->upper, sizeof(p->upper), "%s/%s", h->state_dir, uppers_path(&name, path));
        return 0;
}

static int find_devices(const struct act_launch *l, struct parts *p, struct mark *ret_mark, struct err *err) {
        char key[64];
        size_t at = 0;

        int r = act_devices_find(l->container, p->devices, &at, err);
        if (r < 0) {
                (void)snprintf(key, sizeof(key), "devices[%zu].source", at);
                *ret_mark = mark_of(l->spec, l->container, key);
        }
        return r;
}

static int ensure_cgroup(struct act_host *h, struct act_instance *i, const struct act_launch *l, struct parts *p,
                         struct mark *ret_mark, struct err *err) {
        const char *key = NULL;

        i->grouped = i->leafed = true; /* also half of it is removed */
        int r = cgroup_create(h->cgroups, i->group, i->leaf, err);
        if (r < 0)
                return err_wrap(err, "make the cgroup");
        bool fresh = r > 0;
        r = limits_apply(h->cgroups, i->group, fresh ? &limits_of_new_group : i->limits, &l->container->limits, &key, err);
        if (r < 0) {
                *ret_mark = mark_of(l->spec, l->container, key ? key : "limits");
                i->limits = NULL; /* some are set, some not: the next try writes all */
                return r;
        }
        i->limits = &l->container->limits;
        (void)cgroup_read_oom_kills(h->cgroups, i->group, &i->oom_kills, NULL);
        i->memory_peak = fresh ? 0 : cgroup_reset_memory_peak(h->cgroups, i->group);
        r = cgroup_watch_add(h->watch, i->group, i->leaf, i->cookie, err);
        if (r < 0)
                return err_wrap(err, "watch the cgroup");
        r = cgroup_open_leaf(h->cgroups, i->group, i->leaf, &p->leaf_fd, err);
        if (r < 0)
                return err_wrap(err, "open the cgroup");
        r = act_devices_confine(&h->device_filters, p->leaf_fd, l->container, p->devices, err);
        if (r < 0) {
                *ret_mark = mark_of(l->spec, l->container, "devices");
                return r;
        }
        p->kill_fd = openat(p->leaf_fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
        if (p->kill_fd < 0)
                return err_sys(err, errno, "open cgroup.kill of %s", i->group);
        r = cgroup_open_tasks(h->cgroups, i->group, p->tasks_fds, &p->n_tasks, err);
        return r < 0 ? err_wrap(err, "open the cgroup's tasks") : 0;
}

static int send_recipe(struct act_host *h, struct act_instance *i, const struct act_launch *l, const struct parts *p,
                       int userns_fd, int filter_fd, struct err *err) {
        char notify_dir[ACT_NOTIFY_PATH_MAX];
        struct recipe_input in = {
                .spec = l->spec,
                .container = l->container,
                .replica = i->replica,
                .root_uid = i->root_uid,
                .root_gid = i->root_gid,
                .userns_fd = userns_fd,
                .filter_fd = filter_fd,
                .cgroup_fd = p->leaf_fd,
                .kill_fd = p->kill_fd,
                .tasks_fds = p->tasks_fds,
                .n_tasks_fds = p->n_tasks,
                .upper_dir = p->upper[0] ? p->upper : NULL,
                .volume_dirs = (const char *const *)p->volume_dirs,
                .devices = p->devices,
                .notify_dir = i->notifies ? act_notify_path(h, i, notify_dir) : NULL,
                .hook = l->hook,
                .hook_key = l->hook_key,
                .environment = l->environment,
                .n_environment = l->n_environment,
                .n_thermal_cpus = h->n_thermal_cpus,
        };
        char label[KEEPER_LABEL_MAX + 32];

        memcpy(in.id, i->id, sizeof(in.id));
        for (int s = 0; s < 3; s++)
                in.stdio[s] = (struct recipe_stream){ .fd = l->streams ? l->streams[s]
                                                            : s == 0   ? p->null_fd
                                                            : s == 1   ? p->log.out
                                                                       : p->log.err };
        in.stdio[1].own = in.stdio[2].own = i->log == ACT_LOG_JOURNALD || i->log == ACT_LOG_FILE;
        for (int n = 0; n < _NS_MAX; n++)
                in.peer_pidfds[n] = l->peers[n] ? l->peers[n]->pidfd : -EBADF;

        i->plan = recipe_plan_free(i->plan);
        int r = recipe_make(&in, &i->plan, err);
        if (r < 0)
                return r;
        i->command_op = (uint32_t)recipe_n_ops(recipe_plan_recipe(i->plan)) - 1;
        (void)snprintf(label, sizeof(label), "%s%s%s", i->group, l->hook ? ACT_HOOK_MARK : "", l->hook ? l->hook_key : "");
        r = keeper_client_launch(h->keeper, i->id, label, recipe_plan_recipe(i->plan), err);
        recipe_plan_sent(i->plan);
        return r;
}

static int prepare_and_send(struct act_host *h, struct act_instance *i, const struct act_launch *l, struct parts *p,
                            struct mark *ret_mark, struct err *err) {
        int userns_fd = -EBADF, filter_fd, r;

        r = ensure_user(h, i, l, &userns_fd, ret_mark, err);
        if (r < 0)
                return r;
        r = ensure_volumes(h, l, p, ret_mark, err);
        if (r < 0)
                return r;
        r = ensure_upper(h, i, l, p, ret_mark, err);
        if (r < 0)
                return r;
        r = find_devices(l, p, ret_mark, err);
        if (r < 0)
                return r;
        r = ensure_cgroup(h, i, l, p, ret_mark, err);
        if (r < 0)
                return r;
        r = spec_notifies(l->container) && !l->hook ? act_notify_open(h, i, err) : 0;
        if (r < 0)
                return r;
        i->log = l->streams ? ACT_LOG_CALLER : act_log_choose(h, l->container);
        r = act_log_open(h, i, l->container, &p->log, err);
        if (r < 0) {
                *ret_mark = mark_of(l->spec, l->container, "logging.driver");
                return r;
        }
        if (!l->streams) {
                p->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                if (p->null_fd < 0)
                        return err_sys(err, errno, "open /dev/null");
        }
        r = act_filter(&h->filters, l->container, &filter_fd, err);
        if (r < 0) {
                *ret_mark = mark_of(l->spec, l->container, "seccomp");
                return r;
        }
        return send_recipe(h, i, l, p, userns_fd, filter_fd, err);
}

int act_launch(struct act_host *h, struct act_instance *i, const struct act_launch *l, struct mark *ret_mark, struct err *err) {
        _cleanup_parts_ struct parts p = { .leaf_fd = -EBADF, .kill_fd = -EBADF, .null_fd = -EBADF, .log = { -EBADF, -EBADF } };

        *ret_mark = MARK_NULL;
        if (!h->keeper)
                return err_set(err, ENOTCONN, "the keeper is down");
        int r = prepare_and_send(h, i, l, &p, ret_mark, err);
        if (r < 0) {
                act_log_release(h, i);                            /* nothing was written */
                (void)act_finish(h, i, l->container->name, NULL); /* a fresh, empty leaf: nothing there can be busy */
        }
        return r;
}
