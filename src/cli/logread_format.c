/* See logread.h. Here: words in and out. */
#include "logread.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/enumtab.h>
#include <ctrsup/base/num.h>

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char *const outputs[_LOGREAD_OUTPUT_MAX] = {
        [LOGREAD_SHORT] = "short", [LOGREAD_CAT] = "cat", [LOGREAD_JSON] = "json"
};
static_assert(ARRAY_SIZE(outputs) == _LOGREAD_OUTPUT_MAX, "a word for every output");

static const char *const priorities[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

int logread_output_parse(const char *word) {
        return enumtab_value(outputs, ARRAY_SIZE(outputs), word);
}

int logread_parse_priority(const char *text) {
        if (text[0] >= '0' && text[0] <= '7' && text[1] == '\0')
                return text[0] - '0';
        return enumtab_value(priorities, ARRAY_SIZE(priorities), text);
}

/* The length of "ESC [ digits ; digits m" at the start; 0: it is something else. */
static size_t colour(const char *at, size_t len) {
        size_t n = 2;

        if (len < 3 || at[0] != 0x1b || at[1] != '[')
                return 0;
        while (n < len && ((at[n] >= '0' && at[n] <= '9') || at[n] == ';'))
                n++;
        return n < len && at[n] == 'm' ? n + 1 : 0;
}

/* How many bytes the UTF-8 character at the start has; 0: it is none (also overlong ones, surrogates, above U+10FFFF). */
static size_t utf8_len(const unsigned char *at, size_t len) {
        const unsigned char c = at[0];
        size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

        if (n == 0 || n > len)
                return 0;
        for (size_t i = 1; i < n; i++)
                if ((at[i] & 0xc0) != 0x80)
                        return 0;
        if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] >= 0xa0) || (c == 0xf0 && at[1] < 0x90) ||
            (c == 0xf4 && at[1] >= 0x90))
                return 0;
        return n;
}

/* C1 controls reach a terminal as UTF-8 too (C2 80 to C2 9F), and as single bytes where it speaks an 8-bit charset. */
static bool is_control(const unsigned char *at, size_t n) {
        return n == 2 ? at[0] == 0xc2 && at[1] < 0xa0 : n == 1 ? *at < ' ' || *at == 0x7f : n == 0 && *at >= 0x80 && *at < 0xa0;
}

static void put_safe(struct buf *out, const char *text, size_t len) {
        for (size_t i = 0; i < len;) {
                const unsigned char *at = (const unsigned char *)text + i;
                size_t n = colour(text + i, len - i), size = utf8_len(at, len - i);

                if (n == 0 && is_control(at, size) && *at != '\t')
                        buf_printf(out, "\\x%02x", at[size == 2]);
                else
                        buf_put(out, at, n ?: size ?: 1);
                i += n ?: size ?: 1;
        }
}

static void put_json_string(struct buf *out, const char *text, size_t len) {
        buf_putc(out, '"');
        for (size_t i = 0; i < len;) {
                const unsigned char *at = (const unsigned char *)text + i;
                size_t n = utf8_len(at, len - i);

                if (n == 0)
                        buf_puts(out, "\xef\xbf\xbd"); /* U+FFFD */
                else if (*at == '"' || *at == '\\')
                        buf_printf(out, "\\%c", *at);
                else if (is_control(at, n))
                        buf_printf(out, "\\u%04x", at[n - 1]); /* C2 80 to C2 9F: U+0080 to U+009F */
                else
                        buf_put(out, at, n);
                i += n ?: 1;
        }
        buf_putc(out, '"');
}

static void put_json(struct buf *out, const struct logread_line *l) {
        char head[LOGLINE_HEAD_MAX];

        (void)logline_format_head(head, l->realtime_usec, LOGLINE_STDOUT, false);
        head[strcspn(head, " ")] = '\0';
        buf_printf(out, "{\"time\":\"%s\",\"stack\":", head);
        put_json_string(out, l->stack, strlen(l->stack));
        buf_puts(out, ",\"container\":");
        put_json_string(out, l->container, strlen(l->container));
        buf_printf(out, ",\"replica\":%" PRIu32 ",\"priority\":%d,\"partial\":%s,\"text\":", l->replica, l->priority,
                   l->partial ? "true" : "false");
        put_json_string(out, l->text, l->len);
        buf_puts(out, "}\n");
}

