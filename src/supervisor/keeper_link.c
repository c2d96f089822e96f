#include "keeper_link.h"
#include "exec.h"
#include "logger_link.h"
#include "member.h"

#include <ctrsup/act/log.h>
#include <ctrsup/kernel/cgroup_stat.h>
#include <ctrsup/observe/started.h>

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static void answered(struct member *b) {
        if (b->seen_by_keeper) {
                b->seen_by_keeper = false;
                b->stack->manager->launching--;
        }
}

struct exit_info keeper_exit_info(const struct keeper_exit *e) {
        struct exit_info info = EXIT_INFO_NULL;

        if (e->code == CLD_EXITED) {
                info.reason = EXIT_EXITED;
                info.code = e->status;
        } else {
                info.reason = e->code == CLD_DUMPED ? EXIT_DUMPED : EXIT_KILLED;
                info.signal = e->status;
        }
        return info;
}

static void on_started(struct manager *m, struct member *b, struct keeper_event *e) {
        answered(b);
        close_fd(b->host.pidfd);
        b->host.pidfd = take_fd(&e->fd);
        member_post(b, &(struct event){ .kind = EVENT_STARTED, .pid = e->message.pid });

        /* Who shares its namespaces was in those of the start before: once more, into the new ones. */
        for (size_t n = 0; n < b->stack->n_members; n++) {
                struct member *follower = b->stack->members[n];

                if (follower == b || !phase_is_up(follower->state.phase))
                        continue;
                for (int ns = 0; ns < _NS_MAX; ns++)
                        if (follower->container->namespaces[ns].mode == NS_CONTAINER &&
                            strcmp(follower->container->namespaces[ns].container, b->state.container) == 0) {
                                member_post(follower, &(struct event){ .kind = EVENT_RESTART });
                                break;
                        }
        }
        (void)m;
}

static void on_failed(struct member *b, const struct keeper_failure *failure) {
        struct mark mark = MARK_NULL;
        struct err err = { 0 };

        answered(b);
        b->command_failed = failure->op == b->host.command_op;
        (void)recipe_explain(b->host.plan, failure, &mark, &err);
        member_start_failed(b, &err, mark, act_is_populated(&b->stack->manager->host, &b->host) > 0);
}

static void on_exited(struct member *b, const struct keeper_exit *exit) {
        answered(b);
        member_check_oom(b);
        member_post(b, &(struct event){ .kind = EVENT_EXITED,
                                        .exit = keeper_exit_info(exit),
                                        .populated = act_is_populated(&b->stack->manager->host, &b->host) > 0 });
}

/* --- a keeper that ran before this supervisor --- */

static bool parse_label(const char *label, char stack[NAME_SIZE], char container[NAME_SIZE], uint32_t *ret_replica) {
        return sscanf(label, "%63[^/]/%63[^.].%u", stack, container, ret_replica) == 3;
}

struct found_leaf {
        const char *group;
        uint64_t generation;
        bool populated, found;
};

static int find_leaf(void *userdata, const char *group, uint64_t generation, bool populated) {
        struct found_leaf *f = userdata;

        if (strcmp(group, f->group) == 0 && (!f->found || populated)) {
                f->found = true;
                f->generation = generation;
                f->populated = populated;
        }
        return 0;
}

static void end_stranger(struct manager *m, const struct keeper_event *e) {
        if (e->fd >= 0)
                (void)syscall(SYS_pidfd_send_signal, e->fd, SIGKILL, NULL, 0);
        else
                (void)keeper_client_forget(m->host.keeper, e->message.id);
}

static void adopt_user(struct member *b) {
        struct manager *m = b->stack->manager;
        struct err err = { 0 };

        if (act_adopt(&m->host, &b->host, b->container, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE,          .priority = 3,      .stack = b->state.stack, .container = b->state.container,
                                          .replica = b->state.replica, .message = err.text };

                manager_report(m, &e);
        }
}

/* A user namespace it shares: the ids are those of its owner, which may come later in the table, or not run any more. */
static void adopt_peer_user(struct member *b) {
        const struct spec_namespace *ns = &b->container->namespaces[NS_USER];

        if (ns->mode != NS_CONTAINER || !phase_is_up(b->state.phase))
                return;
        struct member *peer = stack_find_member(b->stack, ns->container, 1);
        if (!peer)
                return;
        adopt_user(peer);
        b->host.root_uid = peer->host.root_uid;
        b->host.root_gid = peer->host.root_gid;
}

