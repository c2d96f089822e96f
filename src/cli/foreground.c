#include "foreground.h"

#include "lines.h"
#include "logsource.h"
#include "programs.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define READY_USEC UINT64_C(30000000)

struct session {
        struct cli *cli;
        const struct foreground *args;
        struct watch watch;
        struct lines lines;
        pid_t pid; /* of the supervisor; 0: reaped */
        int lifeline;
        struct control_client *work, *output, *stop;
        bool applied; /* the Apply has its result; `work` follows the events now */
        bool kept;    /* the events from before we asked are through */
        bool ending, killed;
        int code; /* what we exit with when all is over */
};

static int start_supervisor(struct session *s, struct err *err) {
        _cleanup_free_ char *program = NULL, *runtime = NULL;
        char number[16];
        int pair[2];

        int r = programs_find_daemon(&program, err);
        if (r < 0)
                return r;
        if (asprintf(&runtime, "%s/%s", FOREGROUND_DIR, s->args->stack) < 0)
                return err_oom(err);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return err_sys(err, errno, "make the lifeline");
        (void)snprintf(number, sizeof(number), "%d", pair[1]);
        pid_t pid = fork();
        if (pid < 0) {
                int code = errno;

                (void)close_fd(pair[0]);
                (void)close_fd(pair[1]);
                return err_sys(err, code, "start the supervisor");
        }
        if (pid == 0) {
                int null = open("/dev/null", O_RDWR | O_CLOEXEC);

                (void)setsid();
                (void)sigprocmask(SIG_SETMASK, &s->watch.before, NULL);
                (void)fcntl(pair[1], F_SETFD, 0);
                (void)dup2(null, STDIN_FILENO);
                (void)dup2(null, STDOUT_FILENO);
                (void)execl(program, "ctrsupd", "--foreground", "--runtime", runtime, "--lifeline", number, NULL);
                struct err failed = { 0 };
                err_sys(&failed, errno, "start %s", program);
                (void)send(pair[1], failed.text, strlen(failed.text) + 1, MSG_NOSIGNAL);
                _exit(EXIT_KERNEL);
        }
        (void)close_fd(pair[1]);
        s->lifeline = pair[0];
        s->pid = pid;
        return 0;
}

/* 0 it serves; else an exit code with the words printed. */
static int wait_ready(struct session *s) {
        struct pollfd p = { .fd = s->lifeline, .events = POLLIN };
        struct err err = { 0 };
        char words[ERR_TEXT_MAX];

        int r = watch_wait(&s->watch, &p, 1, READY_USEC);
        if (r > 0)
                return EXIT_SIGNAL + r;
        if (r < 0) {
                err_set(&err, ETIMEDOUT, "the supervisor did not get ready in 30s");
                return cli_fail(s->cli, EXIT_TRY_AGAIN, &err);
        }
        ssize_t n = recv(s->lifeline, words, sizeof(words) - 1, 0);
        if (n <= 0) {
                err_set(&err, ECHILD, "the supervisor ended before it served");
                return cli_fail(s->cli, EXIT_BUG, &err);
        }
        words[n] = '\0';
        if (strncmp(words, "ready", 5) == 0)
                return 0;
        err_set(&err, ECHILD, "%s", words);
        return cli_fail(s->cli, EXIT_KERNEL, &err);
}

static int call(struct session *s, struct control_client **client, const char *method, json_t *parameters) {
        _cleanup_free_ char *path = daemon_foreground_socket(s->args->stack);
        struct err err = { 0 };

        if (!path || !parameters || control_client_connect(path, client, &err) < 0) {
                json_decref(parameters);
                return path && err.code ? cli_fail(s->cli, EXIT_UNAVAILABLE, &err) : cli_oom(s->cli);
        }
        return daemon_send(s->cli, *client, method, parameters);
}

static int begin(struct session *s) {
        /* The lines first: none is to be missed. */
        int code = call(s, &s->output, CONTROL_METHOD("Attach"), json_object());

        if (code)
                return code;
        return call(s, &s->work, CONTROL_METHOD("Apply"),
                    json_pack("{s:O, s:b, s:o}", "document", s->args->document, "prune", s->args->prune, "timeout",
                              daemon_timeout(s->cli)));
}

