#include "logger_link.h"
#include "log_pipes.h"
#include "member.h"
#include "watch.h"

#include <ctrsup/act/log.h>
#include <ctrsup/base/logline.h>
#include <ctrsup/logger/client.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define RESPAWN_USEC USEC_PER_SEC
enum { FEED_QUEUE_MAX = 1024 * 1024 }; /* bytes waiting for a client above which its lines are left out, and counted */

static int spawn_again(struct manager *m);

static bool ask_for_listed(struct manager *m) {
        if (m->logger_listed && !m->logger_asked && m->host.keeper)
                m->logger_asked = keeper_client_take(m->host.keeper, LOGGER_HELD_NAME) >= 0;
        return !m->logger_listed || m->logger_asked;
}

void logger_link_listed(struct manager *m) {
        if (m->host.logger >= 0)
                return;
        m->logger_listed = true;
        m->logger_asked = false;
        (void)ask_for_listed(m);
}

/* --- events --- */

static void on_dropped(struct manager *m, const struct logger_event *e) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        const struct member *b = m->stacks[s]->members[n];

                        if (act_log_stream_id(&b->host) != e->id)
                                continue;
                        struct report_event report = {
                                .kind = REPORT_LOG_SUPPRESSED,
                                .stack = b->state.stack,
                                .container = b->state.container,
                                .replica = b->state.replica,
                                .dropped = e->dropped,
                        };
                        manager_report(m, &report);
                        return;
                }
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;
        struct logger_event e;
        int r = 0;

        (void)source;
        (void)revents;
        for (int n = 0; n < 64; n++) {
                r = logger_receive(fd, &e, NULL);
                if (r <= 0)
                        break;
                if (e.kind == LOGGER_EVENT_DROPPED && e.sink)
                        on_dropped(m, &e); /* over the rate: the logger says so in the log itself */
                else if (e.kind == LOGGER_EVENT_EOF)
                        log_pipes_ended(m, e.id);
                else if (e.kind == LOGGER_EVENT_REFUSED && e.code != EEXIST) /* there: added by the supervisor before us */
                        log_pipes_refused(m, e.id);
        }
        if (r < 0) {
                m->logger_source = sd_event_source_disable_unref(m->logger_source);
                m->host.logger = close_fd(m->host.logger);
                if (!m->ending || m->n_stacks > 0)
                        return spawn_again(m);
        }
        return 0;
}

/* The source is the loop's own, one a logger: the next logger may be there before the end of the last one was heard. */
static int on_child(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct manager *m = userdata;
        siginfo_t info = { 0 };

        (void)revents;
        (void)waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
        if (info.si_pid == m->logger_pid)
                m->logger_pid = 0;
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        (void)sd_event_source_set_floating(source, false);
        return 0;
}

/* Takes fd, also on failure. */
static int watch_socket(struct manager *m, int fd, struct err *err) {
        _cleanup_fd_ int socket = fd;

        int r = sd_event_add_io(m->event, &m->logger_source, socket, EPOLLIN, on_readable, m);
        if (r < 0)
                return err_sys(err, -r, "watch the logger");
        m->host.logger = take_fd(&socket);
        log_pipes_forget_logger(m);
        manager_poke(m);
        return 0;
}

void logger_link_taken(struct manager *m, const char *name, struct keeper_event *e) {
        if (strcmp(name, LOGGER_HELD_NAME) != 0) {
                log_pipes_taken(m, name, e);
                return;
        }
        if (m->host.logger >= 0)
                return;
        m->logger_listed = e->message.error == 0 && (e->fd < 0 || watch_socket(m, take_fd(&e->fd), NULL) < 0);
        m->logger_asked = false;
        if (m->logger_listed) /* it did not get here, or cannot be heard yet: the logger lives, and two would share what is written */
                manager_poke(m);
        else if (m->host.logger < 0)
                (void)spawn_again(m);
}

/* So that the next supervisor finds it. */
static int hold_socket(struct manager *m, int control) {
        return m->options->mode == MODE_SERVICE && m->host.keeper ? act_hold(&m->host, LOGGER_HELD_NAME, control) : 0;
}

void logger_link_hold_again(struct manager *m) {
        if (m->host.logger >= 0)
                (void)hold_socket(m, m->host.logger);
        log_pipes_hold_again(m);
}

void logger_link_keeper_is_new(struct manager *m) {
        m->logger_listed = false;
        if (m->host.logger >= 0)
                (void)hold_socket(m, m->host.logger);
        else if (!m->adopting) { /* both died at once: one could not be given to the keeper that was dying */
                m->logger_due = true;
                manager_poke(m);
        }
        log_pipes_keeper_is_new(m);
}