void logread_format(struct buf *out, const struct logread_line *l, enum logread_output output, bool names, bool for_terminal) {
        if (output == LOGREAD_JSON) {
                put_json(out, l);
                return;
        }
        if (output == LOGREAD_SHORT) {
                const time_t seconds = (time_t)(l->realtime_usec / USEC_PER_SEC);
                struct tm tm = { 0 };
                char when[32];

                (void)localtime_r(&seconds, &tm);
                (void)strftime(when, sizeof(when), "%b %d %H:%M:%S", &tm);
                buf_printf(out, "%s ", when);
                if (names)
                        buf_printf(out, "%s/%s.%" PRIu32 ": ", l->stack, l->container, l->replica);
        }
        if (for_terminal)
                put_safe(out, l->text, l->len);
        else
                buf_put(out, l->text, l->len);
        if (!l->partial)
                buf_putc(out, '\n');
}

/* ---- times ---- */

static int from_local(struct tm *tm, uint64_t *ret_usec) {
        tm->tm_isdst = -1;
        time_t seconds = mktime(tm);

        if (seconds < 0)
                return -EINVAL;
        *ret_usec = (uint64_t)seconds * USEC_PER_SEC;
        return 0;
}

static int midnight(uint64_t now_usec, int days, uint64_t *ret_usec) {
        const time_t seconds = (time_t)(now_usec / USEC_PER_SEC);
        struct tm tm = { 0 };

        (void)localtime_r(&seconds, &tm);
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday += days;
        return from_local(&tm, ret_usec);
}

/* "10m", "-10m", "10m ago". */
static int parse_ago(const char *text, uint64_t now_usec, uint64_t *ret_usec) {
        char span[64];
        size_t len;
        uint64_t usec;

        text += *text == '-';
        len = strlen(text);
        if (len > 4 && strcmp(text + len - 4, " ago") == 0)
                len -= 4;
        if (len >= sizeof(span))
                return -EINVAL;
        memcpy(span, text, len);
        span[len] = '\0';
        if (num_parse_duration(span, &usec) < 0)
                return -EINVAL;
        *ret_usec = usec < now_usec ? now_usec - usec : 0;
        return 0;
}

int logread_parse_time(const char *text, uint64_t now_usec, uint64_t *ret_usec) {
        static const char *const zulu[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ" };
        static const char *const local[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
                                             "%Y-%m-%d" };
        static const char *const clock[] = { "%H:%M:%S", "%H:%M" };
        uint64_t value;

        if (strcmp(text, "now") == 0) {
                *ret_usec = now_usec;
                return 0;
        }
        if (strcmp(text, "today") == 0 || strcmp(text, "yesterday") == 0)
                return midnight(now_usec, *text == 't' ? 0 : -1, ret_usec);
        if (*text == '@') {
                if (num_parse_u64(text + 1, &value) < 0 || value > UINT64_MAX / USEC_PER_SEC)
                        return -EINVAL;
                *ret_usec = value * USEC_PER_SEC;
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(zulu); i++) {
                struct tm tm = { 0 };
                const char *end = strptime(text, zulu[i], &tm);

                if (end && *end == '\0') {
                        time_t seconds = timegm(&tm);

                        if (seconds < 0)
                                return -EINVAL;
                        *ret_usec = (uint64_t)seconds * USEC_PER_SEC;
                        return 0;
                }
        }
        for (size_t i = 0; i < ARRAY_SIZE(local); i++) {
                struct tm tm = { 0 };
                const char *end = strptime(text, local[i], &tm);

                if (end && *end == '\0')
                        return from_local(&tm, ret_usec);
        }
        for (size_t i = 0; i < ARRAY_SIZE(clock); i++) {
                const time_t seconds = (time_t)(now_usec / USEC_PER_SEC);
                struct tm tm = { 0 };

                (void)localtime_r(&seconds, &tm);
                tm.tm_sec = 0;
                const char *end = strptime(text, clock[i], &tm);
                if (end && *end == '\0')
                        return from_local(&tm, ret_usec);
        }
        return parse_ago(text, now_usec, ret_usec);
}
