/* The fields as crontab(5) has them, into ours. */
#include "cron.h"
#include "weekdays.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <string.h>
#include <strings.h>

enum field { MINUTE, HOUR, MONTH_DAY, MONTH, WEEKDAY, _FIELD_MAX };

static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" };
static const char *const weekdays[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

static const struct field_row {
        unsigned min, max;
        const char *const *names; /* of min, min + 1, … */
        size_t n_names;
} fields[] = {
        [MINUTE] = { .min = 0, .max = 59 },
        [HOUR] = { .min = 0, .max = 23 },
        [MONTH_DAY] = { .min = 1, .max = 31 },
        [MONTH] = { 1, 12, months, ARRAY_SIZE(months) },
        [WEEKDAY] = { 0, 7, weekdays, ARRAY_SIZE(weekdays) }, /* 0 and 7 are Sunday */
};
static_assert(ARRAY_SIZE(fields) == _FIELD_MAX, "a row for every field");

static const struct nickname {
        const char *word, *text;
} nicknames[] = {
        { "@yearly", "yearly" }, { "@annually", "yearly" }, { "@monthly", "monthly" }, { "@weekly", "Sun 00:00" },
        { "@daily", "daily" },   { "@midnight", "daily" },  { "@hourly", "hourly" },   { "@reboot", "" },
};

struct word {
        const char *at, *end;
};

struct range {
        unsigned first, last, step;
};

static bool read_number(const char **p, const char *end, const struct field_row *f, unsigned *ret) {
        unsigned n = 0;
        const char *at = *p;

        for (size_t i = 0; i < f->n_names; i++)
                if (end - at >= 3 && strncasecmp(at, f->names[i], 3) == 0) {
                        *p += 3;
                        *ret = f->min + (unsigned)i;
                        return true;
                }
        while (*p < end && **p >= '0' && **p <= '9' && *p - at < 3)
                n = n * 10 + (unsigned)(*(*p)++ - '0');
        *ret = n;
        return *p > at;
}

/* One item of a list: "*", "5", "1-5", with "/n" behind. */
static bool read_range(const char **p, const char *end, const struct field_row *f, struct range *ret) {
        static const struct field_row any = { .min = 1, .max = 999 };
        bool open = *p < end && **p == '*';
        struct range g = { .first = f->min, .last = f->max, .step = 1 };

        if (open)
                ++*p;
        else if (!read_number(p, end, f, &g.first))
                return false;
        else
                g.last = g.first;
        if (!open && *p < end && **p == '-') {
                ++*p;
                if (!read_number(p, end, f, &g.last))
                        return false;
        } else if (!open && *p < end && **p == '/') {
                g.last = f->max; /* "5/10": some crons know it */
        }
        if (*p < end && **p == '/') {
                ++*p;
                if (!read_number(p, end, &any, &g.step) || g.step == 0)
                        return false;
        }
        *ret = g;
        return g.first >= f->min && g.last <= f->max && g.first <= g.last;
}

/* Puts the field's list, unless every value is in it; false: not a field of cron. */
static bool put_list(struct word w, const struct field_row *f, struct buf *out) {
        bool all = false;

        for (const char *p = w.at;;) {
                struct range g;

                if (!read_range(&p, w.end, f, &g))
                        return false;
                buf_puts(out, p > w.at && out->len > 0 ? "," : "");
                if (g.first + g.step > g.last)
                        buf_printf(out, "%02u", g.first);
                else if (g.step == 1)
                        buf_printf(out, "%02u..%02u", g.first, g.last);
                else if (g.last == f->max)
                        buf_printf(out, "%u/%u", g.first, g.step);
                else
                        buf_printf(out, "%u..%u/%u", g.first, g.last, g.step);
                all = all || (g.first == f->min && g.last == f->max && g.step == 1);
                if (p == w.end)
                        break;
                if (*p++ != ',')
                        return false;
        }
        if (all) {
                buf_reset(out);
                buf_putc(out, '*');
        }
        return true;
}

/* A bit a day, Monday first. */
static bool read_weekdays(struct word w, uint8_t *ret) {
        unsigned days = 0;

        for (const char *p = w.at;;) {
                struct range g;

                if (!read_range(&p, w.end, &fields[WEEKDAY], &g))
                        return false;
                if (*w.at == '*' && g.step > 1)
                        g.last = 6; /* Sunday is 0 there, not 7 as well */
                for (unsigned day = g.first; day <= g.last; day += g.step)
                        days |= 1u << (day + WEEKDAYS - 1) % WEEKDAYS;
                if (p == w.end)
                        break;
                if (*p++ != ',')
                        return false;
        }
        *ret = (uint8_t)days;
        return true;
}

static bool is_all(const struct buf *list) {
        return strcmp(buf_text(list), "*") == 0;
}

static void put_expression(uint8_t days, const struct buf *lists, bool with_day, struct buf *out) {
        const char *day = with_day ? buf_text(&lists[MONTH_DAY]) : "*";

        weekdays_print(days, out);
        if (out->len > 0)
                buf_putc(out, ' ');
        if (strcmp(day, "*") != 0 || !is_all(&lists[MONTH]))
                buf_printf(out, "*-%s-%s ", buf_text(&lists[MONTH]), day);
        buf_printf(out, "%s:%s", buf_text(&lists[HOUR]), buf_text(&lists[MINUTE]));
}

/* "every 5 minutes": said only where the steps come out even. */
static void put_meaning(const struct word *words, const struct buf *lists, struct buf *out) {
        static const struct {
                enum field field;
                const char *noun;
        } steps[] = { { MINUTE, "minute" }, { HOUR, "hour" } };

        if (!is_all(&lists[MONTH_DAY]) || !is_all(&lists[MONTH]) || *words[WEEKDAY].at != '*' ||
            words[WEEKDAY].end - words[WEEKDAY].at > 1)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                struct word w = words[steps[i].field];
                struct range g = { 0 };

                if (*w.at != '*')
                        continue;
                (void)read_range(&w.at, w.end, &fields[steps[i].field], &g);
                if (w.at < w.end || (g.last + 1) % g.step != 0)
                        return;
                /* The other one must be free, or one minute. */
                if (steps[i].field == MINUTE ? !is_all(&lists[HOUR]) : lists[MINUTE].len != 2)
                        return;
                if (g.step == 1)
                        buf_printf(out, "every %s", steps[i].noun);
                else
                        buf_printf(out, "every %u %ss", g.step, steps[i].noun);
                return;
        }
}

