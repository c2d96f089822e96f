/* One log line as the file driver writes it, and as a subscriber of the logger gets it.
 *
 *     2026-11-24T00:02:28.123456Z stdout F text                     the CRI log format, with microseconds
 *     shop web 1 2026-11-24T00:02:28.123456Z stdout F text          for a subscriber: whose line it is in front
 *
 * F: the line ends here; P: it was longer than LOGLINE_MAX, and the next record of that stream goes on with it. The text is
 * as the container wrote it, any bytes but the line break; a "<N>" level at its start is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOGLINE_MAX = 48 * 1024 }; /* bytes of text in one record */
enum { LOGLINE_HEAD_MAX = 64 };   /* of what is before the text, without the names */

enum logline_stream { LOGLINE_STDOUT, LOGLINE_STDERR, _LOGLINE_STREAM_MAX };

struct logline {
        const char *stack, *container; /* not NUL-terminated: stack_len, container_len; NULL in a file's record */
        size_t stack_len, container_len;
        uint32_t replica;
        uint64_t realtime_usec;
        enum logline_stream stream;
        bool partial;
        const char *text;
        size_t text_len;
};

/* What is before the text, "2026-…Z stdout F " ; returns its length. */
size_t logline_format_head(char buf[LOGLINE_HEAD_MAX], uint64_t realtime_usec, enum logline_stream stream, bool partial);
/* One record without its line break; with_names: a subscriber's. -EBADMSG. The pointers of ret are into the line. */
int logline_parse(struct logline *ret, const char *line, size_t len, bool with_names);
/* "<N>" at the start of a text: its priority and how many bytes it takes; 0 and *ret_priority untouched when there is none. */
size_t logline_level(const char *text, size_t len, int *ret_priority);
const char *logline_stream_name(enum logline_stream s); /* "stdout" */
