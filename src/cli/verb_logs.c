/* logs: what the containers printed, from the journal or the files; which of them, the daemon knows. */
#include "daemon.h"
#include "logsource.h"
#include "pager.h"
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
                        return cli_usage(c, "\"%s\" is no time; write 10m, 14:30, 2026-11-24 or 2026-11-24T14:30:05Z",
                                         args->value);
                return 0;
        default:
                q->options.max_priority = logread_parse_priority(args->value);
                if (q->options.max_priority < 0)
                        return cli_usage(c, "-p: \"%s\" is no priority; write err, warning, info … or 0 to 7", args->value);
                return 0;
        }
}

struct printing {
        const struct cli *cli;
        enum logread_output output;
        bool names, follow;
        int code;
        struct buf text; /* not printed yet */
};

/* Followed lines go out one by one, others in large pieces. */
static int print_line(void *userdata, const struct logread_line *line) {
        struct printing *p = userdata;

        logread_format(&p->text, line, p->output, p->names, p->cli->out_tty);
        if (!p->follow && p->text.len < 64 * 1024)
                return 0;
        p->code = cli_print(p->cli, &p->text);
        buf_reset(&p->text);
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

static int show(const struct cli *c, struct request *q, const struct logsource *source) {
        struct printing p = {
                .cli = c, .output = q->output, .names = json_array_size(source->containers) > 1, .follow = q->options.follow
        };
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
        pid_t pager = q->options.follow ? 0 : pager_begin(c);
        int r = logread_run(source->items, source->n, &q->options, print_line, &p, &err);
        if (r < 0)
                p.code = cli_fail(c, r == -EACCES || r == -EPERM ? EXIT_NO_PERMISSION : EXIT_KERNEL, &err);
        else if (p.code == EXIT_OK)
                p.code = cli_print(c, &p.text);
        buf_done(&p.text);
        pager_end(pager);
        return p.code;
}

/* Asks the daemon where the lines of these are. targets is taken. */
static int find_logs(const struct cli *c, const char *first, json_t *targets, struct logsource *ret) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        _cleanup_buf_ struct buf unread = BUF_NULL;
        struct err err = { 0 };
        int code = daemon_open(c, first, &client);

        if (code) {
                json_decref(targets);
                return code;
        }
        code = daemon_call(c, client, CONTROL_METHOD("Status"), json_pack("{s:o}", "targets", targets), &answer);
        if (code)
                return code;
        if (logsource_make(json_object_get(answer.parameters, "containers"), ret, &unread, &err) < 0)
                return cli_fail(c, EXIT_KERNEL, &err);
        cli_note(&unread);
        return ret->n == 0 && unread.len > 0 ? EXIT_NEGATIVE : EXIT_OK;
}

int verb_logs(struct cli *c, struct args *args) {
        _cleanup_logsource_ struct logsource source = LOGSOURCE_NULL;
        struct request q = { .options = LOGREAD_OPTIONS, .output = LOGREAD_SHORT };
        struct err err = { 0 };
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                int wrong = parse_option(c, args, id, &q);
                if (wrong)
                        return wrong;
        }
        if (args_n_words(args) == 0)
                return cli_usage(c, "which TARGET?");
        q.output = c->output == OUTPUT_JSON ? LOGREAD_JSON : c->output == OUTPUT_CAT ? LOGREAD_CAT : LOGREAD_SHORT;
        json_t *targets = targets_json(args_words(args), args_n_words(args), &err);
        if (!targets)
                return cli_fail(c, EXIT_USAGE, &err);
        int code = find_logs(c, args_words(args)[0], targets, &source);
        return code ? code : show(c, &q, &source);
}
