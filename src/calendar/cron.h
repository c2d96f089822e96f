/* Lines of a crontab: the five fields in front of a command, or "@daily" and its like. */
#pragma once

#include <ctrsup/base/buf.h>

/* One line of cron in the words of systemd.time(7). Cron runs a job when the day of the month or the weekday matches, if both are
 * given; a calendar expression when both do. Such a line needs two. */
struct cron_translation {
        struct buf first, second;       /* empty: there is none */
        struct buf meaning;             /* "every 5 minutes", for the simplest ones */
};

void cron_translation_done(struct cron_translation *t);
/* Whether text is a cron line; then *ret is its translation, to be given back by cron_translation_done(). */
bool cron_translate(const char *text, struct cron_translation *ret);
