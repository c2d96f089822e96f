/* explain, schema: the field table for people and editors. */
#include "pager.h"
#include "verbs.h"

#include <ctrsup/spec/explain.h>

int verb_explain(struct cli *c, struct args *args) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct err err = { 0 };
        int code;

        if (cli_no_options(args, &code) < 0)
                return code;
        if (args_n_words(args) == 0)
                explain_tree(&out);
        for (int i = 0; i < args_n_words(args); i++) {
                if (i > 0)
                        buf_putc(&out, '\n');
                int r = explain_key(args_words(args)[i], &out, &err);
                if (r < 0)
                        return cli_fail(c, r == -ENOENT ? EXIT_NO_TARGET : EXIT_KERNEL, &err);
        }
        pid_t pager = pager_begin(c);
        code = cli_print(c, &out);
        pager_end(pager);
        return code;
}

int verb_schema(struct cli *c, struct args *args) {
        int code;

        if (cli_no_options(args, &code) < 0)
                return code;
        if (args_n_words(args) > 0)
                return cli_usage(c, "takes no arguments, found \"%s\"", args_words(args)[0]);
        return cli_print_json(c, explain_schema(), false);
}
