#include "source.h"

#include "utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static struct mark at(uint32_t line, uint32_t column) {
        return (struct mark){ line, column, line, column + 1 };
}

static bool starts_with(const char *text, size_t len, const char *bytes, size_t n) {
        return len >= n && memcmp(text, bytes, n) == 0;
}

static bool is_utf16(const char *text, size_t len) {
        return starts_with(text, len, "\xff\xfe", 2) || starts_with(text, len, "\xfe\xff", 2) ||
               (len >= 2 && (!text[0] != !text[1]));
}

static bool is_allowed(uint32_t cp) {
        return cp == '\t' || cp == '\n' || cp == '\r' || (cp >= 0x20 && cp < 0x7f) || cp == 0x85 ||
               (cp >= 0xa0 && cp != 0xfeff && cp != 0xfffe && cp != 0xffff);
}

int source_check(const char *text, size_t len, size_t max, struct diag_list *diags) {
        uint32_t line = 1, column = 1;

        if (len > max) {
                diag_add(diags, DIAG_TOO_LARGE, MARK_NULL, NULL, "the file has %zu bytes, more than the %zu allowed", len, max);
                return -EBADMSG;
        }
        if (starts_with(text, len, "\xef\xbb\xbf", 3) || is_utf16(text, len)) {
                struct diag *d = diag_add(diags, DIAG_YAML_UNSAFE, at(1, 1), NULL,
                                          is_utf16(text, len) ? "the file is UTF-16, not UTF-8"
                                                              : "the file starts with a byte order mark");
                diag_hint(diags, d, "save it as UTF-8 without a byte order mark");
                return -EBADMSG;
        }
        for (size_t i = 0; i < len;) {
                uint32_t cp;
                size_t n = utf8_decode(text + i, len - i, &cp);

                if (n == 0) {
                        diag_add(diags, DIAG_YAML_UNSAFE, at(line, column), NULL, "byte 0x%02x is not UTF-8 here",
                                 (unsigned char)text[i]);
                        return -EBADMSG;
                }
                if (!is_allowed(cp)) {
                        diag_add(diags, DIAG_YAML_UNSAFE, at(line, column), NULL, "control character U+%04X", cp);
                        return -EBADMSG;
                }
                i += n;
                column++;
                if (cp == '\n' || (cp == '\r' && (i == len || text[i] != '\n'))) {
                        line++;
                        column = 1;
                }
        }
        return 0;
}
