/* See recipe_make.h. The order of the operations is the order of a launch; keeper/recipe.h says what each does. */
#include "recipe_plan.h"

#include <sched.h>
#include <string.h>

static const struct {
        uint64_t flag;
        const char *name;
} namespaces[_NS_MAX] = {
        [NS_PID] = { CLONE_NEWPID, "pid" },          [NS_IPC] = { CLONE_NEWIPC, "ipc" },
        [NS_UTS] = { CLONE_NEWUTS, "uts" },          [NS_NET] = { CLONE_NEWNET, "net" },
        [NS_CGROUP] = { CLONE_NEWCGROUP, "cgroup" }, [NS_USER] = { CLONE_NEWUSER, "user" },
        [NS_MOUNT] = { CLONE_NEWNS, "mount" },       [NS_TIME] = { 0x80 /* CLONE_NEWTIME */, "time" },
};

static bool is_own(const struct spec_container *c, enum spec_ns ns) {
        return c->namespaces[ns].mode == NS_PRIVATE || c->namespaces[ns].mode == NS_NONE;
}

static int add_joins(struct recipe_plan *p, const struct recipe_input *in, struct err *err) {
        const struct spec_container *c = in->container;
        char key[64];

        for (enum spec_ns ns = 0; ns < _NS_MAX; ns++) {
                if (c->namespaces[ns].mode != NS_CONTAINER || ns == NS_USER || ns == NS_MOUNT)
                        continue;
                if (in->peer_pidfds[ns] < 0)
                        return err_set(err, EINVAL, "no process of container %s to share its %s namespace",
                                       c->namespaces[ns].container, namespaces[ns].name);
                (void)snprintf(key, sizeof(key), "namespaces.%s", namespaces[ns].name);
                recipe_plan_step(p, OP_FD(JOIN, in->peer_pidfds[ns], .num = { namespaces[ns].flag }), key,
                                 "join the %s namespace of container %s", namespaces[ns].name, c->namespaces[ns].container);
        }
        return 0;
}

static void add_namespaces(struct recipe_plan *p, const struct recipe_input *in) {
        const struct spec_container *c = in->container;
        uint64_t own = CLONE_NEWNS;

        if (c->namespaces[NS_TIME].mode == NS_PRIVATE)
                recipe_plan_step(p, OP(TIME, .num = { (uint64_t)c->time_monotonic_usec, (uint64_t)c->time_boottime_usec }),
                                 "time_offsets", "set the time offsets");
        if (in->userns_fd >= 0)
                recipe_plan_step(p, OP_FD(USER, in->userns_fd), "namespaces.user", "enter the user namespace");
        for (enum spec_ns ns = 0; ns < _NS_MAX; ns++)
                if (is_own(c, ns) && ns != NS_USER && ns != NS_TIME)
                        own |= namespaces[ns].flag;
        recipe_plan_step(p, OP(SPAWN, .num = { own }), "namespaces", "create its namespaces");
}

static void add_names(struct recipe_plan *p, const struct recipe_input *in) {
        const struct spec_container *c = in->container;

        if (is_own(c, NS_UTS)) {
                const char *name = recipe_hostname(p, in->replica);
                recipe_plan_step(p, OP(HOSTNAME, .str = { name }), "hostname", "set host name %s", name);
                if (c->domainname)
                        recipe_plan_step(p, OP(DOMAINNAME, .str = { c->domainname }), "domainname", "set domain name %s",
                                         c->domainname);
        }
        if (is_own(c, NS_NET))
                recipe_plan_step(p, OP(LOOPBACK), "namespaces.net", "bring lo up");
}

static void add_arguments(struct recipe_plan *p, const struct recipe_input *in) {
        const struct spec_container *c = in->container;

        if (in->hook) {
                for (size_t i = 0; i < in->hook->command.n; i++)
                        recipe_arg(p->recipe, in->hook->command.items[i]);
                p->command = in->hook->command.items[0];
                return;
        }
        for (size_t i = 0; i < c->entrypoint.n; i++)
                recipe_arg(p->recipe, c->entrypoint.items[i]);
        for (size_t i = 0; i < c->command.n; i++)
                recipe_arg(p->recipe, c->command.items[i]);
        p->command = c->entrypoint.n > 0 ? c->entrypoint.items[0] : c->command.items[0];
}

static int check_input(const struct recipe_input *in, struct err *err) {
        const struct spec_container *c = in->container;
        bool disk = c->rootfs.mode == ROOTFS_EPHEMERAL || c->rootfs.mode == ROOTFS_PERSISTENT;

        if (c->command.n + c->entrypoint.n == 0)
                return err_set(err, EINVAL, "%s has no command", c->name);
        if (c->rootfs.n_layers == 0 || c->rootfs.n_layers > RECIPE_LAYERS_MAX)
                return err_set(err, EINVAL, "%s has %zu layers, 1 to %d work", c->name, c->rootfs.n_layers, RECIPE_LAYERS_MAX);
        if (disk != (in->upper_dir != NULL))
                return err_set(err, EINVAL, "%s %s a directory for its writable layer", c->name,
                               disk ? "needs" : "has no use for");
        if ((c->namespaces[NS_USER].mode == NS_HOST) != (in->userns_fd < 0))
                return err_set(err, EINVAL, "%s: the user namespace does not fit namespaces.user", c->name);
        return 0;
}

static int finish(struct recipe_plan **p, struct recipe_plan **ret, struct err *err) {
        if ((*p)->failed)
                return err_oom(err);
        *ret = take_ptr(*p);
        return 0;
}

