#include "phrase.h"

#include <ctrsup/base/cleanup.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of a step that does not divide `of` the last one would be shorter: it is not told. */
static const struct unit {
        const char *word, *each, *before, *behind; /* what stands around a step */
        unsigned long of;
} units[] = {
        { "second", "*:*:*", "*:*:0/", "", 60 },  { "minute", "minutely", "*:0/", "", 60 }, { "hour", "hourly", "0/", ":00", 24 },
        { "day", "daily", NULL, NULL, 0 },        { "night", "03:00", NULL, NULL, 0 },      { "week", "weekly", NULL, NULL, 0 },
        { "month", "monthly", "*-1/", "-01", 12 }, { "quarter", "quarterly", NULL, NULL, 0 }, { "year", "yearly", NULL, NULL, 0 },
};

static const struct unit *find_unit(const char *word) {
        for (size_t n = 0; n < ARRAY_SIZE(units); n++) {
                size_t len = strlen(units[n].word);

                if (strncasecmp(word, units[n].word, len) == 0 && (word[len] == '\0' || strcasecmp(word + len, "s") == 0))
                        return &units[n];
        }
        return NULL;
}

bool phrase_translate(const char *text, struct buf *out) {
        bool every = strncasecmp(text, "every ", 6) == 0;
        const char *at = every ? text + 6 : text;
        char *end;
        unsigned long n = strtoul(at, &end, 10);
        bool counted = end != at && *at != '-' && *at != '+';

        if (!every && !counted)
                return false;
        at = counted ? end : at;
        const struct unit *u = find_unit(at + strspn(at, " "));
        if (!u || (counted && n == 0))
                return false;
        if (!counted || n == 1)
                buf_puts(out, u->each);
        else if (u->before && u->of % n == 0 && n < u->of)
                buf_printf(out, "%s%lu%s", u->before, n, u->behind);
        else
                return false;
        return true;
}