static void on_listed(struct manager *m, struct keeper_event *e) {
        char stack[NAME_SIZE], container[NAME_SIZE];
        uint32_t replica;
        struct now now = manager_now(m);

        if (e->message.recipe_kind != RECIPE_START || !parse_label(e->message.label, stack, container, &replica)) {
                end_stranger(m, e);
                return;
        }
        struct stack_entry *s = manager_find_stack(m, stack);
        struct member *b = s ? stack_find_member(s, container, replica) : NULL;
        /* One whose start nobody waits for any more is killed with its leaf; of two of a name, the first is it. */
        bool usable = e->message.state == KEEPER_RUNNING || e->message.state == KEEPER_ENDED;
        if (!b || !usable || (b->state.phase != PHASE_PENDING && b->state.phase != PHASE_STOPPED) || b->host.pidfd >= 0) {
                end_stranger(m, e);
                return;
        }
        struct found_leaf leaf = { .group = b->host.group };
        (void)cgroup_each_leaf(m->host.cgroups, find_leaf, &leaf, NULL);
        memcpy(b->host.id, e->message.id, sizeof(b->host.id));
        memcpy(b->state.id, e->message.id, sizeof(b->state.id));
        for (size_t n = 0; n < sizeof(b->host.id); n++)
                (void)snprintf(b->host.id_text + 2 * n, 3, "%02x", b->host.id[n]);
        b->host.leaf = b->state.generation = leaf.generation;
        b->host.leafed = leaf.found;
        b->host.grouped = true;
        b->host.log = act_log_choose(&m->host, b->container);
        b->host.log_held = b->host.log == ACT_LOG_JOURNALD || b->host.log == ACT_LOG_FILE;
        b->host.ephemeral = b->container->rootfs.mode == ROOTFS_EPHEMERAL;
        b->host.pidfd = take_fd(&e->fd);
        /* Kills from before are no news. */
        (void)cgroup_read_oom_kills(m->host.cgroups, b->host.group, &b->host.oom_kills, NULL);
        adopt_user(b);
        if (leaf.found)
                (void)cgroup_watch_add(m->host.watch, b->host.group, leaf.generation, b->host.cookie, NULL);
        (void)started_read(e->message.pid, &now.mono_usec, &now.real_usec, NULL);
        member_post(b, &(struct event){ .kind = EVENT_ADOPTED,
                                        .pid = e->message.pid,
                                        .started_usec = now.mono_usec,
                                        .started_real_usec = now.real_usec });
        struct report_event report = {
                .kind = REPORT_DAEMON_ADOPTED, .stack = s->name, .container = b->state.container, .replica = replica, .pid = e->message.pid
        };
        manager_report(m, &report);
        if (e->message.state == KEEPER_ENDED)
                on_exited(b, &e->message.exit);
}

static int remove_stale_leaf(void *userdata, const char *group, uint64_t generation, bool populated) {
        struct manager *m = userdata;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        const struct member *b = m->stacks[s]->members[n];

                        if (b->host.leafed && b->host.leaf == generation && strcmp(b->host.group, group) == 0)
                                return 0;
                }
        if (populated)
                (void)cgroup_kill(m->host.cgroups, group, generation, NULL);
        (void)cgroup_remove_leaf(m->host.cgroups, group, generation, NULL);
        return 0;
}

/* The picture is whole: what is wanted and does not run may start now. */
static void on_list_end(struct manager *m) {
        struct err err = { 0 };

        m->adopting = false;
        if (m->host.logger < 0 && !m->logger_listed && logger_link_spawn(m, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text };

                manager_report(m, &e);
        }
        (void)cgroup_each_leaf(m->host.cgroups, remove_stale_leaf, m, NULL);
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];

                        adopt_peer_user(b);
                        if (b->state.phase == PHASE_PENDING && b->state.desire == DESIRE_RUN && !m->quiesced)
                                member_post(b, &(struct event){ .kind = EVENT_START });
                }
        manager_adopted(m);
        manager_poke(m);
}

/* --- the socket --- */

