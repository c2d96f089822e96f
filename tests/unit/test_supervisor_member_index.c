#include "unit.h"

#include <supervisor/manager.h>

#include <stdio.h>

enum { CONTAINERS = 100, REPLICAS = 3 };

static struct member members[CONTAINERS][REPLICAS];

static void fill(struct member_index *x) {
        for (unsigned r = 0; r < REPLICAS; r++)
                for (unsigned c = 0; c < CONTAINERS; c++) {
                        members[c][r] = (struct member){ .state.replica = r + 1 };
                        (void)snprintf(members[c][r].state.container, NAME_SIZE, "c%u", c);
                        assert_int_equal(member_index_add(x, &members[c][r]), 0);
                }
}

/* Every container leads to its members, in the order in which they came; what is not in is not found. */
static void found(void **state _unused_) {
        struct member_index x = { 0 };

        assert_null(member_index_find(&x, "c0"));
        member_index_remove(&x, &members[0][0]);
        fill(&x);
        for (unsigned c = 0; c < CONTAINERS; c++) {
                char name[NAME_SIZE];

                (void)snprintf(name, sizeof(name), "c%u", c);
                struct member *b = member_index_find(&x, name);
                for (unsigned r = 0; r < REPLICAS; r++, b = b->next_of_container)
                        assert_ptr_equal(b, &members[c][r]);
                assert_null(b);
        }
        assert_null(member_index_find(&x, "c100"));
        member_index_done(&x);
}

/* Removed one by one, in an order that is not theirs: the others stay where they are found. */
static void removed(void **state _unused_) {
        struct member_index x = { 0 };

        fill(&x);
        for (unsigned n = 0; n < CONTAINERS * REPLICAS; n++) {
                unsigned gone = (n * 77 + 13) % (CONTAINERS * REPLICAS);

                member_index_remove(&x, &members[gone / REPLICAS][gone % REPLICAS]);
                member_index_remove(&x, &members[gone / REPLICAS][gone % REPLICAS]);
                members[gone / REPLICAS][gone % REPLICAS].state.generation = 1; /* the test's mark: it is out */
                for (unsigned c = 0; c < CONTAINERS; c++) {
                        const struct member *b = member_index_find(&x, members[c][0].state.container);

                        for (unsigned r = 0; r < REPLICAS; r++)
                                if (!members[c][r].state.generation) {
                                        assert_ptr_equal(b, &members[c][r]);
                                        b = b->next_of_container;
                                }
                        assert_null(b);
                }
        }
        assert_int_equal(x.n_taken, 0);
        member_index_done(&x);
}

unit_main(cmocka_unit_test(found), cmocka_unit_test(removed));
