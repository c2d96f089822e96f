#include "watch.h"

#include "logsource.h"
#include "terminal.h"

#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#define TICK_USEC UINT64_C(100000)

uint64_t watch_now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void measure(struct watch *w) {
        w->style.columns = terminal_columns(STDERR_FILENO);
        w->style.rows = terminal_rows(STDERR_FILENO);
}

int watch_init(struct watch *w, const struct cli *c, struct err *err) {
        sigset_t ours;

        *w = (struct watch){
                .cli = c,
                .mode = terminal_progress(c->progress, c->quiet, c->err_tty, getenv("TERM")),
                .progress = PROGRESS_NULL,
                .style = { .unicode = c->unicode, .color = c->color_err },
                .signal_fd = -EBADF,
        };
        measure(w);
        (void)sigemptyset(&ours);
        (void)sigaddset(&ours, SIGINT);
        (void)sigaddset(&ours, SIGTERM);
        (void)sigaddset(&ours, SIGHUP);
        (void)sigaddset(&ours, SIGWINCH);
        (void)sigprocmask(SIG_BLOCK, &ours, &w->before);
        w->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
        return w->signal_fd < 0 ? err_sys(err, errno, "wait for signals") : 0;
}

void watch_done(struct watch *w) {
        progress_done(&w->progress);
        w->signal_fd = close_fd(w->signal_fd);
        (void)sigprocmask(SIG_SETMASK, &w->before, NULL);
}

void watch_draw(struct watch *w) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (w->mode != PROGRESS_TTY || w->progress.n == 0)
                return;
        progress_draw(&w->progress, &w->style, watch_now(), &text);
        cli_note(&text);
        w->drawn = true;
}

static void erase(struct watch *w) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (!w->drawn)
                return;
        progress_erase(&w->progress, &text);
        cli_note(&text);
        w->drawn = false;
}

void watch_note(struct watch *w, const struct buf *text) {
        bool drawn = w->drawn;

        erase(w);
        cli_note(text);
        if (drawn)
                watch_draw(w);
}

int watch_print(struct watch *w, const struct buf *text) {
        bool drawn = w->drawn;

        erase(w);
        int code = cli_print(w->cli, text);
        if (drawn)
                watch_draw(w);
        return code;
}

void watch_transition(struct watch *w, const json_t *transition) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (!progress_take(&w->progress, transition, watch_now()))
                return;
        if (w->mode == PROGRESS_TTY)
                watch_draw(w);
        else if (w->mode == PROGRESS_PLAIN)
                progress_plain(transition, &text);
        else if (w->mode == PROGRESS_JSON)
                progress_json(transition, &text);
        cli_note(&text);
}

/* The signal that came, 0: none but a new size. */
static int read_signal(struct watch *w) {
        struct signalfd_siginfo info;

        while (read(w->signal_fd, &info, sizeof(info)) == sizeof(info)) {
                if (info.ssi_signo != SIGWINCH)
                        return (int)info.ssi_signo;
                /* The lines on the screen may be broken anew now: what is drawn over is not ours any more. */
                measure(w);
                w->progress.lines = 0;
                watch_draw(w);
        }
        return 0;
}