int logger_link_spawn(struct manager *m, struct err *err) {
        _cleanup_fd_ int control = -EBADF, pidfd = -EBADF;
        struct logger_spawn args = { .program = m->logger_program, .logs = m->logs_dir, .cgroup_fd = -1 };
        sd_event_source *child;

        int r = logger_spawn(&args, &control, &pidfd, &m->logger_pid, err);
        if (r < 0)
                return err_wrap(err, "start the logger");
        r = sd_event_add_io(m->event, &child, pidfd, EPOLLIN, on_child, m);
        if (r < 0) {
                (void)kill(m->logger_pid, SIGKILL); /* it has nothing yet */
                (void)waitpid(m->logger_pid, NULL, 0);
                return err_sys(err, -r, "watch the logger");
        }
        (void)sd_event_source_set_io_fd_own(child, 1);
        (void)take_fd(&pidfd);
        (void)sd_event_source_set_floating(child, true);
        (void)sd_event_source_unref(child);
        m->logger_spawned_usec = manager_now(m).mono_usec;
        /* Out of ctrsup.service's cgroup, which systemd empties at a stop or restart: the logger goes on meanwhile. */
        if (m->options->mode == MODE_SERVICE)
                (void)cgroup_adopt(m->host.cgroups, "logger", m->logger_pid, NULL);
        r = hold_socket(m, control);
        if (r < 0)
                return err_sys(err, -r, "give the logger's socket to the keeper");
        r = watch_socket(m, take_fd(&control), err);
        m->logger_listed = r < 0 && m->options->mode == MODE_SERVICE; /* it lives, and comes back from the keeper */
        m->logger_asked = false;
        return r;
}

static int spawn_again(struct manager *m) {
        struct err err = { 0 };
        struct report_event e = { .kind = REPORT_NOTICE,
                                  .priority = 3,
                                  .message = "the logger is gone; another one goes on with what is in the pipes" };

        log_pipes_forget_logger(m);
        manager_report(m, &e);
        if (manager_now(m).mono_usec < m->logger_spawned_usec + RESPAWN_USEC) {
                m->logger_due = true; /* it dies at once */
                manager_poke(m);
                return 0;
        }
        if (m->host.keeper && logger_link_spawn(m, &err) < 0) {
                e.message = err.text;
                manager_report(m, &e);
        }
        return 0;
}

void logger_link_tend(struct manager *m) {
        struct err err = { 0 };

        if (m->host.logger >= 0 || m->logger_listed || m->adopting || !m->host.keeper || m->options->mode == MODE_RUN || m->over)
                return;
        if (logger_link_spawn(m, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text };

                manager_report(m, &e);
        }
}

bool logger_link_again(struct manager *m) {
        if (!ask_for_listed(m))
                return false;
        if (m->logger_due && manager_now(m).mono_usec < m->logger_spawned_usec + RESPAWN_USEC)
                return false;
        if (m->logger_due)
                logger_link_tend(m);
        m->logger_due = false; /* one that cannot be started is tried again at the next reconcile */
        return true;
}

/* --- clients that follow lines --- */

struct line_feed {
        struct line_feed *next;
        struct manager *manager;
        struct control_call *call;
        json_t *targets;
        uint64_t id, missed;
        sd_event_source *source;
        struct buf rest; /* a line that has not come whole */
};

static void feed_free(struct line_feed *f) {
        struct manager *m = f->manager;

        for (struct line_feed **at = &m->feeds; *at; at = &(*at)->next)
                if (*at == f) {
                        *at = f->next;
                        break;
                }
        if (m->host.logger >= 0)
                (void)logger_unsubscribe(m->host.logger, f->id, NULL);
        sd_event_source_disable_unref(f->source);
        control_call_on_disconnect(f->call, NULL, NULL);
        control_call_unref(f->call);
        json_decref(f->targets);
        buf_done(&f->rest);
        free(f);
}

