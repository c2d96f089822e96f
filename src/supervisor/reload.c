#include "reload.h"
#include "apply.h"
#include "config.h"
#include "defer.h"
#include "policy.h"
#include "rights.h"
#include "watch.h"

#include <ctrsup/spec/load.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

struct report_event reload_complaint(const struct config_complaints *c, char words[ERR_TEXT_MAX]) {
        int n = snprintf(words, ERR_TEXT_MAX, "%s:%u: %s", c->file, c->line, c->words);

        if (c->n > 1 && n > 0 && n < ERR_TEXT_MAX)
                (void)snprintf(words + n, (size_t)(ERR_TEXT_MAX - n), "; and %zu more", c->n - 1);
        return (struct report_event){
                .kind = REPORT_CONFIG_INVALID, .message = words, .file = c->file, .line = c->line, .error = EINVAL
        };
}

/* --- the settings --- */

/* NULL with the complaints in c, or with err. Reported. */
static struct settings *read_settings(struct manager *m, struct config_complaints *c, struct err *err) {
        struct settings *new = NULL;
        char words[ERR_TEXT_MAX];

        int r = config_load(m->options->config, &new, c, err);
        if (r < 0 && c->n > 0) {
                struct report_event e = reload_complaint(c, words);

                manager_report(m, &e);
        } else if (r < 0) {
                struct report_event e = { .kind = REPORT_CONFIG_INVALID, .message = err->text, .error = err->code };

                manager_report(m, &e);
        }
        return r < 0 ? NULL : new;
}

/* What can change while we run does; nothing here can fail in a way that leaves half of it. */
static int take_settings(struct manager *m, struct settings *new, const struct control_call *asking, json_t *need_restart, struct err *err) {
        const struct settings *old = m->reloaded ? m->reloaded : m->settings;
        _cleanup_buf_ struct buf text = BUF_NULL;

        settings_need_restart(old, new, &text);
        if (buf_failed(&text) || settings_keep_fixed(new, old) < 0)
                return err_oom(err);
        m->settings = new;
        int r = rights_load(m, err);
        if (r < 0) {
                m->settings = (struct settings *)(uintptr_t)old;
                return r;
        }
        policy_tell(m, old);
        settings_free(m->reloaded); /* the first ones are main()'s */
        m->reloaded = new;
        manager_aim_reporter(m);
        rights_take(m, asking);
        control_server_set_max_clients(m->control, new->control.max_clients);
        (void)sd_event_source_set_time_relative(m->reconcile_timer, new->reconcile.interval_usec);
        for (char *at = (char *)(uintptr_t)buf_text(&text), *line; (line = strsep(&at, "\n"));)
                if (*line)
                        (void)json_array_append_new(need_restart, json_string(line));
        return 0;
}

static void begin(struct manager *m) {
        char text[96];
        struct timespec now;

        if (m->options->mode != MODE_SERVICE)
                return;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        (void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                       (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000);
        notify_send(text);
}

static void end(struct manager *m) {
        if (m->announced)
                notify_send("READY=1");
}

void reload_on_signal(struct manager *m) {
        _cleanup_complaints_ struct config_complaints c = { 0 };
        _cleanup_(json_decrefp) json_t *need_restart = json_array();
        struct err err = { 0 };

        begin(m);
        struct settings *new = read_settings(m, &c, &err);
        if (new && take_settings(m, new, NULL, need_restart, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text, .error = err.code };

                manager_report(m, &e);
                settings_free(new);
        } else if (new) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 5, .message = "the settings were read again" };
                struct report_event restart = { .kind = REPORT_NOTICE, .priority = 4 };
                char words[ERR_TEXT_MAX];
                size_t n;
                json_t *name;

                manager_report(m, &e);
                json_array_foreach (need_restart, n, name) {
                        (void)snprintf(words, sizeof(words), "%s needs a restart to change", json_string_value(name));
                        restart.message = words;
                        manager_report(m, &restart);
                }
        }
        end(m);
}

/* --- the method --- */

struct reload {
        struct manager *m;
        const struct control_peer *peer;
        json_t *documents;
        bool keep_going;
        json_t *need_restart, *applied, *unchanged, *without_file, *diagnostics, *failures;
};

