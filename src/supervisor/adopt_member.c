/* One member against what was found: the keeper's entry, its leaf, its record; in that order of trust. */
#include "adopt_member.h"
#include "fdstore.h"
#include "hooks.h"
#include "keeper_link.h"
#include "member.h"
#include "notify_socket.h"
#include "orphan.h"

#include <ctrsup/act/log.h>
#include <ctrsup/act/notify.h>
#include <ctrsup/kernel/cgroup_procs.h>
#include <ctrsup/kernel/cgroup_stat.h>
#include <ctrsup/observe/exit.h>
#include <ctrsup/observe/started.h>
#include <ctrsup/store/runs.h>

#include <string.h>

/* The leaf of a start, or without a record the populated one. */
static struct found_leaf *leaf_of(struct adoption *a, const struct member *b, bool recorded, uint64_t generation) {
        struct found_leaf *found = NULL;

        for (size_t n = 0; n < a->n_leaves; n++) {
                struct found_leaf *l = &a->leaves[n];

                if (l->claimed || strcmp(l->group, b->host.group) != 0)
                        continue;
                if (recorded && l->generation == generation)
                        return l;
                if (!found || (l->populated && !found->populated))
                        found = l;
        }
        return found;
}

static bool is_of(const struct found_entry *f, const struct member *b) {
        const char *label = f->event.message.label;
        size_t len = strcspn(label, ACT_HOOK_MARK);

        return !f->claimed && f->event.message.recipe_kind == RECIPE_START && strlen(b->host.group) == len &&
               strncmp(label, b->host.group, len) == 0;
}

static bool is_recorded(const struct found_entry *f, const struct member *b) {
        return b->run && !b->run->instance.unnamed && memcmp(f->event.message.id, b->run->instance.id, KEEPER_ID_SIZE) == 0;
}

/* A hook's container whose record was lost: never to be taken for the member itself. */
static bool is_stray_hook(const struct found_entry *f, const struct member *b) {
        return strpbrk(f->event.message.label, ACT_HOOK_MARK) && !is_recorded(f, b);
}

static bool lives(const struct found_entry *f) {
        return f->event.message.state == KEEPER_RUNNING || f->event.message.state == KEEPER_STARTING;
}

/* What lives first; else the end of the recorded start. The end of any other was heard before this record was written. */
static struct found_entry *entry_of(struct adoption *a, const struct member *b) {
        struct found_entry *ended = NULL;

        for (size_t n = 0; n < a->n_entries; n++) {
                struct found_entry *f = &a->entries[n];

                if (!is_of(f, b))
                        continue;
                if (lives(f))
                        return f;
                if ((!b->run && !is_stray_hook(f, b)) || is_recorded(f, b))
                        ended = f;
        }
        return ended;
}

static void report_adopted(struct member *b, pid_t pid) {
        struct report_event e = { .kind = REPORT_DAEMON_ADOPTED,
                                  .stack = b->state.stack,
                                  .container = b->state.container,
                                  .replica = b->state.replica,
                                  .numbered = b->state.policy.numbered,
                                  .instance_id = b->host.id,
                                  .pid = pid };

        manager_report(b->stack->manager, &e);
}

/* What adoption took from the keeper. -EBADF: it does not have it. */
static int take_held(struct manager *m, const char *name) {
        for (size_t n = 0; n < m->adoption->n_held; n++)
                if (m->adoption->held[n].fd >= 0 && strcmp(m->adoption->held[n].name, name) == 0)
                        return take_fd(&m->adoption->held[n].fd);
        return -EBADF;
}

static int take_notify_fd(struct manager *m, const struct act_instance *i) {
        char name[KEEPER_NAME_MAX];

        act_notify_name_held(name, i);
        int held = take_held(m, name), stored = fdstore_take(m, "ntf", i->id_text);
        if (held < 0)
                return stored;
        close_fd(stored);
        return held;
}

/* What the host holds for a start that somebody else made. was: its record, NULL: there is none of this very start. */
static void fill_host(struct member *b, const uint8_t *id, const struct run *was, struct found_leaf *leaf) {
        struct manager *m = b->stack->manager;

        act_set_id(&b->host, id);
        memcpy(b->state.id, id, sizeof(b->state.id));
        if (leaf) {
                leaf->claimed = true;
                b->host.leaf = b->state.generation = leaf->generation;
                b->host.leafed = true;
                (void)cgroup_watch_add(m->host.watch, b->host.group, leaf->generation, b->host.cookie, NULL);
        } else
                b->host.leaf = was ? was->instance.generation : 0;
        b->host.grouped = true;
        b->host.log = was ? (enum act_log)was->log : act_log_choose(&m->host, b->container);
        b->host.log_held = b->host.log == ACT_LOG_JOURNALD || b->host.log == ACT_LOG_FILE;
        b->host.ephemeral = true; /* what it was started as is not what is declared now; no layer of that start may be left */
        b->host.log_fds[0] = fdstore_take(m, "out", b->host.id_text);
        b->host.log_fds[1] = fdstore_take(m, "err", b->host.id_text);
        notify_socket_adopt(b, take_notify_fd(m, &b->host));
        if (was) {
                b->host.oom_kills = was->oom_kills;
                b->host.memory_peak = was->memory_peak;
                b->launched_real_usec = was->launched_real_usec;
        } else /* kills from before are no news */
                (void)cgroup_read_oom_kills(m->host.cgroups, b->host.group, &b->host.oom_kills, NULL);
}

