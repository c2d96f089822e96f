/* Reading containers' logs back: from the journal and from rotated files, merged by time; what `ctrsup logs` is made of. */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>
#include <ctrsup/base/logline.h>

#include <stdbool.h>
#include <stdint.h>

enum logread_driver { LOGREAD_JOURNAL, LOGREAD_FILE };

struct logread_target {
        const char *stack, *container;
        uint32_t replica; /* 0: all of them (journal only) */
        enum logread_driver driver;
        const char *path; /* LOGREAD_FILE: the newest one; older ones are beside it as .1, .2 … */
};

#define LOGREAD_ALL UINT64_MAX

struct logread_options {
        uint64_t tail;                   /* the last so many lines of all targets together; LOGREAD_ALL */
        uint64_t since_usec, until_usec; /* wall clock, both inclusive; 0 and UINT64_MAX: open */
        int max_priority;                /* 0 emerg … 7 debug: this and more important ones */
        bool follow;                     /* goes on with new lines until stop_fd is readable */
        int stop_fd;                     /* -1: none */
};

#define LOGREAD_OPTIONS \
        ((struct logread_options){ .tail = LOGREAD_ALL, .until_usec = UINT64_MAX, .max_priority = 7, .stop_fd = -1 })

struct logread_line {
        const char *stack, *container; /* all strings only until the callback returns */
        uint32_t replica;
        uint64_t realtime_usec;
        int priority;
        bool partial;     /* the line goes on in that container's next one */
        const char *text; /* without "<N>"; any bytes but '\n' */
        size_t len;
};

/* Non-zero ends the reading, and is returned. */
typedef int logread_fn(void *userdata, const struct logread_line *line);

/* 0 at the end of what there is (or when stop_fd says so). A log that is not there yet is empty, not an error. */
int logread_run(const struct logread_target *targets, size_t n, const struct logread_options *options, logread_fn *fn,
                void *userdata, struct err *err);

enum logread_output { LOGREAD_SHORT, LOGREAD_CAT, LOGREAD_JSON, _LOGREAD_OUTPUT_MAX };

/* "short", "cat", "json", or -EINVAL. */
int logread_output_parse(const char *word);
/* One line with its line break (none behind a partial piece of `cat` and `short`).
 *     short  Nov 24 00:02:28 shop/web.1: text      local time; names: else without "shop/web.1: "
 *     cat    text
 *     json   {"time":"2026-11-24T00:02:28.123456Z","stack":"shop","container":"web","replica":1,"priority":6,"partial":false,
 *             "text":"…"}, on one line
 * for_terminal: control characters are shown as \x1b and the like, but for tabs and colours: a log must not drive the terminal of
 * who reads it. json: bytes that are no UTF-8 become U+FFFD. */
void logread_format(struct buf *out, const struct logread_line *line, enum logread_output output, bool names, bool for_terminal);

/* What people write after --since and --until: "10m" or "10m ago" or "-10m", "14:30", "2026-11-24", "2026-11-24 14:30:05" (all
 * local), "2026-11-24T14:30:05Z", "@1795478548", now, today, yesterday. -EINVAL. */
int logread_parse_time(const char *text, uint64_t now_usec, uint64_t *ret_usec);
/* "err", "3", as journalctl's; -EINVAL. */
int logread_parse_priority(const char *text);
