/* The lists of an expression: "9..17/2,20:0/15". Each number is held against its unit where it stands. */
#include "reader.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <string.h>

enum { SECOND = (int32_t)USEC_PER_SEC, FRACTION_DIGITS = 6, LAST_DAYS = 28 };

static const struct unit {
        const char *one;
        int32_t min, max;
} units[] = {
        [CALENDAR_YEAR] = { "a year (1970 to 2199)", 1970, CALENDAR_YEAR_MAX },
        [CALENDAR_MONTH] = { "a month (1 to 12)", 1, 12 },
        [CALENDAR_DAY] = { "a day (1 to 31)", 1, 31 },
        [CALENDAR_HOUR] = { "an hour (0 to 23)", 0, 23 },
        [CALENDAR_MINUTE] = { "a minute (0 to 59)", 0, 59 },
        [CALENDAR_USEC] = { "a second (0 to 59)", 0, 60 * SECOND - 1 },
};
static_assert(ARRAY_SIZE(units) == _CALENDAR_UNIT_MAX, "bounds for every unit");

const char *unit_words(enum calendar_unit unit) {
        return units[unit].one;
}

/* ".5" in us, rounded at the seventh digit. */
static int read_fraction(struct reader *r, int64_t *usec) {
        int32_t n = 0;
        unsigned digits = 0;

        if (!is_digit(reader_peek(r)))
                return reader_fault(r, r->at, "expected digits after the point, found %s", reader_show_word(r, r->at).text);
        for (; digits < FRACTION_DIGITS && is_digit(reader_peek(r)); digits++, r->at++)
                n = n * 10 + (*r->at - '0');
        for (; digits < FRACTION_DIGITS; digits++)
                n *= 10;
        n += reader_peek(r) >= '5' && reader_peek(r) <= '9';
        while (is_digit(reader_peek(r)))
                r->at++;
        *usec += n;
        return 0;
}

static int read_value(struct reader *r, enum calendar_unit unit, const char *what, int64_t *ret) {
        const char *from = r->at;
        int64_t n = 0;

        if (!is_digit(reader_peek(r)))
                return reader_fault(r, from, "expected %s, found %s", what, reader_show_until(r, from, " ").text);
        for (; is_digit(reader_peek(r)); r->at++)
                if (n <= INT32_MAX)
                        n = n * 10 + (*r->at - '0');
        if (unit == CALENDAR_USEC && n <= INT32_MAX) {
                n *= SECOND;
                /* One point is a fraction's, two are a range's. */
                if (reader_peek(r) == '.' && !(r->at + 1 < r->end && r->at[1] == '.')) {
                        r->at++;
                        int rc = read_fraction(r, &n);
                        if (rc < 0)
                                return rc;
                }
        }
        if (n > INT32_MAX)
                return reader_fault(r, from, "%s is not %s", reader_show(from, r->at).text, what);
        *ret = n;
        return 0;
}

/* 24 is 2024, 89 is 1989. */
static int64_t whole_year(int64_t year) {
        return year < 70 ? year + 2000 : year < 100 ? year + 1900 : year;
}

struct range {
        int64_t first, last, step;            /* as in struct calendar_part */
        const char *from, *last_at, *step_at; /* where they stand */
};

/* Ends the range on its last step and holds it against the unit. As systemd does it, in that order: "0..30/23" is 0 and 23. */
static int check_range(struct reader *r, enum calendar_unit unit, struct range *g) {
        bool from_end = unit == CALENDAR_DAY && r->c->from_month_end;
        int64_t min = units[unit].min, max = from_end ? LAST_DAYS : units[unit].max;
        const char *what = from_end ? "a day before the month's end (1 to 28)" : units[unit].one;

        if (g->first < min || g->first > max)
                return reader_fault(r, g->from, "%s is not %s", reader_show_until(r, g->from, " ,./-~:").text, what);
        if (g->last >= 0 && g->last < g->first)
                return reader_fault(r, g->from, "%s ends before it begins", reader_show(g->from, r->at).text);
        if (g->last > g->first)
                g->last -= (g->last - g->first) % g->step;
        if (g->last == g->first) {
                g->last = -1;
                g->step = 0;
        }
        if (g->last > max)
                return reader_fault(r, g->last_at, "%s is not %s", reader_show_until(r, g->last_at, " ,/-~:").text, what);
        bool once = g->last < 0 && g->step > 0 && (from_end ? g->first - g->step < min : g->first + g->step > max);
        if (g->step > max - min || once)
                return reader_fault(r, g->step_at, "the step %s is too long: there is no second time",
                                    reader_show_until(r, g->step_at, " ,-~:").text);
        return 0;
}

