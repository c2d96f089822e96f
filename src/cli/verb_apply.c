/* apply, plan, rollback: a file, or a revision that is kept, to the daemon, the plan, progress, the result. Without a daemon: in the foreground. */
#include "daemon.h"
#include "document.h"
#include "foreground.h"
#include "planview.h"
#include "target.h"
#include "verbs.h"
#include "watch.h"

#include <ctrsup/base/num.h>
#include <ctrsup/plan/explain.h>

#include <string.h>

enum { NO_WAIT = 1, DRY_RUN, SET, VARS_FILE, PRUNE, FOREGROUND, NO_FOREGROUND, CONFIRM_IMMUTABLE, TO };

const struct args_option apply_options[] = {
        { DRY_RUN, 'n', "dry-run", NULL, "print the plan and change nothing" },
        { NO_WAIT, 0, "no-wait", NULL, "return when the daemon has taken the stack" },
        { SET, 0, "set", "NAME=VALUE", "a value for ${NAME} in the file; wins over files and the environment" },
        { VARS_FILE, 0, "vars-file", "FILE", "NAME=VALUE lines, as an env_file" },
        { PRUNE, 0, "prune", "yes|no", "remove containers that are gone from the file (yes)" },
        { CONFIRM_IMMUTABLE, 0, "confirm-immutable", NULL, "not supported yet" },
        { FOREGROUND, 0, "foreground", NULL, "supervise the stack here, even when a daemon runs" },
        { NO_FOREGROUND, 0, "no-foreground", NULL, "fail (69) when no daemon runs" },
        { 0 },
};

struct apply {
        struct cli *cli;
        bool dry_run, no_wait, prune, foreground, no_foreground;
        struct variables variables;
        uint64_t to;  /* rollback: 0: the one before */
        char goes_on[512]; /* said to who stops watching */
        json_t *plan; /* what the daemon said; ours */
};

static int unsupported(struct cli *c, const char *what) {
        struct err err = { 0 };

        err_set(&err, ENOSYS, "%s is not supported yet", what);
        return cli_fail(c, EXIT_USAGE, &err);
}

/* EXIT_OK with the options read; -1: done, *code is it. */
static int read_options(struct apply *a, struct args *args, int *code) {
        struct err err = { 0 };
        int id;

        *code = EXIT_USAGE;
        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0) {
                        *code = id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                        return -1;
                }
                switch (id) {
                case NO_WAIT:
                        a->no_wait = true;
                        break;
                case DRY_RUN:
                        a->dry_run = true;
                        break;
                case SET:
                        if (variables_set(&a->variables, args->value, &err) < 0) {
                                (void)cli_usage(a->cli, "%s", err.text);
                                return -1;
                        }
                        break;
                case VARS_FILE:
                        if (variables_add_file(&a->variables, args->value, &err) < 0) {
                                *code = cli_fail(a->cli, EXIT_NO_INPUT, &err);
                                return -1;
                        }
                        break;
                case PRUNE:
                        if (strcmp(args->value, "yes") != 0 && strcmp(args->value, "no") != 0) {
                                (void)cli_usage(a->cli, "--prune: expected yes or no, found \"%s\"", args->value);
                                return -1;
                        }
                        a->prune = strcmp(args->value, "yes") == 0;
                        break;
                case FOREGROUND:
                        a->foreground = true;
                        break;
                case NO_FOREGROUND:
                        a->no_foreground = true;
                        break;
                case TO:
                        if (num_parse_u64(args->value, &a->to) < 0 || a->to == 0 || a->to > INT64_MAX) {
                                (void)cli_usage(a->cli, "--to: expected the number of a revision, found \"%s\"", args->value);
                                return -1;
                        }
                        break;
                case CONFIRM_IMMUTABLE:
                        (void)unsupported(a->cli, "--confirm-immutable");
                        return -1;
                default:
                        return -1;
                }
        }
        if (a->foreground && (a->no_foreground || a->no_wait)) {
                (void)cli_usage(a->cli, "--foreground cannot be combined with --%s", a->no_wait ? "no-wait" : "no-foreground");
                return -1;
        }
        return 0;
}

/* The update has failed, and this comes now. */
static void take_update(struct apply *a, struct watch *w, const json_t *update) {
        const char *stack = json_string_value(json_object_get(update, "stack")), *message = json_string_value(json_object_get(update, "message"));
        _cleanup_buf_ struct buf text = BUF_NULL;

        if (!stack || !message)
                return;
        (void)snprintf(a->goes_on, sizeof(a->goes_on), "stopped watching; %s: %.300s", stack, message);
        if (w->mode == PROGRESS_JSON)
                progress_json(update, &text);
        else if (w->mode != PROGRESS_NONE)
                buf_printf(&text, "%s: %s\n", stack, message);
        watch_note(w, &text);
}

