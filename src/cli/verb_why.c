/* why: what of a target is not as it is to be, and the last end explained. */
#include "daemon.h"
#include "logsource.h"
#include "target.h"
#include "updateview.h"
#include "verbs.h"
#include "whyview.h"

#include <ctrsup/base/num.h>

#include <string.h>
#include <time.h>

enum { LINES = 1 };
enum { LINES_DEFAULT = 10 };

const struct args_option why_options[] = {
        { LINES, 'n', "lines", "N", "so many of the last lines of its log, 10 by default" },
        { 0 },
};

struct why {
        const struct cli *cli;
        const char *target;
        bool of_stack; /* then only what is not fine is told of */
        uint64_t n_lines, now_usec;
};

static const char *text_of(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "?";
}

/* The explanation gets its "lines"; else why not. */
static const char *add_lines(const struct why *w, json_t *explanation) {
        json_t *lines = json_array();
        uint64_t since, until;
        const char *unread = NULL;

        if (w->n_lines > 0 && whyview_span(explanation, &since, &until))
                unread = logsource_tail(json_object_get(explanation, "container"), w->n_lines, since, until, lines);
        (void)json_object_set_new(explanation, "lines", lines);
        return unread;
}

static void put_one(const struct why *w, json_t *explanation, struct buf *out) {
        const json_t *c = json_object_get(explanation, "container");
        const char *stack = text_of(c, "stack"), *name = text_of(c, "container");
        char target[TARGET_TEXT_SIZE];
        struct whyview view = {
                .target = target_text(stack, name, json_integer_value(json_object_get(c, "replica")),
                                      !json_is_true(json_object_get(explanation, "several")), target),
                .now_usec = w->now_usec,
                .for_terminal = w->cli->out_tty,
        };

        view.no_lines = add_lines(w, explanation);
        view.lines = json_object_get(explanation, "lines");
        whyview_put(explanation, &view, out);
}

static void put_updates(const json_t *updates, struct buf *out) {
        const json_t *update;
        size_t n;

        json_array_foreach (updates, n, update)
                updateview_put(update, out);
}

static int print_text(const struct why *w, const json_t *all, const json_t *updates) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        json_t *explanation;
        size_t n, fine = 0;

        if (w->of_stack)
                put_updates(updates, &out);
        json_array_foreach (all, n, explanation) {
                if (w->of_stack && whyview_is_fine(explanation))
                        fine++;
                else
                        put_one(w, explanation, &out);
        }
        if (w->of_stack && fine > 0)
                buf_printf(&out, "%s: %s%zu %s fine\n", w->target,
                           fine < n ? "the other "
                           : n == 1 ? "its "
                                    : "all ",
                           fine, fine == 1 ? "container is" : "containers are");
        if (!w->of_stack)
                put_updates(updates, &out);
        return cli_print(w->cli, &out);
}

static int print_json(const struct why *w, json_t *all, json_t *updates) {
        json_t *explanation;
        size_t n;

        json_array_foreach (all, n, explanation)
                (void)add_lines(w, explanation);
        return cli_print_json(w->cli, json_pack("{s:i, s:O, s:O?}", "version", 1, "explanations", all, "updates", updates), false);
}

/* Of a stack whose record cannot be read nothing else is known. */
static void say_unreadable(const struct why *w, const json_t *unreadable) {
        char name[TARGET_NAME_SIZE];
        const json_t *stack;
        size_t n;

        target_stack(w->target, name);
        json_array_foreach (unreadable, n, stack)
                if (strcmp(text_of(stack, "stack"), name) == 0) {
                        cli_say(w->cli, "%s: unreadable: %s", name, text_of(stack, "reason"));
                        cli_say(w->cli, "    hint: %s", text_of(stack, "hint"));
                }
}

static uint64_t realtime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

int verb_why(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct why w = { .cli = c, .n_lines = LINES_DEFAULT };
        struct target target;
        struct err err = { 0 };
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (num_parse_u64(args->value, &w.n_lines) < 0)
                        return cli_usage(c, "-n: expected a number of lines, found \"%s\"", args->value);
        }
        if (args_n_words(args) != 1)
                return cli_usage(c, args_n_words(args) == 0 ? "which TARGET?" : "one target at a time");
        w.target = args_words(args)[0];
        if (target_parse(w.target, &target, &err) < 0)
                return cli_fail(c, EXIT_USAGE, &err);
        w.of_stack = !target.container[0];
        int code = daemon_open(c, w.target, &client);
        if (code == 0)
                code = daemon_call(c, client, CONTROL_METHOD("Why"), json_pack("{s:s}", "target", w.target), &answer);
        if (code)
                return code;
        json_t *all = json_object_get(answer.parameters, "explanations"), *updates = json_object_get(answer.parameters, "updates");
        w.now_usec = realtime();
        say_unreadable(&w, json_object_get(answer.parameters, "unreadable"));
        return c->output == OUTPUT_JSON ? print_json(&w, all, updates) : print_text(&w, all, updates);
}
