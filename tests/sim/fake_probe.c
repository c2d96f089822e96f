/* Probes as observe/probe.h promises them: after a while an outcome, good or bad as it happens, and good when all goes well. */
#include "world.h"

#include <ctrsup/observe/probe.h>

#include <stdlib.h>
#include <string.h>

struct probe {
        sd_event_source *timer;
        bool good, late;
        probe_done_fn *done;
        void *userdata;
};

static int on_answer(sd_event_source *source, uint64_t usec, void *userdata) {
        struct probe *p = userdata;

        (void)source;
        (void)usec;
        p->done(p->good, p->good ? "HTTP 200" : p->late ? "no answer within a while" : "HTTP 503", p->userdata);
        return 0;
}

int probe_new(sd_event *event, int pidfd, const struct spec_healthcheck *c, probe_done_fn *done, void *userdata,
              struct probe **ret, struct err *err) {
        const struct fd what = world_fd_of(pidfd);
        const struct proc *proc = what.kind == FD_PROC ? what.object : NULL;

        if (!world_seam())
                return err_set(err, EIO, "killed");
        if (!proc)
                violation("a probe of fd %d, which is no process", pidfd);
        if (proc->state == PROC_DEAD)
                return err_set(err, ESRCH, "it is gone");
        struct probe *p = calloc(1, sizeof(*p));
        p->good = world.calm || chance_one_in(&world.chance, 2);
        p->late = !p->good && chance_one_in(&world.chance, 2);
        p->done = done;
        p->userdata = userdata;
        (void)sd_event_add_time(event, &p->timer, CLOCK_MONOTONIC,
                                world.mono_usec + (p->late ? c->timeout_usec : chance_below(&world.chance, 300 * USEC_PER_MSEC)),
                                0, on_answer, p);
        *ret = p;
        return 0;
}

struct probe *probe_free(struct probe *p) {
        if (!p)
                return NULL;
        sd_event_source_disable_unref(p->timer);
        free(p);
        return NULL;
}

int probe_parse_status(const char *reply, size_t size, unsigned *ret_code) {
        (void)reply;
        (void)size;
        (void)ret_code;
        return -EBADMSG;
}

void probe_clean_text(const char *text, size_t len, bool one_line, char *buf, size_t size) {
        (void)one_line;
        (void)snprintf(buf, size, "%.*s", (int)len, text);
}
