/* ctrsup-logger, as far as its supervisor can see: a socket, a process, streams that must not be added twice. What it writes is
 * the host tests' matter. */
#include "world.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/logger/client.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS_MAX = 1024 };

struct logger {
        bool alive;
        pid_t pid;
        uint64_t streams[STREAMS_MAX];
        size_t n_streams;
};

static struct logger *current; /* the youngest; a supervisor that loses one makes another */

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
bool logger_is_readable(const void *logger) { return !((const struct logger *)logger)->alive; }
bool logger_child_is_over(const void *logger) { return !((const struct logger *)logger)->alive; }

static int reach(int control, struct logger **ret, struct err *err) {
        if (!world_seam())
                return err_set(err, EIO, "killed");
        *ret = of(control);
        if (!*ret)
                return err_set(err, EBADF, "fd %d is no logger's", control);
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
        for (size_t n = 0; n < l->n_streams; n++)
                if (l->streams[n] == s->id)
                        return 0; /* it refuses, later: a new supervisor adds what the old one had added */
        if (l->n_streams == STREAMS_MAX)
                l->n_streams = 0; /* they ended long ago */
        l->streams[l->n_streams++] = s->id;
        return 0;
}

int logger_update(int control, const struct logger_stream *s, struct err *err) {
        struct logger *l;

        (void)s;
        return reach(control, &l, err);
}

int logger_remove(int control, uint64_t id, struct err *err) {
        struct logger *l;

        (void)id;
        return reach(control, &l, err);
}

int logger_stats(int control, uint64_t id, struct err *err) { return logger_remove(control, id, err); }
int logger_flush(int control, uint64_t cookie, struct err *err) { return logger_remove(control, cookie, err); }
int logger_unsubscribe(int control, uint64_t id, struct err *err) { return logger_remove(control, id, err); }

int logger_subscribe(int control, uint64_t id, const char *stack, const char *container, int fd, struct err *err) {
        (void)stack;
        (void)container;
        (void)fd;
        return logger_remove(control, id, err);
}

int logger_quit(int control, struct err *err) {
        struct logger *l;
        int r = reach(control, &l, err);

        if (r >= 0)
                l->alive = false;
        return r;
}

int logger_receive(int control, struct logger_event *ret, struct err *err) {
        const struct logger *l = of(control);

        (void)ret;
        if (!world_seam())
                return err_set(err, EIO, "killed");
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