static int read_range(struct reader *r, enum calendar_unit unit, struct range *g) {
        const char *what = units[unit].one;
        int rc;

        *g = (struct range){ .last = -1, .from = r->at };
        rc = read_value(r, unit, what, &g->first);
        if (rc < 0)
                return rc;
        if (reader_take(r, "..")) {
                g->last_at = r->at;
                g->step = unit == CALENDAR_USEC ? SECOND : 1;
                rc = read_value(r, unit, what, &g->last);
                if (rc < 0)
                        return rc;
        }
        if (unit == CALENDAR_YEAR) {
                g->first = whole_year(g->first);
                g->last = g->last >= 0 ? whole_year(g->last) : -1;
        }
        if (reader_take(r, "/")) {
                g->step_at = r->at;
                rc = read_value(r, unit, "a step", &g->step);
                if (rc == 0 && g->step == 0)
                        rc = reader_fault(r, g->step_at, "the step is zero");
        } else if (unit == CALENDAR_USEC && g->last >= g->first && g->last - g->first < SECOND) {
                rc = reader_fault(r, g->from, "%s is shorter than its step of a second", reader_show(g->from, r->at).text);
        }
        return rc < 0 ? rc : check_range(r, unit, g);
}

static int compare_parts(const struct calendar_part *a, const struct calendar_part *b) {
        int64_t d = (int64_t)a->first - b->first;

        if (d == 0)
                d = (int64_t)a->last - b->last;
        if (d == 0)
                d = (int64_t)a->step - b->step;
        return (d > 0) - (d < 0);
}

/* Into its place in the list, which is the last one so far; not twice. */
static int add_part(struct reader *r, struct calendar_list *list, const char *from, struct calendar_part part) {
        struct calendar_part *parts = r->c->parts + list->at;
        size_t i = list->n;

        while (i > 0 && compare_parts(&part, &parts[i - 1]) < 0)
                i--;
        if (i > 0 && compare_parts(&part, &parts[i - 1]) == 0)
                return 0;
        if (r->used == CALENDAR_PARTS_MAX)
                return reader_fault(r, from, "more than %d numbers and ranges", CALENDAR_PARTS_MAX);
        memmove(parts + i + 1, parts + i, (list->n - i) * sizeof(*parts));
        parts[i] = part;
        list->n++;
        r->used++;
        return 0;
}

/* A list with every whole second in it is just that, unless another part has fractions. */
static void merge_seconds(struct reader *r, struct calendar_list *list) {
        struct calendar_part *parts = r->c->parts + list->at;
        bool all = false;

        for (size_t i = 0; i < list->n; i++) {
                if (parts[i].first % SECOND > 0 || parts[i].step % SECOND > 0)
                        return;
                if (parts[i].first == 0 && parts[i].last < 0 && parts[i].step == SECOND)
                        all = true;
        }
        if (all) {
                r->used -= list->n - 1u;
                list->n = 1;
                parts[0] = (struct calendar_part){ .first = 0, .last = -1, .step = SECOND };
        }
}

int list_read(struct reader *r, enum calendar_unit unit) {
        struct calendar_list list = { .at = (uint8_t)r->used };
        const char *from = r->at;
        int rc;

        if (reader_take(r, "*")) {
                if (reader_peek(r) == '/') {
                        rc = reader_fault(r, from, "expected a number in front of the step, found \"*\"");
                        (void)err_hint(r->err, "write \"%d/…\"", unit == CALENDAR_YEAR ? 2000 : units[unit].min);
                        return rc;
                }
                rc = unit == CALENDAR_USEC
                             ? add_part(r, &list, from, (struct calendar_part){ .first = 0, .last = -1, .step = SECOND })
                             : 0;
                if (rc < 0)
                        return rc;
        } else {
                do {
                        struct range g;

                        from = r->at;
                        rc = read_range(r, unit, &g);
                        if (rc == 0)
                                rc = add_part(r, &list, from,
                                              (struct calendar_part){
                                                      .first = (int32_t)g.first,
                                                      .last = (int32_t)g.last,
                                                      .step = (int32_t)g.step,
                                              });
                        if (rc < 0)
                                return rc;
                } while (reader_take(r, ","));
                if (unit == CALENDAR_USEC)
                        merge_seconds(r, &list);
        }
        r->c->lists[unit] = list;
        if (reader_peek(r) && !strchr(" -~:", reader_peek(r)))
                return reader_fault(r, r->at, "unexpected %s", reader_show_word(r, r->at).text);
        return 0;
}

int list_set(struct reader *r, enum calendar_unit unit, int32_t value) {
        struct calendar_list list = { .at = (uint8_t)r->used };
        int rc = add_part(r, &list, r->at, (struct calendar_part){ .first = value, .last = -1 });

        r->c->lists[unit] = list;
        return rc;
}