static void reload_free(struct reload *r) {
        json_decref(r->need_restart);
        json_decref(r->applied);
        json_decref(r->unchanged);
        json_decref(r->without_file);
        json_decref(r->diagnostics);
        json_decref(r->failures);
}

static const char *name_of(const json_t *document) {
        const char *name = json_string_value(json_object_get(json_object_get(document, "stack"), "name"));

        return name ? name : "?";
}

static void add_failure(struct reload *r, const char *name, const struct err *err) {
        (void)json_array_append_new(r->failures, json_pack("{s:s, s:s, s:i, s:s, s:o, s:[]}", "stack", name, "container", "",
                                                           "replica", 0, "message", err->text, "hint",
                                                           err->hint[0] ? json_string(err->hint) : json_null(), "lines"));
}

static json_t *containers_of(const json_t *document) {
        return json_object_get(json_object_get(document, "stack"), "containers");
}

/* What the other documents add to the containers there are: the policy counts them together. */
static size_t count_instances(const json_t *containers) {
        const char *name;
        json_t *c;
        size_t sum = 0;

        json_object_foreach ((json_t *)(uintptr_t)containers, name, c) {
                const json_t *replicas = json_object_get(c, "replicas");

                sum += json_is_integer(replicas) ? (size_t)json_integer_value(replicas) : 1;
        }
        return sum;
}

static size_t count_others(const struct reload *r, const json_t *document) {
        size_t sum = 0, n;
        json_t *d;

        json_array_foreach (r->documents, n, d) {
                const struct stack_entry *s = manager_find_stack(r->m, name_of(d));
                size_t now = s ? s->n_members : 0, then = count_instances(containers_of(d));

                if (d != document && then > now)
                        sum += then - now;
        }
        return sum;
}

/* One document. 1: it declares what is applied; 0: applied, or could be; -errno: diagnostics or failures say why. */
static int apply_one(struct reload *r, const json_t *document, bool dry_run) {
        struct plan *plan = NULL;
        struct diag_list diags;
        struct err err = { 0 };
        struct apply a = { .document = document,
                           .dry_run = dry_run,
                           .only_changed = true,
                           .n_others = dry_run ? count_others(r, document) : 0,
                           .uid = r->peer->uid,
                           .pid = r->peer->pid };

        if (diag_list_init(&diags, "stack") < 0)
                return -ENOMEM;
        int e = stack_apply(r->m, &a, &diags, &plan, &err);
        if (e < 0) {
                stack_report_refused(r->m, &a, &diags, &err);
                json_t *list = diag_errors(&diags) > 0 ? diag_list_json(&diags) : NULL;

                if (list)
                        (void)json_array_extend(r->diagnostics, list);
                else
                        add_failure(r, name_of(document), &err);
                json_decref(list);
        }
        diag_list_done(&diags);
        bool same = e >= 0 && !plan;
        plan_free(plan);
        return e < 0 ? e : same;
}

/* Two files of one stack would replace each other's containers at every reload: neither is taken. */
static bool refuse_twins(struct reload *r) {
        bool any = false;

        for (size_t n = json_array_size(r->documents); n-- > 0;) {
                const char *name = name_of(json_array_get(r->documents, n));
                struct err err = { 0 };
                bool twin = false;

                for (size_t k = n; k-- > 0;)
                        if (strcmp(name_of(json_array_get(r->documents, k)), name) == 0) {
                                twin = true;
                                (void)json_array_remove(r->documents, k);
                                n--;
                        }
                if (!twin)
                        continue;
                (void)err_set(&err, EEXIST, "two files of stacks.d declare stack %s", name);
                (void)err_hint(&err, "give one of them another name, or take it away");
                struct report_event e = {
                        .kind = REPORT_STACK_APPLY_FAILED, .stack = name, .message = err.text, .hint = err.hint, .error = err.code
                };
                manager_report(r->m, &e);
                add_failure(r, name, &err);
                (void)json_array_remove(r->documents, n);
                any = true;
        }
        return any;
}

/* true: all is right. Those that are not are taken out of what is to be applied. */
static bool check_all(struct reload *r) {
        bool all = !refuse_twins(r);

        for (size_t n = json_array_size(r->documents); n-- > 0;)
                if (apply_one(r, json_array_get(r->documents, n), true) < 0) {
                        all = false;
                        (void)json_array_remove(r->documents, n);
                }
        return all;
}

