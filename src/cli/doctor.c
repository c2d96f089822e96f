#include "doctor.h"

#include <ctrsup/base/num.h>

#include <assert.h>
#include <stdarg.h>
#include <string.h>

static const struct {
        const char *name, *unicode, *ascii, *color;
} findings[] = {
        [FINDING_OK] = { "ok", "✓", "ok", "32" },
        [FINDING_WARNING] = { "warning", "!", "warning", "33" },
        [FINDING_FAILURE] = { "failure", "✗", "failure", "31" },
        [FINDING_SKIPPED] = { "skipped", "·", "skipped", "2" },
};
static_assert(ARRAY_SIZE(findings) == _FINDING_MAX, "every finding has its looks");

const char *finding_name(enum finding f) {
        return findings[f].name;
}

void doctor_say(struct doctor *d, enum finding f, const char *cure, const char *format, ...) {
        char text[512];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        d->count[f]++;
        (void)json_array_append_new(d->found, json_pack("{s:s, s:s, s:s, s:s?}", "check", d->name, "result", findings[f].name,
                                                        "message", text, "cure", cure));
}

static enum finding finding_of(const json_t *one) {
        const char *name = json_string_value(json_object_get(one, "result"));

        for (enum finding f = 0; name && f < _FINDING_MAX; f++)
                if (strcmp(findings[f].name, name) == 0)
                        return f;
        return FINDING_SKIPPED;
}

void doctor_put(const json_t *found, bool unicode, bool color, struct buf *out) {
        size_t n;
        json_t *one;

        json_array_foreach (found, n, one) {
                enum finding f = finding_of(one);
                const char *cure = json_string_value(json_object_get(one, "cure"));

                if (color)
                        buf_printf(out, "\033[%sm", findings[f].color);
                if (unicode)
                        buf_puts(out, findings[f].unicode);
                else
                        buf_printf(out, "%-7s", findings[f].ascii);
                buf_printf(out, "%s %-13s %s\n", color ? "\033[0m" : "", json_string_value(json_object_get(one, "check")),
                           json_string_value(json_object_get(one, "message")));
                if (cure)
                        buf_printf(out, "%*scure: %s\n", unicode ? 16 : 22, "", cure);
        }
}

/* The number of a field of a line "a:b:c"; false: it is none. */
static bool field_of(const char *line, size_t len, unsigned which, uint64_t *ret) {
        const char *end = line + len, *at = line;
        char digits[24];

        for (; which > 0 && at; which--) {
                at = memchr(at, ':', (size_t)(end - at));
                at = at ? at + 1 : NULL;
        }
        if (!at)
                return false;
        const char *stop = memchr(at, ':', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        if (n == 0 || n >= sizeof(digits))
                return false;
        memcpy(digits, at, n);
        digits[n] = '\0';
        return num_parse_u64(digits, ret) == 0;
}

static bool overlaps(const char *text, uint64_t first, uint64_t count, int count_field, unsigned first_field, char what[64]) {
        for (const char *line = text; *line;) {
                size_t len = strcspn(line, "\n");
                uint64_t from, n = 1;

                if (field_of(line, len, first_field, &from) &&
                    (count_field < 0 || field_of(line, len, (unsigned)count_field, &n)) && n > 0 && from < first + count &&
                    first < from + n) {
                        (void)snprintf(what, 64, "%.*s", (int)(count_field < 0 ? strcspn(line, ":\n") : len), line);
                        return true;
                }
                line += len + (line[len] == '\n');
        }
        return false;
}

bool doctor_subid_overlaps(const char *text, uint64_t first, uint64_t count, char what[64]) {
        return overlaps(text, first, count, 2, 1, what);
}

bool doctor_passwd_overlaps(const char *text, uint64_t first, uint64_t count, char what[64]) {
        return overlaps(text, first, count, -1, 2, what);
}

bool doctor_map_covers(const char *text, uint64_t first, uint64_t count) {
        unsigned long long inside, outside, n;
        int used;

        for (; sscanf(text, "%llu %llu %llu%n", &inside, &outside, &n, &used) == 3; text += used)
                if (inside <= first && first + count <= inside + n)
                        return true;
        return false;
}

static bool setting_of(const char *text, const char *group, const char *name, char *ret, size_t size) {
        char begin[64];

        (void)snprintf(begin, sizeof(begin), "%s = {\n", group);
        const char *at = strstr(text, begin), *end = at ? strstr(at, "};") : NULL;
        (void)snprintf(begin, sizeof(begin), "\n  %s = ", name);
        at = end ? strstr(at, begin) : NULL;
        if (!at || at > end)
                return false;
        at += strlen(begin);
        at += *at == '"';
        size_t n = strcspn(at, "\";\n");
        if (n >= size)
                return false;
        memcpy(ret, at, n);
        ret[n] = '\0';
        return true;
}

void doctor_read_settings(const char *text, struct doctor_settings *ret) {
        char number[32];
        uint64_t blocks;

        (void)setting_of(text, "paths", "state", ret->state, sizeof(ret->state));
        (void)setting_of(text, "paths", "runtime", ret->runtime, sizeof(ret->runtime));
        (void)setting_of(text, "paths", "logs", ret->logs, sizeof(ret->logs));
        if (setting_of(text, "userns", "base", number, sizeof(number)))
                (void)num_parse_u64(number, &ret->base);
        if (setting_of(text, "userns", "count", number, sizeof(number)) && num_parse_u64(number, &blocks) == 0)
                ret->count = blocks * 65536;
}
