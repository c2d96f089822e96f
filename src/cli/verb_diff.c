/* diff: what of a stack runs otherwise than declared, because somebody changed it behind the daemon's back. */
#include "daemon.h"
#include "target.h"
#include "updateview.h"
#include "verbs.h"

static const char *text_of(const json_t *drift, const char *key) {
        const char *text = json_string_value(json_object_get(drift, key));

        return text ? text : "?";
}

static int print_drifts(const struct cli *c, const json_t *drifts) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        char target[TARGET_TEXT_SIZE];
        const json_t *d;
        size_t n;

        json_array_foreach (drifts, n, d)
                buf_printf(&out, "%s: %s: is %s, declared %s; %s\n",
                           target_text(text_of(d, "stack"), text_of(d, "container"),
                                       json_integer_value(json_object_get(d, "replica")),
                                       !json_is_true(json_object_get(d, "several")), target),
                           text_of(d, "what"), text_of(d, "is"), text_of(d, "declared"), text_of(d, "cure"));
        return cli_print(c, &out);
}

int verb_diff(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct target target;
        struct err err = { 0 };
        int code;

        if (cli_no_options(args, &code) < 0)
                return code;
        if (args_n_words(args) != 1)
                return cli_usage(c, args_n_words(args) == 0 ? "which STACK?" : "one stack at a time");
        const char *stack = args_words(args)[0];
        if (target_parse(stack, &target, &err) < 0)
                return cli_fail(c, EXIT_USAGE, &err);
        if (target.container[0])
                return cli_usage(c, "\"%s\" is a container: a stack is compared as a whole", stack);
        code = daemon_open(c, stack, &client);
        if (code == 0)
                code = daemon_call(c, client, CONTROL_METHOD("Diff"), json_pack("{s:s}", "stack", stack), &answer);
        if (code)
                return code;
        const json_t *drifts = json_object_get(answer.parameters, "drifts");
        json_t *update = json_object_get(answer.parameters, "update");
        code = c->output == OUTPUT_JSON ? cli_print_json(c, json_pack("{s:i, s:s, s:O, s:O?}", "version", 1, "stack", stack, "drifts", drifts, "update", update), false)
                                        : print_drifts(c, drifts);
        if (c->output != OUTPUT_JSON)
                updateview_say_one(c, update);
        return code == EXIT_OK && json_array_size(drifts) > 0 ? EXIT_NEGATIVE : code;
}