static void apply_all(struct reload *r) {
        size_t n;
        json_t *d;

        json_array_foreach (r->documents, n, d) {
                int e = apply_one(r, d, false);

                if (e >= 0)
                        (void)json_array_append_new(e > 0 ? r->unchanged : r->applied, json_string(name_of(d)));
        }
}

/* Stacks that came from stacks.d and whose file is gone are left alone: removing one takes a word. */
static void find_without_file(struct reload *r) {
        const struct manager *m = r->m;
        size_t len = strlen(m->settings->paths.stacks);

        for (size_t s = 0; s < m->n_stacks; s++) {
                const char *file = m->stacks[s]->generation ? m->stacks[s]->generation->spec->file : NULL;

                if (file && strncmp(file, m->settings->paths.stacks, len) == 0 && file[len] == '/' && access(file, F_OK) < 0 &&
                    errno == ENOENT)
                        (void)json_array_append_new(r->without_file, json_string(m->stacks[s]->name));
        }
}

static int answer(struct reload *r, struct control_call *call, uint64_t timeout_usec) {
        bool more = control_call_more(call);

        int e = control_reply(call,
                              json_pack("{s:{s:O, s:O, s:O, s:O, s:O, s:O}}", "reload", "need_restart", r->need_restart,
                                        "applied", r->applied, "unchanged", r->unchanged, "without_file", r->without_file,
                                        "diagnostics", r->diagnostics, "failures", r->failures),
                              more);
        if (e < 0 || !more)
                return e;
        return watch_goal(r->m, call,
                          &(struct wait_for){ .goal = GOAL_UP,
                                              .targets = r->applied,
                                              .plans = true,
                                              .failures = r->failures,
                                              .settle = true,
                                              .timeout_usec = timeout_usec });
}

static int run(struct reload *r, struct control_call *call, uint64_t timeout_usec) {
        _cleanup_complaints_ struct config_complaints c = { 0 };
        struct manager *m = r->m;
        struct settings *old = m->settings, *new = NULL;
        struct err err = { 0 };

        if (!r->keep_going) {
                new = read_settings(m, &c, &err);
                if (!new && c.n > 0)
                        return control_error(call, "InvalidConfig", json_pack("{s:O?}", "diagnostics", c.list));
                if (!new)
                        return control_fail(call, &err);
                m->settings = new; /* the stacks are held against its policy */
        }
        bool right = check_all(r);
        m->settings = old;
        if (!right && !r->keep_going) {
                settings_free(new);
                if (json_array_size(r->diagnostics) > 0)
                        return control_error(call, "InvalidDocument", json_pack("{s:O}", "diagnostics", r->diagnostics));
                (void)err_set(&err, EIO, "%s", json_string_value(json_object_get(json_array_get(r->failures, 0), "message")));
                return control_fail(call, &err);
        }
        if (new && take_settings(m, new, call, r->need_restart, &err) < 0) {
                settings_free(new);
                return control_fail(call, &err);
        }
        apply_all(r);
        find_without_file(r);
        return answer(r, call, timeout_usec);
}

static bool are_objects(const json_t *array) {
        size_t n;
        json_t *v;

        json_array_foreach (array, n, v)
                if (!json_is_object(v))
                        return false;
        return true;
}

int reload_method(struct control_call *call, json_t *parameters, void *manager) {
        struct manager *m = manager;
        const json_t *documents = json_object_get(parameters, "documents"), *timeout = json_object_get(parameters, "timeout");
        double seconds = json_number_value(timeout);

        if (defer_call(m, call, parameters, reload_method))
                return 0;
        if (documents && !json_is_null(documents) && (!json_is_array(documents) || !are_objects(documents)))
                return control_invalid_parameter(call, "documents");
        if (m->options->mode != MODE_SERVICE)
                return control_error(call, "Unsupported",
                                     json_pack("{s:s}", "message", "a foreground supervisor has nothing to reload"));
        if (m->ending || m->quiesced)
                return control_error(call, "Busy",
                                     json_pack("{s:s}", "message",
                                               "all stacks are stopped, for a shutdown or until ctrsup daemon start-stacks"));
        struct reload r = {
                .m = m,
                .peer = control_call_peer(call),
                .documents = json_is_array(documents) ? json_copy((json_t *)(uintptr_t)documents) : json_array(),
                .keep_going = json_is_true(json_object_get(parameters, "keep_going")),
                .need_restart = json_array(),
                .applied = json_array(),
                .unchanged = json_array(),
                .without_file = json_array(),
                .diagnostics = json_array(),
                .failures = json_array(),
        };
        begin(m);
        int e = r.documents && r.need_restart && r.applied && r.unchanged && r.without_file && r.diagnostics && r.failures
                        ? run(&r, call, seconds > 0 && seconds < 1e9 ? (uint64_t)(seconds * (double)USEC_PER_SEC) : USEC_INFINITY)
                        : -ENOMEM;
        end(m);
        json_decref(r.documents);
        reload_free(&r);
        return e;
}

