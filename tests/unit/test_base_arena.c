#include "unit.h"

#include <ctrsup/base/arena.h>

#include <stdalign.h>
#include <stdbool.h>

/* Memory comes zeroed and aligned for any type, whatever size was asked before. */
static void zeroed_and_aligned(void **state _unused_) {
        _cleanup_arena_ struct arena *a = arena_new();

        assert_non_null(a);
        for (size_t size = 0; size < 3000; size += 7) {
                unsigned char *p = arena_alloc(a, size);

                assert_non_null(p);
                assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
                for (size_t i = 0; i < size; i++)
                        assert_int_equal(p[i], 0);
                memset(p, 0xff, size);
        }
}

/* Blocks never move or overlap: what was written first is still there after thousands of allocations, large ones among them. */
static void pointers_stay(void **state _unused_) {
        enum { N = 4000 };
        static uint32_t *kept[N];
        _cleanup_arena_ struct arena *a = arena_new();

        for (uint32_t i = 0; i < N; i++) {
                size_t n = i % 500 == 0 ? 40000 : 1 + i % 9;

                kept[i] = arena_array_of(a, uint32_t, n);
                assert_non_null(kept[i]);
                for (size_t k = 0; k < n; k++)
                        kept[i][k] = i;
        }
        for (uint32_t i = 0; i < N; i++) {
                size_t n = i % 500 == 0 ? 40000 : 1 + i % 9;

                for (size_t k = 0; k < n; k++)
                        assert_int_equal(kept[i][k], i);
        }
}

/* A large block in between does not waste the room of the one being filled. */
static void large_block_keeps_the_room(void **state _unused_) {
        _cleanup_arena_ struct arena *a = arena_new();
        char *before = arena_alloc(a, 16);

        assert_non_null(arena_alloc(a, 1 << 20));
        char *after = arena_alloc(a, 16);
        assert_ptr_equal(after, before + 16);
}

static void strings(void **state _unused_) {
        _cleanup_arena_ struct arena *a = arena_new();
        char long_text[20000];

        memset(long_text, 'z', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        assert_string_equal(arena_strdup(a, ""), "");
        assert_string_equal(arena_strdup(a, "web"), "web");
        assert_string_equal(arena_strndup(a, "website", 3), "web");
        assert_string_equal(arena_strndup(a, NULL, 0), "");
        assert_string_equal(arena_printf(a, "%s.%d", "web", 2), "web.2");
        assert_string_equal(arena_printf(a, "%s", long_text), long_text);
}

/* A size that overflows is refused, never rounded to a small one. */
static void overflow_is_refused(void **state _unused_) {
        _cleanup_arena_ struct arena *a = arena_new();

        assert_null(arena_calloc(a, SIZE_MAX / 2, 3));
        assert_null(arena_calloc(a, SIZE_MAX, SIZE_MAX));
        assert_null(arena_alloc(a, SIZE_MAX));
        assert_null(arena_alloc(a, SIZE_MAX - 15));
        assert_int_equal(arena_bytes(a), 0);
}

/* arena_bytes counts what was handed out, so that a loader can keep its cap. */
static void counts_bytes(void **state _unused_) {
        _cleanup_arena_ struct arena *a = arena_new();
        size_t unit = alignof(max_align_t);

        assert_int_equal(arena_bytes(a), 0);
        arena_alloc(a, 1);
        assert_int_equal(arena_bytes(a), unit);
        arena_alloc(a, unit + 1);
        assert_int_equal(arena_bytes(a), 3 * unit);
        arena_alloc(a, 1 << 20);
        assert_int_equal(arena_bytes(a), 3 * unit + (1 << 20));
}

static void free_takes_null(void **state _unused_) {
        assert_null(arena_free(NULL));
        assert_null(arena_free(arena_new()));
}

unit_main(cmocka_unit_test(zeroed_and_aligned), cmocka_unit_test(pointers_stay), cmocka_unit_test(large_block_keeps_the_room),
          cmocka_unit_test(strings), cmocka_unit_test(overflow_is_refused), cmocka_unit_test(counts_bytes),
          cmocka_unit_test(free_takes_null));