static void post_adopted(struct member *b, pid_t pid, const struct run *was, bool starting) {
        struct manager *m = b->stack->manager;
        struct now now = manager_now(m);
        struct err err = { 0 };

        if (was && was->instance.started_usec > 0 && !starting) {
                now.mono_usec = was->instance.started_usec;
                now.real_usec = was->instance.started_real_usec;
        } else
                (void)started_read(pid, &now.mono_usec, &now.real_usec, NULL);
        if (was && was->start_ticks)
                b->start_ticks = was->start_ticks;
        else
                (void)started_ticks(pid, &b->start_ticks, NULL);
        hooks_sweep(b);
        if (!starting && act_adopt(&m->host, &b->host, b->container, pid, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE,
                                          .priority = 3,
                                          .stack = b->state.stack,
                                          .container = b->state.container,
                                          .replica = b->state.replica,
                                          .numbered = b->state.policy.numbered,
                                          .message = err.text };

                manager_report(m, &e);
        }
        member_post(b, &(struct event){ .kind = EVENT_ADOPTED,
                                        .pid = pid,
                                        .starting = starting,
                                        .started_usec = now.mono_usec,
                                        .started_real_usec = now.real_usec,
                                        .was = was ? &was->instance : NULL });
}

/* Its main process, or a hook's, has ended and was reported; what it left in its leaf was being killed. */
static bool end_is_known(const struct run *was) {
        return was && was->instance.pid == 0 && !was->instance.launching &&
               (was->instance.phase == PHASE_STOPPING || was->instance.hook == HOOK_PRE_START);
}

/* A hook that follows an end was to be launched, and that did not come to anything. */
static bool hook_is_owed(const struct run *was) {
        return was && was->instance.hook == HOOK_POST_STOP && was->instance.launching;
}

static void post_known_end(struct member *b, bool populated) {
        member_post(b, &(struct event){ .kind = EVENT_ADOPTED, .ended = true, .was = &b->run->instance });
        if (!populated)
                member_post(b, &(struct event){ .kind = EVENT_EMPTY });
}

/* The keeper has it: alive, being started, or ended with its status. */
static void adopt_from_keeper(struct member *b, struct found_entry *f) {
        struct manager *m = b->stack->manager;
        const struct keeper_message *msg = &f->event.message;
        const struct run *was = is_recorded(f, b) ? b->run : NULL;
        bool starting = msg->state == KEEPER_STARTING || msg->state == KEEPER_NOT_STARTED;

        /* How it ended was dealt with, but for telling the keeper. A record of a phase that is down says that. */
        if (!lives(f) && (!was || (was->instance.phase != PHASE_STARTING && was->instance.phase != PHASE_STOPPING &&
                                   !phase_is_up(was->instance.phase)))) {
                if (b->run)
                        return;
        }
        f->claimed = true;
        fill_host(b, msg->id, was, leaf_of(m->adoption, b, was != NULL, was ? was->instance.generation : 0));
        close_fd(b->host.pidfd);
        b->host.pidfd = fdstore_take(m, "pid", b->host.id_text); /* what is taken stays in the store */
        if (f->event.fd >= 0) {
                close_fd(b->host.pidfd);
                b->host.pidfd = take_fd(&f->event.fd);
        }
        if (!lives(f) && end_is_known(was)) {
                post_known_end(b, act_is_populated(&m->host, &b->host) > 0);
                return;
        }
        post_adopted(b, msg->pid, was, starting);
        orphan_find_pidfd(b);
        if (starting) {
                b->seen_by_keeper = true;
                m->launching++;
        } else
                report_adopted(b, msg->pid);
        if (msg->state == KEEPER_ENDED)
                keeper_link_exited(b, &msg->exit);
        else if (msg->state == KEEPER_NOT_STARTED)
                keeper_link_failed(b, &msg->failure);
        fdstore_put(m, b);
}

static int take_pidfd(struct manager *m, const char *id_text) {
        char name[KEEPER_NAME_MAX];
        int fd = fdstore_take(m, "pid", id_text);

        orphan_name_held(name, id_text);
        return fd >= 0 ? fd : take_held(m, name);
}

/* The main process of a leaf that nobody wrote down: the one that was there first. 0: none. *ret_sure: it is the first of a pid
 * namespace of its own; else it may be what another one, the main one, left behind. */
