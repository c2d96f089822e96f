/* A calendar expression on its way from text to value: where the reading stands, and the complaints. */
#pragma once

#include "weekdays.h"

enum { WORD_SHOWN = 40 };

struct reader {
        const char *text, *at, *end;    /* end: where the zone was cut off */
        struct calendar *c;
        size_t used;                    /* of c->parts */
        bool accepted;                  /* once, and so its zone is */
        size_t *ret_at;
        struct err *err;
};

/* A word in quotes, fit for a message. */
struct shown {
        char text[WORD_SHOWN + sizeof("\"...\"")];
};

static inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/* Sets the error and its place; -EINVAL. */
int reader_fault(struct reader *r, const char *at, const char *format, ...) _printf_(3, 4);
/* [at, end) in quotes; "the end" when there is nothing. */
struct shown reader_show(const char *at, const char *end);
/* What stands at p, up to the next character of stops, or the next blank. */
struct shown reader_show_until(const struct reader *r, const char *p, const char *stops);
struct shown reader_show_word(const struct reader *r, const char *p);
/* The next character; NUL at the end. */
char reader_peek(const struct reader *r);
/* Goes beyond `what` when that stands here. */
bool reader_take(struct reader *r, const char *what);
void reader_skip_blanks(struct reader *r);

/* Reads the numbers, ranges and steps of a unit; 0 or -EINVAL. */
int list_read(struct reader *r, enum calendar_unit unit);
/* The unit's list is this one value. */
int list_set(struct reader *r, enum calendar_unit unit, int32_t value);
/* "an hour (0 to 23)" */
const char *unit_words(enum calendar_unit unit);
