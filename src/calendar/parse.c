/* Text -> struct calendar. The text is read once from left to right, after its last word was looked at: a zone stands there. Of a
 * word its separators tell first what its lists are, so that each number can be held against its unit where it stands. */
#include "civil.h"
#include "cron.h"
#include "phrase.h"
#include "reader.h"
#include "zone.h"

#include <ctrsup/base/num.h>

#include <string.h>
#include <strings.h>

static const struct shorthand {
        const char *word, *text;
} shorthands[] = {
        { "minutely", "*:*:00" },
        { "hourly", "*:00:00" },
        { "daily", "00:00:00" },
        { "weekly", "Mon 00:00:00" },
        { "monthly", "*-*-01 00:00:00" },
        { "quarterly", "*-01,04,07,10-01 00:00:00" },
        { "semiannually", "*-01,07-01 00:00:00" },
        { "semi-annually", "*-01,07-01 00:00:00" },
        { "biannually", "*-01,07-01 00:00:00" },
        { "bi-annually", "*-01,07-01 00:00:00" },
        { "yearly", "*-01-01 00:00:00" },
        { "annually", "*-01-01 00:00:00" },
        { "anually", "*-01-01 00:00:00" }, /* systemd's own slip of long ago */
};

static int read_weekday(struct reader *r, unsigned *ret) {
        const char *from = r->at;
        size_t len = 0;

        while (r->at + len < r->end && is_letter(r->at[len]))
                len++;
        for (unsigned i = 0; i < WEEKDAYS; i++)
                if ((len == WEEKDAY_ABBREVIATION || len == strlen(weekday_names[i])) &&
                    strncasecmp(from, weekday_names[i], len) == 0) {
                        r->at += len;
                        *ret = i;
                        return 0;
                }
        return reader_fault(r, from, len > 0 ? "%s is not a weekday (Mon to Sun)" : "expected a weekday (Mon to Sun), found %s",
                            reader_show_until(r, from, " ,.-").text);
}

static int read_weekdays(struct reader *r) {
        unsigned days = 0, first, last;

        do {
                const char *from = r->at;
                int rc = read_weekday(r, &first);

                if (rc < 0)
                        return rc;
                last = first;
                if (reader_take(r, "..") || reader_take(r, "-"))
                        rc = read_weekday(r, &last);
                if (rc < 0)
                        return rc;
                if (last < first)
                        return reader_fault(r, from, "%s ends before it begins: the week begins on Monday",
                                            reader_show(from, r->at).text);
                days |= (2u << last) - (1u << first);
                /* A comma too many at the end is one of systemd's courtesies. */
        } while (reader_take(r, ",") && reader_peek(r) && reader_peek(r) != ' ');

        if (reader_peek(r) && reader_peek(r) != ' ')
                return reader_fault(r, r->at, "expected a blank after the weekdays, found %s", reader_show_word(r, r->at).text);
        reader_skip_blanks(r);
        r->c->weekdays = days == (1u << WEEKDAYS) - 1 ? 0 : (uint8_t)days;
        return 0;
}

static int set_time(struct reader *r, int32_t hour, int32_t minute, int32_t second) {
        int rc = list_set(r, CALENDAR_HOUR, hour);

        if (rc == 0)
                rc = list_set(r, CALENDAR_MINUTE, minute);
        return rc == 0 ? list_set(r, CALENDAR_USEC, second * (int32_t)USEC_PER_SEC) : rc;
}

/* [YEAR-]MONTH-DAY; "~" in front of the day. */
static int read_date(struct reader *r, size_t separators) {
        int rc = 0;

        for (enum calendar_unit unit = separators == 1 ? CALENDAR_MONTH : CALENDAR_YEAR; rc == 0 && unit <= CALENDAR_DAY;
             unit++) {
                rc = list_read(r, unit);
                if (rc < 0 || unit == CALENDAR_DAY)
                        break;
                if (unit == CALENDAR_MONTH && reader_take(r, "~"))
                        r->c->from_month_end = true;
                else if (!reader_take(r, "-"))
                        rc = reader_fault(r, r->at, "expected \"-\" and %s, found %s", unit_words(unit + 1),
                                          reader_show_word(r, r->at).text);
        }
        if (rc < 0)
                return rc;
        if (reader_peek(r) && reader_peek(r) != ' ')
                return reader_fault(r, r->at, "expected the end of the date, found %s", reader_show_word(r, r->at).text);
        if (r->c->lists[CALENDAR_DAY].n == 0)
                r->c->from_month_end = false;
        reader_skip_blanks(r);
        return 0;
}

/* HOUR:MINUTE[:SECOND] */
static int read_time(struct reader *r) {
        int rc = list_read(r, CALENDAR_HOUR);

        if (rc == 0 && !reader_take(r, ":"))
                rc = reader_fault(r, r->at, "expected \":\" and a minute, found %s", reader_show_word(r, r->at).text);
        if (rc == 0)
                rc = list_read(r, CALENDAR_MINUTE);
        if (rc == 0)
                rc = reader_take(r, ":") ? list_read(r, CALENDAR_USEC) : list_set(r, CALENDAR_USEC, 0);
        if (rc == 0 && r->at < r->end)
                rc = reader_fault(r, r->at, "expected a time zone or the end, found %s", reader_show_word(r, r->at).text);
        return rc;
}

