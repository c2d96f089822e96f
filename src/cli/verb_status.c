/* status: what runs, as a table, as blocks, as JSON, as names. */
#include "daemon.h"
#include "duration.h"
#include "statusview.h"
#include "table.h"
#include "target.h"
#include "updateview.h"
#include "verbs.h"

#include <ctrsup/base/num.h>
#include <time.h>

enum { ALL = 1, WATCH };

const struct args_option status_options[] = {
        { ALL, 'a', "all", NULL, "finished runs of jobs too, as many as keep_runs says" },
        { WATCH, 'w', "watch", NULL, "again and again, every two seconds; with -o json one document a line" },
        { 0 },
};

#define WATCH_USEC UINT64_C(2000000)

struct status {
        struct cli *cli;
        bool watch, all;
        json_t *targets; /* NULL: all */
        json_t *earlier; /* the containers of the last round */
        uint64_t earlier_usec;
};

static uint64_t realtime(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static const char *text_of(const json_t *object, const char *key) {
        const char *text = json_string_value(json_object_get(object, key));

        return text ? text : "?";
}

static const char *name_of(const json_t *all, const json_t *container, char buf[TARGET_TEXT_SIZE]) {
        const char *stack = text_of(container, "stack"), *name = text_of(container, "container");

        return target_text(stack, name, json_integer_value(json_object_get(container, "replica")),
                           target_is_only(all, stack, name), buf);
}

static const json_t *find(const json_t *all, const json_t *container) {
        static const char *const keys[] = { "stack", "container", "replica" };
        size_t i;
        json_t *c;

        json_array_foreach (all, i, c) {
                size_t same = 0;

                for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
                        same += (size_t)json_equal(json_object_get(c, keys[k]), json_object_get(container, keys[k]));
                if (same == ARRAY_SIZE(keys))
                        return c;
        }
        return NULL;
}

static void put_addresses(const json_t *container, struct buf *out) {
        size_t i;
        json_t *address;

        json_array_foreach (json_object_get(container, "addresses"), i, address)
                buf_printf(out, "%s%s", i ? " " : "", json_string_value(address) ? json_string_value(address) : "?");
        if (out->len == 0)
                buf_puts(out, "-");
}

static void add_row(const struct status *s, struct table_view *table, const json_t *all, const json_t *container, uint64_t now) {
        enum { STATE = 1, N = 8 };
        struct buf parts[N] = { 0 };
        const char *cells[N], *health = json_string_value(json_object_get(container, "health"));
        char name[TARGET_TEXT_SIZE];

        buf_puts(&parts[0], name_of(all, container, name));
        statusview_state(container, now, &parts[STATE]);
        buf_puts(&parts[2], health ? health : "-");
        buf_printf(&parts[3], "%lld", (long long)json_integer_value(json_object_get(container, "restarts")));
        statusview_uptime(container, now, &parts[4]);
        statusview_cpu(container, find(s->earlier, container), s->earlier_usec, now, &parts[5]);
        statusview_memory(container, &parts[6]);
        put_addresses(container, &parts[7]);
        for (size_t i = 0; i < N; i++)
                cells[i] = buf_text(&parts[i]);
        table_row(table, cells, STATE, statusview_color(cells[STATE]));
        for (size_t i = 0; i < N; i++)
                buf_done(&parts[i]);
}

/* The finished runs of a job, below it. */
static void add_runs(struct table_view *table, const json_t *all, const json_t *container) {
        enum { STATE = 1, UPTIME = 4, N = 8 };
        char name[TARGET_TEXT_SIZE], took[NUM_TEXT_MAX];
        size_t i;
        json_t *run;

        json_array_foreach (json_object_get(container, "runs"), i, run) {
                const char *cells[N] = { name_of(all, container, name), "", "-", "-", took, "-", "-", "-" };
                _cleanup_buf_ struct buf state = BUF_NULL;

                statusview_run(run, &state);
                (void)num_human_duration(took, duration_usec(json_number_value(json_object_get(run, "duration"))));
                cells[STATE] = buf_text(&state);
                table_row(table, cells, STATE, NULL);
        }
}

static int put_table(const struct status *s, const json_t *all, struct buf *out) {
        static const struct table_column columns[] = {
                { "CONTAINER", false, true }, { "STATE", false, true }, { "HEALTH", false, true },  { "RESTARTS", false, false },
                { "UPTIME", false, false },   { "CPU", false, false },  { "MEMORY", false, false }, { "PORTS", false, true },
        };
        _cleanup_table_ struct table_view *table = table_new(s->cli, columns, ARRAY_SIZE(columns));
        uint64_t now = realtime();
        size_t i;
        json_t *container;

        if (!table)
                return cli_oom(s->cli);
        json_array_foreach (all, i, container) {
                add_row(s, table, all, container, now);
                if (s->all)
                        add_runs(table, all, container);
        }
        table_put(table, out);
        return EXIT_OK;
}

static void put_plain(const struct status *s, const json_t *all, struct buf *out) {
        char name[TARGET_TEXT_SIZE];
        uint64_t now = realtime();
        size_t i;
        json_t *container;

        json_array_foreach (all, i, container) {
                name_of(all, container, name);
                if (s->cli->output == OUTPUT_NAME)
                        buf_printf(out, "%s\n", name);
                else
                        statusview_block(container, name, now, out);
        }
}

/* On stderr: what is on stdout stays the list. */
static void say_trouble(const struct status *s, const json_t *daemon) {
        const char *reason = json_string_value(json_object_get(daemon, "reason"));
        const json_t *stack;
        size_t i;

        if (reason)
                cli_say(s->cli, "%s: %s; since %s", text_of(daemon, "state"), reason, text_of(daemon, "since"));
        json_array_foreach (json_object_get(daemon, "unreadable"), i, stack) {
                cli_say(s->cli, "%s: unreadable: %s", text_of(stack, "stack"), text_of(stack, "reason"));
                cli_say(s->cli, "    hint: %s", text_of(stack, "hint"));
        }
}

static int show(struct status *s, const json_t *all, const json_t *updates, const json_t *daemon) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        if (s->cli->output == OUTPUT_JSON)
                return cli_print_json(s->cli, json_pack("{s:i, s:O, s:O?, s:{s:O?, s:O?, s:O?}}", "version", 1, "containers", all, "updates", updates, "daemon", "state",
                                                         json_object_get(daemon, "state"), "reason", json_object_get(daemon, "reason"), "unreadable", json_object_get(daemon, "unreadable")),
                                      s->watch);
        if (s->watch && s->cli->out_tty)
                buf_puts(&out, "\033[H\033[J");
        if (s->cli->output == OUTPUT_NAME || s->cli->verbose > 0)
                put_plain(s, all, &out);
        else if (put_table(s, all, &out) != EXIT_OK)
                return EXIT_KERNEL;
        if (json_array_size(all) == 0)
                cli_say(s->cli, "no containers");
        int code = cli_print(s->cli, &out);
        updateview_say(s->cli, updates);
        say_trouble(s, daemon);
        return code;
}

