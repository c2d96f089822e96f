/* See split.h. */
#include "split.h"

#include <string.h>

/* Where to cut a text whose first byte beyond the cut is window[LOGLINE_MAX]: not within a character of up to four bytes. */
static size_t cut(const char *window) {
        size_t at = LOGLINE_MAX;

        while (at > LOGLINE_MAX - 4 && ((unsigned char)window[at] & 0xc0) == 0x80)
                at--;
        return ((unsigned char)window[at] & 0xc0) == 0x80 ? LOGLINE_MAX : at; /* no UTF-8 at all: as it comes */
}

bool split_next(const char *window, size_t len, bool at_end, struct split_piece *ret) {
        const size_t look = len > LOGLINE_MAX ? LOGLINE_MAX + 1 : len;
        const char *end = memchr(window, '\n', look);

        if (end)
                *ret = (struct split_piece){ window, (size_t)(end - window), false, (size_t)(end - window) + 1 };
        else if (len > LOGLINE_MAX) {
                size_t n = cut(window);

                *ret = (struct split_piece){ window, n, true, n };
        } else if (at_end && len > 0)
                *ret = (struct split_piece){ window, len, false, len };
        else
                return false;
        return true;
}
