#include "unit.h"

#include "keeper/table.h"

#include <fcntl.h>
#include <unistd.h>

static struct table *table_new(void) {
        return calloc(1, sizeof(struct table));
}

static void make_id(uint8_t id[KEEPER_ID_SIZE], uint32_t n) {
        memset(id, 0, KEEPER_ID_SIZE);
        memcpy(id, &n, sizeof(n));
}

/* Full is NULL, never an overwrite; a dropped place is used again. */
static void test_full(void **state _unused_) {
        _cleanup_free_ struct table *t = table_new();
        uint8_t id[KEEPER_ID_SIZE];

        for (uint32_t i = 0; i < KEEPER_ENTRIES_MAX; i++) {
                make_id(id, i + 1);
                assert_non_null(entry_add(t, id));
        }
        make_id(id, KEEPER_ENTRIES_MAX + 1);
        assert_null(entry_add(t, id));
        assert_null(entry_find(t, id));
        make_id(id, 17);
        struct entry *e = entry_find(t, id);
        assert_non_null(e);
        assert_true(entry_is_alive(e));
        e->state = KEEPER_ENDED;
        assert_false(entry_is_alive(e));
        entry_drop(t, e);
        assert_null(entry_find(t, id));
        make_id(id, 9999);
        assert_ptr_equal(entry_add(t, id), e);
        assert_int_equal(t->entries_end, KEEPER_ENTRIES_MAX);
}

/* The scanned part shrinks, so that a keeper that once had much is quick again. */
static void test_shrinks(void **state _unused_) {
        _cleanup_free_ struct table *t = table_new();
        uint8_t id[KEEPER_ID_SIZE];

        for (uint32_t i = 0; i < 3; i++) {
                make_id(id, i + 1);
                (void)entry_add(t, id);
        }
        entry_drop(t, &t->entries[1]);
        assert_int_equal(t->entries_end, 3);
        entry_drop(t, &t->entries[2]);
        assert_int_equal(t->entries_end, 1);
        entry_drop(t, &t->entries[0]);
        assert_int_equal(t->entries_end, 0);
}

/* Held fds: one a name, closed when replaced or dropped. */
static void test_held(void **state _unused_) {
        _cleanup_free_ struct table *t = table_new();
        int first = open("/dev/null", O_RDONLY | O_CLOEXEC), second = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_int_equal(held_put(t, "a", first), 0);
        assert_int_equal(held_find(t, "a")->fd, first);
        assert_null(held_find(t, "b"));
        assert_int_equal(held_put(t, "a", second), 0);
        assert_int_equal(fcntl(first, F_GETFD), -1);
        assert_int_equal(held_find(t, "a")->fd, second);
        assert_int_equal(held_drop(t, "a"), 0);
        assert_int_equal(fcntl(second, F_GETFD), -1);
        assert_int_equal(held_drop(t, "a"), -ENOENT);
        assert_int_equal(t->held_end, 0);
}

unit_main(cmocka_unit_test(test_full), cmocka_unit_test(test_shrinks), cmocka_unit_test(test_held));
