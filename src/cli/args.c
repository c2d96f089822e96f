#include "args.h"

#include <ctrsup/base/enumtab.h>
#include <ctrsup/base/num.h>

#include "terminal.h"
#include "verbs.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

enum { GLOBAL = 1000 }; /* above every verb's ids */

enum { OUTPUT = GLOBAL, NO_LEGEND, NO_PAGER, QUIET, VERBOSE, PROGRESS, COLOR, HOST, YES, NO_INPUT, TIMEOUT, HELP, VERSION };

const struct args_option args_global[] = {
        { OUTPUT, 'o', "output", "FORMAT", "table, json, name (one target a line), yaml or text, as the verb has it" },
        { NO_LEGEND, 0, "no-legend", NULL, "leave out the header of tables" },
        { NO_PAGER, 0, "no-pager", NULL, "never send long output through a pager" },
        { QUIET, 'q', "quiet", NULL, "no progress and no remarks, only failures" },
        { VERBOSE, 'v', "verbose", NULL, "say more" },
        { PROGRESS, 0, "progress", "HOW", "auto, tty, plain, json or none" },
        { COLOR, 0, "color", "WHEN", "auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured" },
        { HOST, 'H', "host", "PATH", "the daemon's socket, also by CTRSUP_SOCKET" },
        { YES, 'y', "yes", NULL, "do not ask" },
        { NO_INPUT, 0, "no-input", NULL, "never ask: what would be asked is refused" },
        { TIMEOUT, 0, "timeout", "TIME", "give up after that long: 30s, 5m" },
        { HELP, 'h', "help", NULL, "this text" },
        { VERSION, 0, "version", NULL, "the version and what it was built with" },
        { 0 },
};

