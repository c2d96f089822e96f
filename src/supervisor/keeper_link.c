#include "keeper_link.h"
#include "adopt.h"
#include "exec.h"
#include "fdstore.h"
#include "hooks.h"
#include "inside.h"
#include "logger_link.h"
#include "member.h"
#include "notify_socket.h"
#include "orphan.h"

#include <ctrsup/observe/started.h>
#include <ctrsup/store/lock.h>

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

enum { COMES_PAUSE_USEC = 5000, COMES_USEC = 2000000 };
#define RETRY_USEC USEC_PER_SEC /* a keeper that cannot be started */

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
        bool is_hook = hooks_are_contained(b);

        answered(b);
        close_fd(b->host.pidfd);
        b->host.pidfd = take_fd(&e->fd);
        (void)started_ticks(e->message.pid, &b->start_ticks, NULL);
        fdstore_put(m, b);
        member_post(b, &(struct event){ .kind = EVENT_STARTED, .pid = e->message.pid });
        orphan_find_pidfd(b);

        if (is_hook)
                return;
        /* Who shares its namespaces was in those of the start before: once more, into the new ones. The run of a job with a schedule is not
         * done twice for that. */
        for (size_t n = 0; n < b->stack->n_members; n++) {
                struct member *follower = b->stack->members[n];

                if (follower == b || !phase_is_up(follower->state.phase) || follower->state.leaving ||
                    follower->state.policy.scheduled)
                        continue;
                for (int ns = 0; ns < _NS_MAX; ns++)
                        if (follower->container->namespaces[ns].mode == NS_CONTAINER &&
                            strcmp(follower->container->namespaces[ns].container, b->state.container) == 0) {
                                member_post(follower, &(struct event){ .kind = EVENT_RESTART });
                                break;
                        }
        }
}

/* The field CTRSUP_STEP of container-failed. */
static const char *step_of(const struct member *b, const struct keeper_failure *failure) {
        static const char *const words[] = { [KEEPER_STAGE_KEEPER] = "clone",
                                             [KEEPER_STAGE_PREPARE] = "prepare",
                                             [KEEPER_STAGE_PAYLOAD] = "payload",
                                             [KEEPER_STAGE_INIT] = "exec" };
        static_assert(ARRAY_SIZE(words) == _KEEPER_STAGE_MAX, "a word for every stage");

        return b->command_failed ? "exec" : failure->stage < ARRAY_SIZE(words) ? words[failure->stage] : NULL;
}

void keeper_link_failed(struct member *b, const struct keeper_failure *failure) {
        struct mark mark = MARK_NULL;
        struct err err = { 0 };

        answered(b);
        b->command_failed = failure->op == b->host.command_op;
        b->failed_step = step_of(b, failure);
        (void)recipe_explain(b->host.plan, failure, &mark, &err);
        member_start_failed(b, &err, mark, act_is_populated(&b->stack->manager->host, &b->host) > 0);
}

void keeper_link_exited(struct member *b, const struct keeper_exit *exit) {
        answered(b);
        member_check_oom(b);
        member_post(b, &(struct event){ .kind = EVENT_EXITED,
                                        .exit = keeper_exit_info(exit),
                                        .populated = act_is_populated(&b->stack->manager->host, &b->host) > 0 });
}

void keeper_link_end_stranger(struct manager *m, struct keeper_event *e) {
        if (e->fd >= 0 && e->message.state != KEEPER_ENDED)
                (void)syscall(SYS_pidfd_send_signal, e->fd, SIGKILL, NULL, 0);
        else
                (void)keeper_client_forget(m->host.keeper, e->message.id);
}

/* --- upgrades --- */

static void notice(struct manager *m, int priority, const char *words) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = priority, .message = words };

        manager_report(m, &e);
}

static void on_upgrade(struct manager *m, const struct keeper_message *hello) {
        struct err err = { 0 };

        if (keeper_upgrade_explain(hello, &err) < 0)
                notice(m, 3, err.text);
        else
                notice(m, 6, "the keeper executed its program anew and has all it had");
}

