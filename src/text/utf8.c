#include "utf8.h"

#include <string.h>

size_t utf8_decode(const char *s, size_t len, uint32_t *ret) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        unsigned char c = (unsigned char)s[0];
        size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf8 ? 4 : 0;

        if (n == 0 || n > len)
                return 0;
        uint32_t cp = n == 1 ? c : c & (0x7fu >> n);
        for (size_t i = 1; i < n; i++) {
                unsigned char more = (unsigned char)s[i];

                if ((more & 0xc0) != 0x80)
                        return 0;
                cp = cp << 6 | (more & 0x3f);
        }
        if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
                return 0;
        *ret = cp;
        return n;
}

void utf8_disarm(char *text) {
        size_t len = strlen(text), to = 0;

        for (size_t i = 0; i < len;) {
                uint32_t cp = 0;
                size_t n = utf8_decode(text + i, len - i, &cp);

                if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
                        text[to++] = '?';
                        i += n ? n : 1;
                } else {
                        memmove(text + to, text + i, n);
                        to += n;
                        i += n;
                }
        }
        text[to] = '\0';
}
