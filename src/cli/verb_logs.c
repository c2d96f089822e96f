/* logs: what the containers printed, from the journal or the files; which of them, the daemon knows. */
#include "daemon.h"
#include "logread.h"
#include "statusview.h"
#include "target.h"
#include "verbs.h"

#include <ctrsup/base/num.h>

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

enum { FOLLOW = 1, LINES, SINCE, UNTIL, PRIORITY };

const struct args_option logs_options[] = {
        { FOLLOW, 'f', "follow", NULL, "go on with what is printed from now on" },
        { LINES, 'n', "lines", "N", "the last N lines; 100 with -f, else all of them" },
        { SINCE, 0, "since", "TIME", "from then on: 10m, 14:30, 2026-11-24, 2026-11-24T14:30:05Z, today" },
        { UNTIL, 0, "until", "TIME", "up to then" },
        { PRIORITY, 'p', "priority", "PRIO", "this and more important ones: err, warning, info … or 0 to 7" },
        { 0 },
};

struct request {
        struct logread_options options;
        bool lines_given;
        enum logread_output output;
};

static int parse_option(struct cli *c, struct args *args, int id, struct request *q) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        uint64_t now = (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
        switch (id) {
        case FOLLOW:
                q->options.follow = true;
                return 0;
        case LINES:
                q->lines_given = true;
                if (strcmp(args->value, "all") == 0)
                        q->options.tail = LOGREAD_ALL;
                else if (num_parse_u64(args->value, &q->options.tail) < 0)
                        return cli_usage(c, "-n: expected a number of lines or all, found \"%s\"", args->value);
                return 0;
        case SINCE:
        case UNTIL:
                if (logread_parse_time(args->value, now, id == SINCE ? &q->options.since_usec : &q->options.until_usec) < 0)
                        return cli_usage(c, "\"%s\" is no time; write 10m, 14:30, 2026-11-24 or 2026-11-24T14:30:05Z", args->value);
                return 0;
        default:
                q->options.max_priority = logread_parse_priority(args->value);
                if (q->options.max_priority < 0)
                        return cli_usage(c, "-p: \"%s\" is no priority; write err, warning, info … or 0 to 7", args->value);
                return 0;
        }
}

/* What the daemon says of each container's log; what has none to be read is said, and left out. */
static int find_logs(const struct cli *c, const json_t *containers, struct logread_target *targets, size_t *ret_n) {
        size_t i;
        const json_t *b;

        *ret_n = 0;
        json_array_foreach(containers, i, b) {
                const json_t *log = json_object_get(b, "log");
                const char *driver = json_string_value(json_object_get(log, "driver")), *path = json_string_value(json_object_get(log, "path"));
                struct logread_target t = {
                        .stack = json_string_value(json_object_get(b, "stack")),
                        .container = json_string_value(json_object_get(b, "container")),
                        .replica = (uint32_t)json_integer_value(json_object_get(b, "replica")),
                };

                if (!t.stack || !t.container || !driver)
                        return cli_fail(c, EXIT_BUG, &(struct err){ .code = EBADMSG, .text = "the daemon's answer has no log" });
                if (strcmp(driver, "file") == 0 && path) {
                        t.driver = LOGREAD_FILE;
                        t.path = path;
                } else if (strcmp(driver, "journald") == 0)
                        t.driver = LOGREAD_JOURNAL;
                else {
                        cli_say(c, "%s/%s has no log that can be shown (logging.driver: %s)%s", t.stack, t.container, driver,
                                strcmp(driver, "direct") == 0 ? "; see journalctl -t TAG" : "");
                        continue;
                }
                targets[(*ret_n)++] = t;
        }
        return 0;
}

struct printing {
        const struct cli *cli;
        enum logread_output output;
        bool names;
        int code;
};

static int print_line(void *userdata, const struct logread_line *line) {
        struct printing *p = userdata;
        _cleanup_buf_ struct buf out = BUF_NULL;

        logread_format(&out, line, p->output, p->names, p->cli->out_tty);
        p->code = cli_print(p->cli, &out);
        return p->code == EXIT_OK ? 0 : 1;
}

/* Ctrl-C while following ends it well: there is nothing that was interrupted. */
static int open_stop(struct err *err) {
        sigset_t mask;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGINT);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigprocmask(SIG_BLOCK, &mask, NULL);
        int fd = signalfd(-1, &mask, SFD_CLOEXEC);
        return fd < 0 ? err_sys(err, errno, "wait for signals") : fd;
}

static int show(const struct cli *c, struct request *q, const struct logread_target *targets, size_t n) {
        struct printing p = { .cli = c, .output = q->output, .names = n > 1 };
        _cleanup_fd_ int stop = -EBADF;
        struct err err = { 0 };

        if (q->options.follow) {
                stop = open_stop(&err);
                if (stop < 0)
                        return cli_fail(c, EXIT_KERNEL, &err);
                q->options.stop_fd = stop;
                if (!q->lines_given)
                        q->options.tail = 100;
        }
        int r = logread_run(targets, n, &q->options, print_line, &p, &err);
        if (r < 0)
                return cli_fail(c, r == -EACCES || r == -EPERM ? EXIT_NO_PERMISSION : EXIT_KERNEL, &err);
        return p.code;
}

int verb_logs(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        _cleanup_free_ struct logread_target *targets = NULL;
        struct request q = { .options = LOGREAD_OPTIONS, .output = LOGREAD_SHORT };
        struct err err = { 0 };
        size_t n;
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                int wrong = parse_option(c, args, id, &q);
                if (wrong)
                        return wrong;
        }
        if (args_n_words(args) == 0)
                return cli_usage(c, "takes at least one TARGET");
        q.output = c->output == OUTPUT_JSON ? LOGREAD_JSON : c->output == OUTPUT_CAT ? LOGREAD_CAT : LOGREAD_SHORT;
        json_t *words = targets_json(args_words(args), args_n_words(args), &err);
        if (!words)
                return cli_fail(c, EXIT_USAGE, &err);
        int code = daemon_open(c, args_words(args)[0], &client);
        if (code)
                json_decref(words);
        else
                code = daemon_call(c, client, CONTROL_METHOD("Status"), json_pack("{s:o}", "targets", words), &answer);
        if (code)
                return code;
        const json_t *containers = json_object_get(answer.parameters, "containers");
        targets = calloc(json_array_size(containers) + 1, sizeof(*targets));
        if (!targets)
                return cli_oom(c);
        code = find_logs(c, containers, targets, &n);
        return code ? code : n == 0 ? EXIT_NEGATIVE : show(c, &q, targets, n);
}
