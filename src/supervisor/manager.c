#include "manager.h"
#include "adopt.h"
#include "cgroup_link.h"
#include "drift.h"
#include "exec.h"
#include "fdstore.h"
#include "inside.h"
#include "keeper_link.h"
#include "leftovers.h"
#include "logger_link.h"
#include "member.h"
#include "member_reload.h"
#include "methods.h"
#include "orphan.h"
#include "policy.h"
#include "pump.h"
#include "quiesce.h"
#include "ready.h"
#include "reload.h"
#include "removal.h"
#include "restore.h"
#include "rights.h"
#include "schedule.h"
#include "stacks.h"
#include "watch.h"

#include <ctrsup/act/notify.h>
#include <ctrsup/logger/client.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/lock.h>
#include <ctrsup/store/revisions.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

enum { EVENTS_KEPT = 1000 };
enum { LOOP_FAILURES = 16 }; /* in a row, of the event loop itself: then another supervisor does better */
enum { EX_OSERR_ = 71, EX_TEMPFAIL_ = 75, EX_NOPERM_ = 77 };
#define FLUSH_USEC USEC_PER_SEC /* how long replies may take to go out at the end */

/* --- looking around --- */

struct now manager_now(struct manager *m) {
        struct now now = { 0 };

        (void)sd_event_now(m->event, CLOCK_MONOTONIC, &now.mono_usec);
        (void)sd_event_now(m->event, CLOCK_REALTIME, &now.real_usec);
        if (getrandom(&now.random, sizeof(now.random), GRND_NONBLOCK) < 0)
                now.random = UINT32_MAX / 2; /* early at boot: no jitter */
        return now;
}

struct stack_entry *manager_find_stack(struct manager *m, const char *name) {
        for (size_t s = 0; s < m->n_stacks; s++)
                if (strcmp(m->stacks[s]->name, name) == 0)
                        return m->stacks[s];
        return NULL;
}

struct member *manager_find_member(struct manager *m, const uint8_t id[KEEPER_ID_SIZE]) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (memcmp(m->stacks[s]->members[n]->host.id, id, KEEPER_ID_SIZE) == 0)
                                return m->stacks[s]->members[n];
        return NULL;
}

size_t manager_count(const struct manager *m) {
        size_t count = 0;

        for (size_t s = 0; s < m->n_stacks; s++)
                count += m->stacks[s]->n_members;
        return count;
}

void manager_report_at(struct manager *m, struct report_event *e, const char *file, unsigned line, const char *function) {
        struct event_ring *ring = &m->ring;

        e->code_file = file;
        e->code_line = line;
        e->code_function = function;

        e->real_usec = manager_now(m).real_usec;
        reporter_send(&m->reporter, e);
        json_t *json = m->control ? report_json(e) : NULL;
        if (!json)
                return;
        json_decref(ring->items[ring->next]);
        ring->items[ring->next] = json;
        ring->next = (ring->next + 1) % ring->size;
        if (ring->n < ring->size)
                ring->n++;
        watch_event(m, json);
}

/* --- the end --- */

void manager_end(struct manager *m, int exit_code, bool force) {
        struct err err = { 0 };

        if (!m->ending) {
                m->ending = true;
                m->exit_code = exit_code;
                for (size_t s = 0; s < m->n_stacks; s++)
                        if (stack_remove(m, m->stacks[s], false, &err) < 0) {
                                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text };

                                manager_report(m, &e);
                        }
        }
        m->forced = m->forced || force;
        for (size_t s = 0; force && s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        (void)act_kill(&m->host, &m->stacks[s]->members[n]->host, NULL);
                        member_post(m->stacks[s]->members[n], &(struct event){ .kind = EVENT_REMOVE });
                }
        manager_poke(m);
}

static void stop_run(struct manager *m, int signal) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        member_post(m->stacks[s]->members[n],
                                    &(struct event){ .kind = EVENT_STOP, .signal = signal, .grace_usec = USEC_INFINITY });
}

