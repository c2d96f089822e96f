/* One launch: checked, cloned, followed by its report pipe and two pidfds until it runs or failed, and to its end. */
#include "child.h"
#include "keeper.h"
#include "sealed.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>

/* After a preparer was killed: the child that it did not tell us of may take a while to end, and no event says when. */
enum { STRAY_LOOKS = 50, STRAY_LOOK_MSEC = 100 };

int keeper_watch(struct keeper *k, int fd, enum source source, uint32_t index, uint32_t events) {
        struct epoll_event event = { .events = events, .data.u64 = (uint64_t)index << 8 | source };

        return epoll_ctl(k->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static uint32_t index_of(const struct keeper *k, const struct entry *e) {
        return (uint32_t)(e - k->table.entries);
}

/* The clone itself. The child runs on a copy of our memory, which is small. */
static int clone_preparer(struct keeper *k, const struct recipe_view *recipe, const int *fds, int report, struct entry *e) {
        struct clone_args args = {
                .flags = CLONE_PIDFD,
                .pidfd = (uintptr_t)&e->preparer_fd,
                .exit_signal = SIGCHLD, /* the payload inherits it through CLONE_PARENT; without it waitid needs __WALL */
        };

        if (recipe->header->cgroup_fd != RECIPE_NONE) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)(unsigned)fds[recipe->header->cgroup_fd];
        }
        pid_t pid = sys_clone3(&args);
        if (pid == 0) {
                struct child child = {
                        .recipe = recipe,
                        .fds = fds,
                        .host_mounts = k->host_mounts,
                        .own_mounts = k->own_mounts,
                        .init = k->init,
                        .report = report,
                        .stage = KEEPER_STAGE_PREPARE,
                        .op = RECIPE_NONE,
                };
                child_run(&child);
        }
        if (pid < 0) {
                int error = errno; /* a failed clone3 may have written the pidfd variable */
                e->preparer_fd = -EBADF;
                return -error;
        }
        e->preparer = pid;
        return 0;
}

/* No events: what is written can wait in the pipe, only its end (EPOLLHUP, which is always told) is worth waking for. By then
 * the preparer is gone as a rule; if not, on_preparer() waits for it by its pidfd. */
static int watch_launch(struct keeper *k, struct entry *e) {
        return keeper_watch(k, e->report_fd, SOURCE_REPORT, index_of(k, e), 0);
}

static int begin(struct keeper *k, const struct launch *launch, const struct recipe_view *recipe) {
        const int *fds = launch->fds + 1;
        int ends[2];

        struct entry *e = entry_add(&k->table, launch->message->id);
        if (!e)
                return -ENOSPC;
        e->kind = (uint8_t)recipe->header->kind;
        (void)strcpy(e->label, launch->message->label);
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) /* a launch writes three reports at most: they always fit */
                goto fail;
        e->report_fd = ends[0];
        if (recipe->header->kill_fd != RECIPE_NONE) {
                e->kill_fd = fcntl(fds[recipe->header->kill_fd], F_DUPFD_CLOEXEC, 10);
                if (e->kill_fd < 0) {
                        (void)close_fd(ends[1]);
                        goto fail;
                }
        }
        int r = clone_preparer(k, recipe, fds, ends[1], e);
        (void)close(ends[1]);
        if (r < 0) {
                errno = -r;
                goto fail;
        }
        r = watch_launch(k, e);
        if (r < 0) { /* no way to follow it: end it here */
                siginfo_t info;
                (void)sys_pidfd_send_signal(e->preparer_fd, SIGKILL);
                (void)sys_waitid(P_PIDFD, (id_t)e->preparer_fd, &info, WEXITED, NULL);
                k->stray_looks = STRAY_LOOKS;
                errno = -r;
                goto fail;
        }
        return 0;

fail:;
        int error = errno;
        k->table.n_live--;
        entry_drop(&k->table, e);
        return -error;
}

