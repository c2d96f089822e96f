/* Inside of supervisor/adopt.h: what was found, and taking over one member. */
#pragma once

#include "adopt.h"

struct found_entry {
        struct keeper_event event;
        bool claimed;
};

struct found_leaf {
        char group[ACT_GROUP_MAX];
        uint64_t generation;
        bool populated, claimed;
};

struct held_fd {
        char name[KEEPER_NAME_MAX];
        int fd;
};

struct adoption {
        struct found_entry *entries;
        size_t n_entries;
        struct found_leaf *leaves;
        size_t n_leaves;
        struct held_fd *held; /* pidfds of orphans and notify sockets that the keeper held */
        size_t n_held;
        unsigned awaited;     /* of those, not here yet */
        unsigned n_retries;   /* of those that were sent, and did not get here */
        struct held_fd *logs; /* names of log pipes that the keeper holds */
        size_t n_logs;
        bool listed, out_of_memory;
};

/* b is matched with what was found, which is claimed, and goes on, ends, or stays down. An error: out of file descriptors or memory,
 * so nothing can be said of it, and nothing was. */
int adopt_member(struct manager *m, struct member *b);
