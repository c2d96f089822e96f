/* start, stop, restart, remove, wait: tell the daemon, watch until it is so. */
#include "daemon.h"
#include "target.h"
#include "verbs.h"
#include "watch.h"

#include <ctrsup/base/num.h>

#include <signal.h>
#include <string.h>

enum { ALL = 1, NO_WAIT, SIGNAL, VOLUMES, FOR };

const struct args_option start_options[] = {
        { ALL, 0, "all", NULL, "every stack" },
        { NO_WAIT, 0, "no-wait", NULL, "return at once" },
        { 0 },
};
const struct args_option restart_options[] = {
        { ALL, 0, "all", NULL, "every stack" },
        { NO_WAIT, 0, "no-wait", NULL, "return at once" },
        { 0 },
};
const struct args_option stop_options[] = {
        { ALL, 0, "all", NULL, "every stack" },
        { NO_WAIT, 0, "no-wait", NULL, "return at once" },
        { SIGNAL, 0, "signal", "SIG", "the first signal, in place of stop_signal: SIGINT" },
        { 0 },
};
const struct args_option remove_options[] = {
        { VOLUMES, 0, "volumes", NULL, "its named volumes too, with what is in them; asks first" },
        { NO_WAIT, 0, "no-wait", NULL, "return at once" },
        { 0 },
};
const struct args_option wait_options[] = {
        { FOR, 0, "for", "STATE", "ready (default), completed or stopped" },
        { 0 },
};

struct operation {
        struct cli *cli;
        const char *method, *asked;
        bool all, no_wait, volumes;
        const char *signal, *state;
};

/* SIGINT, INT, 2 -> "SIGINT". NULL: there is no such signal. buf keeps the name. */
static const char *signal_name(const char *text, char buf[32]) {
        const char *bare = strncmp(text, "SIG", 3) == 0 ? text + 3 : text, *name = NULL;
        uint64_t number;

        if (num_parse_u64(text, &number) == 0 && number < (uint64_t)NSIG)
                name = sigabbrev_np((int)number);
        for (int s = 1; !name && s < NSIG; s++)
                if (sigabbrev_np(s) && strcmp(sigabbrev_np(s), bare) == 0)
                        name = sigabbrev_np(s);
        if (!name)
                return NULL;
        (void)snprintf(buf, 32, "SIG%s", name);
        return buf;
}

static int read_options(struct operation *o, struct args *args, char signal_buf[32], int *code) {
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                *code = id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (id < 0)
                        return -1;
                switch (id) {
                case ALL:
                        o->all = true;
                        break;
                case NO_WAIT:
                        o->no_wait = true;
                        break;
                case VOLUMES:
                        o->volumes = true;
                        break;
                case FOR:
                        o->state = args->value;
                        break;
                case SIGNAL:
                        o->signal = signal_name(args->value, signal_buf);
                        if (!o->signal) {
                                (void)cli_usage(o->cli, "--signal: there is no signal \"%s\"; write SIGTERM, TERM or 15",
                                                args->value);
                                return -1;
                        }
                        break;
                default:
                        return -1;
                }
        }
        return 0;
}

static int carry_out(struct operation *o, const char *target, json_t *parameters) {
        _cleanup_control_client_ struct control_client *client = NULL;
        int code = daemon_open(o->cli, target, &client);

        if (code) {
                json_decref(parameters);
                return code;
        }
        if (!o->no_wait)
                return watch_call(o->cli, client, o->method, parameters, o->asked);
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        return daemon_call(o->cli, client, o->method, parameters, &answer);
}

static int operate(struct operation *o, struct args *args) {
        struct err err = { 0 };
        char signal_buf[32];
        int code, n;

        if (read_options(o, args, signal_buf, &code) < 0)
                return code;
        n = args_n_words(args);
        if (o->all ? n > 0 : n == 0)
                return cli_usage(o->cli, o->all ? "--all and a target cannot be combined" : "which TARGET? or --all");
        json_t *targets = targets_json(args_words(args), n, &err);
        if (!targets)
                return cli_fail(o->cli, EXIT_USAGE, &err);
        json_t *parameters = json_pack("{s:o, s:b, s:o, s:s*}", "targets", targets, "all", o->all, "timeout",
                                       daemon_timeout(o->cli), "signal", o->signal);
        return parameters ? carry_out(o, o->all ? NULL : args_words(args)[0], parameters) : cli_oom(o->cli);
}

