/* Bytes of a pipe -> pieces of lines. Pure. */
#pragma once

#include <ctrsup/base/logline.h>

struct split_piece {
        const char *text;
        size_t len;
        bool partial;    /* the line goes on in the next piece */
        size_t consumed; /* bytes of the window this took, with the line break */
};

/* The first piece of the window. false: not yet a whole one (never when the window is longer than LOGLINE_MAX, nor, unless it is
 * empty, at the end). A line longer than LOGLINE_MAX is cut, between characters where the text is UTF-8. */
bool split_next(const char *window, size_t len, bool at_end, struct split_piece *ret);
