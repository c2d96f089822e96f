/* What every verb gets: the global options, where to print, and how to fail.
 *
 * Results go to stdout as a whole (cli_print), messages to stderr; a verb returns its exit code. Only this layer prints, and one
 * failure gives one message. A verb holds no state beyond its own function: everything hangs on `struct cli`.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The one table of exit codes, as in ctrsup(1). Signals end the program by the signal itself: 130, 141. */
enum exit_code {
        EXIT_OK = 0,
        EXIT_NEGATIVE = 1,      /* it ran, and the answer is no: a failed container, a plan that is not empty */
        EXIT_RESTORED = 2,      /* apply failed, the previous revision runs again */
        EXIT_NOT_RUNNING = 3,   /* status, wait: it exists and does not run */
        EXIT_NO_TARGET = 4,     /* there is no such target */
        EXIT_USAGE = 64,        /* bad command line, or a verb that comes in a later version */
        EXIT_DATA = 65,         /* the stack file is wrong */
        EXIT_NO_INPUT = 66,     /* the input file is missing or unreadable */
        EXIT_UNAVAILABLE = 69,  /* the daemon is not reachable */
        EXIT_BUG = 70,
        EXIT_KERNEL = 71,       /* the kernel refused */
        EXIT_TRY_AGAIN = 75,    /* timeout, or somebody else is at it */
        EXIT_NO_PERMISSION = 77,
        EXIT_CONFIG = 78,
        EXIT_SELF = 125,        /* exec, run: ctrsup itself failed; else the command's own code */
        EXIT_NOT_EXECUTABLE = 126,
        EXIT_NOT_FOUND = 127,
        EXIT_SIGNAL = 128,      /* + n: the command was killed by it */
};

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_NAME, OUTPUT_YAML, OUTPUT_TEXT, OUTPUT_SHORT, OUTPUT_CAT, _OUTPUT_MAX };
enum progress_mode { PROGRESS_AUTO, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON, PROGRESS_NONE, _PROGRESS_MODE_MAX };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER, _COLOR_MODE_MAX };

struct verb;

struct cli {
        const struct verb *verb;
        enum output output;
        bool output_given;
        bool no_legend, no_pager, quiet, yes, no_input;
        unsigned verbose;
        enum progress_mode progress;
        enum color_mode color;
        const char *socket;          /* where the daemon is */
        bool socket_given;           /* by option or environment: then no other place is tried */
        uint64_t timeout_usec;       /* of the whole verb; USEC_INFINITY: none was given */
        bool out_tty, err_tty;
        bool color_out, color_err;   /* decided from color, the environment and the terminal */
        bool unicode;                /* the terminal shows UTF-8 */
};

/* stderr: "ctrsup: words" (quiet drops it), and a failure with its hint, which quiet keeps. Returns code. */
void cli_say(const struct cli *c, const char *format, ...) _printf_(2, 3);
int cli_fail(const struct cli *c, int code, const struct err *err);
int cli_usage(const struct cli *c, const char *format, ...) _printf_(2, 3); /* with where the help is; EXIT_USAGE */
int cli_oom(const struct cli *c);                                           /* EXIT_KERNEL */
/* stderr, as it is. */
void cli_note(const struct buf *text);
/* stdout, all of it: EXIT_OK. A reader that is gone ends the program by SIGPIPE, a full disk is EXIT_KERNEL with words. */
int cli_print(const struct cli *c, const struct buf *text);
int cli_print_bytes(const struct cli *c, const char *bytes, size_t len);
/* One whole document, or one line; json is taken, NULL: memory was out when it was made. */
int cli_print_json(const struct cli *c, json_t *json, bool one_line);
/* For a verb without options of its own: 0, or -1 with *code to end with. */
struct args;
int cli_no_options(struct args *args, int *code);

/* The whole program; argv[0] is skipped. */
int cli_main(int argc, char *argv[]);
