/* audit: what containers may do beyond the default profile: those that run by what the kernel says, a file's by what it declares. */
#include "audit_proc.h"
#include "daemon.h"
#include "document.h"
#include "statusview.h"
#include "target.h"
#include "verbs.h"

#include <string.h>

enum { SET = 1, VARS_FILE };

const struct args_option audit_options[] = {
        { SET, 0, "set", "NAME=VALUE", "a value for ${NAME} in the file; wins over files and the environment" },
        { VARS_FILE, 0, "vars-file", "FILE", "NAME=VALUE lines, as an env_file" },
        { 0 },
};

struct auditing {
        struct cli *cli;
        const struct spec_container *normal;
        json_t *all;    /* for -o json */
        struct buf out; /* else */
        size_t n_containers, n_deviations, n_notes;
};

/* "shop/web" is done; audit is sorted. running: by the kernel's word. */
static void take(struct auditing *a, struct audit *audit, const char *target, const struct spec *spec, bool running) {
        size_t deviations = audit_deviations(audit);

        audit_sort(audit);
        a->n_containers++;
        a->n_deviations += deviations;
        a->n_notes += audit->n - deviations;
        a->out.failed = a->out.failed || audit->failed;
        if (a->all)
                (void)json_array_append_new(a->all, json_pack("{s:s, s:b, s:o}", "target", target, "running", (int)running,
                                                              "deviations", audit_json(audit, spec)));
        else
                audit_put(audit, target, spec, &a->out);
}

static int audit_file(struct auditing *a, const char *file, const struct variables *v) {
        _cleanup_document_ struct document d = DOCUMENT_NULL;
        int code = document_open(a->cli, file, v, &d);

        if (code != EXIT_OK)
                return code;
        const struct spec *spec = d.stack.spec;
        for (size_t n = 0; n < spec->n_containers; n++) {
                _cleanup_audit_ struct audit audit = AUDIT_NULL;
                char target[TARGET_TEXT_SIZE];

                audit_declared(&audit, spec, &spec->containers[n], a->normal);
                take(a, &audit, target_text(spec->name, spec->containers[n].name, 1, true, target), spec, false);
        }
        return EXIT_OK;
}

/* What that instance runs. EXIT_OK with *ret NULL: a foreground supervisor keeps no revisions, or this one is not kept any more. */
static int fetch_spec(struct auditing *a, struct control_client *client, const json_t *container, struct spec **ret) {
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct diag_list diags;
        struct err err = { 0 };
        json_t *parameters = json_pack("{s:O, s:O}", "stack", json_object_get(container, "stack"), "revision",
                                       json_object_get(container, "revision"));
        int r = control_client_call(client,
                                    &(struct control_request){ .method = CONTROL_METHOD("Document"), .parameters = parameters },
                                    a->cli->timeout_usec, &answer, &err);

        json_decref(parameters);
        *ret = NULL;
        if (r < 0)
                return daemon_lost(a->cli, r, &err);
        if (answer.error)
                return EXIT_OK;
        if (diag_list_init(&diags, "stack") < 0)
                return cli_oom(a->cli);
        (void)spec_from_document(json_object_get(answer.parameters, "document"), &diags, ret);
        diag_list_done(&diags);
        return EXIT_OK;
}

static int audit_running(struct auditing *a, struct control_client *client, const json_t *all, const json_t *container) {
        _cleanup_spec_ struct spec *spec = NULL;
        _cleanup_audit_process_ struct audit_process process = AUDIT_PROCESS_NULL;
        _cleanup_audit_ struct audit audit = AUDIT_NULL;
        const char *stack = json_string_value(json_object_get(container, "stack")),
                   *name = json_string_value(json_object_get(container, "container"));
        char target[TARGET_TEXT_SIZE];
        struct err err = { 0 };

        if (!stack || !name)
                return EXIT_OK;
        int code = fetch_spec(a, client, container, &spec);
        if (code != EXIT_OK)
                return code;
        int r = audit_read_process((pid_t)json_integer_value(json_object_get(container, "pid")), &process, &err);
        if (r == -ESRCH)
                return EXIT_OK;
        if (r < 0)
                return cli_fail(a->cli, r == -EACCES || r == -EPERM ? EXIT_NO_PERMISSION : EXIT_KERNEL, &err);
        audit_true(&audit, &process.truth, spec, spec ? spec_find(spec, name) : NULL, a->normal);
        take(a, &audit,
             target_text(stack, name, json_integer_value(json_object_get(container, "replica")), target_is_only(all, stack, name),
                         target),
             spec, true);
        return EXIT_OK;
}