int launch_begin(struct keeper *k, const struct launch *launch, struct keeper_failure *ret) {
        struct recipe_view recipe;
        const void *data = NULL;
        size_t size = 0;
        uint32_t op = RECIPE_NONE;

        int r = k->ending ? -ESHUTDOWN : entry_find(&k->table, launch->message->id) ? -EEXIST : launch->n_fds == 0 ? -EBADMSG : 0;
        if (r == 0)
                r = sealed_map(launch->fds[0], RECIPE_SIZE_MAX, &data, &size);
        if (r == 0)
                r = recipe_open(data, size, launch->n_fds - 1, &recipe, &op);
        if (r == 0)
                r = begin(k, launch, &recipe);
        if (data)
                (void)munmap((void *)data, size);
        if (r < 0)
                *ret = (struct keeper_failure){ .stage = KEEPER_STAGE_KEEPER, .error = (uint32_t)-r, .op = op };
        return r;
}

/* 1: reaped; 0: still there. A process that is not our child any more (impossible) counts as gone. */
static int reap(struct keeper *k, int *watched_fd, int how, bool keep, siginfo_t *info, struct rusage *usage) {
        int r;

        do
                info->si_pid = 0;
        while ((r = sys_waitid(P_PIDFD, (id_t)*watched_fd, info, WEXITED | how, usage)) < 0 && errno == EINTR);
        if (r == 0 && info->si_pid == 0)
                return 0;
        (void)epoll_ctl(k->epoll, EPOLL_CTL_DEL, *watched_fd, NULL);
        if (!keep)
                *watched_fd = close_fd(*watched_fd);
        return 1;
}

uint64_t keeper_now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct keeper_failure killed_by(enum keeper_stage stage, int sig) {
        return (struct keeper_failure){
                .stage = stage, .error = (uint32_t)sig, .op = RECIPE_NONE, .detail = KEEPER_DETAIL_KILLED
        };
}

static void on_preparer(struct keeper *k, struct entry *e) {
        siginfo_t info;

        if (e->preparer == 0)
                return;
        if (!reap(k, &e->preparer_fd, WNOHANG, false, &info, NULL)) {
                int r = keeper_watch(k, e->preparer_fd, SOURCE_PREPARER, index_of(k, e), EPOLLIN);

                if (r == 0 || r == -EEXIST)
                        return;
                (void)reap(k, &e->preparer_fd, 0, false, &info, NULL); /* its end of the pipe is closed: it is about to go */
        }
        e->preparer = 0;
        if (info.si_code != CLD_EXITED && e->payload_fd < 0)
                k->stray_looks = STRAY_LOOKS;
        if (info.si_code != CLD_EXITED && !e->failed) {
                e->killed = true;
                e->failure = killed_by(KEEPER_STAGE_PREPARE, info.si_status);
        }
}

static void on_payload(struct keeper *k, struct entry *e) {
        siginfo_t info;

        if (e->payload == 0 || !reap(k, &e->payload_fd, WNOHANG, true, &info, &e->exit.usage))
                return;
        e->payload = 0;
        e->exit.code = info.si_code;
        e->exit.status = info.si_status;
        e->exit.at_usec = keeper_now_usec();
}

static void on_spawned(struct keeper *k, struct entry *e, pid_t pid) {
        /* race-free: it is our child and nobody but us reaps it */
        int fd = sys_pidfd_open(pid);

        if (fd < 0 || keeper_watch(k, fd, SOURCE_PAYLOAD, index_of(k, e), EPOLLIN) < 0) {
                int error = errno;
                siginfo_t info;
                /* out of file descriptors: it cannot be kept */
                (void)kill(pid, SIGKILL);
                (void)sys_waitid(P_PID, (id_t)pid, &info, WEXITED, NULL);
                (void)close_fd(fd);
                e->failed = true;
                e->failure = (struct keeper_failure){ .stage = KEEPER_STAGE_KEEPER, .error = (uint32_t)error, .op = RECIPE_NONE };
                return;
        }
        e->pid = e->payload = pid;
        e->payload_fd = fd;
}

/* A report is written in one piece and is smaller than PIPE_BUF, so it is read in one. */
static void on_report(struct keeper *k, struct entry *e) {
        struct exec_report report;

        while (e->report_fd >= 0) {
                ssize_t n = read(e->report_fd, &report, sizeof(report));
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) /* it is told again that there is something */
                        return;
                if (n != sizeof(report)) {
                        e->report_fd = close_fd(e->report_fd); /* its end; epoll forgets it by itself */
                        return;
                }
                if (report.kind == EXEC_REPORT_SPAWNED && e->payload_fd < 0 && !e->failed) {
                        on_spawned(k, e, report.pid);
                } else if (report.kind == EXEC_REPORT_READY) {
                        e->ready = true;
                } else if (report.kind == EXEC_REPORT_FAILED && !e->failed) {
                        e->failed = true;
                        e->failure = (struct keeper_failure){ report.stage, report.error, report.op, report.detail };
                }
        }
}

