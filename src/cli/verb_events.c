/* events: what happened and happens. */
#include "daemon.h"
#include "statusview.h"
#include "target.h"
#include "verbs.h"

#include <ctrsup/base/num.h>

#include <string.h>
#include <time.h>

enum { FOLLOW = 1, SINCE };

const struct args_option events_options[] = {
        { FOLLOW, 'f', "follow", NULL, "go on with what happens from now on" },
        { SINCE, 0, "since", "TIME", "only from then on: 10m (ago), or 2026-11-24T00:00:00Z" },
        { 0 },
};

/* "10m" ago, or a moment; 0: neither. usec of CLOCK_REALTIME. */
static uint64_t parse_since(const char *text) {
        struct timespec t;
        uint64_t ago;

        if (num_parse_duration(text, &ago) < 0) {
                json_t *moment = json_string(text);
                uint64_t usec = statusview_time(moment);

                json_decref(moment);
                return usec;
        }
        (void)clock_gettime(CLOCK_REALTIME, &t);
        uint64_t now = (uint64_t)t.tv_sec * USEC_PER_SEC;
        return ago < now ? now - ago : 1;
}

static const char *text_of(const json_t *event, const char *key) {
        return json_string_value(json_object_get(event, key));
}

/* "2026-11-24T00:02:28Z shop/api.2: backoff: exited with status 1" */
static void put_line(const json_t *event, struct buf *out) {
        const char *time = text_of(event, "time"), *stack = text_of(event, "stack"), *container = text_of(event, "container"),
                   *to = text_of(event, "to"), *message = text_of(event, "message"), *kind = text_of(event, "kind");
        char target[TARGET_TEXT_SIZE];

        buf_printf(out, "%.19sZ ", time ? time : "?");
        if (stack && container)
                buf_printf(out, "%s: ",
                           target_text(stack, container, json_integer_value(json_object_get(event, "replica")),
                                       !json_is_true(json_object_get(event, "several")), target));
        else if (stack)
                buf_printf(out, "%s: ", stack);
        if (to && message && strcmp(to, message) == 0)
                message = NULL;
        if (to)
                buf_printf(out, "%s%s%s", to, message ? ": " : "", message ? message : "");
        else
                buf_puts(out, message ? message : kind ? kind : "?");
        buf_putc(out, '\n');
}

static int print_event(const struct cli *c, const json_t *event, uint64_t since) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        if (since > 0 && statusview_time(json_object_get(event, "time")) < since)
                return EXIT_OK;
        if (c->output == OUTPUT_JSON)
                return cli_print_json(c, json_incref((json_t *)(uintptr_t)event), true);
        put_line(event, &out);
        return cli_print(c, &out);
}

static int follow(const struct cli *c, struct control_client *client, uint64_t since) {
        for (;;) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
                struct err err = { 0 };
                int r = control_client_wait(client, UINT64_MAX, &answer, &err);

                if (r < 0)
                        return daemon_lost(c, r, &err);
                if (answer.error)
                        return daemon_fail(c, &answer);
                const json_t *event = json_object_get(answer.parameters, "event");
                int code = json_is_object(event) ? print_event(c, event, since) : EXIT_OK;
                if (code != EXIT_OK || !answer.continues)
                        return code;
        }
}

int verb_events(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        bool on = false;
        uint64_t since = 0;
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (id == FOLLOW) {
                        on = true;
                } else {
                        since = parse_since(args->value);
                        if (since == 0)
                                return cli_usage(c, "--since: \"%s\" is no time; write 10m or 2026-11-24T00:00:00Z", args->value);
                }
        }
        if (args_n_words(args) > 0)
                return cli_usage(c, "takes no arguments, found \"%s\"", args_words(args)[0]);
        int code = daemon_open(c, NULL, &client);
        if (code == 0)
                code = daemon_send(c, client, CONTROL_METHOD("Events"), json_pack("{s:b}", "follow", on));
        return code ? code : follow(c, client, since);
}
