/* "did you mean": the nearest of some words, within two edits (insert, delete, replace, swap of neighbours). */
#pragma once

#include <stddef.h>

/* Edits between a and b, or limit + 1 when there are more; words above 64 bytes are never near. */
size_t suggest_distance(const char *a, const char *b, size_t limit);

/* Feed candidates one by one; best is the nearest so far (the first of equals), NULL: none is near. */
struct suggest {
        const char *word;
        const char *best;
        size_t distance;
};

struct suggest suggest_begin(const char *word);
void suggest_offer(struct suggest *s, const char *candidate);
