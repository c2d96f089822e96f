#include "table.h"

#include "terminal.h"

#include <libsmartcols/libsmartcols.h>

struct table_view {
        struct libscols_table *table;
        size_t n_columns, n_rows;
        bool failed;
};

struct table_view *table_new(const struct cli *c, const struct table_column *columns, size_t n) {
        struct table_view *t = calloc(1, sizeof(*t));

        if (!t || !(t->table = scols_new_table()))
                return table_free(t);
        t->n_columns = n;
        (void)scols_table_enable_noheadings(t->table, c->no_legend);
        (void)scols_table_enable_colors(t->table, c->color_out);
        if (!c->unicode)
                (void)scols_table_enable_ascii(t->table, 1);
        (void)scols_table_set_termforce(t->table, c->out_tty ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
        if (c->out_tty)
                (void)scols_table_set_termwidth(t->table, terminal_columns(STDOUT_FILENO));
        for (size_t i = 0; i < n; i++) {
                int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) | (columns[i].may_shrink ? SCOLS_FL_TRUNC : 0);
                struct libscols_column *column = scols_table_new_column(t->table, columns[i].name, 0.01, flags);

                if (!column)
                        return table_free(t);
                (void)scols_cell_set_color(scols_column_get_header(column), "bold");
        }
        return t;
}

struct table_view *table_free(struct table_view *t) {
        if (t)
                scols_unref_table(t->table);
        free(t);
        return NULL;
}

void table_row(struct table_view *t, const char *const *cells, size_t colored, const char *color) {
        struct libscols_line *line = scols_table_new_line(t->table, NULL);

        if (!line) {
                t->failed = true;
                return;
        }
        t->n_rows++;
        for (size_t i = 0; i < t->n_columns; i++)
                if (scols_line_set_data(line, i, cells[i]) < 0)
                        t->failed = true;
        if (color && scols_cell_set_color(scols_line_get_cell(line, colored), color) < 0)
                t->failed = true;
}

void table_put(struct table_view *t, struct buf *out) {
        char *text = NULL;

        if (t->n_rows == 0 && !t->failed)
                return;
        if (t->failed || scols_print_table_to_string(t->table, &text) < 0)
                out->failed = true;
        else if (text)
                buf_printf(out, "%s\n", text); /* it ends its lines, but for the last */
        free(text);
}