static void take_output(struct session *s) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        struct err err = { 0 };
        int r = 0;

        for (int i = 0; s->output && i < 256; i++) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;

                r = control_client_receive(s->output, &answer, &err);
                if (r == 0)
                        break;
                if (r > 0 && !answer.error)
                        lines_put(&s->lines, json_object_get(answer.parameters, "line"), &text);
                if (r < 0 || answer.error || !answer.continues)
                        s->output = control_client_free(s->output);
        }
        if (text.len > 0)
                (void)watch_print(&s->watch, &text);
}

/* From the start on the picture is not redrawn any more: what comes now are lines, and a transition is one of them. */
static int finish_apply(struct session *s, json_t *result) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        logsource_fill_failures(result);
        progress_result(result, "ready", &s->watch.style, &text);
        if (s->watch.mode != PROGRESS_NONE || progress_exit_code(result) != EXIT_OK)
                cli_note(&text);
        if (s->watch.mode == PROGRESS_TTY) {
                s->watch.mode = PROGRESS_PLAIN;
                s->watch.drawn = false;
                s->watch.progress.lines = 0;
        }
        s->applied = true;
        s->code = progress_exit_code(result); /* what we exit with when it is stopped, unless it ends otherwise by itself */
        return daemon_send(s->cli, s->work, CONTROL_METHOD("Events"), json_pack("{s:b}", "follow", 1));
}

/* EXIT_OK to go on. */
static int take_work_reply(struct session *s, const struct control_answer *a) {
        const json_t *transition = json_object_get(a->parameters, "transition"), *event = json_object_get(a->parameters, "event");
        json_t *result = json_object_get(a->parameters, "result");

        if (a->error) /* what still waits when the supervisor ends is answered with an error: no news to us */
                return s->ending ? EXIT_OK : daemon_fail(s->cli, a);
        if (s->applied) {
                if (!json_is_object(event))
                        s->kept = true;
                else if (s->kept)
                        watch_transition(&s->watch, event);
                else
                        (void)progress_take(&s->watch.progress, event, watch_now());
                return EXIT_OK;
        }
        if (json_is_object(transition))
                watch_transition(&s->watch, transition);
        else if (!json_is_object(result))
                return s->args->plan(s->args->userdata, &s->watch, a->parameters);
        return json_is_object(result) ? finish_apply(s, result) : EXIT_OK;
}

static int take_work(struct session *s) {
        for (;;) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
                struct err err = { 0 };
                int r = control_client_receive(s->work, &answer, &err);

                if (r == 0)
                        return EXIT_OK;
                if (r < 0) {
                        s->work = control_client_free(s->work);
                        if (s->ending)
                                return EXIT_OK;
                        s->lifeline = close_fd(s->lifeline); /* it has ended, which reap() tells, or is to end */
                        return r == -EPIPE ? EXIT_OK : daemon_lost(s->cli, r, &err);
                }
                int code = take_work_reply(s, &answer);
                if (code != EXIT_OK)
                        return code;
        }
}

/* Stops everything in order, or at once. The transitions come from the events that `work` follows, or, before it does, from here. */
static void stop(struct session *s, bool force) {
        s->ending = true;
        s->killed |= force;
        s->stop = control_client_free(s->stop);
        if (call(s, &s->stop, CONTROL_METHOD("Shutdown"), json_pack("{s:b}", "force", force)) != EXIT_OK) {
                s->stop = control_client_free(s->stop);
                s->lifeline = close_fd(s->lifeline); /* it stops then by itself */
        }
}

static void take_stop(struct session *s) {
        for (;;) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
                int r = s->stop ? control_client_receive(s->stop, &answer, NULL) : 0;

                if (r == 0)
                        return;
                if (r > 0 && answer.error)
                        (void)daemon_fail(s->cli, &answer);
                else if (r > 0 && !s->work && json_is_object(json_object_get(answer.parameters, "transition")))
                        watch_transition(&s->watch, json_object_get(answer.parameters, "transition"));
                if (r > 0 && answer.error)
                        s->lifeline = close_fd(s->lifeline);
                if (r < 0 || answer.error || !answer.continues)
                        s->stop = control_client_free(s->stop);
        }
}

