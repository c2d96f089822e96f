#include <ctrsup/plan/explain.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_MAX = 60 }; /* characters of a value that are shown */

static const struct marks {
        const char *arrow, *cut, *unchanged;
} marks[] = {
        [EXPLAIN_TERMINAL] = { .arrow = "→", .cut = "…", .unchanged = "·" },
        [EXPLAIN_PIPE] = { .arrow = "->", .cut = "...", .unchanged = "." },
};
_Static_assert(ARRAY_SIZE(marks) == _EXPLAIN_STYLE_MAX, "marks for every style");

static size_t character(const char *text) {
        size_t len = 1;

        while (((unsigned char)text[len] & 0xc0) == 0x80)
                len++;
        return len;
}

static size_t count_characters(const char *text) {
        size_t n = 0;

        for (; *text; text += character(text))
                n++;
        return n;
}

/* Text out of a stack file, on somebody's terminal: no control character, C0 or C1 (U+0080 to U+009F), and not without end. skip: so many
 * bytes of it are known to whoever reads. */
static void put_value(const char *text, size_t skip, const struct marks *m, struct buf *out) {
        size_t shown = 0;

        if (!text) {
                buf_puts(out, "(unset)");
                return;
        }
        if (skip > 0)
                buf_puts(out, m->cut);
        for (text += skip; *text; text += character(text)) {
                const unsigned char *u = (const unsigned char *)text;

                if (shown++ == VALUE_MAX) {
                        buf_puts(out, m->cut);
                        return;
                }
                if (*u < 0x20 || *u == 0x7f || (*u == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0))
                        buf_putc(out, '?');
                else
                        buf_put(out, text, character(text));
        }
}

/* Of two long values, what both begin with, but for a little of it: else what differs may be what is cut off. */
static size_t common(const char *old, const char *new) {
        size_t same = 0, at = 0, chars = 0;

        if (!old || !new || (count_characters(old) <= VALUE_MAX && count_characters(new) <= VALUE_MAX))
                return 0;
        while (old[same] && strncmp(old + same, new + same, character(old + same)) == 0) {
                same += character(old + same);
                chars++;
        }
        if (chars <= VALUE_MAX / 2)
                return 0;
        for (size_t keep = VALUE_MAX / 3; chars > keep; chars--)
                at += character(old + at);
        return at;
}

static void put_key(const struct plan_change *c, const struct spec_change *k, enum explain_style style, struct buf *out) {
        const struct marks *m = marks + style;
        size_t skip = common(k->old_text, k->new_text);

        buf_puts(out, k->path);
        buf_puts(out, style == EXPLAIN_PIPE ? ": " : "  ");
        put_value(k->old_text, skip, m, out);
        buf_printf(out, " %s ", m->arrow);
        put_value(k->new_text, skip, m, out);
        if (style == EXPLAIN_TERMINAL && k->change < c->class)
                buf_printf(out, " (%s)", change_class_name(k->change));
}

/* What there is to say beside the keys; false: nothing. */
static bool put_reason(const struct plan_change *c, struct buf *out) {
        if (c->follows)
                buf_printf(out, "follows %s (%s)", c->follows, c->follows_key);
        else if (c->verb == PLAN_KEPT)
                buf_puts(out, "not in the file");
        else if (c->reason)
                put_value(c->reason, 0, marks + EXPLAIN_PIPE, out);
        else
                return false;
        return true;
}

static const char *symbol_of(const struct plan_change *c, enum explain_style style, char buf[2]) {
        buf[0] = plan_verb_symbol(c->verb);
        buf[1] = '\0';
        return buf[0] == '.' ? marks[style].unchanged : buf;
}

/* One row a change; the rows of its further keys are indented below the first. */
static void explain_row(const struct plan *p, const struct plan_change *c, int width, struct buf *out) {
        const char *name = c->container[0] ? c->container : p->stack, *word = plan_change_word(c);
        char symbol[2];
        _cleanup_buf_ struct buf reason = BUF_NULL;
        bool first = true;

        if (!put_reason(c, &reason) && c->keys.n == 0) {
                buf_printf(out, " %s %-*s  %s\n", symbol_of(c, EXPLAIN_TERMINAL, symbol), width, name, word);
                return;
        }
        buf_printf(out, " %s %-*s  %-9s  ", symbol_of(c, EXPLAIN_TERMINAL, symbol), width, name, word);
        if (reason.len > 0) {
                buf_printf(out, "%s\n", buf_text(&reason));
                first = false;
        }
        for (size_t i = 0; i < c->keys.n; i++, first = false) {
                if (!first)
                        buf_printf(out, "   %*s  %9s  ", width, "", "");
                put_key(c, c->keys.items + i, EXPLAIN_TERMINAL, out);
                buf_putc(out, '\n');
        }
}

/* One line a fact, each complete: for grep. */
static void explain_lines(const struct plan *p, const struct plan_change *c, struct buf *out) {
        _cleanup_buf_ struct buf head = BUF_NULL, reason = BUF_NULL;
        const char *word = plan_change_word(c);
        char symbol[2];

        buf_printf(&head, "%s %s%s%s: ", symbol_of(c, EXPLAIN_PIPE, symbol), p->stack, c->container[0] ? "/" : "", c->container);
        if (put_reason(c, &reason))
                buf_printf(out, "%s%s: %s\n", buf_text(&head), word, buf_text(&reason));
        for (size_t i = 0; i < c->keys.n; i++) {
                buf_printf(out, "%s%s: ", buf_text(&head), change_class_name(c->keys.items[i].change));
                put_key(c, c->keys.items + i, EXPLAIN_PIPE, out);
                buf_putc(out, '\n');
        }
        if (reason.len == 0 && c->keys.n == 0)
                buf_printf(out, "%s%s\n", buf_text(&head), word);
        if (buf_failed(&head) || buf_failed(&reason))
                out->failed = true;
}

static void put_counts(const struct plan *p, struct buf *out) {
        const struct {
                size_t n;
                const char *word;
        } counts[] = {
                { p->n_added, "new" },
                { p->n_changed, "changed" },
                { p->n_removed, "removed" },
                { p->n_unchanged, "unchanged" },
        };
        bool any = false;

        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                if (counts[i].n > 0) {
                        buf_printf(out, "%s%zu %s", any ? ", " : "", counts[i].n, counts[i].word);
                        any = true;
                }
        if (!any)
                buf_puts(out, "nothing");
}

void plan_explain_head(const struct plan *p, enum explain_style style, struct buf *out) {
        size_t n = p->n_added + p->n_changed + p->n_unchanged;

        if (style == EXPLAIN_PIPE) {
                buf_printf(out, "%s: revision %" PRIu64 ": ", p->stack, p->revision);
                put_counts(p, out);
                return;
        }
        buf_printf(out, "%s: revision %" PRIu64 ", %zu container%s (", p->stack, p->revision, n, n == 1 ? "" : "s");
        put_counts(p, out);
        buf_putc(out, ')');
}

void plan_explain(const struct plan *p, enum explain_style style, struct buf *out) {
        int width = 0;

        for (size_t i = 0; i < p->n_changes; i++) {
                int len = (int)strlen(p->changes[i].container[0] ? p->changes[i].container : p->stack);

                width = len > width ? len : width;
        }
        plan_explain_head(p, style, out);
        buf_putc(out, '\n');
        for (size_t i = 0; i < p->n_changes; i++)
                if (style == EXPLAIN_PIPE)
                        explain_lines(p, p->changes + i, out);
                else
                        explain_row(p, p->changes + i, width, out);
}
