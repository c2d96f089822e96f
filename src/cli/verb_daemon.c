/* daemon: the daemon about itself, its reload, and its stacks as a whole. */
#include "daemon.h"
#include "daemon_reload.h"
#include "verbs.h"
#include "watch.h"

#include <string.h>

static void put_value(const json_t *value, struct buf *out) {
        if (json_is_string(value))
                buf_puts(out, json_string_value(value));
        else if (json_is_integer(value))
                buf_printf(out, "%lld", (long long)json_integer_value(value));
        else if (json_is_array(value))
                buf_printf(out, "%zu", json_array_size(value));
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

enum { KEEP_GOING = 1, SHUTDOWN };

const struct args_option daemon_options[] = {
        { KEEP_GOING, 0, "keep-going", NULL, "reload: apply the files of stacks.d that are right, whatever the others are; settings stay" },
        { SHUTDOWN, 0, "shutdown", NULL, "stop-stacks: only when reconcile.shutdown says so" },
        { 0 },
};

struct request {
        bool keep_going, shutdown;
};

static int status(struct cli *c, const struct request *q _unused_) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        int code = daemon_open(c, NULL, &client);

        if (code == 0) /* of no stack: what is asked for is only the daemon's own part */
                code = daemon_call(c, client, CONTROL_METHOD("Status"), json_object(), &answer);
        return code ? code : show(c, json_object_get(answer.parameters, "daemon"));
}

static int reload(struct cli *c, const struct request *q) {
        return daemon_reload(c, q->keep_going);
}

static int stop_stacks(struct cli *c, const struct request *q) {
        _cleanup_control_client_ struct control_client *client = NULL;
        int code = daemon_open(c, NULL, &client);

        return code ? code : watch_call(c, client, CONTROL_METHOD("Quiesce"), json_pack("{s:b}", "shutdown", q->shutdown), "stopped");
}

static int start_stacks(struct cli *c, const struct request *q _unused_) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        int code = daemon_open(c, NULL, &client);

        return code ? code : daemon_call(c, client, CONTROL_METHOD("Resume"), json_object(), &answer);
}

static const struct {
        const char *word;
        int (*run)(struct cli *c, const struct request *q);
} requests[] = { { "status", status }, { "reload", reload }, { "stop-stacks", stop_stacks }, { "start-stacks", start_stacks } };

int verb_daemon(struct cli *c, struct args *args) {
        struct request q = { 0 };
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                *(id == KEEP_GOING ? &q.keep_going : &q.shutdown) = true;
        }
        for (size_t n = 0; args_n_words(args) == 1 && n < ARRAY_SIZE(requests); n++)
                if (strcmp(args_words(args)[0], requests[n].word) == 0)
                        return requests[n].run(c, &q);
        return cli_usage(c, "expected status, reload, stop-stacks or start-stacks");
}
