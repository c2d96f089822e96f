/* ctrsup-logger, as far as its supervisor can see: a socket, a process, streams that end. What it writes is the host tests' matter.
 *
 * A start's pipes are read to their ends some time after its last process, by a logger that has them and lives until then. Who lets
 * go of them before has lost lines: logger_check_release(). */
#include "sim.h"

#include <ctrsup/act/log.h>
#include <ctrsup/base/cleanup.h>
#include <ctrsup/logger/client.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS_MAX = 1024, EVENTS_MAX = 1024 };
#define READ_USEC (50 * USEC_PER_MSEC)

struct logger {
        bool alive;
        pid_t pid;
        uint64_t streams[STREAMS_MAX];
        size_t n_streams;
        struct logger_event events[EVENTS_MAX]; /* not yet received */
        size_t n_events;
};

static struct logger *current; /* the youngest; a supervisor that loses one makes another */
static struct {
        uint64_t *ids;
        size_t n;
} drained; /* streams that some logger has read to the end */

static uint64_t stream_of(const uint8_t *id) {
        uint64_t stream;

        memcpy(&stream, id, sizeof(stream)); /* as act_log_stream_id() */
        return stream;
}

static bool is_drained(uint64_t id) {
        for (size_t n = 0; n < drained.n; n++)
                if (drained.ids[n] == id)
                        return true;
        return false;
}

static uint64_t *find_stream(struct logger *l, uint64_t id) {
        for (size_t n = 0; n < l->n_streams; n++)
                if (l->streams[n] == id)
                        return &l->streams[n];
        return NULL;
}

static void tell(struct logger *l, const struct logger_event *e) {
        if (l->n_events == EVENTS_MAX)
                violation("the supervisor does not hear the logger");
        l->events[l->n_events++] = *e;
}

/* Its pipes are empty, and nobody is left to write. */
static void end_stream(void *object, uint64_t id) {
        struct logger *l = object;
        uint64_t *stream = find_stream(l, id);

        if (!l->alive || !stream)
                return;
        *stream = l->streams[--l->n_streams];
        if (!is_drained(id)) {
                drained.ids = reallocarray(drained.ids, drained.n + 1, sizeof(*drained.ids));
                drained.ids[drained.n++] = id;
        }
        tell(l, &(struct logger_event){ .kind = LOGGER_EVENT_EOF, .id = id });
}

static void read_later(struct logger *l, uint64_t id) {
        world_at(world.mono_usec + (world.calm ? 1000 : chance_below(&world.chance, READ_USEC)), end_stream, l, id);
}

static const struct proc *find_proc(uint64_t id) {
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->main && stream_of(world.procs[n]->id) == id)
                        return world.procs[n];
        return NULL;
}

void logger_on_end(const struct leaf *l) {
        for (size_t n = 0; current && n < world.n_procs; n++)
                if (world.procs[n]->main && world.procs[n]->leaf == l)
                        read_later(current, stream_of(world.procs[n]->id));
}

void logger_check_release(const char *name) {
        char id_text[ACT_ID_TEXT_SIZE];
        uint8_t id[sizeof(uint64_t)];
        bool is_err;

        if (act_log_parse_held(name, id_text, &is_err) < 0)
                return;
        for (size_t n = 0; n < sizeof(id); n++)
                (void)sscanf(id_text + 2 * n, "%2hhx", &id[n]);
        const struct proc *p = find_proc(stream_of(id));
        if (p && !is_drained(stream_of(id)) && model_minds_lines_of(p))
                violation("%s: the pipes of pid %d are let go, and no logger has read them to the end", p->label, p->pid);
}

static struct logger *of(int control) {
        struct fd what = world_fd_of(control);

        return what.kind == FD_LOGGER ? what.object : NULL;
}

int logger_spawn(const struct logger_spawn *args, int *ret_control, int *ret_pidfd, pid_t *ret_pid, struct err *err) {
        (void)args;
        if (!world_seam())
                return err_set(err, EIO, "killed");
        if (!world.calm && chance_one_in(&world.chance, 10))
                return err_set(err, EAGAIN, "start the logger: no process could be made");
        if (logger_is_alive() && keeper_holds(current))
                violation("a second logger is started, and the keeper has the socket of one that lives");
        struct logger *l = calloc(1, sizeof(*l));
        l->alive = true;
        l->pid = WORLD_FIRST_PID - 100000;
        current = l;
        *ret_control = world_fd(FD_LOGGER, l);
        *ret_pidfd = world_fd(FD_CHILD, l);
        *ret_pid = l->pid;
        return 0;
}

