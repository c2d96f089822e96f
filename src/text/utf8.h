/* UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at s (len > 0 bytes are there) and its code point; 0: not UTF-8. */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret);
/* What is no UTF-8 (a cut character) or a control character becomes "?": text from a file can do nothing to a terminal. */
void utf8_disarm(char *text);
