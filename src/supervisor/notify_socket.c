#include "notify_socket.h"
#include "health.h"
#include "member.h"
#include "watch.h"

#include <ctrsup/act/notify.h>
#include <ctrsup/kernel/cgroup_procs.h>
#include <ctrsup/kernel/notify_socket.h>
#include <ctrsup/kernel/sys.h>
#include <ctrsup/observe/ready.h>

#include <assert.h>
#include <string.h>

static_assert((int)RUN_STATUS_SIZE == (int)READY_STATUS_SIZE, "a status fits into its record");
static_assert((int)NOTIFY_DATAGRAM_MAX == (int)READY_SIZE_MAX, "what is received is what is parsed");

enum {
        TURN_MAX = 64,   /* messages of one instance until others have their turn */
        QUEUE_MAX = 512, /* before a deadline: as many as a queue holds where systemd has set net.unix.max_dgram_qlen */
        BURST = 4,       /* turns of one instance within BURST_USEC: 1,024 messages a second */
};
#define BURST_USEC (250 * USEC_PER_MSEC)

/* ---- what is refused ---- */

enum refusal { REFUSED_SENDER, REFUSED_UNKNOWN, REFUSED_MESSAGE, REFUSED_MAINPID, REFUSED_FDSTORE, _REFUSAL_MAX };

static void refuse(struct member *b, enum refusal what) {
        static const char *const words[] = {
                [REFUSED_SENDER] = "a message to its notify socket came from a process outside of it, and is ignored",
                [REFUSED_UNKNOWN] = "a message to its notify socket is ignored: its sender ended before it was heard",
                [REFUSED_MESSAGE] = "a message to its notify socket is too long or has a NUL within, and is ignored",
                [REFUSED_MAINPID] = "MAINPID= is ignored: its main process is the one that was started",
                [REFUSED_FDSTORE] = "FDSTORE=1 is ignored: no file descriptors are kept for it",
        };
        static_assert(ARRAY_SIZE(words) == _REFUSAL_MAX, "every refusal has its words");
        struct err err = { 0 };

        if (b->notify->refused & (1u << what))
                return;
        b->notify->refused |= 1u << what;
        (void)err_set(&err, EPERM, "%s", words[what]);
        if (what == REFUSED_UNKNOWN) /* no id of its own says so, and no pidfd before Linux 6.17 */
                (void)err_hint(
                        &err,
                        "let it wait until it was heard (BARRIER=1), as systemd-notify does, or give it a user namespace of its own");
        member_say(b, &err);
}

/* Of a block that was given to this container only. */
static bool has_own_id(const struct member *b, uid_t uid) {
        const struct spec_container *c = b->container;

        return c->namespaces[NS_USER].mode == NS_PRIVATE && c->n_uids == 0 && b->host.root_uid > 0 && uid >= b->host.root_uid &&
               uid - b->host.root_uid < UIDS_BLOCK;
}

/* 1, 0; -ESRCH: it has ended, and nobody tells. */
static int is_of(const struct member *b, const struct notify_datagram *d) {
        struct cgroup_tree *t = b->stack->manager->host.cgroups;
        int r = cgroup_holds(t, b->host.group, b->host.leaf, d->pid);

        if (r > 0 && d->pidfd >= 0 && sys_pidfd_send_signal(d->pidfd, 0) < 0 && errno == ESRCH)
                r = -ESRCH; /* somebody else has the pid by now */
        if (r < 0 && d->pidfd >= 0)
                r = cgroup_held(t, b->host.group, b->host.leaf, d->pidfd);
        if (r <= 0 && has_own_id(b, d->uid))
                r = 1;
        return r < 0 ? -ESRCH : r;
}

/* ---- what is done about it ---- */

static void take_status(struct member *b, const struct ready_message *m) {
        struct member_notify *n = b->notify;

        if (m->words & READY_STATUS) {
                n->news = n->news || strcmp(n->status, m->status) != 0;
                (void)strcpy(n->status, m->status);
        }
        if (m->words & READY_READY)
                n->reloading = false;
        if (m->words & READY_RELOADING)
                n->reloading = true;
        if (m->words & READY_STOPPING)
                n->stopping = true;
}

static void take_words(struct member *b, const struct ready_message *m) {
        if (m->words & READY_MAINPID)
                refuse(b, REFUSED_MAINPID);
        if (m->words & READY_FDSTORE)
                refuse(b, REFUSED_FDSTORE);
        take_status(b, m);
        if (m->words & READY_EXTEND) {
                uint64_t deadline_usec = b->state.deadline_usec;

                member_post(b, &(struct event){ .kind = EVENT_EXTEND, .extend_usec = m->extend_usec });
                b->notify->news = b->notify->news || b->state.deadline_usec != deadline_usec;
        }
        if (m->words & READY_WATCHDOG_USEC)
                health_watchdog(b, m->watchdog_usec);
        if (m->words & READY_TRIGGER)
                health_sign(b, false, "WATCHDOG=trigger");
        else if (m->words & (READY_WATCHDOG | READY_READY))
                health_sign(b, true, m->words & READY_WATCHDOG ? "WATCHDOG=1" : "READY=1");
        if ((m->words & READY_READY) && b->state.phase == PHASE_RUNNING && b->state.policy.type == TYPE_SERVICE &&
            spec_readiness_of(b->container) == READINESS_NOTIFY)
                member_post(b, &(struct event){ .kind = EVENT_READY });
        else
                member_save(b);
}