/* A service leaves its containers alone: they are the keeper's, and the next supervisor takes them over. */
static int on_signal(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        struct manager *m = userdata;

        (void)source;
        switch (m->options->mode) {
        case MODE_RUN:
                if (m->exit_code == -1) {
                        m->exit_code = 0;
                        stop_run(m, (int)si->ssi_signo);
                } else
                        manager_end(m, 128 + (int)si->ssi_signo, true);
                break;
        case MODE_FOREGROUND:
                manager_end(m, 0, m->ending);
                break;
        case MODE_SERVICE:
        case MODE_CHECK_CONFIG:
        case MODE_HELP:
        case MODE_VERSION:
                if (si->ssi_signo == SIGHUP)
                        reload_on_signal(m);
                else
                        quiesce_on_end(m);
        }
        return 0;
}

static int on_lifeline(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char byte;

        (void)source;
        (void)revents;
        ssize_t n = recv(fd, &byte, sizeof(byte), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) { /* ECONNRESET: it went without reading our word */
                struct manager *m = userdata;

                m->lifeline_source = sd_event_source_disable_unref(m->lifeline_source);
                manager_end(m, 0, false);
        }
        return 0;
}

/* --- setting up --- */

void manager_aim_reporter(struct manager *m) {
        bool service = m->options->mode == MODE_SERVICE;
        int target = m->settings->log.target;
        bool journal = target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && (!service || getenv("INVOCATION_ID")));

        m->reporter.level = m->settings->log.level;
        if (!journal)
                m->reporter.journal_fd = close_fd(m->reporter.journal_fd);
        else if (m->reporter.journal_fd < 0)
                (void)reporter_open_journal(&m->reporter, NULL, NULL);
}

static int open_reporter(struct manager *m) {
        manager_aim_reporter(m);
        if (m->options->mode == MODE_SERVICE) /* a foreground supervisor's client tells its user what happens */
                m->reporter.stderr_fd = STDERR_FILENO;
        m->ring = (struct event_ring){ .items = calloc(EVENTS_KEPT, sizeof(json_t *)), .size = EVENTS_KEPT };
        return m->ring.items ? 0 : -ENOMEM;
}

/* Others may pass through what is above: a client without rights is then told that nobody serves there, or what it lacks. */
static int make_above(const char *path, struct err *err) {
        _cleanup_free_ char *above = strdup(path);
        _cleanup_fd_ int fd = -EBADF;
        char *slash = above ? strrchr(above, '/') : NULL;

        if (!above)
                return err_oom(err);
        if (!slash || slash == above)
                return 0;
        *slash = '\0';
        return dir_make(above, 0755, &fd, err);
}

static int open_folders(struct manager *m, int *ret_exit, struct err *err) {
        int r = dir_make(m->state_dir, 0700, &m->host.state_fd, err);

        if (r >= 0 && m->options->mode != MODE_SERVICE) { /* what is above ours is for all to pass through */
                _cleanup_fd_ int above = -EBADF;

                (void)dir_make(m->settings->paths.runtime, 0755, &above, NULL);
        }
        if (r >= 0 && m->options->mode != MODE_SERVICE)
                r = make_above(m->runtime_dir, err);
        if (r >= 0)
                r = dir_make(m->runtime_dir, m->options->mode == MODE_SERVICE ? 0755 : 0700, &m->runtime_fd, err);
        if (r < 0)
                return r;
        m->host.runtime_fd = m->runtime_fd;
        m->host.runtime_dir = m->runtime_dir;
        r = lock_take(m->runtime_fd, m->runtime_dir, &m->lock_fd, err);
        if (r == -EBUSY)
                *ret_exit = m->options->mode == MODE_SERVICE ? 1 : EX_TEMPFAIL_;
        return r;
}

/* The last quarter of the blocks is for `ctrsup run`, whose containers end with their supervisor: a lock is enough for them, and a
 * record on disk takes longer than their whole start. */
static int open_uids(struct manager *m, struct err *err) {
        uint64_t transient = m->settings->userns.count / 4, lasting = m->settings->userns.count - transient;

        m->host.uid_base = m->settings->userns.base;
        m->host.uid_count = lasting;
        if (m->options->mode == MODE_RUN && transient > 0) {
                m->host.uid_base += lasting * UIDS_BLOCK;
                m->host.uid_count = transient;
                m->host.borrow_ids = true;
                return dir_make(m->settings->paths.runtime, 0755, &m->host.uids_fd, err);
        }
        m->host.uids_fd = fcntl(m->host.state_fd, F_DUPFD_CLOEXEC, 3);
        return m->host.uids_fd < 0 ? err_sys(err, errno, "open the state directory") : 0;
}