static void on_signal(struct session *s, int sig) {
        if (s->killed)
                return;
        if (s->ending) {
                cli_say(s->cli, "killing %s", s->args->stack);
                s->code = EXIT_SIGNAL + sig;
                stop(s, true);
                return;
        }
        /* ^C stands on the terminal's line */
        cli_say(s->cli, "stopping %s; press Ctrl-C again to kill it", s->args->stack);
        if (!s->applied)
                s->code = EXIT_SIGNAL + sig; /* it was not to stay */
        stop(s, false);
}

/* A job with a schedule runs again. */
static bool has_schedule(const json_t *document) {
        const char *name;
        json_t *container;

        json_object_foreach (json_object_get(json_object_get(document, "stack"), "containers"), name, container)
                if (json_is_object(json_object_get(container, "schedule")))
                        return true;
        return false;
}

static void consider_end(struct session *s) {
        bool failed;

        if (!s->ending && s->applied && !has_schedule(s->args->document) && progress_is_over(&s->watch.progress, &failed)) {
                s->code = failed ? EXIT_NEGATIVE : EXIT_OK;
                stop(s, false);
        }
}

static size_t add_client(struct pollfd *fds, size_t n, const struct control_client *c) {
        if (c)
                fds[n++] = (struct pollfd){ .fd = control_client_fd(c), .events = control_client_events(c) };
        return n;
}

/* Until the supervisor closes its end of the lifeline. */
static void serve(struct session *s) {
        for (;;) {
                struct pollfd fds[4];
                size_t n = 0;

                take_output(s);
                if (s->work) {
                        int code = take_work(s);

                        if (code != EXIT_OK && !s->ending) {
                                s->code = code;
                                stop(s, false);
                        }
                }
                take_stop(s);
                consider_end(s);
                if (s->lifeline < 0)
                        return;
                fds[n++] = (struct pollfd){ .fd = s->lifeline, .events = POLLIN };
                n = add_client(fds, n, s->output);
                n = add_client(fds, n, s->work);
                n = add_client(fds, n, s->stop);
                int r = watch_wait(&s->watch, fds, n, UINT64_MAX);
                if (r > 0)
                        on_signal(s, r);
                if (r == 0 && fds[0].revents) {
                        char words[ERR_TEXT_MAX];
                        ssize_t got = recv(s->lifeline, words, sizeof(words), MSG_DONTWAIT);

                        if (got == 0 || (got < 0 && errno != EAGAIN))
                                return;
                }
        }
}

/* What it said before it went is still in the sockets: the last lines, the last transitions. A supervisor that ended otherwise
 * than asked is a bug. */
static int reap(struct session *s) {
        struct err err = { 0 };
        int status = 0;

        take_output(s);
        if (s->work)
                (void)take_work(s);
        take_stop(s);
        s->lifeline = close_fd(s->lifeline);
        if (s->pid == 0)
                return s->code;
        while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (s->ending && WIFEXITED(status))
                return s->code;
        if (WIFSIGNALED(status))
                err_set(&err, ECHILD, "the supervisor was killed by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        else
                err_set(&err, ECHILD, "the supervisor ended by itself with status %d", WEXITSTATUS(status));
        return s->code ? s->code : cli_fail(s->cli, EXIT_BUG, &err);
}

int foreground_apply(struct cli *c, const struct foreground *f) {
        struct session s = { .cli = c, .args = f, .lifeline = -EBADF, .lines = { .color = c->color_out } };
        struct err err = { 0 };

        if (geteuid() != 0) {
                err_set(&err, EPERM, "no daemon answers at %s, and only root can supervise %s in the foreground", c->socket,
                        f->stack);
                err_hint(&err, "start it (systemctl start ctrsup), or run this as root");
                return cli_fail(c, EXIT_NO_PERMISSION, &err);
        }
        if (watch_init(&s.watch, c, &err) < 0)
                return cli_fail(c, EXIT_KERNEL, &err);
        if (start_supervisor(&s, &err) < 0) {
                s.code = cli_fail(c, EXIT_KERNEL, &err);
        } else {
                s.code = wait_ready(&s);
                if (s.code == EXIT_OK)
                        s.code = begin(&s);
                if (s.code == EXIT_OK) {
                        serve(&s);
                } else {
                        s.ending = true;
                        s.lifeline = close_fd(s.lifeline);
                }
                s.code = reap(&s);
        }
        s.work = control_client_free(s.work);
        s.output = control_client_free(s.output);
        s.stop = control_client_free(s.stop);
        watch_done(&s.watch);
        return s.code;
}