static void feed_line(struct line_feed *f, const char *line, size_t len) {
        char target[TARGET_SIZE], stack[NAME_SIZE];
        struct logline l;

        if (logline_parse(&l, line, len, true) < 0)
                return;
        (void)snprintf(stack, sizeof(stack), "%.*s", (int)l.stack_len, l.stack);
        (void)snprintf(target, sizeof(target), "%.*s", (int)l.container_len, l.container);
        const struct stack_entry *s = manager_find_stack(f->manager, stack);
        const struct member *b = s ? stack_find_member(s, target, l.replica) : NULL;
        if (f->targets && !(b && targets_match(f->targets, b)))
                return;
        if (control_call_queued(f->call) > FEED_QUEUE_MAX) {
                f->missed++;
                return;
        }
        /* What a program prints need not be UTF-8; the wire must be. */
        _cleanup_(json_decrefp) json_t *text = json_stringn(l.text, l.text_len);
        if (!text) {
                _cleanup_buf_ struct buf clean = BUF_NULL;

                for (size_t n = 0; n < l.text_len; n++)
                        if ((unsigned char)l.text[n] < 0x80 && l.text[n] != '\0')
                                buf_putc(&clean, l.text[n]);
                        else
                                buf_puts(&clean, "\xef\xbf\xbd");
                text = json_string(buf_text(&clean));
        }
        json_t *reply =
                json_pack("{s:{s:s, s:s, s:i, s:b, s:s, s:O, s:b}}", "line", "stack", stack, "container", target, "replica",
                          (int)l.replica, "several", (int)(b && b->state.policy.numbered), "stream", logline_stream_name(l.stream), "text", text, "partial", (int)l.partial);
        if (reply && f->missed > 0) {
                (void)json_object_set_new(json_object_get(reply, "line"), "missed", json_integer((json_int_t)f->missed));
                f->missed = 0;
        }
        (void)control_reply(f->call, reply, true);
}

static int on_lines(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        struct line_feed *f = userdata;
        char data[64 * 1024];

        (void)source;
        (void)revents;
        ssize_t n = read(fd, data, sizeof(data));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                (void)control_error(f->call, "Failed",
                                    json_pack("{s:s, s:n, s:n, s:n}", "message", "the logger is gone", "hint", "errno", "place"));
                feed_free(f);
                return 0;
        }
        buf_put(&f->rest, data, (size_t)n);
        if (buf_failed(&f->rest)) {
                feed_free(f); /* the call, unanswered, tells its client */
                return 0;
        }
        const char *at = buf_text(&f->rest), *end = at + f->rest.len, *nl;
        while ((nl = memchr(at, '\n', (size_t)(end - at)))) {
                feed_line(f, at, (size_t)(nl - at));
                at = nl + 1;
        }
        size_t left = (size_t)(end - at);
        memmove(f->rest.data, at, left);
        f->rest.len = left;
        f->rest.data[left] = '\0';
        return 0;
}

static void on_client_gone(struct control_call *call, void *userdata) {
        (void)call;
        feed_free(userdata);
}

int logger_link_attach(struct manager *m, struct control_call *call, json_t *targets) {
        _cleanup_fd_ int in = -EBADF, out = -EBADF;
        int pipe[2];

        if (m->host.logger < 0)
                return -ENOTCONN;
        struct line_feed *f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->manager = m;
        f->id = ++m->next_cookie;
        f->targets = json_incref(targets);
        f->call = control_call_ref(call);
        f->next = m->feeds;
        m->feeds = f;
        if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
                int r = -errno;

                feed_free(f);
                return r;
        }
        in = pipe[0];
        out = pipe[1];
        (void)fcntl(out, F_SETPIPE_SZ, 1024 * 1024);
        int r = logger_subscribe(m->host.logger, f->id, NULL, NULL, out, NULL);
        if (r >= 0)
                r = sd_event_add_io(m->event, &f->source, in, EPOLLIN, on_lines, f);
        if (r < 0) {
                feed_free(f);
                return r;
        }
        (void)sd_event_source_set_io_fd_own(f->source, 1);
        (void)take_fd(&in);
        /* After what happens to containers: lines can wait, exits cannot. */
        (void)sd_event_source_set_priority(f->source, SD_EVENT_PRIORITY_NORMAL + 10);
        control_call_on_disconnect(call, on_client_gone, f);
        return 0;
}

void logger_link_close(struct manager *m) {
        log_pipes_done(m);
        while (m->feeds) {
                (void)control_reply(m->feeds->call, NULL, false); /* no line: there are no more */
                feed_free(m->feeds);
        }
        m->logger_source = sd_event_source_disable_unref(m->logger_source);
        if (m->host.logger >= 0) {
                if (m->options->mode != MODE_SERVICE) /* a service's goes on: the next supervisor finds it */
                        (void)logger_quit(m->host.logger, NULL);
                m->host.logger = close_fd(m->host.logger);
        }
}