/* In the build tree all programs lie side by side; installed, the helpers are in libexec. */
static int find_program(const char *name, const char *folder, char **ret, struct err *err) {
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

        if (n > 0) {
                self[n] = '\0';
                *strrchr(self, '/') = '\0';
                if (asprintf(ret, "%s/%s", self, name) < 0)
                        return err_oom(err);
                if (access(*ret, X_OK) == 0)
                        return 0;
                free(*ret);
        }
        if (asprintf(ret, "%s/%s", folder, name) < 0) {
                *ret = NULL;
                return err_oom(err);
        }
        return 0;
}

static int open_event(struct manager *m, struct err *err) {
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sigset_t mask;

        (void)signal(SIGPIPE, SIG_IGN);
        (void)sigemptyset(&mask);
        for (size_t n = 0; n < ARRAY_SIZE(signals); n++)
                (void)sigaddset(&mask, signals[n]);
        (void)sigprocmask(SIG_BLOCK, &mask, NULL);
        int r = sd_event_new(&m->event);
        for (size_t n = 0; r >= 0 && n < ARRAY_SIZE(signals); n++)
                r = sd_event_add_signal(m->event, NULL, signals[n], on_signal, m);
        if (r >= 0)
                r = sd_event_set_watchdog(m->event, true);
        if (r >= 0)
                r = pump_new(m);
        return r < 0 ? err_sys(err, -r, "set up the event loop") : 0;
}

/* Events say "look": an event that never came (an inotify queue that overflowed) is made up for here. */
static int on_reconcile(sd_event_source *source, uint64_t usec, void *userdata) {
        struct manager *m = userdata;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];

                        member_check_oom(b);
                        if (b->host.leafed && b->state.populated && !b->launch_due && !b->seen_by_keeper &&
                            act_is_populated(&m->host, &b->host) == 0)
                                member_post(b, &(struct event){ .kind = EVENT_EMPTY });
                        orphan_find_pidfd(b);
                        b->exit_due = b->orphan; /* in case its pidfd could not be watched */
                        member_save(b);
                }
        for (size_t s = 0; !m->adopting && s < m->n_stacks; s++)
                stack_sweep(m->stacks[s]);
        drift_tend(m);
        restore_tend(m);
        rights_tend(m);
        adopt_tend(m);
        keeper_link_tend(m);
        logger_link_tend(m);
        degraded_tend(m);
        manager_poke(m);
        (void)sd_event_source_set_time(source, usec + m->settings->reconcile.interval_usec);
        return 0;
}

static int open_reconcile(struct manager *m, struct err *err) {
        uint64_t first = manager_now(m).mono_usec + m->settings->reconcile.interval_usec;

        int r = sd_event_add_time(m->event, &m->reconcile_timer, CLOCK_MONOTONIC, first, USEC_PER_SEC, on_reconcile, m);
        if (r >= 0)
                r = sd_event_source_set_enabled(m->reconcile_timer, SD_EVENT_ON);
        return r < 0 ? err_sys(err, -r, "arm the reconcile timer") : 0;
}

static unsigned count_thermal_cpus(void) {
        char path[96];
        unsigned n = 0;

        for (;; n++) {
                (void)snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/thermal_throttle", n);
                if (access(path, F_OK) < 0)
                        return n;
        }
}

