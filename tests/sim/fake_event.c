/* sd-event on the world's clock. One source is dispatched a call, the most urgent that is ready, as in the real one: by priority,
 * then by how long it waits; among those that became ready together, chance decides. */
#include "world.h"

#include <ctrsup/base/cleanup.h>

#include <stdlib.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <unistd.h>

enum kind { IO, TIME, DEFER, SIGNAL };

struct sd_event_source {
        sd_event *event;
        sd_event_source *next;
        unsigned refs;
        bool floating, own_fd, raised, gone;
        enum kind kind;
        int enabled, fd, signal;
        clockid_t clock;
        uint64_t time;
        int64_t priority;
        uint64_t ready_since; /* turn; 0: not ready */
        uint64_t lot;
        void *userdata;
        union {
                sd_event_io_handler_t io;
                sd_event_time_handler_t time;
                sd_event_handler_t defer;
                sd_event_signal_handler_t signal;
        } call;
};

struct sd_event {
        unsigned refs;
        uint64_t turn;
        sd_event_source *sources;
};

static size_t leaked; /* a count for the driver; the process is the episode's own */

size_t event_leaked(void) {
        return leaked;
}

int sd_event_new(sd_event **ret) {
        *ret = calloc(1, sizeof(**ret));
        (*ret)->refs = 1;
        leaked++;
        return 0;
}

sd_event *sd_event_ref(sd_event *e) {
        if (e)
                e->refs++;
        return e;
}

static void unlink_source(sd_event_source *s) {
        if (s->gone)
                return;
        for (sd_event_source **at = &s->event->sources; *at; at = &(*at)->next)
                if (*at == s) {
                        *at = s->next;
                        break;
                }
        s->gone = true;
        if (s->own_fd)
                (void)close(s->fd);
        s->own_fd = false;
}

static void free_source(sd_event_source *s) {
        unlink_source(s);
        free(s);
        leaked--;
}

sd_event *sd_event_unref(sd_event *e) {
        if (!e || --e->refs > 0)
                return NULL;
        for (sd_event_source *s = e->sources, *next; s; s = next) {
                next = s->next;
                if (s->floating)
                        free_source(s);
        }
        if (!e->sources) { /* else a source holds it, and the driver hears of it */
                free(e);
                leaked--;
        }
        return NULL;
}

sd_event_source *sd_event_source_ref(sd_event_source *s) {
        if (s)
                s->refs++;
        return s;
}

sd_event_source *sd_event_source_unref(sd_event_source *s) {
        if (s && --s->refs == 0 && !s->floating)
                free_source(s);
        return NULL;
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *s) {
        if (s)
                s->enabled = SD_EVENT_OFF;
        return sd_event_source_unref(s);
}

int sd_event_source_set_floating(sd_event_source *s, int b) {
        s->floating = b;
        if (!b && s->refs == 0)
                free_source(s);
        return 1;
}

static sd_event_source *add(sd_event *e, sd_event_source **ret, enum kind kind, int enabled, void *userdata) {
        sd_event_source *s = calloc(1, sizeof(*s));

        *s = (sd_event_source){ .event = e,
                                .next = e->sources,
                                .refs = ret != NULL,
                                .floating = !ret,
                                .kind = kind,
                                .enabled = enabled,
                                .fd = -1,
                                .userdata = userdata };
        e->sources = s;
        leaked++;
        if (ret)
                *ret = s;
        return s;
}

int sd_event_add_io(sd_event *e, sd_event_source **ret, int fd, uint32_t events, sd_event_io_handler_t callback, void *userdata) {
        (void)events;
        if (fd < 0)
                violation("sd_event_add_io() of fd %d", fd);
        if (world_fd_of(fd).kind == FD_LOGGER && !world.calm && chance_one_in(&world.chance, 10))
                return -ENOMEM;
        sd_event_source *s = add(e, ret, IO, SD_EVENT_ON, userdata);
        s->fd = fd;
        s->call.io = callback;
        return 0;
}

int sd_event_add_time(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
                      sd_event_time_handler_t callback, void *userdata) {
        sd_event_source *s = add(e, ret, TIME, SD_EVENT_ONESHOT, userdata);

        (void)accuracy;
        s->clock = clock;
        s->time = usec;
        s->call.time = callback;
        return 0;
}

int sd_event_add_time_relative(sd_event *e, sd_event_source **ret, clockid_t clock, uint64_t usec, uint64_t accuracy,
                               sd_event_time_handler_t callback, void *userdata) {
        uint64_t now = 0;

        (void)sd_event_now(e, clock, &now);
        return sd_event_add_time(e, ret, clock, now + usec, accuracy, callback, userdata);
}

int sd_event_add_defer(sd_event *e, sd_event_source **ret, sd_event_handler_t callback, void *userdata) {
        add(e, ret, DEFER, SD_EVENT_ONESHOT, userdata)->call.defer = callback;
        return 0;
}

int sd_event_add_signal(sd_event *e, sd_event_source **ret, int sig, sd_event_signal_handler_t callback, void *userdata) {
        sd_event_source *s = add(e, ret, SIGNAL, SD_EVENT_ON, userdata);

        s->signal = sig;
        s->call.signal = callback;
        return 0;
}

int sd_event_set_watchdog(sd_event *e, int b) {
        (void)e;
        return b;
}

int sd_event_now(sd_event *e, clockid_t clock, uint64_t *ret) {
        (void)e;
        *ret = clock == CLOCK_REALTIME ? world_real_usec() : world.mono_usec;
        return 0;
}