struct hook_keys {
        char user[64], working_dir[64], command[64];
};

/* What the hook says itself has a key of its own. */
static void become_hook(struct recipe_process *process, const struct recipe_input *in, struct hook_keys *keys) {
        (void)snprintf(keys->user, sizeof(keys->user), "%s.user", in->hook_key);
        (void)snprintf(keys->working_dir, sizeof(keys->working_dir), "%s.working_dir", in->hook_key);
        (void)snprintf(keys->command, sizeof(keys->command), "%s.command", in->hook_key);
        process->command_key = keys->command;
        if (in->hook->user) {
                process->user = in->hook->user;
                process->user_key = keys->user;
        }
        if (in->hook->working_dir) {
                process->working_dir = in->hook->working_dir;
                process->dir_key = keys->working_dir;
        }
}

int recipe_make(const struct recipe_input *in, struct recipe_plan **ret, struct err *err) {
        const struct spec_container *c = in->container;
        const struct recipe_head head = {
                .kind = RECIPE_START,
                .root_uid = in->root_uid,
                .root_gid = in->root_gid,
                .cgroup_fd = in->cgroup_fd,
                .kill_fd = in->kill_fd,
                .userns_fd = in->userns_fd,
        };
        struct recipe_process process = {
                .container = c,
                .user = c->user ? c->user : "0",
                .user_key = "user",
                .working_dir = c->working_dir ? c->working_dir : "/",
                .dir_key = "working_dir",
                .command_key = c->entrypoint.n > 0 ? "entrypoint" : "command",
                .stdio = in->stdio,
                .filter_fd = in->filter_fd,
                .pty_socket = -EBADF,
                .command_flags = c->init && !in->hook ? RECIPE_INIT : 0,
        };
        struct hook_keys keys;
        struct recipe_slots slots = { 0 };

        int r = check_input(in, err);
        if (r < 0)
                return r;
        if (in->hook)
                become_hook(&process, in, &keys);
        _cleanup_recipe_plan_ struct recipe_plan *p = recipe_plan_new(in->spec, c, in->replica, &head);
        if (!p)
                return err_oom(err);
        recipe_plan_env(p, &(struct recipe_env){ .spec = in->spec,
                                                 .container = c,
                                                 .replica = in->replica,
                                                 .id = in->id,
                                                 .more = in->environment,
                                                 .n_more = in->n_environment,
                                                 .notifies = in->notify_dir != NULL });
        add_arguments(p, in);
        recipe_plan_cgroups(p, in->tasks_fds, in->n_tasks_fds);
        recipe_plan_prepare_process(p, &process);
        r = recipe_plan_open_mounts(p, in, &slots, err);
        if (r == 0)
                r = add_joins(p, in, err);
        if (r < 0)
                return r;
        recipe_plan_join_mounts(p, in, &slots);
        add_namespaces(p, in);
        recipe_plan_attach_mounts(p, in, &slots);
        add_names(p, in);
        recipe_plan_become_process(p, &process);
        return finish(&p, ret, err);
}

int recipe_make_exec(const struct recipe_exec_input *in, struct recipe_plan **ret, struct err *err) {
        const struct spec_container *c = in->container;
        const struct recipe_head head = {
                .kind = RECIPE_EXEC,
                .root_uid = in->root_uid,
                .root_gid = in->root_gid,
                .cgroup_fd = in->cgroup_fd,
                .kill_fd = -EBADF,
                .userns_fd = -EBADF,
        };
        const struct recipe_process process = {
                .container = c,
                .user = in->user  ? in->user
                        : c->user ? c->user
                                  : "0",
                .user_key = in->user ? "" : "user",
                .working_dir = in->working_dir  ? in->working_dir
                               : c->working_dir ? c->working_dir
                                                : "/",
                .dir_key = in->working_dir ? "" : "working_dir",
                .command_key = "command",
                .stdio = in->stdio,
                .filter_fd = in->filter_fd,
                .pty_socket = in->pty_socket,
                .rows = in->rows,
                .columns = in->columns,
        };
        uint64_t join = CLONE_NEWNS;

        if (!in->argv || !in->argv[0])
                return err_set(err, EINVAL, "there is nothing to execute");
        _cleanup_recipe_plan_ struct recipe_plan *p = recipe_plan_new(in->spec, c, in->replica, &head);
        if (!p)
                return err_oom(err);
        recipe_plan_env(p, &(struct recipe_env){ .spec = in->spec,
                                                 .container = c,
                                                 .replica = in->replica,
                                                 .id = in->id,
                                                 .more = in->environment,
                                                 .n_more = in->n_environment });
        for (size_t i = 0; in->argv[i]; i++)
                recipe_arg(p->recipe, in->argv[i]);
        p->command = arena_strdup(p->arena, in->argv[0]);
        if (!p->command)
                return err_oom(err);
        recipe_plan_cgroups(p, in->tasks_fds, in->n_tasks_fds);
        recipe_plan_prepare_process(p, &process);
        /* what the container shares with the host we are in already; its user namespace would not let us join that again */
        for (enum spec_ns ns = 0; ns < _NS_MAX; ns++)
                if (c->namespaces[ns].mode != NS_HOST)
                        join |= namespaces[ns].flag;
        recipe_plan_step(p, OP_FD(JOIN, in->pidfd, .num = { join }), "", "join the container");
        recipe_plan_step(p, OP(SPAWN), "", "create a process in the container");
        recipe_plan_become_process(p, &process);
        return finish(&p, ret, err);
}