static const char *const output_names[] = {
        [OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json",   [OUTPUT_NAME] = "name", [OUTPUT_YAML] = "yaml",
        [OUTPUT_TEXT] = "text",   [OUTPUT_SHORT] = "short", [OUTPUT_CAT] = "cat",
};
static_assert(ARRAY_SIZE(output_names) == _OUTPUT_MAX, "every output has a name");

static const char *const progress_names[] = {
        [PROGRESS_AUTO] = "auto", [PROGRESS_TTY] = "tty",   [PROGRESS_PLAIN] = "plain",
        [PROGRESS_JSON] = "json", [PROGRESS_NONE] = "none",
};
static_assert(ARRAY_SIZE(progress_names) == _PROGRESS_MODE_MAX, "every progress has a name");

static const char *const color_names[] = { [COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never" };
static_assert(ARRAY_SIZE(color_names) == _COLOR_MODE_MAX, "every color has a name");

static size_t count_rows(const struct args_option *rows) {
        size_t n = 0;

        while (rows && rows[n].id != 0)
                n++;
        return n;
}

/* Whether the verb has its own option of that letter or name, which then hides the global one. */
static bool is_hidden(const struct args *a, const struct args_option *global, bool letter) {
        for (const struct args_option *o = a->own; o && o->id != 0; o++)
                if (letter ? o->letter == global->letter : o->name && global->name && strcmp(o->name, global->name) == 0)
                        return true;
        return false;
}

static void add_row(struct args *a, const struct args_option *o, size_t *n_letters, size_t *n_longs, bool with_letter,
                    bool with_name) {
        if (o->letter && with_letter) {
                a->letters[(*n_letters)++] = o->letter;
                if (o->value)
                        a->letters[(*n_letters)++] = ':';
        }
        if (o->name && with_name)
                a->longs[(*n_longs)++] =
                        (struct option){ o->name, o->value ? required_argument : no_argument, NULL, o->id + 256 };
}

void args_init(struct args *a, struct cli *cli, int argc, char *argv[], const struct args_option *own, bool stop_at_word) {
        size_t n_letters = 0, n_longs = 0;

        *a = (struct args){ .cli = cli, .argc = argc, .argv = argv, .own = own, .stop_at_word = stop_at_word };
        if (stop_at_word)
                a->letters[n_letters++] = '+';
        a->letters[n_letters++] = ':';
        a->longs = calloc(count_rows(own) + ARRAY_SIZE(args_global), sizeof(struct option));
        if (!a->longs)
                return; /* args_next() says so */
        for (const struct args_option *o = own; o && o->id != 0; o++)
                add_row(a, o, &n_letters, &n_longs, true, true);
        for (const struct args_option *o = args_global; o->id != 0; o++)
                add_row(a, o, &n_letters, &n_longs, !is_hidden(a, o, true), !is_hidden(a, o, false));
}

void args_done(struct args *a) {
        free(a->longs);
        a->longs = NULL;
}

static int wrong_word(const struct args *a, const char *option, const char *const *names, size_t n) {
        _cleanup_buf_ struct buf expected = BUF_NULL;

        for (size_t i = 0; i < n; i++)
                buf_printf(&expected, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i]);
        (void)cli_usage(a->cli, "%s: expected %s, found \"%s\"", option, buf_text(&expected), a->value);
        return ARGS_WRONG;
}

int args_duration(const struct args *a, const char *option, const char *text, uint64_t *ret_usec) {
        uint64_t seconds;

        if (num_parse_u64(text, &seconds) == 0 && seconds <= UINT64_MAX / USEC_PER_SEC / 2) {
                *ret_usec = seconds * USEC_PER_SEC;
                return 0;
        }
        if (strcmp(text, "infinity") == 0) {
                *ret_usec = USEC_INFINITY;
                return 0;
        }
        if (num_parse_duration(text, ret_usec) == 0)
                return 0;
        (void)cli_usage(a->cli, "%s: \"%s\" is not a time; write 30s or 1m30s", option, text);
        return ARGS_WRONG;
}

static int word_of(const struct args *a, const char *option, const char *const *names, size_t n, int *ret) {
        int value = enumtab_value(names, n, a->value);

        if (value < 0)
                return wrong_word(a, option, names, n);
        *ret = value;
        return 0;
}

/* 0: taken. */
static int take_global(struct args *a, int id) {
        struct cli *c = a->cli;
        int value = 0, r;

        switch (id) {
        case OUTPUT:
                r = word_of(a, "--output", output_names, ARRAY_SIZE(output_names), &value);
                c->output = (enum output)value;
                c->output_given = true;
                return r;
        case NO_LEGEND:
                c->no_legend = true;
                return 0;
        case NO_PAGER:
                c->no_pager = true;
                return 0;
        case QUIET:
                c->quiet = true;
                return 0;
        case VERBOSE:
                c->verbose++;
                return 0;
        case PROGRESS:
                r = word_of(a, "--progress", progress_names, ARRAY_SIZE(progress_names), &value);
                c->progress = (enum progress_mode)value;
                return r;
        case COLOR:
                r = word_of(a, "--color", color_names, ARRAY_SIZE(color_names), &value);
                c->color = (enum color_mode)value;
                return r;
        case HOST:
                c->socket = a->value;
                c->socket_given = true;
                return 0;
        case YES:
                c->yes = true;
                return 0;
        case NO_INPUT:
                c->no_input = true;
                return 0;
        case TIMEOUT:
                return args_duration(a, "--timeout", a->value, &c->timeout_usec);
        case VERSION: {
                _cleanup_buf_ struct buf text = BUF_NULL;

                help_version(&text);
                (void)cli_print(c, &text);
                return ARGS_HELP;
        }
        default:
                return ARGS_HELP;
        }
}

static int id_of_letter(const struct args *a, int letter) {
        for (const struct args_option *o = a->own; o && o->id != 0; o++)
                if (o->letter == letter)
                        return o->id;
        for (const struct args_option *o = args_global; o->id != 0; o++)
                if (o->letter == letter)
                        return o->id;
        return 0;
}

/* The end of the options: now it is known what -o was, and what the screen is to look like. */
static int finish(const struct args *a) {
        struct cli *c = a->cli;
        _cleanup_buf_ struct buf expected = BUF_NULL;

        terminal_decide(c);
        if (!c->verb || !c->output_given || (c->verb->outputs & (1u << c->output)))
                return ARGS_END;
        for (unsigned i = 0; i < _OUTPUT_MAX; i++)
                if (c->verb->outputs & (1u << i))
                        buf_printf(&expected, "%s%s", expected.len ? " or " : "", output_names[i]);
        (void)cli_usage(c, expected.len ? "--output %s: it prints %s" : "--output %s: it prints nothing of that kind%s",
                        output_names[c->output], buf_text(&expected));
        return ARGS_WRONG;
}

int args_next(struct args *a) {
        if (!a->longs) {
                (void)cli_oom(a->cli);
                return ARGS_WRONG;
        }
        if (!a->started) {
                a->started = true;
                optind = 0; /* glibc: start anew, with other tables */
                opterr = 0;
        }
        for (;;) {
                int at = optind ? optind : 1;
                int c = getopt_long(a->argc, a->argv, a->letters, a->longs, NULL);

                if (c < 0)
                        return finish(a);
                a->value = optarg;
                if (c == ':' || c == '?') {
                        /* A letter is in optopt; a long name is not, but its word is the one just passed. */
                        const char *word = a->argv[optind > at ? optind - 1 : at];

                        if (optopt > 0 && optopt < 256)
                                (void)cli_usage(a->cli, c == ':' ? "option -%c needs a value" : "unknown option -%c", optopt);
                        else
                                (void)cli_usage(a->cli,
                                                c == ':' ? "option %s needs a value"
                                                : optopt ? "option %s takes no value"
                                                         : "unknown option %s",
                                                word);
                        return ARGS_WRONG;
                }
                int id = c >= 256 ? c - 256 : id_of_letter(a, c);
                if (id < GLOBAL)
                        return id;
                int r = take_global(a, id);
                if (r == ARGS_HELP && id == HELP) {
                        _cleanup_buf_ struct buf text = BUF_NULL;

                        if (a->cli->verb)
                                help_verb(a->cli->verb, &text);
                        else
                                help_program(&text);
                        (void)cli_print(a->cli, &text);
                }
                if (r < 0)
                        return r;
        }
}

int args_n_words(const struct args *a) {
        return a->argc - optind;
}
char **args_words(const struct args *a) {
        return a->argv + optind;
}
