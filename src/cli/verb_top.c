/* top: what containers use, sampled again and again; on a terminal drawn over, else one table or line of JSON after the other. */
#include "daemon.h"
#include "progress.h"
#include "table.h"
#include "target.h"
#include "terminal.h"
#include "topview.h"
#include "verbs.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

enum { DELAY = 1, BATCH, COUNT };

const struct args_option top_options[] = {
        { DELAY, 'd', "delay", "TIME", "between two looks, 2s by default" },
        { BATCH, 'b', "batch", NULL, "a table after the other, as on a pipe" },
        { COUNT, 'n', "count", "N", "so many times, then end" },
        { 0 },
};

#define DELAY_USEC (2 * USEC_PER_SEC)
#define DELAY_MIN_USEC (100 * USEC_PER_MSEC)
#define FIRST_USEC (500 * USEC_PER_MSEC) /* rates need two looks: nobody waits longer for the first picture */

struct top {
        struct cli *cli;
        json_t *targets; /* NULL: all */
        json_t *sample, *earlier;
        uint64_t delay_usec, count; /* count 0: for ever */
        bool draws, drawn, idle; /* idle: nothing ran, and that was said */
        int signal_fd;
        sigset_t before;
        struct termios saved;
        bool quiet_keys; /* the terminal's mode is to be put back */
};

static const struct {
        const char *name;
        bool right;
        unsigned from_columns; /* a terminal narrower than that does without */
} columns[] = {
        [TOPVIEW_CONTAINER] = { "CONTAINER", false, 0 },
        [TOPVIEW_CPU] = { "CPU", true, 24 },
        [TOPVIEW_THROTTLED] = { "THROTTLED", true, 110 },
        [TOPVIEW_MEMORY] = { "MEMORY", true, 40 },
        [TOPVIEW_PEAK] = { "PEAK", true, 120 },
        [TOPVIEW_SWAP] = { "SWAP", true, 130 },
        [TOPVIEW_READ] = { "READ/s", true, 90 },
        [TOPVIEW_WRITTEN] = { "WRITE/s", true, 90 },
        [TOPVIEW_PIDS] = { "PIDS", true, 60 },
        [TOPVIEW_PRESSURE] = { "PSI cpu/mem/io", true, 80 },
};
static_assert(ARRAY_SIZE(columns) == _TOPVIEW_MAX, "every cell has a column");

static void put_rows(const struct top *t, const json_t *rows, size_t most, struct buf *out) {
        unsigned width = t->draws ? terminal_columns(STDOUT_FILENO) : UINT32_MAX;
        struct table_column shown[_TOPVIEW_MAX];
        enum topview_cell cells[_TOPVIEW_MAX];
        size_t n_shown = 0, memory = 0;

        for (enum topview_cell c = 0; c < _TOPVIEW_MAX; c++)
                if (columns[c].from_columns <= width) {
                        memory = c == TOPVIEW_MEMORY ? n_shown : memory;
                        shown[n_shown] = (struct table_column){ columns[c].name, columns[c].right, c == TOPVIEW_CONTAINER };
                        cells[n_shown++] = c;
                }
        _cleanup_table_ struct table_view *table = table_new(t->cli, shown, n_shown);
        out->failed = out->failed || !table;
        for (size_t i = 0; table && i < json_array_size(rows) && i < most; i++) {
                const json_t *row = json_array_get(rows, i);
                struct buf parts[_TOPVIEW_MAX] = { 0 };
                const char *texts[_TOPVIEW_MAX];

                for (size_t n = 0; n < n_shown; n++) {
                        topview_put_cell(row, cells[n], &parts[n]);
                        texts[n] = buf_text(&parts[n]);
                }
                table_row(table, texts, memory, memory > 0 && topview_is_tight(row) ? "red" : NULL);
                for (size_t n = 0; n < n_shown; n++)
                        buf_done(&parts[n]);
        }
        if (table)
                table_put(table, out);
}

