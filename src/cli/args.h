/* The command line: tables of options, walked by getopt_long, so that help, parsing and completion read the same rows.
 *
 * Options may stand anywhere, "--" ends them. A verb calls args_next() until it is ARGS_END; the global options are
 * taken on the way, wherever they stand, unless the verb has its own of the same letter or name.
 */
#pragma once

#include "cli.h"

struct args_option {
        int id;              /* of the verb: above 0 */
        char letter;         /* 0: none */
        const char *name;    /* NULL: none */
        const char *value;   /* what help calls the value, "FILE"; NULL: takes none */
        const char *help;
};

enum { ARGS_END = 0, ARGS_WRONG = -1, ARGS_HELP = -2 };

struct args {
        struct cli *cli;
        int argc;
        char **argv;         /* argv[0] is the verb; permuted by getopt_long() */
        const struct args_option *own;
        const char *value;   /* of the last option */
        bool started, stop_at_word;
        /* for getopt_long(), made from the tables */
        char letters[128];
        struct option *longs;
};

/* Global options; the last row has id 0. */
extern const struct args_option args_global[];

/* own: the verb's rows, the last with id 0. stop_at_word: options end at the first word (for those before the verb). */
void args_init(struct args *a, struct cli *cli, int argc, char *argv[], const struct args_option *own, bool stop_at_word);
void args_done(struct args *a);
#define _cleanup_args_ _cleanup_(args_done)
/* The verb's next option, or ARGS_*; after ARGS_WRONG the message is out. */
int args_next(struct args *a);
/* After ARGS_END: the words. */
int args_n_words(const struct args *a);
char **args_words(const struct args *a);

/* "1m30s", "5m"; a bare number is seconds here, as for timeout(1). ARGS_WRONG with the message out. */
int args_duration(const struct args *a, const char *option, const char *text, uint64_t *ret_usec);
