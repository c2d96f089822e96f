/* Calendar expressions: what can be told from the text alone. That one has elapsed for the last time is told where there is a clock. */
#include "tables.h"

#include <ctrsup/calendar/calendar.h>

#include <string.h>

enum { CALENDAR_TEXT_MAX = 1024 };

/* Where the word stands in the file, as long as the value stands there as it is. */
static struct mark word_mark(const struct node *n, size_t at) {
        struct mark mark = n->mark;

        if (at == 0 || mark.line == 0 || mark.line != mark.end_line)
                return mark;
        mark.column += (uint32_t)at + (n->flags & NODE_QUOTED ? 1 : 0);
        return mark.column < mark.end_column ? mark : n->mark;
}

static void read_calendar(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a calendar expression");
        struct spec_calendar *ret = at;
        struct calendar c, *value;
        struct err err = { 0 };
        size_t word = 0;
        uint64_t first;

        (void)f;
        if (!text)
                return;
        if (strlen(text) > CALENDAR_TEXT_MAX) {
                walk_complain(w, DIAG_TOO_LARGE, n->mark, "longer than %d bytes", CALENDAR_TEXT_MAX);
                return;
        }
        int r = calendar_parse(text, &c, &word, &err);
        if (r >= 0)
                r = calendar_next(&c, 0, &first, &err);
        if (r < 0) {
                struct diag *d = walk_complain(w, DIAG_BAD_CALENDAR, r == -EINVAL ? word_mark(n, word) : n->mark, "%s", err.text);

                if (err.hint[0])
                        walk_hint(w, d, "%s", err.hint);
                return;
        }
        if (r == CALENDAR_E_NEVER) {
                walk_hint(w, walk_complain(w, DIAG_BAD_CALENDAR, n->mark, "%s never elapses", walk_quote(w, text)),
                          "there is no such day, or no such time");
                return;
        }
        value = walk_alloc(w, 1, sizeof(*value));
        if (!value)
                return;
        *value = c;
        *ret = (struct spec_calendar){ .text = walk_keep(w, text), .value = value };
}

static void put_calendar(const struct field *f, const void *at, struct buf *out) {
        const struct spec_calendar *c = at;

        if (c->value)
                type_put_text(f, &c->text, out);
}

static json_t *calendar_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s}", "type", "string");
}

const struct type type_calendar = {
        .name = "calendar expression", .units = "systemd.time(7)", .read = read_calendar, .put = put_calendar, .schema = calendar_schema
};