/* What was installed since the keeper began, it becomes in place. -ECONNRESET: it is gone instead. */
static int upgrade(struct manager *m) {
        struct err err = { 0 };

        if (!keeper_client_is_outdated(m->host.keeper, m->keeper_program))
                return 0;
        int r = keeper_client_upgrade(m->host.keeper, &err);
        if (r < 0)
                notice(m, 3, err.text);
        else if (!keeper_client_is_outdated(m->host.keeper, m->keeper_program))
                notice(m, 6, "the keeper became the installed program and has all it had");
        return r == -ECONNRESET ? r : 0;
}

/* --- the socket --- */

static void dispatch(struct manager *m, struct keeper_event *e) {
        const struct keeper_message *msg = &e->message;
        struct member *b;

        switch (msg->kind) {
        case KEEPER_STARTED:
        case KEEPER_FAILED:
        case KEEPER_EXITED:
                if (exec_keeper_event(m, e) || inside_keeper_event(m, e))
                        return;
                if (m->adopting) {
                        adopt_news(m, e);
                        return;
                }
                b = manager_find_member(m, msg->id);
                if (!b || b->launch_due) { /* of a start before the one that waits */
                        if (msg->kind == KEEPER_STARTED)
                                keeper_link_end_stranger(m, e);
                        else
                                (void)keeper_client_forget(m->host.keeper, msg->id);
                        return;
                }
                if (msg->kind == KEEPER_STARTED)
                        on_started(m, b, e);
                else if (msg->kind == KEEPER_FAILED)
                        keeper_link_failed(b, &msg->failure);
                else
                        keeper_link_exited(b, &msg->exit);
                return;
        case KEEPER_HELLO: /* again: it was told to upgrade */
                on_upgrade(m, &e->message);
                return;
        case KEEPER_LISTED:
                adopt_entry(m, e);
                return;
        case KEEPER_LISTED_FD:
                adopt_held(m, msg->name);
                return;
        case KEEPER_LIST_END:
                adopt_list_end(m);
                return;
        case KEEPER_DONE:
                if (msg->value == KEEPER_HOLD && msg->error)
                        m->host.hold_due = true; /* it is out of fds: again, later */
                if (msg->value == KEEPER_TAKE && !adopt_taken(m, msg->name, e))
                        logger_link_taken(m, msg->name, e);
                return;
        default:
                return;
        }
}

static void open_again(struct manager *m);

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        struct manager *m = userdata;

        (void)source;
        (void)usec;
        if (!m->host.keeper && !m->over)
                open_again(m);
        return 0;
}

static void retry_later(struct manager *m) {
        uint64_t at = manager_now(m).mono_usec + RETRY_USEC;

        if (!m->keeper_retry) {
                (void)sd_event_add_time(m->event, &m->keeper_retry, CLOCK_MONOTONIC, at, 0, on_retry, m);
                return;
        }
        (void)sd_event_source_set_time(m->keeper_retry, at);
        (void)sd_event_source_set_enabled(m->keeper_retry, SD_EVENT_ONESHOT);
}

/* Another keeper, which knows nothing: it gets its cgroup, so that it does not end with us, and what the old one held of ours. */
static void open_again(struct manager *m) {
        struct err err = { 0 };

        int r = keeper_link_open(m, &err);
        if (r >= 0)
                r = cgroup_adopt(m->host.cgroups, "keeper", keeper_client_pid(m->host.keeper), &err);
        if (r >= 0) {
                logger_link_keeper_is_new(m);
                notify_socket_hold_all(m);
                if (m->adopting) /* it died while it told: nothing is listed now, and that ends the wait */
                        r = adopt_begin(m, &err);
                else
                        orphan_hold_all(m);
        }
        if (r < 0) {
                /* One that was half taken in is none: it ends, or is found again. */
                m->keeper_source = sd_event_source_disable_unref(m->keeper_source);
                m->host.keeper = keeper_client_free(m->host.keeper);
                retry_later(m);
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text };

                manager_report(m, &e);
        }
}

