/* help, and the texts of --help and --version: all from the tables. */
#include "verbs.h"

#include <gnu/libc-version.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <string.h>

enum { WIDTH = 28 };

static void put_option(const struct args_option *o, struct buf *out) {
        _cleanup_buf_ struct buf left = BUF_NULL;

        buf_puts(&left, "  ");
        if (o->letter)
                buf_printf(&left, "-%c", o->letter);
        else
                buf_puts(&left, "  ");
        if (o->name)
                buf_printf(&left, "%s--%s", o->letter ? ", " : "  ", o->name);
        if (o->value)
                buf_printf(&left, " %s", o->value);
        if (left.len > WIDTH)
                buf_printf(out, "%s\n%*s%s\n", buf_text(&left), WIDTH + 2, "", o->help);
        else
                buf_printf(out, "%-*s  %s\n", WIDTH, buf_text(&left), o->help);
}

static void put_options(const char *title, const struct args_option *rows, struct buf *out) {
        if (!rows || rows->id == 0)
                return;
        buf_printf(out, "\n%s:\n", title);
        for (; rows->id != 0; rows++)
                put_option(rows, out);
}

static void put_verbs(struct buf *out, bool later) {
        for (const struct verb *v = verbs; v->name; v++)
                if (!v->run == later)
                        buf_printf(out, "  %-9s %-24s %s\n", v->name, v->words, v->summary);
}

void help_program(struct buf *out) {
        buf_puts(out, "ctrsup [OPTIONS] VERB [ARGUMENTS]\nDeclare containers in a file and keep them running.\n\nVerbs:\n");
        put_verbs(out, false);
        buf_puts(out, "\nNot supported yet:\n");
        put_verbs(out, true);
        put_options("Options of every verb", args_global, out);
        buf_puts(out, "\nTARGET is STACK, STACK/CONTAINER or STACK/CONTAINER.N. `ctrsup VERB --help` has a verb's options.\n"
                      "See ctrsup(1), ctrsup-stack(5), ctrsupd(8).\n");
}

void help_verb(const struct verb *v, struct buf *out) {
        buf_printf(out, "ctrsup %s [OPTIONS]%s%s\n%s\n", v->name, *v->words ? " " : "", v->words, v->summary);
        if (!v->run)
                buf_puts(out, "\nNot supported yet.\n");
        if (v->details)
                buf_printf(out, "\n%s", v->details);
        put_options("Options", v->options, out);
        put_options("Options of every verb", args_global, out);
}

void help_version(struct buf *out) {
        buf_printf(out, "ctrsup %s\nstack format 1, Varlink interface io.ctrsup.Manager\n", CTRSUP_VERSION);
        buf_printf(out, "glibc %s, jansson %s, libsmartcols %s\n", gnu_get_libc_version(), jansson_version_str(),
                   LIBSMARTCOLS_VERSION);
}

int verb_help(struct cli *c, struct args *args) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        int code;

        if (cli_no_options(args, &code) < 0)
                return code;
        if (args_n_words(args) == 0) {
                help_program(&out);
                return cli_print(c, &out);
        }
        const char *name = args_words(args)[0];
        const struct verb *v = verb_find(name);
        if (!v) {
                const char *near = verb_suggest(name);

                return near ? cli_usage(c, "unknown verb \"%s\": did you mean \"%s\"?", name, near)
                            : cli_usage(c, "unknown verb \"%s\"", name);
        }
        help_verb(v, &out);
        return cli_print(c, &out);
}