int watch_wait(struct watch *w, struct pollfd *fds, size_t n, uint64_t timeout_usec) {
        struct pollfd all[8];
        uint64_t start = watch_now();
        bool moves = w->mode == PROGRESS_TTY && progress_moves(&w->progress);

        if (n + 1 > ARRAY_SIZE(all))
                n = ARRAY_SIZE(all) - 1;
        for (;;) {
                uint64_t passed = watch_now() - start, rest = timeout_usec == UINT64_MAX ? UINT64_MAX
                                                              : timeout_usec > passed    ? timeout_usec - passed
                                                                                         : 0;
                uint64_t wait = moves && rest > TICK_USEC ? TICK_USEC : rest;

                memcpy(all, fds, n * sizeof(*fds));
                all[n] = (struct pollfd){ .fd = w->signal_fd, .events = POLLIN };
                int r = poll(all, n + 1, wait == UINT64_MAX ? -1 : wait > 60000000 ? 60000 : (int)((wait + 999) / 1000));
                if (r < 0 && errno != EINTR)
                        return -ETIMEDOUT; /* EINVAL, ENOMEM: whoever waits gives up in words */
                if (r <= 0) {
                        if (rest == 0)
                                return -ETIMEDOUT;
                        if (moves)
                                watch_draw(w);
                        continue;
                }
                if (all[n].revents) {
                        int signal = read_signal(w);
                        if (signal > 0)
                                return signal;
                        if (r == 1)
                                continue;
                }
                memcpy(fds, all, n * sizeof(*fds));
                return 0;
        }
}

/* Ends as the signal would have ended us, so that a shell's loop ends too. */
static int end_by(struct watch *w, int sig, const char *goes_on) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (goes_on && !w->cli->quiet) {
                /* The terminal wrote ^C where the cursor is. */
                buf_printf(&text, "%sctrsup: %s\n", w->drawn ? "\r\033[K" : "\n", goes_on);
                cli_note(&text);
        }
        watch_done(w);
        (void)signal(sig, SIG_DFL);
        (void)raise(sig);
        return EXIT_SIGNAL + sig;
}

/* One reply: EXIT_OK to go on, with *done when it was the last; else an exit code. */
static int take_reply(struct watch *w, const struct watch_work *work, const struct control_answer *a, bool *done, json_t **ret) {
        const json_t *transition = json_object_get(a->parameters, "transition"),
                     *result = json_object_get(a->parameters, "result");
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (a->error)
                return daemon_fail(w->cli, a);
        *done = !a->continues;
        if (json_is_object(transition))
                watch_transition(w, transition);
        else if (!json_is_object(result) && work->take)
                return work->take(work->userdata, w, a->parameters);
        if (!json_is_object(result))
                return EXIT_OK;
        logsource_fill_failures(json_object_get(a->parameters, "result"));
        if (ret)
                *ret = json_incref(json_object_get(a->parameters, "result"));
        if (w->mode != PROGRESS_NONE && w->mode != PROGRESS_JSON) {
                progress_result(result, work->asked, &w->style, &text);
                cli_note(&text);
        } else if (progress_exit_code(result) != EXIT_OK) {
                progress_result(result, work->asked, &(struct progress_style){ .columns = 80 }, &text);
                cli_note(&text); /* a failure is told even when nothing else is */
        }
        return progress_exit_code(result);
}

int watch_until_done(struct watch *w, struct control_client *client, const struct watch_work *work, json_t **ret) {
        for (;;) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
                struct err err = { 0 };
                bool done = false;
                int r = control_client_receive(client, &answer, &err);

                if (r < 0)
                        return daemon_lost(w->cli, r, &err);
                if (r > 0) {
                        int code = take_reply(w, work, &answer, &done, ret);

                        if (code != EXIT_OK || done)
                                return code;
                        continue;
                }
                struct pollfd p = { .fd = control_client_fd(client), .events = control_client_events(client) };
                r = watch_wait(w, &p, 1, UINT64_MAX);
                if (r > 0)
                        return end_by(w, r, work->goes_on);
        }
}

int watch_call(struct cli *c, struct control_client *client, const char *method, json_t *parameters, const char *asked) {
        _cleanup_watch_ struct watch w = { .signal_fd = -EBADF };
        struct err err = { 0 };

        if (watch_init(&w, c, &err) < 0) {
                json_decref(parameters);
                return cli_fail(c, EXIT_KERNEL, &err);
        }
        int code = daemon_send(c, client, method, parameters);
        return code ? code
                    : watch_until_done(&w, client,
                                       &(struct watch_work){ .asked = asked, .goes_on = "stopped watching; the work goes on" },
                                       NULL);
}
