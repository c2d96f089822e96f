/* Any text as a calendar expression, any bytes as a zone's file, any text as its rule; the first byte chooses, the next five are the
 * time that is asked about.
 * What is taken prints as what is taken, and means the same; the next time is later, and the first one; what a cron line is
 * translated to is an expression; the spans of a zone follow each other. */
#include "calendar/next.h"

#include <ctrsup/base/num.h>

#include <stdlib.h>
#include <string.h>

enum { HEAD = 6, WALK = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

static void cron_hint(const struct err *err) {
        const char *begin = strchr(err->hint, '"'), *end = begin ? strchr(begin + 1, '"') : NULL;
        struct calendar c;

        if (!strstr(err->text, "is a cron line") || !end)
                return;
        _cleanup_free_ char *text = strndup(begin + 1, (size_t)(end - begin) - 1);
        require(text && calendar_parse(text, &c, NULL, NULL) == 0);
}

static void expression(const char *text, uint64_t after) {
        _cleanup_buf_ struct buf normal = BUF_NULL, again = BUF_NULL;
        struct err err = { 0 };
        struct calendar c, d;
        struct zone zone;
        size_t at = SIZE_MAX;
        uint64_t next, other;

        if (calendar_parse(text, &c, &at, &err) < 0) {
                require(at <= strlen(text) && *err.text);
                cron_hint(&err);
                return;
        }
        calendar_print(&c, &normal);
        require(calendar_parse(buf_text(&normal), &d, NULL, NULL) == 0);
        calendar_print(&d, &again);
        require(strcmp(buf_text(&normal), buf_text(&again)) == 0);

        require(zone_read(c.zone, &zone, NULL) == 0);
        int r = calendar_next_in(&c, &zone, after, &next);
        require(calendar_next_in(&d, &zone, after, &other) == r && (r != 0 || next == other));
        if (r != 0)
                return;
        require(next > after);
        require(calendar_next_in(&c, &zone, next - 1, &other) == 0 && other == next);
        require(calendar_next_in(&c, &zone, after + (next - after) / 2, &other) == 0 || next == after + 1);
}

static void zone_bytes(const uint8_t *data, size_t size, uint64_t after) {
        struct calendar c;
        struct zone zone;
        struct zone_span span = { .end = 0 };
        uint64_t next;

        if (zone_parse(data, size, &zone) < 0)
                return;
        for (unsigned i = 0; i < WALK && span.end < INT64_C(7500000000); i++) {
                int64_t at = span.end;
                span = zone_span(&zone, at);
                require(span.end > at || (i == 0 && span.end >= at));
        }
        require(calendar_parse("*-*-* 2:0/15", &c, NULL, NULL) == 0);
        if (calendar_next_in(&c, &zone, after, &next) == 0)
                require(next > after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint64_t after = 0;

        if (size < HEAD)
                return 0;
        for (size_t i = 1; i < HEAD; i++)
                after = after << 8 | data[i];
        after = after % UINT64_C(7258118400) * USEC_PER_SEC;
        data += HEAD;
        size -= HEAD;
        if (data[-HEAD] % 3 == 1) {
                zone_bytes(data, size, after);
                return 0;
        }
        _cleanup_free_ char *text = strndup((const char *)data, size);
        struct zone_rule rule;
        if (!text)
                return 0;
        if (data[-HEAD] % 3 == 0)
                expression(text, after);
        else if (zone_rule_parse(text, &rule) == 0)
                require(zone_rule_span(&rule, (int64_t)(after / USEC_PER_SEC)).end > (int64_t)(after / USEC_PER_SEC));
        return 0;
}
