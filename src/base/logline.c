/* See logline.h. */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/logline.h>

#include <assert.h>
#include <string.h>
#include <time.h>

static const char *const stream_names[_LOGLINE_STREAM_MAX] = {
        [LOGLINE_STDOUT] = "stdout",
        [LOGLINE_STDERR] = "stderr",
};
static_assert(ARRAY_SIZE(stream_names) == _LOGLINE_STREAM_MAX, "a name for every stream");

const char *logline_stream_name(enum logline_stream s) {
        return s < _LOGLINE_STREAM_MAX ? stream_names[s] : "?";
}

size_t logline_format_head(char buf[LOGLINE_HEAD_MAX], uint64_t realtime_usec, enum logline_stream stream, bool partial) {
        time_t seconds = (time_t)(realtime_usec / 1000000);
        struct tm tm = { 0 };
        int n;

        (void)gmtime_r(&seconds, &tm);
        n = snprintf(buf, LOGLINE_HEAD_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ %s %c ", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(realtime_usec % 1000000),
                     logline_stream_name(stream), partial ? 'P' : 'F');
        return n < 0 ? 0 : n >= LOGLINE_HEAD_MAX ? LOGLINE_HEAD_MAX - 1 : (size_t)n;
}

struct cursor {
        const char *at;
        size_t left;
};

/* The next word and the blank behind it. */
static bool take_word(struct cursor *c, const char **ret, size_t *ret_len) {
        const char *blank = memchr(c->at, ' ', c->left);

        if (!blank || blank == c->at)
                return false;
        *ret = c->at;
        *ret_len = (size_t)(blank - c->at);
        c->left -= *ret_len + 1;
        c->at = blank + 1;
        return true;
}

/* A fixed number of digits, at most 9. */
static bool take_digits(const char **at, size_t n, unsigned *ret) {
        unsigned value = 0;

        for (size_t i = 0; i < n; i++) {
                if ((*at)[i] < '0' || (*at)[i] > '9')
                        return false;
                value = value * 10 + (unsigned)((*at)[i] - '0');
        }
        *at += n;
        *ret = value;
        return true;
}

static bool take_char(const char **at, char c) {
        return *(*at)++ == c;
}

static bool parse_time(const char *word, size_t len, uint64_t *ret_usec) {
        unsigned year, month, day, hour, minute, second, usec;

        if (len != strlen("2026-11-24T00:02:28.123456Z") || !take_digits(&word, 4, &year) || !take_char(&word, '-') ||
            !take_digits(&word, 2, &month) || !take_char(&word, '-') || !take_digits(&word, 2, &day) || !take_char(&word, 'T') ||
            !take_digits(&word, 2, &hour) || !take_char(&word, ':') || !take_digits(&word, 2, &minute) ||
            !take_char(&word, ':') || !take_digits(&word, 2, &second) || !take_char(&word, '.') ||
            !take_digits(&word, 6, &usec) || !take_char(&word, 'Z'))
                return false;
        if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
                return false;

        struct tm tm = { .tm_year = (int)year - 1900,
                         .tm_mon = (int)month - 1,
                         .tm_mday = (int)day,
                         .tm_hour = (int)hour,
                         .tm_min = (int)minute,
                         .tm_sec = (int)second };
        *ret_usec = (uint64_t)timegm(&tm) * 1000000 + usec;
        return true;
}

static bool parse_names(struct cursor *c, struct logline *l) {
        const char *replica;
        size_t len;

        if (!take_word(c, &l->stack, &l->stack_len) || !take_word(c, &l->container, &l->container_len) ||
            !take_word(c, &replica, &len) || len > 9)
                return false;
        return take_digits(&replica, len, &l->replica);
}

int logline_parse(struct logline *ret, const char *line, size_t len, bool with_names) {
        struct cursor c = { line, len };
        struct logline l = { 0 };
        const char *word;
        size_t n;

        if (with_names && !parse_names(&c, &l))
                return -EBADMSG;
        if (!take_word(&c, &word, &n) || !parse_time(word, n, &l.realtime_usec) || !take_word(&c, &word, &n))
                return -EBADMSG;
        for (l.stream = 0; l.stream < _LOGLINE_STREAM_MAX; l.stream++)
                if (strlen(stream_names[l.stream]) == n && memcmp(stream_names[l.stream], word, n) == 0)
                        break;
        if (l.stream == _LOGLINE_STREAM_MAX || !take_word(&c, &word, &n) || n != 1 || (*word != 'F' && *word != 'P'))
                return -EBADMSG;
        l.partial = *word == 'P';
        l.text = c.at;
        l.text_len = c.left;
        *ret = l;
        return 0;
}

size_t logline_level(const char *text, size_t len, int *ret_priority) {
        if (len < 3 || text[0] != '<' || text[1] < '0' || text[1] > '7' || text[2] != '>')
                return 0;
        *ret_priority = text[1] - '0';
        return 3;
}