int verb_start(struct cli *c, struct args *args) {
        return operate(&(struct operation){ .cli = c, .method = CONTROL_METHOD("Start"), .asked = "ready" }, args);
}

int verb_stop(struct cli *c, struct args *args) {
        return operate(&(struct operation){ .cli = c, .method = CONTROL_METHOD("Stop"), .asked = "stopped" }, args);
}

int verb_restart(struct cli *c, struct args *args) {
        return operate(&(struct operation){ .cli = c, .method = CONTROL_METHOD("Restart"), .asked = "ready" }, args);
}

/* 0: go on; else the exit code. */
static int ask_for_volumes(const struct cli *c, const char *stack) {
        _cleanup_buf_ struct buf question = BUF_NULL;
        char answer[16] = "";

        if (c->yes)
                return 0;
        if (c->no_input || !isatty(STDIN_FILENO))
                return cli_usage(c, "--volumes deletes data: say --yes where nobody can be asked");
        buf_printf(&question, "Delete the named volumes of %s with all that is in them? [y/N] ", stack);
        cli_note(&question);
        if (!fgets(answer, sizeof(answer), stdin) || (strcmp(answer, "y\n") != 0 && strcmp(answer, "yes\n") != 0)) {
                cli_say(c, "nothing is removed");
                return EXIT_NEGATIVE;
        }
        return 0;
}

int verb_remove(struct cli *c, struct args *args) {
        struct operation o = { .cli = c, .method = CONTROL_METHOD("Remove"), .asked = "removed" };
        struct target target;
        struct err err = { 0 };
        char signal_buf[32];
        int code;

        if (read_options(&o, args, signal_buf, &code) < 0)
                return code;
        if (args_n_words(args) != 1)
                return cli_usage(c, args_n_words(args) == 0 ? "which STACK?" : "one stack at a time");
        const char *stack = args_words(args)[0];
        if (target_parse(stack, &target, &err) < 0)
                return cli_fail(c, EXIT_USAGE, &err);
        if (target.container[0])
                return cli_usage(c, "\"%s\" is a container: take it out of the stack file and apply that, or stop it", stack);
        code = o.volumes ? ask_for_volumes(c, stack) : 0;
        if (code)
                return code;
        return carry_out(&o, stack,
                         json_pack("{s:s, s:b, s:o}", "stack", stack, "volumes", o.volumes, "timeout", daemon_timeout(c)));
}

static int wait_for(struct operation *o, const char *first, json_t *targets) {
        _cleanup_control_client_ struct control_client *client = NULL;
        int code = daemon_open(o->cli, first, &client);
        json_t *parameters = json_pack("{s:o, s:s, s:o}", "targets", targets, "for", o->state, "timeout", daemon_timeout(o->cli));

        if (code) {
                json_decref(parameters);
                return code;
        }
        code = watch_call(o->cli, client, CONTROL_METHOD("Wait"), parameters, o->state);
        /* It will not get there: that is what `status` would say of it too. */
        return code == EXIT_NEGATIVE ? EXIT_NOT_RUNNING : code;
}

int verb_wait(struct cli *c, struct args *args) {
        static const char *const states[] = { "ready", "healthy", "completed", "stopped" };
        struct operation o = { .cli = c, .state = "ready" };
        struct err err = { 0 };
        char signal_buf[32];
        bool known = false;
        int code;

        if (read_options(&o, args, signal_buf, &code) < 0)
                return code;
        for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                known |= strcmp(o.state, states[i]) == 0;
        if (!known)
                return cli_usage(c, "--for: expected ready, healthy, completed or stopped, found \"%s\"", o.state);
        if (args_n_words(args) == 0)
                return cli_usage(c, "which TARGET?");
        json_t *targets = targets_json(args_words(args), args_n_words(args), &err);
        return targets ? wait_for(&o, args_words(args)[0], targets) : cli_fail(c, EXIT_USAGE, &err);
}
