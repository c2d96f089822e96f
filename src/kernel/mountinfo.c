#include <ctrsup/kernel/mountinfo.h>

#include <string.h>

enum { POINT_FIELD = 4, OPTIONS_FIELD = 5 }; /* counted from 0 */

/* "\040" is a blank; the kernel writes blank, tab, line break and backslash so. */
static bool unescape(const char *from, size_t len, char *to, size_t size) {
        size_t n = 0;

        for (size_t k = 0; k < len; k++, n++) {
                if (n + 1 >= size)
                        return false;
                to[n] = from[k];
                if (from[k] != '\\' || k + 3 >= len || strspn(from + k + 1, "01234567") < 3)
                        continue;
                to[n] = (char)((from[k + 1] - '0') * 64 + (from[k + 2] - '0') * 8 + (from[k + 3] - '0'));
                k += 3;
        }
        to[n] = '\0';
        return true;
}

static bool parse(const char *line, size_t len, struct mountinfo_line *ret) {
        const char *end = line + len, *field = line;
        bool has_point = false;

        for (int n = 0; n <= OPTIONS_FIELD && field < end; n++) {
                const char *stop = memchr(field, ' ', (size_t)(end - field));
                size_t size = (size_t)((stop ? stop : end) - field);

                if (n == POINT_FIELD)
                        has_point = unescape(field, size, ret->point, sizeof(ret->point));
                if (n == OPTIONS_FIELD) {
                        ret->read_only = size >= 2 && strncmp(field, "ro", 2) == 0 && (size == 2 || field[2] == ',');
                        return has_point;
                }
                field = stop ? stop + 1 : end;
        }
        return false;
}

bool mountinfo_next(const char **at, struct mountinfo_line *ret) {
        while (**at) {
                const char *line = *at;
                size_t len = strcspn(line, "\n");

                *at = line + len + (line[len] == '\n');
                if (parse(line, len, ret))
                        return true;
        }
        return false;
}

bool mountinfo_find(const char *text, const char *point, struct mountinfo_line *ret) {
        struct mountinfo_line line;
        bool found = false;

        while (mountinfo_next(&text, &line))
                if (strcmp(line.point, point) == 0) {
                        *ret = line;
                        found = true;
                }
        return found;
}
