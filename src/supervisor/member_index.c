#include "member_index.h"
#include "manager.h"

#include <ctrsup/base/hash.h>

#include <string.h>

enum { SLOTS_MIN = 16 };

void member_index_done(struct member_index *x) {
        free(x->slots);
        *x = (struct member_index){ 0 };
}

static size_t home(const struct member_index *x, const char *container) {
        return (size_t)hash_of(container, strlen(container)) & (x->n_slots - 1);
}

/* Where it is, or where it would be. There is a free slot always. */
static size_t slot_of(const struct member_index *x, const char *container) {
        size_t n = home(x, container);

        while (x->slots[n] && strcmp(x->slots[n]->state.container, container) != 0)
                n = (n + 1) & (x->n_slots - 1);
        return n;
}

static int grow(struct member_index *x) {
        struct member_index more = { .n_slots = x->n_slots ? 2 * x->n_slots : SLOTS_MIN, .n_taken = x->n_taken };

        more.slots = calloc(more.n_slots, sizeof(*more.slots));
        if (!more.slots)
                return -ENOMEM;
        for (size_t n = 0; n < x->n_slots; n++)
                if (x->slots[n])
                        more.slots[slot_of(&more, x->slots[n]->state.container)] = x->slots[n];
        free(x->slots);
        *x = more;
        return 0;
}

int member_index_add(struct member_index *x, struct member *b) {
        if (2 * (x->n_taken + 1) > x->n_slots && grow(x) < 0)
                return -ENOMEM;
        struct member **at = &x->slots[slot_of(x, b->state.container)];
        if (!*at)
                x->n_taken++;
        while (*at)
                at = &(*at)->next_of_container;
        b->next_of_container = NULL;
        *at = b;
        return 0;
}

/* A slot got free: those behind it that it kept from their homes move up, so that no search ends before them. */
static void close_gap(struct member_index *x, size_t gap) {
        for (size_t n = (gap + 1) & (x->n_slots - 1); x->slots[n]; n = (n + 1) & (x->n_slots - 1)) {
                size_t from_home = (n - home(x, x->slots[n]->state.container)) & (x->n_slots - 1);

                if (from_home < ((n - gap) & (x->n_slots - 1)))
                        continue;
                x->slots[gap] = x->slots[n];
                x->slots[n] = NULL;
                gap = n;
        }
}

void member_index_remove(struct member_index *x, struct member *b) {
        if (x->n_slots == 0)
                return;
        size_t n = slot_of(x, b->state.container);
        struct member **at = &x->slots[n];
        while (*at && *at != b)
                at = &(*at)->next_of_container;
        if (!*at)
                return;
        *at = b->next_of_container;
        if (!x->slots[n]) {
                x->n_taken--;
                close_gap(x, n);
        }
}

struct member *member_index_find(const struct member_index *x, const char *container) {
        return x->n_slots == 0 ? NULL : x->slots[slot_of(x, container)];
}