static void dispatch(struct manager *m, struct keeper_event *e) {
        const struct keeper_message *msg = &e->message;
        struct member *b;

        switch (msg->kind) {
        case KEEPER_STARTED:
        case KEEPER_FAILED:
        case KEEPER_EXITED:
                if (exec_keeper_event(m, e))
                        return;
                b = manager_find_member(m, msg->id);
                if (!b || b->launch_due) { /* of a start before the one that waits */
                        if (msg->kind == KEEPER_STARTED)
                                end_stranger(m, e);
                        else
                                (void)keeper_client_forget(m->host.keeper, msg->id);
                        return;
                }
                if (msg->kind == KEEPER_STARTED)
                        on_started(m, b, e);
                else if (msg->kind == KEEPER_FAILED)
                        on_failed(b, &msg->failure);
                else
                        on_exited(b, &msg->exit);
                return;
        case KEEPER_LISTED:
                on_listed(m, e);
                return;
        case KEEPER_LISTED_FD:
                logger_link_listed(m, msg->name);
                return;
        case KEEPER_LIST_END:
                on_list_end(m);
                return;
        case KEEPER_DONE:
                if (msg->value == KEEPER_TAKE)
                        logger_link_taken(m, msg->name, e);
                return;
        default:
                return;
        }
}

/* Another keeper, which knows nothing: it gets its cgroup, so that it does not end with us, and what the old one held of ours. */
static void open_again(struct manager *m) {
        struct err err = { 0 };

        int r = keeper_link_open(m, &err);
        if (r >= 0)
                r = cgroup_adopt(m->host.cgroups, "keeper", keeper_client_pid(m->host.keeper), &err);
        if (r >= 0) {
                logger_link_keeper_is_new(m);
                if (m->adopting) /* it died while it told: nothing is listed now, and that ends the wait */
                        r = keeper_link_adopt(m, &err);
        }
        if (r < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text };

                manager_report(m, &e);
        }
}

static void keeper_lost(struct manager *m) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 3 };

        m->keeper_source = sd_event_source_disable_unref(m->keeper_source);
        m->host.keeper = keeper_client_free(m->host.keeper);
        e.message = "the keeper is gone; containers go on, exits until it is back are not seen";
        manager_report(m, &e);
        exec_done(m, "the keeper is gone");
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (m->stacks[s]->members[n]->seen_by_keeper) {
                                answered(m->stacks[s]->members[n]);
                                member_start_failed(m->stacks[s]->members[n], &(struct err){ .code = ECONNRESET, .text = "the keeper died while it started" },
                                                    MARK_NULL, act_is_populated(&m->host, &m->stacks[s]->members[n]->host) > 0);
                        }
        if (m->options->mode != MODE_SERVICE)
                manager_end(m, 70, true); /* an ephemeral keeper takes its containers with it */
        else
                open_again(m);
}

void keeper_link_tend(struct manager *m) {
        if (!m->host.keeper && m->options->mode == MODE_SERVICE && !m->over)
                open_again(m);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;

        (void)source;
        (void)fd;
        (void)revents;
        /* Bounded: a thousand exits at once must not keep the control socket waiting. */
        for (int n = 0; n < 64 && m->host.keeper; n++) {
                _cleanup_(keeper_event_done) struct keeper_event e = KEEPER_EVENT_NULL;
                int r = keeper_client_read(m->host.keeper, &e);

                if (r == 0)
                        break;
                if (r < 0) {
                        keeper_lost(m);
                        break;
                }
                dispatch(m, &e);
        }
        manager_poke(m);
        return 0;
}

int keeper_link_open(struct manager *m, struct err *err) {
        int r = -ENOENT;

        if (m->options->mode == MODE_SERVICE)
                r = keeper_client_connect(m->runtime_dir, &m->host.keeper, NULL);
        if (r < 0) {
                struct keeper_spawn spawn = {
                        .program = m->keeper_program,
                        .runtime = m->runtime_dir,
                        .ephemeral = m->options->mode != MODE_SERVICE,
                        .cgroup_fd = -EBADF,
                };
                r = keeper_client_spawn(&spawn, &m->host.keeper, err);
                if (r < 0)
                        return err_wrap(err, "start the keeper");
        }
        r = sd_event_add_io(m->event, &m->keeper_source, keeper_client_fd(m->host.keeper), EPOLLIN, on_readable, m);
        return r < 0 ? err_sys(err, -r, "watch the keeper") : 0;
}

int keeper_link_adopt(struct manager *m, struct err *err) {
        m->adopting = true;
        int r = keeper_client_list(m->host.keeper);
        return r < 0 ? err_sys(err, -r, "ask the keeper what runs") : 0;
}
