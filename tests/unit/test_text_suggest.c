#include "unit.h"

#include <ctrsup/text/suggest.h>

/* Insert, delete, replace and swap count one each; more than the limit is limit + 1. */
static void distances(void **state) {
        static const struct {
                const char *a, *b;
                size_t distance;
        } cases[] = {
                { "", "", 0 },
                { "a", "a", 0 },
                { "a", "", 1 },
                { "memory", "memroy", 1 },
                { "memory", "memoy", 1 },
                { "memory", "memmory", 1 },
                { "memory", "nemory", 1 },
                { "memory", "nemroy", 2 },
                { "memory", "limits", 3 },
                { "ab", "ba", 1 },
                { "abc", "cab", 2 },
                { "enviroment", "environment", 1 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                assert_int_equal(suggest_distance(cases[i].a, cases[i].b, 2), cases[i].distance);
                assert_int_equal(suggest_distance(cases[i].b, cases[i].a, 2), cases[i].distance);
        }
}

static const char *nearest(const char *word, const char *const *words, size_t n) {
        struct suggest s = suggest_begin(word);

        for (size_t i = 0; i < n; i++)
                suggest_offer(&s, words[i]);
        return s.best;
}

/* The nearest wins, among equals the first; a short word has to be nearer. */
static void choice(void **state) {
        static const char *const words[] = { "limits", "labels", "label", "init", "user" };

        (void)state;
        assert_string_equal(nearest("lable", words, ARRAY_SIZE(words)), "label");
        assert_string_equal(nearest("limit", words, ARRAY_SIZE(words)), "limits");
        assert_string_equal(nearest("inti", words, ARRAY_SIZE(words)), "init");
        assert_null(nearest("environment", words, ARRAY_SIZE(words)));
        assert_null(nearest("iit2x", words, ARRAY_SIZE(words)));
        assert_string_equal(nearest("usr", words, ARRAY_SIZE(words)), "user");
        assert_null(nearest("us", words, ARRAY_SIZE(words)));
}

/* Words beyond 64 bytes are never near, and never read beyond. */
static void long_words(void **state) {
        char word[100] = "", near[100] = "";

        (void)state;
        memset(word, 'a', 65);
        memset(near, 'a', 65);
        assert_int_equal(suggest_distance(word, near, 2), 3);
        word[64] = near[64] = '\0';
        near[10] = 'b';
        assert_int_equal(suggest_distance(word, near, 2), 1);
}

unit_main(cmocka_unit_test(distances), cmocka_unit_test(choice), cmocka_unit_test(long_words));
