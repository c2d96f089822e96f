#include <ctrsup/text/suggest.h>

#include <string.h>

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b) {
        return a < b ? a : b;
}

/* Optimal string alignment: Damerau-Levenshtein where no piece is edited twice. Three rows of the table are enough. */
size_t suggest_distance(const char *a, const char *b, size_t limit) {
        size_t rows[3][WORD_MAX + 1], m = strnlen(a, WORD_MAX + 1), n = strnlen(b, WORD_MAX + 1);

        if (m > WORD_MAX || n > WORD_MAX || (m > n ? m - n : n - m) > limit)
                return limit + 1;
        for (size_t j = 0; j <= n; j++)
                rows[0][j] = j;
        for (size_t i = 1; i <= m; i++) {
                size_t *row = rows[i % 3], *up = rows[(i - 1) % 3], *up2 = rows[(i + 1) % 3];

                row[0] = i;
                for (size_t j = 1; j <= n; j++) {
                        size_t cost = a[i - 1] != b[j - 1];

                        row[j] = least(least(row[j - 1], up[j]) + 1, up[j - 1] + cost);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = least(row[j], up2[j - 2] + 1);
                }
        }
        return least(rows[m % 3][n], limit + 1);
}

struct suggest suggest_begin(const char *word) {
        /* Two edits of a word of three letters make any other word. */
        return (struct suggest){ .word = word, .distance = strlen(word) <= 3 ? 1 : 2 };
}

void suggest_offer(struct suggest *s, const char *candidate) {
        size_t distance = suggest_distance(s->word, candidate, s->distance);

        if (distance < s->distance || (distance == s->distance && !s->best)) {
                s->best = candidate;
                s->distance = distance;
        }
}
