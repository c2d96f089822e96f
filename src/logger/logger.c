/* The loop of ctrsup-logger. */
#include "logger.h"

#include <ctrsup/base/cleanup.h>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>

void logger_care(struct logger *l, uint64_t when_usec) {
        if (when_usec < l->care_usec)
                l->care_usec = when_usec;
}

struct logger *logger_free(struct logger *l) {
        if (!l)
                return NULL;
        journal_done(&l->journal); /* counts what it keeps at its owners, so they go after it */
        for (size_t i = 0; i < l->n_streams; i++)
                (void)stream_free(l->streams[i]);
        free(l->streams);
        tally_close(&l->tally);
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
                (void)subscriber_free(l->subscribers[i]);
        (void)close_fd(l->control_fd);
        (void)close_fd(l->signal_fd);
        (void)close_fd(l->logs_fd);
        (void)close_fd(l->epoll_fd);
        free(l);
        return NULL;
}

static uint64_t clock_usec(clockid_t clock) {
        struct timespec t;

        (void)clock_gettime(clock, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void read_clocks(struct logger *l) {
        l->now_usec = clock_usec(CLOCK_MONOTONIC);
        l->realtime_usec = clock_usec(CLOCK_REALTIME);
}

static void resume_all(struct logger *l) {
        /* Each time another one is first, or a flood at the head of the list would take all there is. */
        const size_t first = l->n_streams ? l->resume_at++ % l->n_streams : 0;

        for (size_t i = 0; i < l->n_streams && !l->journal.congested; i++)
                stream_resume(l, l->streams[(first + i) % l->n_streams]);
        logger_care(l, 0);
}

static void care_for_all(struct logger *l) {
        bool aimed = false;

        l->care_usec = UINT64_MAX;
        for (size_t i = 0; i < l->n_streams;) {
                struct stream *s = l->streams[i];

                if (!stream_tend(l, s)) {
                        aimed = aimed || s->removing;
                        i++;
                        continue;
                }
                l->total.lines += s->stats.lines;
                l->total.bytes += s->stats.bytes;
                l->total.dropped_rate += s->stats.dropped_rate;
                l->total.dropped_sink += s->owner.dropped;
                l->total.dropped_subscriber += s->stats.dropped_subscriber;
                (void)stream_free(s);
                l->streams[i] = l->streams[--l->n_streams];
        }
        request_tend_flush(l);
        l->care_each_turn = aimed || l->n_cookies > 0;
}

static void sweep_subscribers(struct logger *l) {
        for (size_t i = 0; i < SUBSCRIBERS_MAX; i++)
                if (l->subscribers[i] && l->subscribers[i]->ended)
                        l->subscribers[i] = subscriber_free(l->subscribers[i]);
}

static void on_signal(struct logger *l) {
        struct signalfd_siginfo info;

        while (read(l->signal_fd, &info, sizeof(info)) > 0)
                request_quit(l);
}

static void dispatch(struct logger *l, const struct epoll_event *e) {
        struct source *source = e->data.ptr;

        switch (source->kind) {
        case SOURCE_CONTROL:
                if (e->events & EPOLLOUT)
                        logger_care(l, 0);
                if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                        request_receive(l);
                break;
        case SOURCE_SIGNAL:
                on_signal(l);
                break;
        case SOURCE_PIPE:
                stream_read(l, (struct pipe *)source);
                break;
        case SOURCE_SUBSCRIBER: {
                struct subscriber *s = (struct subscriber *)source;

                if (e->events & (EPOLLERR | EPOLLHUP))
                        s->ended = true;
                else
                        subscriber_tend(s);
                break;
        }
        case SOURCE_JOURNAL: /* looked at in every turn */
                break;
        }
}

/* Milliseconds until something is due, rounded up; -1: nothing. */
static int wait_msec(const struct logger *l) {
        uint64_t due = l->care_usec, journal = journal_deadline(&l->journal);

        if (journal < due)
                due = journal;
        if (l->quit_usec && l->quit_usec < due)
                due = l->quit_usec;
        if (l->retry_usec && l->retry_usec < due)
                due = l->retry_usec;
        if (due == UINT64_MAX)
                return -1;
        return due <= l->now_usec ? 0 : (int)((due - l->now_usec) / 1000 + 1);
}

static bool is_over(const struct logger *l) {
        if (l->quit_usec)
                return l->n_streams == 0 || l->now_usec >= l->quit_usec;
        return l->control_fd < 0 && l->n_streams == 0;
}

int logger_run(struct logger *l) {
        read_clocks(l);
        while (!is_over(l)) {
                struct epoll_event events[256];
                int n = epoll_wait(l->epoll_fd, events, ARRAY_SIZE(events), wait_msec(l));

                if (n < 0 && errno != EINTR)
                        return -errno;
                read_clocks(l);
                for (int i = 0; i < n; i++)
                        dispatch(l, &events[i]);
                if ((l->journal.congested || l->journal.stuck) && journal_tend(&l->journal, l->now_usec))
                        resume_all(l);
                if (l->requests_wait)
                        request_receive(l);
                if (l->care_each_turn || l->care_usec <= l->now_usec)
                        care_for_all(l);
                request_send_replies(l);
                sweep_subscribers(l);
        }
        request_send_replies(l);
        return 0;
}