/* What Ctrl-C does not stop. */
static void say_goes_on(struct apply *a, const char *stack, bool updates) {
        (void)snprintf(a->goes_on, sizeof(a->goes_on), "stopped watching; the apply of %s goes on%s: ctrsup status %s", stack,
                       updates ? ", and so does its update; should that fail, update_config says what comes" : "", stack);
}

/* The first reply. On a pipe and on a terminal alike it goes to stderr: it is not the result. */
static int take_plan(void *userdata, struct watch *w, const json_t *reply) {
        struct apply *a = userdata;
        _cleanup_buf_ struct buf text = BUF_NULL;
        json_t *plan = json_object_get(reply, "plan");

        if (json_is_object(json_object_get(reply, "update")))
                take_update(a, w, json_object_get(reply, "update"));
        if (!json_is_object(plan))
                return EXIT_OK;
        json_decref(a->plan);
        a->plan = json_incref(plan);
        if (a->goes_on[0])
                say_goes_on(a, json_string_value(json_object_get(plan, "stack")), planview_replaces(plan));
        planview_expect(plan, &w->progress, watch_now());
        if (w->mode == PROGRESS_NONE || w->mode == PROGRESS_JSON)
                return EXIT_OK;
        int code = planview_put(a->cli, plan, w->mode == PROGRESS_TTY, &text);
        if (code != EXIT_OK)
                return code;
        watch_note(w, &text);
        watch_draw(w);
        return EXIT_OK;
}

/* plan, and apply --dry-run: the plan is the result. */
static int put_plan(struct apply *a, const json_t *plan) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        int code;

        if (a->cli->output == OUTPUT_JSON)
                code = cli_print_json(a->cli, json_pack("{s:i, s:O}", "version", 1, "plan", (json_t *)(uintptr_t)plan), false);
        else if ((code = planview_put(a->cli, plan, a->cli->out_tty && a->cli->unicode, &text)) == EXIT_OK)
                code = cli_print(a->cli, &text);
        if (code != EXIT_OK)
                return code;
        return planview_has_changes(plan) && a->cli->verb->run == verb_plan ? EXIT_NEGATIVE : EXIT_OK;
}

static int show_plan(struct apply *a, struct control_client *client, json_t *document) {
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        int code = daemon_call(a->cli, client, CONTROL_METHOD("Plan"),
                               json_pack("{s:O, s:b}", "document", document, "prune", a->prune), &answer);

        return code ? code : put_plan(a, json_object_get(answer.parameters, "plan"));
}

/* Nothing supervises it: what the first apply in the foreground would do. What only a supervisor knows of the host (limits it
 * cannot keep) is not checked then. */
static int show_first_plan(struct apply *a, const struct spec *spec) {
        _cleanup_(json_decrefp) json_t *json = NULL;
        _cleanup_plan_ struct plan *plan = NULL;
        struct diag_list diags;

        if (diag_list_init(&diags, spec->file) < 0)
                return cli_oom(a->cli);
        int r = plan_make(&(struct plan_input){ .new_spec = spec, .revision = 1 }, &diags, &plan);
        diag_list_done(&diags);
        if (r == 0)
                json = plan_to_json(plan);
        return json ? put_plan(a, json) : cli_oom(a->cli);
}

static int apply_and_go(struct apply *a, struct control_client *client, json_t *document) {
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        _cleanup_buf_ struct buf text = BUF_NULL;
        int code = daemon_call(a->cli, client, CONTROL_METHOD("Apply"),
                               json_pack("{s:O, s:b}", "document", document, "prune", a->prune), &answer);

        if (code)
                return code;
        json_t *plan = json_object_get(answer.parameters, "plan");
        if (a->cli->output == OUTPUT_JSON)
                return cli_print_json(a->cli, json_pack("{s:i, s:O, s:n}", "version", 1, "plan", plan, "result"), false);
        code = planview_put(a->cli, plan, a->cli->err_tty && a->cli->unicode, &text);
        if (code == EXIT_OK && !a->cli->quiet)
                cli_note(&text);
        return code;
}

static int apply_and_watch(struct apply *a, struct control_client *client, const char *stack, json_t *document) {
        _cleanup_watch_ struct watch w = { .signal_fd = -EBADF };
        struct err err = { 0 };
        json_t *result = NULL;

        if (watch_init(&w, a->cli, &err) < 0)
                return cli_fail(a->cli, EXIT_KERNEL, &err);
        say_goes_on(a, stack, false);
        int code = daemon_send(
                a->cli, client, CONTROL_METHOD("Apply"),
                json_pack("{s:O, s:b, s:o}", "document", document, "prune", a->prune, "timeout", daemon_timeout(a->cli)));
        if (code == 0)
                code = watch_until_done(
                        &w, client,
                        &(struct watch_work){ .asked = "ready", .goes_on = a->goes_on, .take = take_plan, .userdata = a }, &result);
        if (result && a->cli->output == OUTPUT_JSON) {
                int r = cli_print_json(a->cli, json_pack("{s:i, s:O*, s:O}", "version", 1, "plan", a->plan, "result", result),
                                       false);
                if (r != EXIT_OK)
                        code = r;
        }
        json_decref(result);
        return code;
}

