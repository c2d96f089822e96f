/* daemon status: the daemon about itself. */
#include "daemon.h"
#include "verbs.h"

#include <string.h>

static void put_value(const json_t *value, struct buf *out) {
        if (json_is_string(value))
                buf_puts(out, json_string_value(value));
        else if (json_is_integer(value))
                buf_printf(out, "%lld", (long long)json_integer_value(value));
        else
                buf_puts(out, json_is_null(value) ? "-" : json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "?");
}

static int show(struct cli *c, const json_t *daemon) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        const char *key;
        json_t *value;

        if (c->output == OUTPUT_JSON)
                return cli_print_json(c, json_pack("{s:i, s:O}", "version", 1, "daemon", daemon), false);
        json_object_foreach ((json_t *)(uintptr_t)daemon, key, value) {
                buf_printf(&out, "%-12s  ", key);
                put_value(value, &out);
                buf_putc(&out, '\n');
        }
        const char *version = json_string_value(json_object_get(daemon, "version"));
        if (version && strcmp(version, CTRSUP_VERSION) != 0)
                cli_say(c, "this client is %s, the daemon %s", CTRSUP_VERSION, version);
        return cli_print(c, &out);
}

int verb_daemon(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct err err = { 0 };
        int code;

        if (cli_no_options(args, &code) < 0)
                return code;
        const char *what = args_n_words(args) == 1 ? args_words(args)[0] : "";
        if (strcmp(what, "reload") == 0) {
                err_set(&err, ENOSYS, "daemon reload is not supported yet");
                return cli_fail(c, EXIT_USAGE, &err);
        }
        if (strcmp(what, "status") != 0)
                return cli_usage(c, "expected status");
        code = daemon_open(c, NULL, &client);
        if (code == 0) /* of no stack: what is asked for is only the daemon's own part */
                code = daemon_call(c, client, CONTROL_METHOD("Status"), json_object(), &answer);
        return code ? code : show(c, json_object_get(answer.parameters, "daemon"));
}
