/* Where the members of a container are among those of its stack: an open hash table of the containers' first members, each of which
 * leads to its next (member.next_of_container). A thousand members are asked for a thousand times at every apply.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct member;

struct member_index {
        struct member **slots;  /* NULL: free; at most half of them are taken */
        size_t n_slots, n_taken; /* n_slots: a power of two, or 0 */
};

void member_index_done(struct member_index *x);
/* b is the last of its container from now on. -ENOMEM: it is not in. */
int member_index_add(struct member_index *x, struct member *b);
/* Takes one that is not in, too. */
void member_index_remove(struct member_index *x, struct member *b);
/* The first member of a container, NULL: none. */
struct member *member_index_find(const struct member_index *x, const char *container);
