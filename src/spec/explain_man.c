/* ctrsup-stack(5): the words around the table, and the table. */
#include <ctrsup/spec/explain.h>

#include "describe.h"

#include <string.h>

/* A backslash or a dot at the start of a line means something to troff. */
static void put_roff(const char *text, struct buf *out) {
        for (bool start = true; *text; start = *text == '\n', text++) {
                if (start && (*text == '.' || *text == '\''))
                        buf_puts(out, "\\&");
                if (*text == '\\')
                        buf_puts(out, "\\e");
                else if (*text == '-')
                        buf_puts(out, "\\-");
                else
                        buf_putc(out, *text);
        }
}

static void put_fact(const char *label, const char *text, struct buf *out) {
        if (!*text)
                return;
        buf_printf(out, ".br\n%s: ", label);
        put_roff(text, out);
        buf_putc(out, '\n');
}

static void put_key(const char *path, const struct field *f, struct buf *out) {
        _cleanup_buf_ struct buf type = BUF_NULL, preset = BUF_NULL, allowed = BUF_NULL;

        describe_type(f, &type);
        describe_preset(f, &preset);
        describe_allowed(f, &allowed);
        buf_puts(out, ".TP\n.B ");
        put_roff(path, out);
        buf_putc(out, '\n');
        if (f->flags & FIELD_LATER)
                buf_puts(out, ".I Not supported yet.\n");
        put_roff(f->doc, out);
        buf_puts(out, ".\n");
        put_fact("Type", buf_text(&type), out);
        put_fact("Default", buf_text(&preset), out);
        put_fact("Allowed", buf_text(&allowed), out);
        put_fact("Change", change_class_name(f->change), out);
        if (f->example) {
                buf_puts(out, ".br\nExample: ");
                put_roff(f->key, out);
                buf_puts(out, ": ");
                put_roff(f->example, out);
                buf_putc(out, '\n');
        }
}

static void put_keys(const struct table *t, const char *prefix, struct buf *out) {
        for (size_t i = 0; i < t->n_fields; i++) {
                const struct field *f = &t->fields[i];
                char path[256];

                (void)snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", f->key);
                put_key(path, f, out);
                if (!describe_descends(f) || f->sub == &container_table)
                        continue;
                size_t len = strlen(path);
                (void)snprintf(path + len, sizeof(path) - len, "%s", describe_step(f));
                put_keys(f->sub, path, out);
        }
}

static const char head[] =
        ".TH CTRSUP\\-STACK 5 \"\" \"ctrsup " CTRSUP_VERSION "\" \"ctrsup\"\n"
        ".SH NAME\nctrsup\\-stack \\- the file that declares a stack of containers\n"
        ".SH DESCRIPTION\n"
        "A stack file is YAML (or JSON): one document, UTF\\-8, at most 1 MiB, 32 levels and 100000 values "
        "deep. It names the containers\n"
        "that shall run on this host;\n.BR ctrsup (1)\n.B apply\n"
        "makes it so. An unknown key, a key given twice, a tag or a tab is an error. Keys that start with\n"
        ".B x\\-\nare ignored; anchors, aliases and\n.B <<\nare resolved, own keys win over merged ones.\n.PP\n"
        "A value is typed by its key, from the text as written: booleans are\n.BR true \" and \" false ,\n"
        "numbers stand without quotes, text may stand without.\n"
        ".PP\nIn values\n.BR ${NAME} ,\n.BR ${NAME:\\-default} \" and \" ${NAME:?message}\n"
        "are replaced by\n.BR ctrsup (1)\nfrom\n.BR \\-\\-set ,\n"
        "the variables file and the environment; a variable that is not set is an error.\n"
        ".B $${\nwrites a literal ${; any other $ is left alone.\n.PP\n"
        "Host paths may be relative to the stack file. Names of stacks, containers and volumes are DNS labels.\n.PP\n"
        "The change of a key costs, by its class:\n"
        ".B meta\nnothing,\n.B live\na write to the running container,\n.B replace\n"
        "a new start of the container;\n.B immutable\nkeys cannot be changed.\n";

static const char foot[] = ".SH ERRORS\nA complaint is FILE:LINE:COLUMN: error: KEY: what is wrong, with a hint below. Its kind "
                           "is stable, shown by\n.B ctrsup check \\-o json\nas id:\n";

void explain_man(struct buf *out) {
        buf_puts(out, head);
        buf_puts(out, ".SH KEYS OF THE STACK\n");
        put_keys(&stack_table, "", out);
        buf_puts(out, ".SH KEYS OF A CONTAINER\nBelow\n.BI containers. NAME\nand\n.BR defaults .\n");
        put_keys(&container_table, "", out);
        buf_puts(out, foot);
        for (int id = 0; id < _DIAG_ID_MAX; id++) {
                put_roff(diag_id_name((enum diag_id)id), out);
                buf_puts(out, id + 1 < _DIAG_ID_MAX ? ",\n" : ".\n");
        }
        buf_puts(out, ".SH SEE ALSO\n.BR ctrsup (1),\n.BR ctrsupd (8),\n.BR ctrsup.conf (5)\n");
}