static int oldest_in(struct manager *m, const struct found_leaf *leaf, pid_t *ret, uint64_t *ret_ticks, bool *ret_sure) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        *ret = 0;
        int r = cgroup_read_procs(m->host.cgroups, leaf->group, leaf->generation, &pids, &n, NULL);
        for (size_t k = 0; r >= 0 && k < n; k++) {
                uint64_t ticks;

                r = started_ticks(pids[k], &ticks, NULL);
                if (r >= 0 && (*ret == 0 || ticks < *ret_ticks || (ticks == *ret_ticks && pids[k] < *ret))) {
                        *ret = pids[k];
                        *ret_ticks = ticks;
                }
                if (r == -ESRCH)
                        r = 0;
        }
        *ret_sure = *ret > 0 && started_is_init(*ret);
        return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* No keeper has it, and its leaf lives: the keeper was killed. */
static int adopt_orphan(struct member *b, struct found_leaf *leaf) {
        struct manager *m = b->stack->manager;
        const struct run *was = b->run && b->run->instance.generation == leaf->generation ? b->run : NULL;
        static const uint8_t no_id[KEEPER_ID_SIZE] = { 0 };
        struct exit_info info = EXIT_INFO_NULL;
        uint64_t ticks = was ? was->start_ticks : 0;
        pid_t pid = was ? was->instance.pid : 0;

        bool guessed = was && was->guessed;
        int r = 0;

        fill_host(b, was ? was->instance.id : no_id, was, leaf);
        if (!was && act_new_id(&b->host, NULL) >= 0)
                memcpy(b->state.id, b->host.id, sizeof(b->state.id));
        if (end_is_known(was)) {
                post_known_end(b, true);
                return 0;
        }
        if (pid > 0)
                b->host.pidfd = take_pidfd(m, b->host.id_text);
        else {
                r = oldest_in(m, leaf, &pid, &ticks, &guessed);
                guessed = !guessed;
        }
        if (r >= 0 && b->host.pidfd < 0)
                r = started_open(pid, ticks, &b->host.pidfd);
        if (r < 0 && r != -ESRCH) /* nothing was decided yet: the next supervisor sees better */
                return r;
        b->guessed = guessed;
        int ended = b->host.pidfd < 0 ? -ENODATA : exit_peek(b->host.pidfd, pid, ticks, &info);
        if (ended < 0 || (ended > 0 && guessed))
                info = EXIT_INFO_UNKNOWN;
        post_adopted(b, pid, was, false);
        b->start_ticks = ticks;
        if (ended == 0) {
                report_adopted(b, pid);
                orphan_begin(b);
                fdstore_put(m, b);
        } else
                member_post(b, &(struct event){ .kind = EVENT_EXITED, .exit = info, .populated = true });
        return 0;
}

/* On record it ran, and it is nowhere: it ended while nobody looked. */
static void adopt_end(struct member *b) {
        struct manager *m = b->stack->manager;
        const struct run *was = b->run;
        struct exit_info info = EXIT_INFO_NULL;

        fill_host(b, was->instance.id, was, leaf_of(m->adoption, b, true, was->instance.generation));
        if (end_is_known(was) || hook_is_owed(was)) {
                post_known_end(b, false);
                return;
        }
        b->host.pidfd = take_pidfd(m, b->host.id_text);
        post_adopted(b, was->instance.pid, was, false);
        int r = exit_peek(b->host.pidfd, was->instance.pid, was->start_ticks, &info);
        b->guessed = was->guessed;
        if (r == 0) { /* a moment more: it is being reaped */
                orphan_begin(b);
                return;
        }
        if (r < 0 || b->guessed)
                info = EXIT_INFO_UNKNOWN;
        member_check_oom(b);
        member_post(b, &(struct event){ .kind = EVENT_EXITED, .exit = info });
}

int adopt_member(struct manager *m, struct member *b) {
        struct found_entry *f = entry_of(m->adoption, b);
        bool is_down = b->run && (b->run->instance.phase == PHASE_COMPLETED || b->run->instance.phase == PHASE_FAILED ||
                                  b->run->instance.phase == PHASE_BACKOFF || b->run->instance.phase == PHASE_STOPPED);

        if (f && is_stray_hook(f, b))
                return 0; /* it is ended as a stranger, with its leaf */
        if (f) {
                adopt_from_keeper(b, f);
                if (f->claimed)
                        return 0;
        }
        struct found_leaf *leaf = leaf_of(m->adoption, b, b->run != NULL, b->run ? b->run->instance.generation : 0);
        if (leaf && leaf->populated && !is_down)
                return adopt_orphan(b, leaf);
        if (b->run && (b->run->instance.pid > 0 || end_is_known(b->run) || hook_is_owed(b->run)))
                adopt_end(b);
        return 0;
}
