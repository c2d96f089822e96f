/* reload: containers read their configuration again; the daemon tells them, and this prints what came of it. */
#include "daemon.h"
#include "target.h"
#include "verbs.h"

#include <string.h>

static const char *text(const json_t *row, const char *key) {
        const char *value = json_string_value(json_object_get(row, key));

        return value ? value : "";
}

static bool is_done(const json_t *row) {
        return json_is_true(json_object_get(row, "done"));
}

/* Its lines, below whose they are. */
static void put_output(struct buf *out, const char *said) {
        for (const char *line = said; *line; line += strcspn(line, "\n"), line += *line == '\n')
                buf_printf(out, "    %.*s\n", (int)strcspn(line, "\n"), line);
}

static void put_row(struct buf *out, const json_t *rows, const json_t *row) {
        const char *stack = text(row, "stack"), *container = text(row, "container"), *how = text(row, "how"),
                   *message = text(row, "message");
        char target[TARGET_TEXT_SIZE];

        (void)target_text(stack, container, json_integer_value(json_object_get(row, "replica")),
                          target_is_only(rows, stack, container), target);
        buf_printf(out, "%s: %s: %s", target, is_done(row) ? "reloaded" : "reload failed", how);
        if (strcmp(how, message) != 0)
                buf_printf(out, ": %s", message);
        buf_putc(out, '\n');
        put_output(out, text(row, "output"));
}

static int print_results(const struct cli *c, const json_t *rows) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        const json_t *row;
        size_t n;
        int code = EXIT_OK;

        json_array_foreach (rows, n, row) {
                put_row(&out, rows, row);
                if (!is_done(row))
                        code = EXIT_NEGATIVE;
        }
        int r = c->output == OUTPUT_JSON
                        ? cli_print_json(c, json_pack("{s:i, s:O}", "version", 1, "results", (json_t *)(uintptr_t)rows), false)
                        : cli_print(c, &out);
        return r != EXIT_OK ? r : code;
}

int verb_reload(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct err err = { 0 };
        int code;

        if (cli_no_options(args, &code) < 0)
                return code;
        if (args_n_words(args) == 0)
                return cli_usage(c, "which TARGET?");
        json_t *targets = targets_json(args_words(args), args_n_words(args), &err);
        if (!targets)
                return cli_fail(c, EXIT_USAGE, &err);
        code = daemon_open(c, args_words(args)[0], &client);
        if (code) {
                json_decref(targets);
                return code;
        }
        code = daemon_call(c, client, CONTROL_METHOD("ReloadContainers"), json_pack("{s:o}", "targets", targets), &answer);
        return code ? code : print_results(c, json_object_get(answer.parameters, "results"));
}
