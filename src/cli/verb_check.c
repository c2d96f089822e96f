/* check, render: offline, without root. */
#include "document.h"
#include "scheduleview.h"
#include "verbs.h"

#include <ctrsup/text/json.h>
#include <ctrsup/text/render.h>

enum { SET = 1, VARS_FILE };

const struct args_option check_options[] = {
        { SET, 0, "set", "NAME=VALUE", "a value for ${NAME} in the file; wins over files and the environment" },
        { VARS_FILE, 0, "vars-file", "FILE", "NAME=VALUE lines, as an env_file" },
        { 0 },
};
const struct args_option render_options[] = {
        { SET, 0, "set", "NAME=VALUE", "a value for ${NAME} in the file; wins over files and the environment" },
        { VARS_FILE, 0, "vars-file", "FILE", "NAME=VALUE lines, as an env_file" },
        { 0 },
};

/* EXIT_OK, or -1 with *code to end with. */
static int read_options(struct cli *c, struct args *args, struct variables *v, int *code) {
        struct err err = { 0 };
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                *code = id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (id < 0)
                        return -1;
                if (id == SET && variables_set(v, args->value, &err) < 0) {
                        (void)cli_usage(c, "%s", err.text);
                        return -1;
                }
                if (id == VARS_FILE && variables_add_file(v, args->value, &err) < 0) {
                        *code = cli_fail(c, EXIT_NO_INPUT, &err);
                        return -1;
                }
        }
        return 0;
}

/* One file: its complaints go to stderr, or into the array. */
static int check_file(struct cli *c, const char *file, const struct variables *v, json_t *all) {
        _cleanup_document_ struct document d = DOCUMENT_NULL;
        _cleanup_buf_ struct buf text = BUF_NULL;
        int code = document_load(c, file, v, &d);

        if (code != EXIT_OK && code != EXIT_DATA)
                return code;
        if (all) {
                json_t *list = diag_list_json(&d.diags);
                int r = list ? json_array_extend(all, list) : -1;

                json_decref(list);
                return r < 0 ? cli_oom(c) : code;
        }
        document_complain(c, &d);
        if (code != EXIT_OK || c->quiet)
                return code;
        buf_printf(&text, "%s: ok\n", d.diags.file);
        if (c->verbose > 0)
                scheduleview_put(&d, document_now(), &text);
        return cli_print(c, &text);
}

/* The worst of all files: a missing one is told after a wrong one is. */
int verb_check(struct cli *c, struct args *args) {
        _cleanup_variables_ struct variables v = VARIABLES_NULL;
        int code = EXIT_OK, worst = EXIT_OK;

        if (read_options(c, args, &v, &code) < 0)
                return code;
        if (args_n_words(args) == 0)
                return cli_usage(c, "which FILE?");
        json_t *all = c->output == OUTPUT_JSON ? json_array() : NULL;
        for (int i = 0; i < args_n_words(args); i++) {
                code = check_file(c, args_words(args)[i], &v, all);
                if (worst == EXIT_OK || (code != EXIT_OK && code != EXIT_DATA))
                        worst = code;
        }
        if (c->output == OUTPUT_JSON) {
                code = cli_print_json(c, json_pack("{s:i, s:o}", "version", 1, "diagnostics", all), false);
                if (code != EXIT_OK)
                        return code;
        }
        return worst;
}

int verb_render(struct cli *c, struct args *args) {
        _cleanup_variables_ struct variables v = VARIABLES_NULL;
        _cleanup_document_ struct document d = DOCUMENT_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        int code = EXIT_OK;

        if (read_options(c, args, &v, &code) < 0)
                return code;
        const char *file = document_file(c, args);
        if (!file)
                return EXIT_USAGE;
        code = document_open(c, file, &v, &d);
        if (code != EXIT_OK)
                return code;
        if (c->output == OUTPUT_JSON)
                return cli_print_json(c, json_from_nodes(d.stack.nodes), false);
        render_yaml(d.stack.nodes, &out);
        return cli_print(c, &out);
}
