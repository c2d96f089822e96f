#include "inside.h"
#include "keeper_link.h"

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

struct inside {
        struct inside *next;
        struct manager *manager;
        struct inside **slot; /* NULL: nobody waits for the outcome, nor for its end */
        void (*done)(const struct inside_outcome *o, void *userdata);
        void *userdata;
        bool told; /* the outcome */
        uint8_t id[KEEPER_ID_SIZE];
        struct generation *generation; /* the plan's words point into it */
        struct recipe_plan *plan;
        char group[ACT_GROUP_MAX];
        struct cgroup_probe cgroup; /* group: the one above */
        uint64_t timeout_usec;
        sd_event_source *timer, *io;
        int output_fd;
        char output[INSIDE_OUTPUT_MAX];
        size_t n, taken;
};

static void end_processes(struct inside *x) {
        (void)cgroup_probe_end(x->manager->host.cgroups, &x->cgroup, NULL); /* busy: the next of its kind, or the leaf's end */
}

static struct inside *inside_free(struct inside *x) {
        if (x->slot)
                *x->slot = NULL;
        sd_event_source_disable_unref(x->timer);
        sd_event_source_disable_unref(x->io);
        close_fd(x->output_fd);
        recipe_plan_free(x->plan);
        generation_unref(x->generation);
        free(x);
        return NULL;
}

static void forget(struct inside *x) {
        for (struct inside **at = &x->manager->insides; *at; at = &(*at)->next)
                if (*at == x) {
                        *at = x->next;
                        break;
                }
        (void)inside_free(x);
}

/* ---- what it says ---- */