static int with_daemon(struct apply *a, struct control_client *client, const char *stack, json_t *document) {
        if (a->dry_run || a->cli->verb->run == verb_plan)
                return show_plan(a, client, document);
        return a->no_wait ? apply_and_go(a, client, document) : apply_and_watch(a, client, stack, document);
}

static int in_foreground(struct apply *a, const char *stack, json_t *document) {
        return foreground_apply(
                a->cli, &(struct foreground){
                                .stack = stack, .document = document, .prune = a->prune, .plan = take_plan, .userdata = a });
}

/* Where it is to be done: by the daemon, by a foreground supervisor of this stack, or by one of ours. */
static int dispatch(struct apply *a, const struct spec *spec, json_t *document) {
        _cleanup_control_client_ struct control_client *client = NULL;
        bool only_plan = a->dry_run || a->cli->verb->run == verb_plan;
        const char *stack = spec->name;
        struct err err = { 0 };

        if (a->foreground && !only_plan)
                return in_foreground(a, stack, document);
        int r = daemon_connect(a->cli, stack, &client, &err);
        if ((r == -ENOENT || r == -ECONNREFUSED) && !only_plan && !a->no_foreground && !a->no_wait && !a->cli->socket_given)
                return in_foreground(a, stack, document);
        if ((r == -ENOENT || r == -ECONNREFUSED) && only_plan && !a->cli->socket_given)
                return show_first_plan(a, spec);
        if (r < 0)
                return daemon_unreached(a->cli, r, &err);
        return with_daemon(a, client, stack, document);
}

static int run(struct apply *a, struct args *args) {
        _cleanup_document_ struct document document = DOCUMENT_NULL;
        int code;

        if (read_options(a, args, &code) < 0)
                return code;
        const char *file = document_file(a->cli, args);
        if (!file)
                return EXIT_USAGE;
        code = document_open(a->cli, file, &a->variables, &document);
        if (code != EXIT_OK)
                return code;
        json_t *json = document_json(&document);
        if (!json)
                return cli_oom(a->cli);
        code = dispatch(a, document.stack.spec, json);
        json_decref(json);
        return code;
}

int verb_apply(struct cli *c, struct args *args) {
        struct apply a = { .cli = c, .prune = true };
        int code = run(&a, args);

        variables_done(&a.variables);
        json_decref(a.plan);
        return code;
}

const struct args_option plan_options[] = {
        { SET, 0, "set", "NAME=VALUE", "a value for ${NAME} in the file; wins over files and the environment" },
        { VARS_FILE, 0, "vars-file", "FILE", "NAME=VALUE lines, as an env_file" },
        { PRUNE, 0, "prune", "yes|no", "whether containers that are gone from the file would go (yes)" },
        { 0 },
};

int verb_plan(struct cli *c, struct args *args) {
        return verb_apply(c, args);
}

/* --- rollback --- */

const struct args_option rollback_options[] = {
        { TO, 0, "to", "N", "to that revision; without it to the one before the current" },
        { DRY_RUN, 'n', "dry-run", NULL, "print the plan and change nothing" },
        { NO_WAIT, 0, "no-wait", NULL, "return when the daemon has taken it" },
        { 0 },
};

static int roll_back(struct apply *a, const char *stack) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        _cleanup_buf_ struct buf text = BUF_NULL;
        int code = daemon_open(a->cli, stack, &client);

        if (code == EXIT_OK)
                code = daemon_call(a->cli, client, CONTROL_METHOD("Document"),
                                   json_pack("{s:s, s:o}", "stack", stack, "revision", a->to ? json_integer((json_int_t)a->to) : json_null()),
                                   &answer);
        if (code != EXIT_OK)
                return code;
        buf_printf(&text, "%s: as it was in revision %lld\n", stack, (long long)json_integer_value(json_object_get(answer.parameters, "revision")));
        if (!a->cli->quiet)
                cli_note(&text);
        return with_daemon(a, client, stack, json_object_get(answer.parameters, "document"));
}

int verb_rollback(struct cli *c, struct args *args) {
        struct apply a = { .cli = c, .prune = true };
        struct target target;
        struct err err = { 0 };
        int code;

        if (read_options(&a, args, &code) < 0)
                return code;
        if (args_n_words(args) != 1)
                return cli_usage(c, args_n_words(args) == 0 ? "which STACK?" : "one stack at a time");
        if (target_parse(args_words(args)[0], &target, &err) < 0)
                return cli_fail(c, EXIT_USAGE, &err);
        if (target.container[0])
                return cli_usage(c, "\"%s\" is a container: revisions are the stack's", args_words(args)[0]);
        code = roll_back(&a, args_words(args)[0]);
        json_decref(a.plan);
        return code;
}
