#include "exec.h"
#include "describe.h"
#include "keeper_link.h"

#include <ctrsup/kernel/cgroup.h>

#include <string.h>
#include <sys/random.h>

struct exec_session {
        struct exec_session *next;
        uint8_t id[KEEPER_ID_SIZE];
        struct control_call *call;
        struct generation *generation; /* the plan's words point into it */
        struct recipe_plan *plan;
        int pidfd;
};

static void session_free(struct manager *m, struct exec_session *x) {
        for (struct exec_session **at = &m->execs; *at; at = &(*at)->next)
                if (*at == x) {
                        *at = x->next;
                        break;
                }
        control_call_unref(x->call);
        recipe_plan_free(x->plan);
        generation_unref(x->generation);
        close_fd(x->pidfd);
        free(x);
}

static struct exec_session *session_find(struct manager *m, const uint8_t id[KEEPER_ID_SIZE]) {
        for (struct exec_session *x = m->execs; x; x = x->next)
                if (memcmp(x->id, id, KEEPER_ID_SIZE) == 0)
                        return x;
        return NULL;
}

struct exec_parts {
        int streams[3], pty, leaf_fd, tasks[CGROUP_HIERARCHY_MAX];
        size_t n_tasks;
        const char **argv;
        struct spec_pair *environment;
        size_t n_environment;
};

static void parts_done(struct exec_parts *p) {
        for (int s = 0; s < 3; s++)
                close_fd(p->streams[s]);
        close_fd(p->pty);
        close_fd(p->leaf_fd);
        for (size_t n = 0; n < p->n_tasks; n++)
                close_fd(p->tasks[n]);
        free(p->argv);
        free(p->environment);
}

static int take_fds(struct control_call *call, const struct exec_request *q, struct exec_parts *p, struct err *err) {
        if (q->tty) {
                p->pty = control_call_take_fd(call, 0);
                return p->pty < 0 ? err_set(err, EINVAL, "a terminal needs one socket with the call") : 0;
        }
        for (size_t s = 0; s < 3; s++) {
                p->streams[s] = control_call_take_fd(call, s);
                if (p->streams[s] < 0)
                        return err_set(err, EINVAL, "stdin, stdout and stderr must come with the call");
        }
        return 0;
}

static int copy_words(const struct exec_request *q, struct exec_parts *p, struct err *err) {
        size_t n;
        const char *key;
        json_t *value;

        p->argv = calloc(json_array_size(q->command) + 1, sizeof(*p->argv));
        p->environment = calloc(json_object_size(q->environment) + 1, sizeof(*p->environment));
        if (!p->argv || !p->environment)
                return err_oom(err);
        json_array_foreach (q->command, n, value)
                p->argv[n] = json_string_value(value);
        json_object_foreach (q->environment, key, value)
                p->environment[p->n_environment++] = (struct spec_pair){ key, json_string_value(value) };
        return 0;
}

static int send_session(struct manager *m, struct exec_session *x, const struct exec_request *q, struct exec_parts *p,
                        struct err *err) {
        struct member *b = q->member;
        struct act_host *h = &m->host;
        int filter_fd;

        int r = cgroup_open_leaf(h->cgroups, b->host.group, b->host.leaf, &p->leaf_fd, err);
        if (r >= 0)
                r = cgroup_open_tasks(h->cgroups, b->host.group, p->tasks, &p->n_tasks, err);
        if (r < 0)
                return err_wrap(err, "open the cgroup");
        r = act_filter(&h->filters, b->container, &filter_fd, err);
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
                .cgroup_fd = p->leaf_fd,
                .tasks_fds = p->tasks,
                .n_tasks_fds = p->n_tasks,
                .argv = p->argv,
                .environment = p->environment,
                .n_environment = p->n_environment,
                .user = q->user,
                .working_dir = q->working_dir,
                .stdio = { { .fd = p->streams[0] }, { .fd = p->streams[1] }, { .fd = p->streams[2] } },
                .pty_socket = p->pty,
                .rows = q->rows,
                .columns = q->columns,
        };
        memcpy(in.id, b->host.id, sizeof(in.id));
        r = recipe_make_exec(&in, &x->plan, err);
        if (r < 0)
                return r;
        r = keeper_client_launch(h->keeper, x->id, b->host.group, recipe_plan_recipe(x->plan), err);
        recipe_plan_sent(x->plan);
        return r;
}

int exec_start(struct manager *m, struct control_call *call, const struct exec_request *q, struct err *err) {
        _cleanup_(parts_done) struct exec_parts p = { .streams = { -EBADF, -EBADF, -EBADF }, .pty = -EBADF, .leaf_fd = -EBADF };
        struct exec_session *x;

        if (!m->host.keeper)
                return err_set(err, ENOTCONN, "the keeper is down");
        int r = take_fds(call, q, &p, err);
        if (r >= 0)
                r = copy_words(q, &p, err);
        if (r < 0)
                return r;
        x = calloc(1, sizeof(*x));
        if (!x)
                return err_oom(err);
        x->pidfd = -EBADF;
        x->generation = generation_ref(q->member->generation);
        x->call = control_call_ref(call);
        x->next = m->execs;
        m->execs = x;
        if (getrandom(x->id, sizeof(x->id), 0) != (ssize_t)sizeof(x->id))
                r = err_sys(err, errno, "get random bytes");
        else
                r = send_session(m, x, q, &p, err);
        if (r < 0)
                session_free(m, x);
        return r;
}

static void on_started(struct exec_session *x, struct keeper_event *e) {
        close_fd(x->pidfd);
        x->pidfd = take_fd(&e->fd);
        if (control_call_more(x->call))
                (void)control_reply(x->call, json_pack("{s:i, s:n}", "pid", e->message.pid, "exit"), true);
}

static void on_failed(struct exec_session *x, const struct keeper_failure *failure) {
        struct err err = { 0 };

        (void)recipe_explain(x->plan, failure, NULL, &err);
        (void)control_fail(x->call, &err);
}

static void on_exited(struct exec_session *x, const struct keeper_exit *exit) {
        struct exit_info info = keeper_exit_info(exit);

        (void)control_reply(x->call, json_pack("{s:n, s:o}", "pid", "exit", describe_exit(&info)), false);
}

bool exec_keeper_event(struct manager *m, struct keeper_event *e) {
        struct exec_session *x = session_find(m, e->message.id);

        if (!x)
                return false;
        if (e->message.kind == KEEPER_STARTED) {
                on_started(x, e);
                return true;
        }
        if (e->message.kind == KEEPER_FAILED)
                on_failed(x, &e->message.failure);
        else
                on_exited(x, &e->message.exit);
        (void)keeper_client_forget(m->host.keeper, x->id);
        session_free(m, x);
        return true;
}

void exec_done(struct manager *m, const char *why) {
        struct err err = { 0 };

        (void)err_set(&err, ECONNRESET, "%s; how the command ends will not be known", why);
        while (m->execs) {
                (void)control_fail(m->execs->call, &err);
                session_free(m, m->execs);
        }
}
