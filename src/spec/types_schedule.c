/* Calendar expressions: what can be told from the text alone. That one has elapsed for the last time is told where there is a clock. */
#include "tables.h"

#include <ctrsup/calendar/calendar.h>
#include <ctrsup/text/suggest.h>

#include <string.h>
#include <strings.h>

enum { CALENDAR_TEXT_MAX = 1024 };

/* Where the word stands in the file, as long as the value stands there as it is. */
static struct mark word_mark(const struct node *n, size_t at) {
        struct mark mark = n->mark;

        if (at == 0 || mark.line == 0 || mark.line != mark.end_line)
                return mark;
        mark.column += (uint32_t)at + (n->flags & NODE_QUOTED ? 1 : 0);
        return mark.column < mark.end_column ? mark : n->mark;
}

struct zone_guess {
        const char *word;
        struct suggest nearest;
        char name[CALENDAR_ZONE_MAX];
        bool exact; /* but for its region, or for upper and lower case */
};

static void see_zone(void *userdata, const char *zone) {
        struct zone_guess *g = userdata;
        const char *city = strrchr(zone, '/');
        size_t before = g->nearest.distance;

        if (g->exact)
                return;
        suggest_offer(&g->nearest, zone);
        g->exact = strcasecmp(zone, g->word) == 0 || (city && strcasecmp(city + 1, g->word) == 0);
        if (g->exact || (g->nearest.best && g->nearest.distance < before))
                (void)snprintf(g->name, sizeof(g->name), "%s", zone);
}

static void hint_zone(struct walk *w, struct diag *d, const char *word) {
        struct zone_guess g = { .word = word, .nearest = suggest_begin(word) };

        calendar_each_zone(see_zone, &g);
        if (g.name[0])
                walk_hint(w, d, "did you mean \"%s\"?", g.name);
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
        int r = w->accepted ? calendar_parse_accepted(text, &c, &err) : calendar_parse(text, &c, &word, &err);
        if (r >= 0 && !w->accepted)
                r = calendar_next(&c, 0, &first, &err);
        if (r < 0) {
                struct diag *d = walk_complain(w, DIAG_BAD_CALENDAR, r == -EINVAL ? word_mark(n, word) : n->mark, "%s", err.text);

                if (err.hint[0])
                        walk_hint(w, d, "%s", err.hint);
                else if (word > 0)
                        hint_zone(w, d, text + word);
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