/* Line by line over the last picture: what is erased first would flicker. */
static int draw(struct top *t, const json_t *rows) {
        _cleanup_buf_ struct buf lines = BUF_NULL, summary = BUF_NULL, out = BUF_NULL;
        unsigned height = terminal_rows(STDOUT_FILENO);

        topview_put_summary(rows, &summary);
        put_rows(t, rows, height > 4 ? height - 3 : SIZE_MAX, &lines);
        if (buf_failed(&lines))
                return cli_oom(t->cli);
        buf_puts(&out, t->drawn ? "\033[H" : "\033[H\033[J");
        (void)progress_put_cut(&out, buf_text(&summary), terminal_columns(STDOUT_FILENO));
        buf_puts(&out, "\033[K\n");
        for (const char *line = buf_text(&lines); *line;) {
                size_t len = strcspn(line, "\n");

                buf_put(&out, line, len);
                buf_puts(&out, "\033[K\n");
                line += len + (line[len] == '\n');
        }
        buf_puts(&out, "\033[J");
        t->drawn = true;
        return cli_print(t->cli, &out);
}

static json_t *now_json(void) {
        char text[64];
        struct timespec now;
        struct tm tm;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        (void)gmtime_r(&now.tv_sec, &tm);
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
        return json_string(text);
}

static int show(struct top *t) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        json_t *rows = topview_rows(t->sample, t->earlier);
        int code;

        if (t->cli->output == OUTPUT_JSON) {
                code = cli_print_json(t->cli, json_pack("{s:i, s:o, s:O}", "version", 1, "time", now_json(), "containers", rows),
                                      true);
        } else if (t->draws) {
                code = draw(t, rows);
        } else {
                if (t->drawn && json_array_size(rows) > 0)
                        buf_putc(&out, '\n');
                put_rows(t, rows, SIZE_MAX, &out);
                t->drawn = true;
                code = cli_print(t->cli, &out);
                if (json_array_size(rows) == 0 && !t->idle)
                        cli_say(t->cli, "nothing runs");
                t->idle = json_array_size(rows) == 0;
        }
        json_decref(rows);
        return code;
}

static void take_uses(json_t *sample, const json_t *uses) {
        char target[TARGET_TEXT_SIZE];
        size_t n;
        json_t *use;

        json_array_foreach (uses, n, use) {
                const char *stack = json_string_value(json_object_get(use, "stack")),
                           *container = json_string_value(json_object_get(use, "container"));

                if (stack && container)
                        (void)json_object_set(sample,
                                              target_text(stack, container, json_integer_value(json_object_get(use, "replica")),
                                                          !json_is_true(json_object_get(use, "several")), target),
                                              use);
        }
}

/* All pages make a sample; one that moved to another page meanwhile is there once. An exit code. */
static int look(struct top *t, struct control_client *client) {
        json_t *sample = json_object(), *next = NULL;
        int code;

        do {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;

                code = daemon_call(t->cli, client, CONTROL_METHOD("Usage"),
                                   json_pack("{s:O?, s:o?}", "targets", t->targets, "from", next), &answer);
                if (code)
                        break;
                take_uses(sample, json_object_get(answer.parameters, "uses"));
                next = json_incref(json_object_get(answer.parameters, "next"));
        } while (json_is_integer(next));
        if (code) {
                json_decref(sample);
                return code;
        }
        json_decref(next);
        json_decref(t->earlier);
        t->earlier = t->sample;
        t->sample = sample;
        return EXIT_OK;
}

/* The signal that is to end us; 0: none. A new size is drawn at once. */
static int read_signal(struct top *t) {
        struct signalfd_siginfo info;

        while (read(t->signal_fd, &info, sizeof(info)) == sizeof(info)) {
                if (info.ssi_signo != SIGWINCH)
                        return (int)info.ssi_signo;
                t->drawn = false;
                if (t->draws && t->earlier)
                        (void)show(t);
        }
        return 0;
}