static void take_datagram(struct member *b, const struct notify_datagram *d) {
        struct ready_message m;

        if (d->size == 0)
                return;
        int r = is_of(b, d);
        if (r <= 0)
                refuse(b, r < 0 ? REFUSED_UNKNOWN : REFUSED_SENDER);
        else if (d->size > NOTIFY_DATAGRAM_MAX || ready_parse(d->data, d->size, &m) < 0)
                refuse(b, REFUSED_MESSAGE);
        else
                take_words(b, &m);
}

static void hear(struct member *b, unsigned max) {
        struct notify_datagram d;

        for (unsigned n = 0; n < max && b->notify && b->host.notify_fd >= 0; n++) {
                if (notify_socket_peek(b->host.notify_fd, &d) <= 0)
                        break;
                take_datagram(b, &d);
                close_fd(d.pidfd);
                notify_socket_drop(b->host.notify_fd);
        }
        if (b->notify && b->notify->news) {
                b->notify->news = false;
                if (b->state.phase == PHASE_RUNNING || b->state.phase == PHASE_STOPPING)
                        watch_transition(b->stack->manager, b, b->state.phase);
        }
}

void notify_socket_hear(struct member *b) {
        hear(b, QUEUE_MAX);
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        (void)source;
        (void)fd;
        (void)revents;
        hear(userdata, TURN_MAX);
        return 0;
}

/* ---- its life ---- */

static int listen_to(struct member *b) {
        struct member_notify *n = b->notify;

        int r = sd_event_add_io(b->stack->manager->event, &n->source, b->host.notify_fd, EPOLLIN, on_readable, b);
        if (r >= 0)
                r = sd_event_source_set_priority(n->source,
                                                 SD_EVENT_PRIORITY_IDLE + 10); /* after the pump, which must not starve */
        if (r >= 0)
                r = sd_event_source_set_ratelimit(n->source, BURST_USEC, BURST);
        return r;
}

static void begin(struct member *b) {
        const struct run *was = b->run && memcmp(b->run->instance.id, b->state.id, sizeof(b->state.id)) == 0 ? b->run : NULL;

        b->notify = calloc(1, sizeof(*b->notify));
        int r = b->notify ? listen_to(b) : -ENOMEM;
        if (r < 0)
                member_say(b, &(struct err){ .code = -r, .text = "its notify socket cannot be read" });
        if (b->notify && was) {
                (void)strcpy(b->notify->status, was->status);
                b->notify->reloading = was->reloading;
                b->notify->stopping = was->stopping;
        }
}

void notify_socket_follow(struct member *b) {
        bool runs = b->host.notify_fd >= 0 && !b->state.launching &&
                    (phase_is_up(b->state.phase) || b->state.phase == PHASE_STOPPING);

        if (runs && !b->notify)
                begin(b);
        else if (!runs && b->notify)
                notify_socket_free(b);
}

void notify_socket_free(struct member *b) {
        if (!b->notify)
                return;
        sd_event_source_disable_unref(b->notify->source);
        free(b->notify);
        b->notify = NULL;
}

void notify_socket_adopt(struct member *b, int fd) {
        struct err err = { 0 };

        if (act_notify_adopt(&b->stack->manager->host, &b->host, fd, &err) > 0)
                member_say(b, &(struct err){ .code = ENOTCONN,
                                             .text = "its notify socket was lost with the keeper and is bound anew; what it said "
                                                     "meanwhile is not known" });
        else if (err.code && err.code != ENOENT)
                member_say(b, &err);
}

static bool is_known(const char *id_text, void *manager) {
        const struct manager *m = manager;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (m->stacks[s]->members[n]->host.notifies &&
                            strcmp(m->stacks[s]->members[n]->host.id_text, id_text) == 0)
                                return true;
        return false;
}

void notify_socket_sweep(struct manager *m) {
        act_notify_sweep(&m->host, is_known, m);
}

void notify_socket_hold_all(struct manager *m) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        act_notify_hold(&m->host, &m->stacks[s]->members[n]->host);
}

json_t *notify_socket_describe(const struct member *b) {
        const struct member_notify *n = b->notify;

        return n ? json_pack("{s:s, s:b, s:b}", "status", n->status, "reloading", n->reloading, "stopping", n->stopping)
                 : json_null();
}