int sd_event_source_set_enabled(sd_event_source *s, int enabled) {
        if (!s)
                return -EINVAL;
        if (s->enabled == SD_EVENT_OFF)
                s->ready_since = 0;
        s->enabled = enabled;
        return 0;
}

int sd_event_source_get_enabled(sd_event_source *s, int *ret) {
        if (ret)
                *ret = s->enabled;
        return s->enabled != SD_EVENT_OFF;
}

/* What is ready is dispatched at once: nobody here sends faster than that. */
int sd_event_source_set_ratelimit(sd_event_source *s, uint64_t interval, unsigned burst) {
        (void)s;
        (void)interval;
        (void)burst;
        return 0;
}

int sd_event_source_set_priority(sd_event_source *s, int64_t priority) {
        s->priority = priority;
        return 0;
}

int sd_event_source_set_prepare(sd_event_source *s,
                                sd_event_handler_t callback) { /* for a keeper that does not read; ours does */
        (void)s;
        (void)callback;
        return 0;
}

int sd_event_source_set_time(sd_event_source *s, uint64_t usec) {
        if (!s)
                return -EINVAL;
        s->time = usec;
        s->ready_since = 0;
        return 0;
}

int sd_event_source_set_time_relative(sd_event_source *s, uint64_t usec) {
        uint64_t now = 0;

        (void)sd_event_now(s->event, s->clock, &now);
        return sd_event_source_set_time(s, now + usec);
}

int sd_event_source_get_time(sd_event_source *s, uint64_t *ret) {
        *ret = s->time;
        return 0;
}

int sd_event_source_set_io_events(sd_event_source *s, uint32_t events) {
        (void)s;
        (void)events;
        return 0;
}

int sd_event_source_set_io_fd_own(sd_event_source *s, int own) {
        s->own_fd = own;
        return 0;
}

int sd_event_source_get_io_fd(sd_event_source *s) {
        return s->fd;
}
void *sd_event_source_get_userdata(sd_event_source *s) {
        return s->userdata;
}
sd_event *sd_event_source_get_event(sd_event_source *s) {
        return s->event;
}
int sd_event_source_set_description(sd_event_source *s, const char *description) {
        (void)s;
        (void)description;
        return 0;
}

/* --- the loop --- */

static bool is_ready(const sd_event_source *s) {
        uint64_t now = 0;

        if (s->enabled == SD_EVENT_OFF)
                return false;
        switch (s->kind) {
        case IO:
                return world_fd_is_ready(s->fd);
        case TIME:
                (void)sd_event_now(s->event, s->clock, &now);
                return s->time <= now;
        case DEFER:
                return true;
        case SIGNAL:
                return s->raised;
        }
        return false;
}

static bool is_before(const sd_event_source *a, const sd_event_source *b) {
        if (a->priority != b->priority)
                return a->priority < b->priority;
        return a->ready_since != b->ready_since ? a->ready_since < b->ready_since : a->lot < b->lot;
}

static sd_event_source *first_ready(sd_event *e) {
        sd_event_source *first = NULL;

        for (sd_event_source *s = e->sources; s; s = s->next) {
                if (!is_ready(s)) {
                        s->ready_since = 0;
                        continue;
                }
                if (s->ready_since == 0) {
                        s->ready_since = e->turn;
                        s->lot = chance_next(&world.chance);
                }
                if (!first || is_before(s, first))
                        first = s;
        }
        return first;
}

static int dispatch(sd_event_source *s) {
        struct signalfd_siginfo info = { .ssi_signo = (uint32_t)s->signal };

        switch (s->kind) {
        case IO:
                return s->call.io(s, s->fd, EPOLLIN, s->userdata);
        case TIME:
                return s->call.time(s, s->time, s->userdata);
        case DEFER:
                return s->call.defer(s, s->userdata);
        case SIGNAL:
                s->raised = false;
                return s->call.signal(s, &info, s->userdata);
        }
        return 0;
}

int sd_event_run(sd_event *e, uint64_t usec) {
        e->turn++;
        sd_event_source *s = first_ready(e);

        if (!s) {
                if (usec == UINT64_MAX)
                        violation("the supervisor's loop waits for ever: the driver turns it only when something is ready");
                world.mono_usec += usec; /* only at the end of manager_loop(), which waits for its clients */
                return 0;
        }
        s->refs++;
        s->ready_since = 0;
        if (s->enabled == SD_EVENT_ONESHOT)
                s->enabled = SD_EVENT_OFF;
        if (dispatch(s) < 0)
                s->enabled = SD_EVENT_OFF;
        (void)sd_event_source_unref(s);
        return 1;
}

uint64_t event_next_timer(sd_event *e) {
        uint64_t next = UINT64_MAX;

        for (const sd_event_source *s = e->sources; s; s = s->next)
                if (s->kind == TIME && s->enabled != SD_EVENT_OFF) {
                        uint64_t at = s->time;

                        if (s->clock == CLOCK_REALTIME)
                                at = s->time > world_real_usec() ? world.mono_usec + (s->time - world_real_usec())
                                                                 : world.mono_usec;
                        if (at < next)
                                next = at;
                }
        return next;
}

bool event_is_idle(sd_event *e) {
        for (const sd_event_source *s = e->sources; s; s = s->next)
                if (is_ready(s))
                        return false;
        return true;
}

void event_raise(sd_event *e, int signal) {
        for (sd_event_source *s = e->sources; s; s = s->next)
                if (s->kind == SIGNAL && s->signal == signal)
                        s->raised = true;
}