/* Moves the entry on as far as what is known allows. */
static void settle(struct keeper *k, struct entry *e) {
        if (e->state == KEEPER_STARTING && e->report_fd < 0) {
                if (e->ready && !e->failed) {
                        e->state = KEEPER_RUNNING;
                        e->tell_started = true;
                } else if (e->preparer == 0 && e->payload == 0) {
                        if (!e->failed && !e->killed) /* the payload died before it was ready */
                                e->failure = killed_by(KEEPER_STAGE_PAYLOAD, e->exit.status);
                        e->state = KEEPER_NOT_STARTED;
                        e->tell_end = true;
                        k->table.n_live--;
                }
        }
        if (e->state == KEEPER_RUNNING && e->payload == 0) {
                e->state = KEEPER_ENDED;
                e->tell_end = true;
                k->table.n_live--;
        }
        if (e->forgotten && e->preparer == 0)
                entry_drop(&k->table, e);
}

/* A preparer that is killed between clone and report leaves a child of ours that nobody told us of; it ends by itself (see
 * prepare_spawn) and only has to be reaped. Zombies that we know are left for their own event. */
static void reap_unknown(struct keeper *k) {
        siginfo_t info = { 0 };

        if (sys_waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, NULL) < 0 || info.si_pid == 0)
                return;
        if (info.si_pid == k->upgrade.pid)
                return;
        for (uint32_t i = 0; i < k->table.entries_end; i++) {
                const struct entry *e = &k->table.entries[i];
                if (e->used && (e->preparer == info.si_pid || e->payload == info.si_pid || e->report_fd >= 0))
                        return; /* known, or may become known when a report is read */
        }
        (void)sys_waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG, NULL);
}

int launch_timeout_msec(const struct keeper *k) {
        return k->stray_looks > 0 ? STRAY_LOOK_MSEC : -1;
}

void launch_tick(struct keeper *k) {
        if (k->stray_looks == 0)
                return;
        k->stray_looks--;
        reap_unknown(k);
}

void launch_on_event(struct keeper *k, enum source source, uint32_t index) {
        struct entry *e = &k->table.entries[index];

        if (!e->used) /* dropped by an earlier event of the same round */
                return;
        /* always in this order: what a process wrote counts before that it is gone */
        on_report(k, e);
        if (e->report_fd < 0)
                on_preparer(k, e);
        if (source == SOURCE_PAYLOAD)
                on_payload(k, e);
        settle(k, e);
        if (source != SOURCE_REPORT)
                reap_unknown(k);
}

int launch_watch_all(struct keeper *k) {
        int r = 0;

        for (uint32_t i = 0; r >= 0 && i < k->table.entries_end; i++) {
                struct entry *e = &k->table.entries[i];
                if (!e->used)
                        continue;
                if (e->report_fd >= 0)
                        r = watch_launch(k, e);
                else if (e->preparer != 0) /* before, on_preparer() will say when */
                        r = keeper_watch(k, e->preparer_fd, SOURCE_PREPARER, i, EPOLLIN);
                if (r >= 0 && e->payload != 0)
                        r = keeper_watch(k, e->payload_fd, SOURCE_PAYLOAD, i, EPOLLIN);
        }
        return r;
}

void launch_kill_all(struct keeper *k) {
        for (uint32_t i = 0; i < k->table.entries_end; i++) {
                struct entry *e = &k->table.entries[i];
                if (!entry_is_alive(e))
                        continue;
                if (e->preparer != 0)
                        (void)sys_pidfd_send_signal(e->preparer_fd, SIGKILL);
                if (e->payload != 0)
                        (void)sys_pidfd_send_signal(e->payload_fd, SIGKILL);
                if (e->kill_fd >= 0)
                        (void)!write(e->kill_fd, "1", 1);
        }
}