void logger_kill(void) {
        if (current)
                current->alive = false;
}

bool logger_is_alive(void) { return current && current->alive; }
bool logger_is_readable(const void *logger) {
        const struct logger *l = logger;

        return !l->alive || l->n_events > 0;
}
bool logger_child_is_over(const void *logger) { return !((const struct logger *)logger)->alive; }

static int reach(int control, struct logger **ret, struct err *err) {
        if (!world_seam())
                return err_set(err, EIO, "killed");
        *ret = of(control);
        if (!*ret)
                return err_set(err, EBADF, "fd %d is no logger's", control);
        if (!world.calm && chance_one_in(&world.chance, 100))
                (*ret)->alive = false; /* just now: nobody has heard of it */
        if (!(*ret)->alive)
                return err_set(err, EPIPE, "the logger is gone");
        if (!world.calm && chance_one_in(&world.chance, 40))
                return err_set(err, EAGAIN, "the logger is behind");
        return 0;
}

int logger_add(int control, const struct logger_stream *s, int out_fd, int err_fd, struct err *err) {
        struct logger *l;
        int r = reach(control, &l, err);

        (void)out_fd;
        (void)err_fd;
        if (r < 0)
                return r;
        if (find_stream(l, s->id)) { /* a new supervisor adds what the old one had added */
                tell(l, &(struct logger_event){ .kind = LOGGER_EVENT_REFUSED, .id = s->id, .code = EEXIST });
                return 0;
        }
        if (l->n_streams == STREAMS_MAX || (!world.calm && chance_one_in(&world.chance, 20))) {
                tell(l, &(struct logger_event){ .kind = LOGGER_EVENT_REFUSED, .id = s->id, .code = ENOMEM });
                return 0;
        }
        l->streams[l->n_streams++] = s->id;
        const struct proc *p = find_proc(s->id);
        if (p && leaf_count(p->leaf) == 0)
                read_later(l, s->id);
        return 0;
}

int logger_update(int control, const struct logger_stream *s, struct err *err) {
        struct logger *l;

        (void)s;
        return reach(control, &l, err);
}

int logger_remove(int control, uint64_t id, struct err *err) {
        const struct proc *p = find_proc(id);
        struct logger *l;

        if (p && leaf_count(p->leaf) > 0)
                violation("%s: the logger is to end the pipes of what lives", p->label);
        int r = reach(control, &l, err);
        if (r >= 0)
                read_later(l, id);
        return r;
}

static int send_plain(int control, struct err *err) {
        struct logger *l;

        return reach(control, &l, err);
}

int logger_stats(int control, uint64_t id, struct err *err) {
        (void)id;
        return send_plain(control, err);
}

int logger_flush(int control, uint64_t cookie, struct err *err) {
        (void)cookie;
        return send_plain(control, err);
}

int logger_unsubscribe(int control, uint64_t id, struct err *err) {
        (void)id;
        return send_plain(control, err);
}

int logger_subscribe(int control, uint64_t id, const char *stack, const char *container, int fd, struct err *err) {
        (void)id;
        (void)stack;
        (void)container;
        (void)fd;
        return send_plain(control, err);
}

int logger_quit(int control, struct err *err) {
        struct logger *l;
        int r = reach(control, &l, err);

        if (r >= 0)
                l->alive = false;
        return r;
}

int logger_receive(int control, struct logger_event *ret, struct err *err) {
        struct logger *l = of(control);

        if (!world_seam())
                return err_set(err, EIO, "killed");
        if (l && l->n_events > 0) { /* also of one that has ended since */
                *ret = l->events[0];
                memmove(l->events, l->events + 1, --l->n_events * sizeof(l->events[0]));
                return 1;
        }
        return l && l->alive ? 0 : err_set(err, EPIPE, "the logger is gone");
}

int logger_direct_stream(const char *tag, int priority, bool level_prefix, int *ret_fd, struct err *err) {
        (void)tag;
        (void)priority;
        (void)level_prefix;
        (void)ret_fd;
        return err_set(err, ENOENT, "no journald");
}

bool logger_journal_is_there(void) { return false; }