/* @SECONDS */
static int read_timestamp(struct reader *r) {
        const char *from = r->at++;
        int64_t seconds = 0, limit = civil_days(CALENDAR_YEAR_MAX + 1, 1, 1) * SEC_PER_DAY;
        int rc;

        if (!is_digit(reader_peek(r)))
                return reader_fault(r, r->at, "expected seconds since 1970 after \"@\", found %s",
                                    reader_show_word(r, r->at).text);
        for (; is_digit(reader_peek(r)); r->at++)
                if (seconds < limit)
                        seconds = seconds * 10 + (*r->at - '0');
        if (seconds >= limit)
                return reader_fault(r, from, "%s is later than 2199", reader_show(from, r->at).text);
        if (r->at < r->end)
                return reader_fault(r, r->at, "expected the end after the seconds, found %s", reader_show_word(r, r->at).text);
        if (*r->c->zone && strcmp(r->c->zone, "UTC") != 0)
                return reader_fault(r, r->end + 1, "seconds since 1970 have no time zone, found \"%s\"", r->c->zone);

        struct civil date = civil_date(seconds / SEC_PER_DAY);
        int32_t of_day = (int32_t)(seconds % SEC_PER_DAY);
        strcpy(r->c->zone, "UTC");
        rc = list_set(r, CALENDAR_YEAR, date.year);
        if (rc == 0)
                rc = list_set(r, CALENDAR_MONTH, date.month);
        if (rc == 0)
                rc = list_set(r, CALENDAR_DAY, date.day);
        return rc == 0 ? set_time(r, of_day / 3600, of_day / 60 % 60, of_day % 60) : rc;
}

/* The last word, when it begins like a name, and is not the first one. */
static int read_zone(struct reader *r) {
        const char *blank = memrchr(r->text, ' ', (size_t)(r->end - r->text));
        struct err inner = { 0 };

        if (!blank || !is_letter(blank[1]))
                return 0;
        if (strcasecmp(blank + 1, "UTC") == 0) {
                strcpy(r->c->zone, "UTC");
        } else {
                struct zone zone;
                int rc = !r->accepted ? zone_read(blank + 1, &zone, &inner) : zone_is_name(blank + 1) ? 0 : -EINVAL;

                if (rc == -EINVAL)
                        return reader_fault(r, blank + 1, "%s", inner.text);
                if (rc < 0)
                        return err_set(r->err, -rc, "%s", inner.text);
                strcpy(r->c->zone, blank + 1);
        }
        r->end = blank;
        return 0;
}

static int read_expression(struct reader *r) {
        size_t colons = 0, separators = 0;
        int rc = is_letter(reader_peek(r)) ? read_weekdays(r) : 0;

        if (rc < 0)
                return rc;
        if (reader_peek(r) == '@')
                return read_timestamp(r);
        for (const char *p = r->at; p < r->end && *p != ' '; p++) {
                colons += *p == ':';
                separators += *p == '-' || *p == '~';
        }
        if (r->at < r->end && colons == 0 && separators == 0)
                return reader_fault(r, r->at, "expected a date or a time, found %s", reader_show_word(r, r->at).text);
        if (separators > 0 && colons == 0)
                rc = read_date(r, separators);
        if (rc < 0)
                return rc;
        return r->at < r->end ? read_time(r) : set_time(r, 0, 0, 0);
}

static int read_text(struct reader *r) {
        int rc = read_zone(r);

        if (rc < 0)
                return rc;
        if (r->at == r->end)
                return reader_fault(r, r->at, "expected a calendar expression, found nothing");
        for (size_t i = 0; i < ARRAY_SIZE(shorthands); i++) {
                const struct shorthand *s = &shorthands[i];

                if ((size_t)(r->end - r->at) == strlen(s->word) && strncasecmp(r->at, s->word, strlen(s->word)) == 0) {
                        r->at = s->text;
                        r->end = s->text + strlen(s->text);
                        break;
                }
        }
        return read_expression(r);
}

/* What cron would have done is known: that is the better complaint. */
static void answer_cron(struct reader *r) {
        struct cron_translation t;

        if (!cron_translate(r->text, &t))
                return;
        (void)reader_fault(r, r->text, "%s is a cron line, not a calendar expression",
                           reader_show(r->text, r->text + strlen(r->text)).text);
        if (t.second.len > 0)
                (void)err_hint(r->err, "cron runs it on either day, which takes two: \"%s\" and \"%s\", see systemd.time(7)",
                               buf_text(&t.first), buf_text(&t.second));
        else if (t.first.len > 0)
                (void)err_hint(r->err, "write \"%s\"%s%s%s, see systemd.time(7)", buf_text(&t.first),
                               t.meaning.len > 0 ? " (" : "", buf_text(&t.meaning), t.meaning.len > 0 ? ")" : "");
        else
                (void)err_hint(r->err, "a job without a schedule runs at every boot with rerun: on-boot");
        cron_translation_done(&t);
}

/* Or what people write who have never seen a calendar expression. */
static void answer_phrase(struct reader *r) {
        struct buf expression = BUF_NULL;

        if (phrase_translate(r->text, &expression)) {
                (void)reader_fault(r, r->text, "%s is no calendar expression", reader_show(r->text, r->text + strlen(r->text)).text);
                (void)err_hint(r->err, "write \"%s\", see systemd.time(7)", buf_text(&expression));
        }
        buf_done(&expression);
}

int calendar_parse(const char *text, struct calendar *ret, size_t *ret_at, struct err *err) {
        struct calendar c = { 0 };
        struct reader r = { .text = text, .at = text, .end = text + strlen(text), .c = &c, .ret_at = ret_at, .err = err };
        int rc = read_text(&r);

        if (rc == 0)
                *ret = c;
        else if (rc == -EINVAL) {
                answer_cron(&r);
                answer_phrase(&r);
        }
        return rc;
}

int calendar_parse_accepted(const char *text, struct calendar *ret, struct err *err) {
        struct calendar c = { 0 };
        struct reader r = { .text = text, .at = text, .end = text + strlen(text), .accepted = true, .c = &c, .err = err };
        int rc = read_text(&r);

        if (rc == 0)
                *ret = c;
        return rc;
}
