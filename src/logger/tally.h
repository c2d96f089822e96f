/* Counts that outlive the process: of each stream the lines that its rate limit left out and that no line in the log has told of yet.
 *
 * They are in a file that is mapped: what is counted there is there for the next logger, whoever was killed when; nothing is synced, since
 * a boot ends the streams, too. When there is no file (a disk that is full), or no room in it, the counts are lost with the process.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct tally_slot;
struct tally {
        int fd; /* -EBADF: there is none */
        struct tally_slot *slots;
        uint64_t boot; /* slots of another one are free */
};

void tally_open(struct tally *t, int dir_fd);
void tally_close(struct tally *t);
/* The count of that instance (32 hex digits): what an earlier logger left there, else 0. NULL: there is none. */
uint64_t *tally_find(struct tally *t, const char *instance);
/* The stream has ended and all was told. Takes NULL. */
void tally_release(uint64_t *count);