static uint64_t monotonic(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* 0: the time is over; -ECANCELED: q was typed; else the signal that came. */
static int rest(struct top *t, uint64_t usec) {
        for (uint64_t now, until = monotonic() + usec; (now = monotonic()) < until;) {
                struct pollfd fds[] = {
                        { .fd = t->signal_fd, .events = POLLIN },
                        { .fd = t->quiet_keys ? STDIN_FILENO : -1, .events = POLLIN },
                };
                char key;

                if (poll(fds, ARRAY_SIZE(fds), (int)((until - now + 999) / 1000)) < 0)
                        continue;
                if (fds[0].revents) {
                        int signal = read_signal(t);

                        if (signal > 0)
                                return signal;
                }
                if (fds[1].revents && (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q'))
                        return -ECANCELED;
        }
        return 0;
}

static int begin(struct top *t) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
        struct err err = { 0 };
        sigset_t ours;

        (void)sigemptyset(&ours);
        for (size_t n = 0; n < ARRAY_SIZE(signals); n++)
                (void)sigaddset(&ours, signals[n]);
        (void)sigprocmask(SIG_BLOCK, &ours, &t->before);
        t->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
        if (t->signal_fd < 0) {
                err_sys(&err, errno, "wait for signals");
                return cli_fail(t->cli, EXIT_KERNEL, &err);
        }
        t->quiet_keys = t->draws && isatty(STDIN_FILENO) && terminal_take_keys(STDIN_FILENO, &t->saved) == 0;
        return EXIT_OK;
}

static void end(struct top *t) {
        if (t->quiet_keys)
                terminal_restore(STDIN_FILENO, &t->saved);
        t->signal_fd = close_fd(t->signal_fd);
        (void)sigprocmask(SIG_SETMASK, &t->before, NULL);
        json_decref(t->targets);
        json_decref(t->sample);
        json_decref(t->earlier);
}

static int run(struct top *t, const char *first, int *ret_signal) {
        _cleanup_control_client_ struct control_client *client = NULL;
        int code = daemon_open(t->cli, first, &client);

        if (code == EXIT_OK)
                code = look(t, client);
        for (uint64_t n = 0; code == EXIT_OK && (t->count == 0 || n < t->count); n++) {
                int r = rest(t, n == 0 && t->delay_usec > FIRST_USEC ? FIRST_USEC : t->delay_usec);

                if (r != 0) {
                        *ret_signal = r > 0 ? r : 0;
                        break;
                }
                code = look(t, client);
                if (code == EXIT_OK)
                        code = show(t);
        }
        return code;
}

int verb_top(struct cli *c, struct args *args) {
        struct top t = { .cli = c, .delay_usec = DELAY_USEC, .draws = c->out_tty, .signal_fd = -EBADF };
        struct err err = { 0 };
        int id, sig = 0;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (id == BATCH)
                        t.draws = false;
                if (id == DELAY && args_duration(args, "-d", args->value, &t.delay_usec) != 0)
                        return EXIT_USAGE;
                if (id == DELAY && (t.delay_usec < DELAY_MIN_USEC || t.delay_usec > 3600 * USEC_PER_SEC))
                        return cli_usage(c, "-d: expected 100ms to 1h, found \"%s\"", args->value);
                if (id == COUNT && (num_parse_u64(args->value, &t.count) < 0 || t.count == 0))
                        return cli_usage(c, "-n: expected how many times, found \"%s\"", args->value);
        }
        t.draws = t.draws && c->output != OUTPUT_JSON;
        if (args_n_words(args) > 0) {
                t.targets = targets_json(args_words(args), args_n_words(args), &err);
                if (!t.targets)
                        return cli_fail(c, EXIT_USAGE, &err);
        }
        int code = begin(&t);
        if (code == EXIT_OK)
                code = run(&t, t.targets ? args_words(args)[0] : NULL, &sig);
        end(&t);
        if (sig > 0) {
                (void)signal(sig, SIG_DFL);
                (void)raise(sig);
        }
        return code;
}