static int open_control(struct manager *m, struct err *err) {
        struct control_server_args args = {
                .event = m->event,
                .methods = manager_methods,
                .n_methods = n_manager_methods,
                .rights = rights_of,
                .refused = rights_refused,
                .userdata = m,
                .max_clients = m->settings->control.max_clients,
        };

        int r = control_server_new(&args, &m->control, err);
        if (r < 0)
                return r;
        if (m->passed_socket >= 0)
                return control_server_listen_fd(m->control, take_fd(&m->passed_socket), err);
        if (asprintf(&m->socket_path, "%s/ctrsup.sock", m->runtime_dir) < 0) {
                m->socket_path = NULL;
                return err_oom(err);
        }
        /* --runtime moves what is in its default place; a path that somebody wrote down is what clients were told. */
        if (m->options->mode == MODE_SERVICE && (!m->options->runtime || !settings_is_default(m->settings, "control", "socket"))) {
                free(m->socket_path);
                m->socket_path = strdup(m->settings->control.socket);
                if (!m->socket_path)
                        return err_oom(err);
        }
        return control_server_listen(m->control, m->socket_path, rights_socket_group(m), err);
}

/* Without groups it is root who can use it: better than no supervisor. */
static void load_rights(struct manager *m) {
        struct err err = { 0 };
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text,
                                  .hint = "only root can use the supervisor now; then: systemctl reload ctrsup" };

        if (rights_load(m, &err) < 0) {
                e.error = err.code;
                manager_report(m, &e);
        }
}

static int set_up(struct manager *m, int *ret_exit, struct err *err) {
        int r = fdstore_load(m, err);

        if (r >= 0)
                r = open_folders(m, ret_exit, err);
        if (r >= 0)
                leftovers_sweep(m);
        if (r >= 0)
                r = open_uids(m, err);
        if (r >= 0 && open_reporter(m) < 0)
                r = err_oom(err);
        if (r >= 0)
                r = find_program("ctrsup-keeper", CTRSUP_LIBEXECDIR, &m->keeper_program, err);
        if (r >= 0)
                r = find_program("ctrsup-logger", CTRSUP_LIBEXECDIR, &m->logger_program, err);
        if (r >= 0)
                r = find_program("ctrsup", CTRSUP_BINDIR, &m->client_program, err);
        if (r >= 0)
                r = open_event(m, err);
        if (r >= 0)
                r = keeper_link_open(m, err);
        if (r >= 0)
                r = cgroup_link_open(m, err);
        if (r >= 0)
                r = open_reconcile(m, err);
        if (r >= 0)
                r = ready_open(m, err);
        if (r >= 0)
                r = schedule_open(m, err);
        if (r >= 0)
                r = uids_host_ranges(&m->host.uids_taken, &m->host.n_uids_taken, err);
        if (r >= 0)
                load_rights(m);
        if (r >= 0 && m->options->mode != MODE_RUN)
                r = open_control(m, err);
        if (r >= 0 && m->options->mode != MODE_RUN)
                rights_take(m, NULL);
        if (r >= 0)
                quiesce_restore(m);
        if (r >= 0 && m->options->mode == MODE_SERVICE)
                r = restore_all(m, err);
        if (r >= 0 && m->options->mode == MODE_SERVICE) {
                policy_tell(m, NULL);
                r = adopt_begin(m, err);
        }
        /* After the keeper was asked: a logger it holds the socket of is found before another one is made. */
        if (r >= 0 && m->options->mode == MODE_FOREGROUND)
                r = logger_link_spawn(m, err);
        if (r >= 0 && m->options->lifeline_fd >= 0) {
                r = sd_event_add_io(m->event, &m->lifeline_source, m->options->lifeline_fd, EPOLLIN, on_lifeline, m);
                if (r < 0)
                        r = err_sys(err, -r, "watch the lifeline");
        }
        return r;
}