static int audit_targets(struct auditing *a, char **words, int n_words) {
        _cleanup_control_client_ struct control_client *client = NULL;
        _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
        struct err err = { 0 };
        json_t *parameters = json_object(), *targets = n_words > 0 ? targets_json(words, n_words, &err) : NULL, *container;
        size_t n;

        if (n_words > 0 && !targets) {
                json_decref(parameters);
                return cli_fail(a->cli, EXIT_USAGE, &err);
        }
        if (targets)
                (void)json_object_set_new(parameters, "targets", targets);
        int code = daemon_open(a->cli, n_words > 0 ? words[0] : NULL, &client);
        if (code != EXIT_OK) {
                json_decref(parameters);
                return code;
        }
        code = daemon_call(a->cli, client, CONTROL_METHOD("Status"), parameters, &answer);
        const json_t *all = json_object_get(answer.parameters, "containers");
        json_array_foreach (all, n, container)
                if (code == EXIT_OK && json_is_integer(json_object_get(container, "pid")))
                        code = audit_running(a, client, all, container);
        return code;
}

/* A word that no target can be: it has a dot at its begin or an ending, or starts with "/". */
static bool is_file(const char *word) {
        const char *dot = strrchr(word, '.');

        return strcmp(word, "-") == 0 || word[0] == '/' || word[0] == '.' ||
               (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0));
}

static int finish(struct auditing *a) {
        if (a->all)
                return cli_print_json(a->cli,
                                      json_pack("{s:i, s:O, s:I, s:I}", "version", 1, "containers", a->all, "deviations",
                                                (json_int_t)a->n_deviations, "notes", (json_int_t)a->n_notes),
                                      false);
        if (!a->cli->quiet)
                buf_printf(&a->out, "%zu container%s: %zu deviation%s from the default profile, %zu note%s\n", a->n_containers,
                           a->n_containers == 1 ? "" : "s", a->n_deviations, a->n_deviations == 1 ? "" : "s", a->n_notes,
                           a->n_notes == 1 ? "" : "s");
        return cli_print(a->cli, &a->out);
}

int verb_audit(struct cli *c, struct args *args) {
        _cleanup_variables_ struct variables v = VARIABLES_NULL;
        _cleanup_spec_ struct spec *normal = NULL;
        struct auditing a = { .cli = c };
        struct err err = { 0 };
        int id, code;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (id == SET && variables_set(&v, args->value, &err) < 0)
                        return cli_usage(c, "%s", err.text);
                if (id == VARS_FILE && variables_add_file(&v, args->value, &err) < 0)
                        return cli_fail(c, EXIT_NO_INPUT, &err);
        }
        char **words = args_words(args);
        int n_words = args_n_words(args);
        bool file = n_words > 0 && is_file(words[0]);
        if (file && n_words > 1)
                return cli_usage(c, "one file at a time, found \"%s\" too", words[1]);
        normal = audit_default();
        if (!normal)
                return cli_oom(c);
        a.normal = &normal->containers[0];
        a.all = c->output == OUTPUT_JSON ? json_array() : NULL;
        code = file ? audit_file(&a, words[0], &v) : audit_targets(&a, words, n_words);
        if (code == EXIT_OK)
                code = finish(&a);
        json_decref(a.all);
        buf_done(&a.out);
        return code != EXIT_OK ? code : a.n_deviations > 0 ? EXIT_NEGATIVE : EXIT_OK;
}