/* 3 when something that was named does not run: what scripts ask `status` for. */
static int verdict(const struct status *s, const json_t *all) {
        size_t i;
        json_t *container;

        if (!s->targets)
                return EXIT_OK;
        json_array_foreach (all, i, container)
                if (!statusview_is_running(container))
                        return EXIT_NOT_RUNNING;
        return json_array_size(all) > 0 ? EXIT_OK : EXIT_NOT_RUNNING;
}

static int once(struct status *s, struct control_client *client) {
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        json_t *parameters = json_object();

        if (s->targets)
                (void)json_object_set(parameters, "targets", s->targets);
        int code = daemon_call(s->cli, client, CONTROL_METHOD("Status"), parameters, &answer);
        if (code)
                return code;
        json_t *all = json_object_get(answer.parameters, "containers");
        if (!json_is_array(all)) {
                struct err err = { 0 };

                err_set(&err, EPROTO, "the daemon's status has no containers");
                return cli_fail(s->cli, EXIT_BUG, &err);
        }
        code = show(s, all, json_object_get(answer.parameters, "updates"), json_object_get(answer.parameters, "daemon"));
        json_decref(s->earlier);
        s->earlier = json_incref(all);
        s->earlier_usec = realtime();
        return code == EXIT_OK ? verdict(s, all) : code;
}

static int run(struct status *s, const char *first) {
        _cleanup_control_client_ struct control_client *client = NULL;
        int code = daemon_open(s->cli, first, &client);

        if (code)
                return code;
        do {
                code = once(s, client);
                if (s->watch && (code == EXIT_OK || code == EXIT_NOT_RUNNING))
                        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_sec = WATCH_USEC / USEC_PER_SEC },
                                              NULL);
        } while (s->watch && (code == EXIT_OK || code == EXIT_NOT_RUNNING));
        return code;
}

int verb_status(struct cli *c, struct args *args) {
        struct status s = { .cli = c };
        struct err err = { 0 };
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                s.watch = s.watch || id == WATCH;
                s.all = s.all || id == ALL;
        }
        if (args_n_words(args) > 0) {
                s.targets = targets_json(args_words(args), args_n_words(args), &err);
                if (!s.targets)
                        return cli_fail(c, EXIT_USAGE, &err);
        }
        int code = run(&s, s.targets ? args_words(args)[0] : NULL);
        json_decref(s.targets);
        json_decref(s.earlier);
        return code;
}