int manager_new(const struct options *o, struct settings *settings, struct manager **ret, int *ret_exit, struct err *err) {
        _cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));

        *ret_exit = EX_OSERR_;
        if (geteuid() != 0) {
                *ret_exit = EX_NOPERM_;
                return err_set(err, EPERM, "ctrsupd must run as root: it makes namespaces, mounts and cgroups");
        }
        if (!m)
                return err_oom(err);
        m->options = o;
        m->settings = settings;
        m->exit_code = o->mode == MODE_RUN ? -1 : 0;
        m->reporter = REPORTER_NULL;
        m->host.borrowed_lock = m->host.logger = m->host.state_fd = m->host.uids_fd = m->runtime_fd = m->cgroup_lock_fd =
                m->lock_fd = m->reload_pidfd = -EBADF;
        m->passed_socket = -EBADF;
        m->state_dir = o->state ? o->state : settings->paths.state;
        m->runtime_dir = o->runtime ? o->runtime : settings->paths.runtime;
        if (o->mode == MODE_RUN && !o->runtime) {
                (void)snprintf(m->own_runtime, sizeof(m->own_runtime), "%s/run/%d", settings->paths.runtime, (int)getpid());
                m->runtime_dir = m->own_runtime;
        }
        m->logs_dir = settings->paths.logs;
        m->host.state_dir = m->state_dir;
        m->host.n_thermal_cpus = count_thermal_cpus();
        m->host.journal = logger_journal_is_there();
        int r = set_up(m, ret_exit, err);
        if (r < 0)
                return r;
        m->started_real_usec = manager_now(m).real_usec;
        *ret = take_ptr(m);
        return 0;
}

struct manager *manager_free(struct manager *m) {
        if (!m)
                return NULL;
        watch_done(m);
        exec_done(m, "the supervisor ends");
        member_reload_done(m);
        inside_done(m);
        degraded_done(m);
        ready_done(m);
        schedule_done(m);
        quiesce_done(m);
        reload_done(m);
        adopt_done(m);
        logger_link_close(m);
        fdstore_done(m);
        control_server_free(m->control);
        while (m->n_stacks > 0)
                stack_free(m->stacks[0]);
        free(m->stacks);
        m->keeper_source = sd_event_source_disable_unref(m->keeper_source);
        keeper_client_free(m->host.keeper);
        cgroup_watch_free(m->host.watch);
        if (m->options->mode != MODE_SERVICE && m->host.cgroups)
                (void)cgroup_tree_remove(m->host.cgroups, NULL);
        if (m->options->mode != MODE_SERVICE && m->lock_fd >= 0)
                leftovers_remove_folder(m->runtime_fd, m->runtime_dir);
        cgroup_tree_free(m->host.cgroups);
        for (size_t n = 0; n < m->ring.n; n++)
                json_decref(m->ring.items[n]);
        free(m->ring.items);
        sd_event_source_disable_unref(m->pump);
        sd_event_source_disable_unref(m->keeper_retry);
        sd_event_source_disable_unref(m->status_timer);
        sd_event_source_disable_unref(m->reconcile_timer);
        sd_event_source_disable_unref(m->watch_source);
        sd_event_source_disable_unref(m->trash_source);
        sd_event_source_disable_unref(m->lifeline_source);
        reporter_done(&m->reporter);
        sd_event_unref(m->event);
        if (m->host.borrowed_lock >= 0)
                uids_return(m->host.uids_fd, m->host.borrowed_ids, m->host.borrowed_lock);
        close_fd(m->host.state_fd);
        close_fd(m->host.uids_fd);
        close_fd(m->runtime_fd);
        close_fd(m->lock_fd);
        close_fd(m->cgroup_lock_fd);
        free(m->host.uids_taken);
        rights_done(m);
        act_filters_done(&m->host.filters);
        act_device_filters_done(&m->host.device_filters);
        free(m->keeper_program);
        free(m->logger_program);
        free(m->client_program);
        settings_free(m->reloaded);
        free(m->socket_path);
        free(m);
        return NULL;
}

int manager_loop(struct manager *m) {
        for (unsigned failures = 0; !m->over;) {
                int r = sd_event_run(m->event, UINT64_MAX);

                /* One of its timers or signals could not be read; the next round asks again. */
                failures = r < 0 ? failures + 1 : 0;
                if (failures == LOOP_FAILURES)
                        return r;
        }
        logger_link_close(m);
        watch_done(m);
        exec_done(m, "the supervisor ends");
        member_reload_done(m);
        inside_done(m);
        /* Answers on their way are waited for, a client that does not read is not. */
        uint64_t until = manager_now(m).mono_usec + FLUSH_USEC;
        while (m->control && !control_server_is_idle(m->control) && manager_now(m).mono_usec < until) {
                int r = sd_event_run(m->event, 50 * USEC_PER_MSEC);

                if (r < 0)
                        return r;
        }
        return m->exit_code;
}
