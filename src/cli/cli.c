#include "cli.h"

#include <ctrsup/base/num.h>

#include "terminal.h"
#include "verbs.h"

#include <ctrsup/control/client.h>

#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

/* Whole lines in one write, so that what other processes print does not come in between. */
static int write_all(int fd, const char *bytes, size_t len) {
        while (len > 0) {
                ssize_t n = write(fd, bytes, len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                bytes += n;
                len -= (size_t)n;
        }
        return 0;
}

void cli_note(const struct buf *text) {
        (void)write_all(STDERR_FILENO, buf_text(text), text->len);
}

void cli_say(const struct cli *c, const char *format, ...) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        char words[1024];
        va_list ap;

        if (c->quiet)
                return;
        va_start(ap, format);
        (void)vsnprintf(words, sizeof(words), format, ap);
        va_end(ap);
        buf_printf(&text, "ctrsup: %s\n", words);
        cli_note(&text);
}

int cli_fail(const struct cli *c, int code, const struct err *err) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        (void)c;
        buf_printf(&text, "ctrsup: %s\n", err->text[0] ? err->text : "failed");
        if (err->hint[0])
                buf_printf(&text, "    hint: %s\n", err->hint);
        cli_note(&text);
        return code;
}

int cli_usage(const struct cli *c, const char *format, ...) {
        struct err err = { 0 };
        char words[512];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(words, sizeof(words), format, ap);
        va_end(ap);
        err_set(&err, EINVAL, "%s%s%s", c->verb ? c->verb->name : "", c->verb ? ": " : "", words);
        err_hint(&err, c->verb ? "see ctrsup %s --help" : "see ctrsup --help", c->verb ? c->verb->name : "");
        return cli_fail(c, EXIT_USAGE, &err);
}

int cli_oom(const struct cli *c) {
        struct err err = { 0 };

        err_oom(&err);
        return cli_fail(c, EXIT_KERNEL, &err);
}

int cli_print_bytes(const struct cli *c, const char *bytes, size_t len) {
        struct err err = { 0 };
        int r = write_all(STDOUT_FILENO, bytes, len);

        if (r == 0)
                return EXIT_OK;
        if (r == -EPIPE) {
                /* Only when whoever started us had SIGPIPE ignored: end as if it had not, without a word. */
                (void)signal(SIGPIPE, SIG_DFL);
                (void)raise(SIGPIPE);
        }
        err_sys(&err, -r, "write to standard output");
        return cli_fail(c, EXIT_KERNEL, &err);
}

int cli_print(const struct cli *c, const struct buf *text) {
        return buf_failed(text) ? cli_oom(c) : cli_print_bytes(c, buf_text(text), text->len);
}

int cli_print_json(const struct cli *c, json_t *json, bool one_line) {
        _cleanup_free_ char *text = json ? json_dumps(json, one_line ? JSON_COMPACT : JSON_INDENT(2)) : NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;

        json_decref(json);
        if (!text)
                return cli_oom(c);
        buf_printf(&out, "%s\n", text);
        return cli_print(c, &out);
}

int cli_no_options(struct args *args, int *code) {
        int id = args_next(args);

        *code = id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
        return id == ARGS_END ? 0 : -1;
}

/* A verb of a later version: its own options are not known, so only the help is looked for. */
static int run_later(const struct cli *c, const struct verb *v, int argc, char *argv[]) {
        struct err err = { 0 };

        for (int i = 1; i < argc; i++)
                if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
                        _cleanup_buf_ struct buf text = BUF_NULL;

                        help_verb(v, &text);
                        return cli_print(c, &text);
                }
        err_set(&err, ENOSYS, "%s is not supported yet", v->name);
        return cli_fail(c, EXIT_USAGE, &err);
}

static int run_verb(struct cli *c, const struct verb *v, int argc, char *argv[]) {
        _cleanup_args_ struct args args = { 0 };

        c->verb = v;
        if (!v->run)
                return run_later(c, v, argc, argv);
        args_init(&args, c, argc, argv, v->options, false);
        return v->run(c, &args);
}

int cli_main(int argc, char *argv[]) {
        const char *socket = getenv("CTRSUP_SOCKET");
        struct cli c = {
                .socket = socket && *socket ? socket : CONTROL_SOCKET,
                .socket_given = socket && *socket,
                .timeout_usec = USEC_INFINITY,
                .out_tty = isatty(STDOUT_FILENO),
                .err_tty = isatty(STDERR_FILENO),
        };
        struct args before;

        /* Columns are counted in characters of this locale; numbers stay as they are. */
        (void)setlocale(LC_CTYPE, "");
        c.unicode = terminal_is_unicode();
        args_init(&before, &c, argc, argv, NULL, true);
        int r = args_next(&before);
        int n = args_n_words(&before);
        char **words = args_words(&before);
        args_done(&before);
        if (r < 0)
                return r == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
        if (n == 0) {
                _cleanup_buf_ struct buf text = BUF_NULL;

                help_program(&text);
                cli_note(&text);
                return EXIT_USAGE;
        }
        const struct verb *v = verb_find(words[0]);
        if (!v) {
                const char *near = verb_suggest(words[0]);

                return near ? cli_usage(&c, "unknown verb \"%s\": did you mean \"%s\"?", words[0], near)
                            : cli_usage(&c, "unknown verb \"%s\"", words[0]);
        }
        return run_verb(&c, v, n, words);
}
