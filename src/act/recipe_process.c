#include "recipe_plan.h"

#include <string.h>

static const char *const stream_names[] = { "stdin", "stdout", "stderr" };

void recipe_plan_cgroups(struct recipe_plan *p, const int *tasks_fds, size_t n) {
        for (size_t i = 0; i < n; i++)
                recipe_plan_step(p, OP_FD(CGROUP, tasks_fds[i]), "limits", "join the cgroup of a v1 controller");
}

static void add_ulimits(struct recipe_plan *p, const struct spec_container *c) {
        char key[64];

        for (size_t i = 0; i < c->n_ulimits; i++) {
                const struct spec_ulimit *u = &c->ulimits[i];
                (void)snprintf(key, sizeof(key), "ulimits.%s", u->name);
                unsigned flags = recipe_key_is_written(p, key) ? 0 : RECIPE_BEST_EFFORT;
                recipe_plan_step(p, OP(RLIMIT, .flags = flags, .num = { (uint64_t)u->resource, u->soft, u->hard }), key,
                                 "set ulimit %s", u->name);
        }
}

void recipe_plan_prepare_process(struct recipe_plan *p, const struct recipe_process *process) {
        const struct spec_container *c = process->container;

        recipe_plan_step(p, OP(OOM_SCORE, .num = { (uint64_t)c->oom_score_adj }), "oom_score_adj", "set oom_score_adj to %lld",
                         (long long)c->oom_score_adj);
        add_ulimits(p, c);
        for (unsigned i = 0; process->pty_socket < 0 && i < 3; i++)
                if (process->stdio[i].own)
                        recipe_plan_step(p, OP_FD(STREAM, process->stdio[i].fd, .flags = RECIPE_OWN, .num = { i }), "",
                                         "set up %s", stream_names[i]);
}

static void add_streams(struct recipe_plan *p, const struct recipe_process *process) {
        if (process->pty_socket >= 0) {
                recipe_plan_step(p, OP_FD(PTY, process->pty_socket, .num = { process->rows, process->columns }), "",
                                 "open a terminal in the container");
                return;
        }
        for (unsigned i = 0; i < 3; i++)
                recipe_plan_step(
                        p, OP_FD(STREAM, process->stdio[i].fd, .flags = process->stdio[i].own ? RECIPE_OWN : 0, .num = { i }), "",
                        "set up %s", stream_names[i]);
}

static unsigned identity_flags(const struct recipe_process *process) {
        if (process->container->no_new_privileges)
                return RECIPE_NO_NEW_PRIVS;
        return process->filter_fd >= 0 ? RECIPE_ADMIN : 0;
}

void recipe_plan_become_process(struct recipe_plan *p, const struct recipe_process *process) {
        const struct spec_container *c = process->container;
        char key[64];

        recipe_plan_step(p, OP(SESSION), "", "start a session");
        add_streams(p, process);
        for (size_t i = 0; i < c->group_add.n; i++) {
                (void)snprintf(key, sizeof(key), "group_add[%zu]", i);
                recipe_plan_step(p, OP(GROUP, .str = { c->group_add.items[i] }), key, "look up group %s", c->group_add.items[i]);
        }
        if (process->filter_fd >= 0)
                recipe_plan_step(p, OP_FD(SECCOMP, process->filter_fd), "seccomp", "filter its system calls");
        recipe_plan_step(p, OP(IDENTITY, .flags = identity_flags(process), .str = { process->user }, .num = { c->capabilities }),
                         process->user_key, "become user %s", process->user);
        recipe_plan_step(p, OP(UMASK, .num = { c->umask }), "umask", "set umask");
        recipe_plan_step(p, OP(CHDIR, .str = { process->working_dir }), process->dir_key, "enter working directory %s",
                         process->working_dir);
        add_ulimits(p, c);
        recipe_plan_step(p, OP(COMMAND, .flags = process->command_flags, .str = { p->path }), process->command_key, "execute %s",
                         p->command);
        p->user = arena_strdup(p->arena, process->user);
        p->failed = p->failed || !p->user;
}
