/* history: the revisions of a stack that are kept. */
#include "daemon.h"
#include "table.h"
#include "target.h"
#include "verbs.h"

#include <ctrsup/base/num.h>

#include <pwd.h>
#include <string.h>

enum { COUNT = 1 };

const struct args_option history_options[] = {
        { COUNT, 'n', "number", "N", "only the newest N" },
        { 0 },
};

/* Names while they are few, else their number: "+web,db", "~7". Nothing for none. */
static void put_side(struct buf *out, char sign, const json_t *names) {
        size_t n;
        const json_t *name;

        if (json_array_size(names) == 0)
                return;
        buf_printf(out, "%s%c", out->len > 0 ? " " : "", sign);
        if (json_array_size(names) > 3) {
                buf_printf(out, "%zu", json_array_size(names));
                return;
        }
        json_array_foreach (names, n, name)
                buf_printf(out, "%s%s", n > 0 ? "," : "", json_string_value(name));
}

static void put_changes(struct buf *out, const json_t *row) {
        const json_t *changes = json_object_get(row, "changes"), *error = json_object_get(row, "error");

        if (json_is_string(error)) {
                buf_printf(out, "cannot be read: %s", json_string_value(error));
                return;
        }
        put_side(out, '+', json_object_get(changes, "added"));
        put_side(out, '~', json_object_get(changes, "changed"));
        put_side(out, '-', json_object_get(changes, "removed"));
        if (out->len == 0)
                buf_puts(out, json_is_object(changes) ? "the stack itself" : "-");
}

static const char *state_of(const json_t *row) {
        bool current = json_is_true(json_object_get(row, "current"));

        if (json_is_true(json_object_get(row, "failed")))
                return current ? "current, failed" : "failed";
        return current ? "current" : "-";
}

static void add_row(struct table_view *table, const json_t *row) {
        _cleanup_buf_ struct buf changes = BUF_NULL;
        const char *when = json_string_value(json_object_get(row, "applied_at"));
        const json_t *uid = json_object_get(row, "uid");
        const struct passwd *pw = json_is_integer(uid) ? getpwuid((uid_t)json_integer_value(uid)) : NULL;
        char number[32], at[32] = "-", by[32] = "-";

        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(json_object_get(row, "revision")));
        if (when)
                (void)snprintf(at, sizeof(at), "%.19sZ", when);
        if (json_is_integer(uid))
                (void)snprintf(by, sizeof(by), "%lld", (long long)json_integer_value(uid));
        put_changes(&changes, row);
        const char *cells[] = { number, state_of(row), at, pw ? pw->pw_name : by,
                                buf_text(&changes) };
        table_row(table, cells, 0, NULL);
}

static int print_rows(const struct cli *c, const json_t *rows) {
        static const struct table_column columns[] = {
                { "REVISION", .right = true }, { "STATE" }, { "APPLIED" }, { "BY" }, { "CHANGES", .may_shrink = true },
        };
        _cleanup_table_ struct table_view *table = table_new(c, columns, ARRAY_SIZE(columns));
        _cleanup_buf_ struct buf out = BUF_NULL;
        size_t n;
        const json_t *row;

        if (!table)
                return cli_oom(c);
        json_array_foreach (rows, n, row)
                if (c->output == OUTPUT_NAME)
                        buf_printf(&out, "%lld\n", (long long)json_integer_value(json_object_get(row, "revision")));
                else
                        add_row(table, row);
        table_put(table, &out);
        return cli_print(c, &out);
}

int verb_history(struct cli *c, struct args *args) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct target target;
        struct err err = { 0 };
        uint64_t most = UINT64_MAX;
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (num_parse_u64(args->value, &most) < 0)
                        return cli_usage(c, "-n: \"%s\" is no number", args->value);
        }
        if (args_n_words(args) != 1)
                return cli_usage(c, args_n_words(args) == 0 ? "which STACK?" : "one stack at a time");
        const char *stack = args_words(args)[0];
        if (target_parse(stack, &target, &err) < 0)
                return cli_fail(c, EXIT_USAGE, &err);
        if (target.container[0])
                return cli_usage(c, "\"%s\" is a container: revisions are the stack's", stack);
        int code = daemon_open(c, stack, &client);
        if (code == 0)
                code = daemon_call(c, client, CONTROL_METHOD("History"), json_pack("{s:s}", "stack", stack), &answer);
        if (code)
                return code;
        json_t *rows = json_object_get(answer.parameters, "revisions");
        while (json_array_size(rows) > most)
                (void)json_array_remove(rows, json_array_size(rows) - 1);
        if (c->output == OUTPUT_JSON)
                return cli_print_json(c, json_pack("{s:i, s:s, s:O}", "version", 1, "stack", stack, "revisions", rows), false);
        return print_rows(c, rows);
}
