#include "probe_exec.h"
#include "health.h"
#include "keeper_link.h"

#include <ctrsup/kernel/cgroup_probe.h>
#include <ctrsup/observe/probe.h>

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

enum {
        READ_SIZE = 16384,
        TAKEN_MAX = 1 << 20, /* one that says more waits in its write(2) for its timeout, and costs us nothing */
        IO_PRIORITY = SD_EVENT_PRIORITY_NORMAL + 10,
};
#define KILL_AGAIN_USEC USEC_PER_SEC

struct probe_exec {
        struct probe_exec *next;
        struct manager *manager;
        struct member *owner; /* NULL: nobody waits for the outcome, nor for its end */
        bool told;            /* the outcome */
        uint8_t id[KEEPER_ID_SIZE];
        struct generation *generation; /* the plan's words point into it */
        struct recipe_plan *plan;
        char group[ACT_GROUP_MAX];
        uint64_t leaf, number; /* of its cgroup */
        uint64_t timeout_usec;
        sd_event_source *timer, *io;
        int output_fd;
        char output[PROBE_OUTPUT_MAX];
        size_t n, taken;
};

static void end_processes(struct probe_exec *x) {
        (void)cgroup_probe_end(x->manager->host.cgroups, x->group, x->leaf, x->number,
                               NULL); /* busy: health ends it before the next */
}

static struct probe_exec *exec_free(struct probe_exec *x) {
        if (x->owner)
                x->owner->health->exec = NULL;
        sd_event_source_disable_unref(x->timer);
        sd_event_source_disable_unref(x->io);
        close_fd(x->output_fd);
        recipe_plan_free(x->plan);
        generation_unref(x->generation);
        free(x);
        return NULL;
}

static void forget(struct probe_exec *x) {
        for (struct probe_exec **at = &x->manager->probe_execs; *at; at = &(*at)->next)
                if (*at == x) {
                        *at = x->next;
                        break;
                }
        (void)exec_free(x);
}

/* ---- what it says ---- */

/* Once; false: there is nothing more now. */
static bool read_some(struct probe_exec *x) {
        char chunk[READ_SIZE];
        ssize_t n = x->output_fd < 0 || x->taken >= TAKEN_MAX ? 0 : read(x->output_fd, chunk, sizeof(chunk));

        if (n <= 0) {
                if (n == 0 || errno != EAGAIN) /* nobody writes any more, or too much was said */
                        x->io = sd_event_source_disable_unref(x->io);
                return false;
        }
        size_t kept = (size_t)n < sizeof(x->output) - x->n ? (size_t)n : sizeof(x->output) - x->n;
        memcpy(x->output + x->n, chunk, kept);
        x->n += kept;
        x->taken += (size_t)n;
        return true;
}

static int on_output(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void)source;
        (void)fd;
        (void)revents;
        (void)read_some(userdata);
        return 0;
}

static void tell(struct probe_exec *x, bool good, const char *how) {
        char said[PROBE_OUTPUT_MAX + 1], words[PROBE_OUTCOME_MAX];

        if (!x->owner || x->told)
                return;
        x->told = true;
        probe_clean_text(x->output, x->n, false, said, sizeof(said));
        (void)snprintf(words, sizeof(words), "%s%s%s", how, said[0] ? ": " : "", said);
        health_outcome(x->owner, good, words);
}

/* ---- its life ---- */