static bool translate_fields(const struct word *words, struct cron_translation *t) {
        struct buf lists[] = { BUF_NULL, BUF_NULL, BUF_NULL, BUF_NULL };
        uint8_t days = 0;
        bool good = read_weekdays(words[WEEKDAY], &days);

        for (size_t i = 0; good && i < ARRAY_SIZE(lists); i++)
                good = put_list(words[i], &fields[i], &lists[i]);
        if (good) {
                /* A field that begins with a star restricts nothing in the eyes of cron, "*" and "* / 2" alike: then both hold. */
                bool either = *words[MONTH_DAY].at != '*' && *words[WEEKDAY].at != '*';

                put_expression(days, lists, !either, &t->first);
                if (either)
                        put_expression(0, lists, true, &t->second);
                put_meaning(words, lists, &t->meaning);
        }
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                buf_done(&lists[i]);
        return good;
}

void cron_translation_done(struct cron_translation *t) {
        buf_done(&t->first);
        buf_done(&t->second);
        buf_done(&t->meaning);
}

bool cron_translate(const char *text, struct cron_translation *ret) {
        struct cron_translation t = { BUF_NULL, BUF_NULL, BUF_NULL };
        struct word words[_FIELD_MAX];
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(nicknames); i++)
                if (strcasecmp(text, nicknames[i].word) == 0) {
                        buf_puts(&t.first, nicknames[i].text);
                        *ret = t;
                        return true;
                }
        for (const char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
                if (n == _FIELD_MAX)
                        return false;
                words[n].at = p;
                p += strcspn(p, " \t");
                words[n++].end = p;
        }
        if (n < _FIELD_MAX || !translate_fields(words, &t)) {
                cron_translation_done(&t);
                return false;
        }
        *ret = t;
        return true;
}