/* --- stacks.d at the start --- */

static int is_stack_file(const struct dirent *d) {
        size_t n = strlen(d->d_name);

        return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

static bool has_stack_files(const char *folder) {
        struct dirent **list = NULL;
        int n = scandir(folder, &list, is_stack_file, NULL);

        for (int i = 0; i < n; i++)
                free(list[i]);
        free(list);
        return n > 0;
}

static int on_client_exit(sd_event_source *source _unused_, int fd, uint32_t revents _unused_, void *userdata) {
        struct manager *m = userdata;
        struct report_event e = { .kind = REPORT_NOTICE,
                                  .priority = 4,
                                  .message = "not all of stacks.d could be applied; its lines above say why" };
        siginfo_t info = { 0 };

        if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
                return 0;
        m->reload_child = sd_event_source_disable_unref(m->reload_child);
        m->reload_pidfd = close_fd(m->reload_pidfd);
        if (info.si_code != CLD_EXITED || info.si_status != 0)
                manager_report(m, &e);
        return 0;
}

/* YAML is the client's: it is parsed in a process that holds nothing. */
static int spawn_client(struct manager *m) {
        const char *socket = m->socket_path ? m->socket_path : m->settings->control.socket;
        char *argv[] = { m->client_program,
                         (char *)(uintptr_t) "daemon",
                         (char *)(uintptr_t) "reload",
                         (char *)(uintptr_t) "--keep-going",
                         (char *)(uintptr_t) "--host",
                         (char *)(uintptr_t)socket,
                         NULL };
        posix_spawnattr_t attr;
        sigset_t none, pipe;
        pid_t pid;

        (void)sigemptyset(&none);
        (void)sigemptyset(&pipe);
        (void)sigaddset(&pipe, SIGPIPE);
        int r = posix_spawnattr_init(&attr);
        if (r == 0) {
                (void)posix_spawnattr_setsigmask(&attr, &none);
                (void)posix_spawnattr_setsigdefault(&attr, &pipe);
                (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
                r = posix_spawn(&pid, m->client_program, NULL, &attr, argv, environ);
                (void)posix_spawnattr_destroy(&attr);
        }
        if (r != 0)
                return -r;
        m->reload_pidfd = pidfd_open(pid, 0); /* ours and not waited for: it is still that one */
        r = m->reload_pidfd < 0 ? -errno
                                : sd_event_add_io(m->event, &m->reload_child, m->reload_pidfd, EPOLLIN, on_client_exit, m);
        if (r < 0) { /* it goes: nobody would hear of its end */
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
                m->reload_pidfd = close_fd(m->reload_pidfd);
        }
        return r;
}

void reload_stacks_d(struct manager *m) {
        if (m->options->mode != MODE_SERVICE || m->quiesced || m->reload_pidfd >= 0 ||
            !has_stack_files(m->settings->paths.stacks))
                return;
        int r = spawn_client(m);
        if (r < 0) {
                struct report_event e = { .kind = REPORT_NOTICE,
                                          .priority = 3,
                                          .error = -r,
                                          .message = "stacks.d was not applied: its client could not be started" };

                manager_report(m, &e);
        }
}

void reload_done(struct manager *m) {
        if (m->reload_pidfd >= 0)
                (void)pidfd_send_signal(m->reload_pidfd, SIGTERM, NULL, 0);
        m->reload_child = sd_event_source_disable_unref(m->reload_child);
        m->reload_pidfd = close_fd(m->reload_pidfd);
}