static void arm(struct probe_exec *x, uint64_t usec) {
        (void)sd_event_source_set_time(x->timer, manager_now(x->manager).mono_usec + usec);
        (void)sd_event_source_set_enabled(x->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct probe_exec *x = userdata;
        char how[64], time[NUM_TEXT_MAX];

        (void)source;
        (void)usec;
        end_processes(x);
        arm(x, KILL_AGAIN_USEC); /* it may not have been in its cgroup yet */
        (void)snprintf(how, sizeof(how), "did not end within %s", num_human_duration(time, x->timeout_usec));
        tell(x, false, how);
        return 0;
}

static void on_exited(struct probe_exec *x, const struct keeper_exit *exit) {
        struct exit_info info = keeper_exit_info(exit);
        char how[NUM_TEXT_MAX], words[NUM_TEXT_MAX];

        for (int n = 0; n < 8 && read_some(x); n++)
                ;
        if (info.reason == EXIT_EXITED)
                (void)snprintf(how, sizeof(how), "exit status %d", info.code);
        else
                (void)snprintf(how, sizeof(how), "%s", exit_info_words(&info, words));
        tell(x, exit_is_success(&info), how);
}

static void on_failed(struct probe_exec *x, const struct keeper_failure *failure) {
        bool full = failure->stage == KEEPER_STAGE_KEEPER && failure->error == ENOSPC;
        struct err err = { 0 };

        /* The keeper has no room, or whom it would join is ending: that says nothing of it. */
        if (x->owner && !x->told && (full || failure->error == ESRCH)) {
                x->told = true;
                health_no_outcome(x->owner);
                return;
        }
        (void)recipe_explain(x->plan, failure, NULL, &err);
        tell(x, false, err.text);
}

bool probe_exec_keeper_event(struct manager *m, struct keeper_event *e) {
        for (struct probe_exec *x = m->probe_execs; x; x = x->next) {
                if (memcmp(x->id, e->message.id, KEEPER_ID_SIZE) != 0)
                        continue;
                if (e->message.kind == KEEPER_STARTED)
                        return true; /* its cgroup is all that is needed to end it */
                end_processes(x);    /* also what it left behind */
                if (e->message.kind == KEEPER_FAILED)
                        on_failed(x, &e->message.failure);
                else
                        on_exited(x, &e->message.exit);
                (void)keeper_client_forget(m->host.keeper, x->id);
                forget(x);
                return true;
        }
        return false;
}

void probe_exec_leave(struct member *b) {
        struct probe_exec *x = b->health->exec;

        if (!x)
                return;
        b->health->exec = NULL;
        x->owner = NULL;
        end_processes(x);
        arm(x, KILL_AGAIN_USEC);
}

void probe_exec_lost(struct manager *m) {
        while (m->probe_execs) {
                struct probe_exec *x = m->probe_execs;

                end_processes(x);
                if (x->owner && !x->told)
                        health_no_outcome(x->owner);
                forget(x);
        }
}

void probe_exec_done(struct manager *m) {
        while (m->probe_execs) {
                end_processes(m->probe_execs);
                forget(m->probe_execs);
        }
}

/* ---- its begin ---- */

struct parts {
        int null_fd, write_fd, cgroup_fd, tasks[CGROUP_HIERARCHY_MAX];
        size_t n_tasks;
        const char **argv;
};

static void parts_done(struct parts *p) {
        close_fd(p->null_fd);
        close_fd(p->write_fd);
        close_fd(p->cgroup_fd);
        for (size_t n = 0; n < p->n_tasks; n++)
                close_fd(p->tasks[n]);
        free(p->argv);
}

static int open_parts(struct probe_exec *x, const struct spec_healthcheck *c, struct parts *p, struct err *err) {
        struct cgroup_tree *t = x->manager->host.cgroups;
        int ends[2];

        p->argv = calloc(c->exec.n + 1, sizeof(*p->argv));
        if (!p->argv)
                return err_oom(err);
        memcpy(p->argv, c->exec.items, c->exec.n * sizeof(*p->argv));
        p->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (p->null_fd < 0)
                return err_sys(err, errno, "open /dev/null");
        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_sys(err, errno, "make a pipe");
        x->output_fd = ends[0];
        p->write_fd = ends[1];
        if (fcntl(x->output_fd, F_SETFL, O_NONBLOCK) < 0) /* our end only: its own may wait */
                return err_sys(err, errno, "make a pipe");
        int r = cgroup_probe_make(t, x->group, x->leaf, x->number, &p->cgroup_fd, err);
        return r < 0 ? r : cgroup_open_tasks(t, x->group, p->tasks, &p->n_tasks, err);
}

static int watch(struct probe_exec *x, struct err *err) {
        sd_event *event = x->manager->event;
        uint64_t until = manager_now(x->manager).mono_usec + x->timeout_usec;
        int r = sd_event_add_io(event, &x->io, x->output_fd, EPOLLIN, on_output, x);

        if (r >= 0)
                r = sd_event_source_set_priority(x->io, IO_PRIORITY);
        if (r >= 0)
                r = sd_event_add_time(event, &x->timer, CLOCK_MONOTONIC, until, 1000, on_timer, x);
        return r < 0 ? err_sys(err, -r, "watch a probe") : 0;
}

static int launch(struct probe_exec *x, const struct parts *p, struct err *err) {
        const struct member *b = x->owner;
        struct recipe_exec_input in = {
                .spec = b->generation->spec,
                .container = b->container,
                .replica = b->state.replica,
                .root_uid = b->host.root_uid,
                .root_gid = b->host.root_gid,
                .pidfd = b->host.pidfd,
                .cgroup_fd = p->cgroup_fd,
                .tasks_fds = p->tasks,
                .n_tasks_fds = p->n_tasks,
                .argv = p->argv,
                .stdio = { { .fd = p->null_fd }, { .fd = p->write_fd, .own = true }, { .fd = p->write_fd, .own = true } },
                .pty_socket = -EBADF,
        };

        memcpy(in.id, b->host.id, sizeof(in.id));
        int r = recipe_make_exec(&in, &x->plan, err);
        if (r < 0)
                return r;
        r = keeper_client_launch(x->manager->host.keeper, x->id, x->group, recipe_plan_recipe(x->plan), err);
        recipe_plan_sent(x->plan);
        return r;
}

int probe_exec_begin(struct member *b, struct err *err) {
        _cleanup_(parts_done) struct parts p = { .null_fd = -EBADF, .write_fd = -EBADF, .cgroup_fd = -EBADF };
        struct manager *m = b->stack->manager;
        struct probe_exec *x;

        if (!m->host.keeper)
                return -EAGAIN;
        x = calloc(1, sizeof(*x));
        if (!x)
                return err_oom(err);
        *x = (struct probe_exec){ .manager = m,
                                  .owner = b,
                                  .generation = generation_ref(b->generation),
                                  .leaf = b->host.leaf,
                                  .timeout_usec = b->container->healthcheck.timeout_usec,
                                  .output_fd = -EBADF,
                                  .next = m->probe_execs };
        m->probe_execs = b->health->exec = x;
        (void)snprintf(x->group, sizeof(x->group), "%s", b->host.group);
        int r = getrandom(x->id, sizeof(x->id), 0) == (ssize_t)sizeof(x->id) ? 0 : err_sys(err, errno, "get random bytes");
        memcpy(&x->number, x->id, sizeof(x->number));
        if (r >= 0)
                r = open_parts(x, &b->container->healthcheck, &p, err);
        if (r >= 0)
                r = watch(x, err);
        if (r >= 0)
                r = launch(x, &p, err);
        if (r < 0) {
                end_processes(x);
                forget(x);
        }
        return r;
}