/* Once; false: there is nothing more now. */
static bool read_some(struct inside *x) {
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

static void tell(struct inside *x, bool known, bool good, const char *how) {
        char said[INSIDE_OUTPUT_MAX + 1];

        if (!x->slot || x->told)
                return;
        x->told = true;
        probe_clean_text(x->output, x->n, false, said, sizeof(said));
        x->done(&(struct inside_outcome){ .known = known, .good = good, .how = how, .said = said }, x->userdata);
}

/* ---- its life ---- */

static void arm(struct inside *x, uint64_t usec) {
        (void)sd_event_source_set_time(x->timer, manager_now(x->manager).mono_usec + usec);
        (void)sd_event_source_set_enabled(x->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct inside *x = userdata;
        char how[64], time[NUM_TEXT_MAX];

        (void)source;
        (void)usec;
        end_processes(x);
        arm(x, KILL_AGAIN_USEC); /* it may not have been in its cgroup yet */
        (void)snprintf(how, sizeof(how), "did not end within %s", num_human_duration(time, x->timeout_usec));
        tell(x, true, false, how);
        return 0;
}

static void on_exited(struct inside *x, const struct keeper_exit *exit) {
        struct exit_info info = keeper_exit_info(exit);
        char how[NUM_TEXT_MAX], words[NUM_TEXT_MAX];

        for (int n = 0; n < 8 && read_some(x); n++)
                ;
        if (info.reason == EXIT_EXITED)
                (void)snprintf(how, sizeof(how), "exit status %d", info.code);
        else
                (void)snprintf(how, sizeof(how), "%s", exit_info_words(&info, words));
        tell(x, true, exit_is_success(&info), how);
}

static void on_failed(struct inside *x, const struct keeper_failure *failure) {
        bool full = failure->stage == KEEPER_STAGE_KEEPER && failure->error == ENOSPC;
        struct err err = { 0 };

        (void)recipe_explain(x->plan, failure, NULL, &err);
        tell(x, !full && failure->error != ESRCH, false, err.text);
}

bool inside_keeper_event(struct manager *m, struct keeper_event *e) {
        for (struct inside *x = m->insides; x; x = x->next) {
                if (memcmp(x->id, e->message.id, KEEPER_ID_SIZE) != 0)
                        continue;
                if (e->message.kind == KEEPER_STARTED)
                        return true;
                end_processes(x); /* what it left behind */
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

void inside_leave(struct inside *x) {
        if (!x)
                return;
        *x->slot = NULL;
        x->slot = NULL;
        end_processes(x);
        arm(x, KILL_AGAIN_USEC);
}

void inside_lost(struct manager *m) {
        while (m->insides) {
                end_processes(m->insides);
                tell(m->insides, false, false, "the keeper is gone");
                forget(m->insides);
        }
}

void inside_done(struct manager *m) {
        while (m->insides) {
                end_processes(m->insides);
                forget(m->insides);
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

static int open_output(struct inside *x, struct parts *p, struct err *err) {
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_sys(err, errno, "make a pipe");
        x->output_fd = ends[0];
        p->write_fd = ends[1];
        /* our end only: its own may wait */
        return fcntl(x->output_fd, F_SETFL, O_NONBLOCK) < 0 ? err_sys(err, errno, "make a pipe") : 0;
}

static int open_parts(struct inside *x, const struct inside_command *c, struct parts *p, struct err *err) {
        struct cgroup_tree *t = x->manager->host.cgroups;
        const struct spec_strings *argv = c->argv;

        p->argv = calloc(argv->n + 1, sizeof(*p->argv));
        if (!p->argv)
                return err_oom(err);
        memcpy(p->argv, argv->items, argv->n * sizeof(*p->argv));
        p->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (p->null_fd < 0)
                return err_sys(err, errno, "open /dev/null");
        int r = c->log ? 0 : open_output(x, p, err);
        if (r >= 0)
                r = cgroup_probe_make(t, &x->cgroup, &p->cgroup_fd, err);
        return r < 0 ? r : cgroup_open_tasks(t, x->group, p->tasks, &p->n_tasks, err);
}

static int watch(struct inside *x, struct err *err) {
        sd_event *event = x->manager->event;
        uint64_t until = manager_now(x->manager).mono_usec + x->timeout_usec;
        int r = 0;

        if (x->output_fd >= 0) {
                r = sd_event_add_io(event, &x->io, x->output_fd, EPOLLIN, on_output, x);
                if (r >= 0)
                        r = sd_event_source_set_priority(x->io, IO_PRIORITY);
        }
        if (r >= 0)
                r = sd_event_add_time(event, &x->timer, CLOCK_MONOTONIC, until, 1000, on_timer, x);
        return r < 0 ? err_sys(err, -r, "watch a command") : 0;
}

static int launch(struct inside *x, const struct inside_command *c, const struct parts *p, struct err *err) {
        const struct member *b = c->member;
        int filter_fd;

        int r = act_filter(&x->manager->host.filters, b->container, &filter_fd, err);
        if (r < 0)
                return r;
        struct recipe_exec_input in = {
                .spec = b->generation->spec,
                .container = b->container,
                .replica = b->state.replica,
                .root_uid = b->host.root_uid,
                .root_gid = b->host.root_gid,
                .pidfd = b->host.pidfd,
                .filter_fd = filter_fd,
                .cgroup_fd = p->cgroup_fd,
                .tasks_fds = p->tasks,
                .n_tasks_fds = p->n_tasks,
                .argv = p->argv,
                .environment = c->environment ? c->environment->items : NULL,
                .n_environment = c->environment ? c->environment->n : 0,
                .user = c->user,
                .working_dir = c->working_dir,
                .stdio = { { .fd = p->null_fd },
                           { .fd = c->log ? c->log->out : p->write_fd, .own = !c->log },
                           { .fd = c->log ? c->log->err : p->write_fd, .own = !c->log } },
                .pty_socket = -EBADF,
        };

        memcpy(in.id, b->host.id, sizeof(in.id));
        r = recipe_make_exec(&in, &x->plan, err);
        if (r < 0)
                return r;
        r = keeper_client_launch(x->manager->host.keeper, x->id, x->group, recipe_plan_recipe(x->plan), err);
        recipe_plan_sent(x->plan);
        return r;
}

int inside_begin(const struct inside_command *c, struct inside **slot, struct err *err) {
        _cleanup_(parts_done) struct parts p = { .null_fd = -EBADF, .write_fd = -EBADF, .cgroup_fd = -EBADF };
        struct member *b = c->member;
        struct manager *m = b->stack->manager;
        struct inside *x;

        if (!m->host.keeper)
                return -EAGAIN;
        x = calloc(1, sizeof(*x));
        if (!x)
                return err_oom(err);
        *x = (struct inside){ .manager = m,
                              .slot = slot,
                              .done = c->done,
                              .userdata = c->userdata,
                              .generation = generation_ref(b->generation),
                              .cgroup = { .kind = c->kind, .group = x->group, .generation = b->host.leaf },
                              .timeout_usec = c->timeout_usec,
                              .output_fd = -EBADF,
                              .next = m->insides };
        m->insides = *slot = x;
        (void)snprintf(x->group, sizeof(x->group), "%s", b->host.group);
        int r = getrandom(x->id, sizeof(x->id), 0) == (ssize_t)sizeof(x->id) ? 0 : err_sys(err, errno, "get random bytes");
        memcpy(&x->cgroup.number, x->id, sizeof(x->cgroup.number));
        if (r >= 0)
                r = open_parts(x, c, &p, err);
        if (r >= 0)
                r = watch(x, err);
        if (r >= 0)
                r = launch(x, c, &p, err);
        if (r < 0) {
                end_processes(x);
                forget(x);
        }
        return r;
}