static void keeper_lost(struct manager *m) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 3 };

        m->keeper_source = sd_event_source_disable_unref(m->keeper_source);
        m->host.keeper = keeper_client_free(m->host.keeper);
        e.message = "the keeper is gone; its containers go on, and another one is started";
        manager_report(m, &e);
        exec_done(m, "the keeper is gone");
        inside_lost(m);
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (m->stacks[s]->members[n]->seen_by_keeper) {
                                answered(m->stacks[s]->members[n]);
                                member_start_failed(
                                        m->stacks[s]->members[n],
                                        &(struct err){ .code = ECONNRESET, .text = "the keeper died while it started" },
                                        MARK_NULL, act_is_populated(&m->host, &m->stacks[s]->members[n]->host) > 0);
                        }
        orphan_all(m);
        if (m->options->mode != MODE_SERVICE)
                manager_end(m, 70, true); /* an ephemeral keeper takes its containers with it */
        else
                open_again(m);
}

/* Out of memory or fds it is tried again: what a keeper does not hold is gone when we are killed. */
static void hold_again(struct manager *m) {
        m->host.hold_due = false;
        logger_link_hold_again(m);
        notify_socket_hold_all(m);
        orphan_hold_all(m);
}

void keeper_link_tend(struct manager *m) {
        if (!m->host.keeper && m->options->mode == MODE_SERVICE && !m->over)
                open_again(m);
        else if (m->host.keeper && m->host.hold_due && !m->adopting)
                hold_again(m);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;

        (void)source;
        (void)fd;
        if (revents & EPOLLOUT)
                (void)keeper_client_flush(m->host.keeper); /* the end of the socket is read below */
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

/* Before each wait: requests that the keeper had no room for may be there since the last. */
static int before_wait(sd_event_source *source, void *userdata) {
        struct manager *m = userdata;

        if (m->host.keeper)
                (void)sd_event_source_set_io_events(source, keeper_client_events(m->host.keeper));
        return 0;
}

/* The one that lives. Only when there is none may another be started: two would not know of each other's containers. */
static int find_keeper(struct manager *m, struct err *err) {
        int r = keeper_client_connect(m->runtime_dir, &m->host.keeper, err);

        if (r >= 0)
                r = upgrade(m);
        if (r < 0)
                m->host.keeper = keeper_client_free(m->host.keeper);
        return r;
}

static bool is_absent(int r) {
        return r == -ENOENT || r == -ECONNREFUSED || r == -ECONNRESET;
}

/* One that a supervisor started before it was killed has the lock, and does not serve yet. */
static bool one_comes_up(const struct manager *m) {
        _cleanup_fd_ int fd = openat(m->runtime_fd, KEEPER_LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        return fd >= 0 && lock_try(fd, 0) == -EWOULDBLOCK;
}

static int await_keeper(struct manager *m, struct err *err) {
        const struct timespec pause = { .tv_nsec = COMES_PAUSE_USEC * 1000L };

        for (unsigned waited = 0;; waited += COMES_PAUSE_USEC) {
                int r = find_keeper(m, err);

                if (!is_absent(r) || waited >= COMES_USEC || !one_comes_up(m))
                        return r;
                (void)nanosleep(&pause, NULL);
        }
}

int keeper_link_open(struct manager *m, struct err *err) {
        struct err why = { 0 };
        int r = -ENOENT;

        if (m->options->mode == MODE_SERVICE)
                r = await_keeper(m, &why);
        if (r < 0 && !is_absent(r))
                return err_set(err, -r, "reach the keeper: %s", why.text);
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
        if (r >= 0)
                r = sd_event_source_set_prepare(m->keeper_source, before_wait);
        return r < 0 ? err_sys(err, -r, "watch the keeper") : 0;
}
