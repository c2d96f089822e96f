#include "orphan.h"
#include "member.h"

#include <ctrsup/kernel/cgroup_procs.h>
#include <ctrsup/observe/exit.h>
#include <ctrsup/observe/started.h>

#include <fcntl.h>

void orphan_name_held(char buf[KEEPER_NAME_MAX], const char *id_text) {
        (void)snprintf(buf, KEEPER_NAME_MAX, "pid.%s", id_text);
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct member *b = userdata;

        (void)fd;
        (void)revents;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF); /* it stays readable */
        b->exit_due = true;
        manager_poke(b->stack->manager);
        return 0;
}

static void hold(struct member *b) {
        struct manager *m = b->stack->manager;
        char name[KEEPER_NAME_MAX];

        if (!m->host.keeper || b->host.pidfd < 0)
                return;
        orphan_name_held(name, b->host.id_text);
        (void)act_hold(&m->host, name, b->host.pidfd);
}

void orphan_begin(struct member *b) {
        if (b->orphan)
                return;
        b->orphan = true;
        /* A pidfd that cannot be watched is asked at every reconcile. */
        if (b->host.pidfd >= 0 &&
            sd_event_add_io(b->stack->manager->event, &b->pidfd_source, b->host.pidfd, EPOLLIN, on_ended, b) < 0)
                b->exit_due = true;
        hold(b);
}

static void each_that_runs(struct manager *m, void (*fn)(struct member *b)) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (m->stacks[s]->members[n]->state.alive)
                                fn(m->stacks[s]->members[n]);
}

void orphan_all(struct manager *m) {
        each_that_runs(m, orphan_begin);
}

static void hold_all_of(struct member *b) {
        if (b->orphan)
                hold(b);
}

void orphan_hold_all(struct manager *m) {
        each_that_runs(m, hold_all_of);
}

bool orphan_ask(struct member *b) {
        struct manager *m = b->stack->manager;
        struct exit_info info = EXIT_INFO_NULL;

        if (!b->orphan || !b->exit_due || !b->state.alive)
                return true;
        int r = exit_peek(b->host.pidfd, b->state.pid, b->start_ticks, &info);
        if (r == 0)
                return false;
        if (r < 0 || b->guessed)
                info = EXIT_INFO_UNKNOWN;
        b->exit_due = false;
        member_check_oom(b);
        member_post(b,
                    &(struct event){ .kind = EVENT_EXITED, .exit = info, .populated = act_is_populated(&m->host, &b->host) > 0 });
        return true;
}

static bool is_in_leaf(const struct member *b, pid_t pid) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;
        bool found = false;

        if (cgroup_read_procs(b->stack->manager->host.cgroups, b->host.group, b->host.leaf, &pids, &n, NULL) < 0)
                return false;
        for (size_t k = 0; k < n; k++)
                found = found || pids[k] == pid;
        return found;
}

void orphan_find_pidfd(struct member *b) {
        _cleanup_fd_ int fd = -EBADF;

        if (!b->state.alive || b->host.pidfd >= 0 || b->state.pid <= 0)
                return;
        if (b->start_ticks == 0 && started_ticks(b->state.pid, &b->start_ticks, NULL) < 0)
                return;
        if (started_open(b->state.pid, b->start_ticks, &fd) >= 0 && is_in_leaf(b, b->state.pid))
                b->host.pidfd = take_fd(&fd);
}

void orphan_unwatch(struct member *b) {
        b->pidfd_source = sd_event_source_disable_unref(b->pidfd_source);
}

void orphan_end(struct member *b) {
        struct manager *m = b->stack->manager;
        char name[KEEPER_NAME_MAX];

        orphan_unwatch(b);
        if (b->orphan && m->host.keeper) {
                orphan_name_held(name, b->host.id_text);
                (void)keeper_client_release(m->host.keeper, name);
        }
        b->orphan = b->exit_due = b->guessed = false;
}
