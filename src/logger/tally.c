#include "tally.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SLOTS = 2048, KEY_SIZE = 16 };

struct tally_slot {
        uint64_t count;
        uint64_t boot; /* 0: free */
        char key[KEY_SIZE];
};

static uint64_t boot_hash(void) {
        _cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        unsigned char text[64];
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
        uint64_t hash = UINT64_C(14695981039346656037);

        for (ssize_t i = 0; i < n; i++)
                hash = (hash ^ text[i]) * UINT64_C(1099511628211);
        return n > 0 ? hash | 1 : 0;
}

void tally_open(struct tally *t, int dir_fd) {
        const size_t size = SLOTS * sizeof(struct tally_slot);
        _cleanup_fd_ int fd = openat(dir_fd, ".suppressed", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct stat st;

        *t = (struct tally){ .fd = -EBADF, .boot = boot_hash() };
        /* Room for all of it, or the first write to a page that the disk has none for would end the process. */
        if (fd < 0 || t->boot == 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || posix_fallocate(fd, 0, (off_t)size) != 0)
                return;
        void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return;
        t->slots = map;
        t->fd = take_fd(&fd);
}

void tally_close(struct tally *t) {
        if (t->slots)
                (void)munmap(t->slots, SLOTS * sizeof(struct tally_slot));
        t->slots = NULL;
        t->fd = close_fd(t->fd);
}

static struct tally_slot *look(struct tally *t, const char key[KEY_SIZE]) {
        struct tally_slot *empty = NULL;

        for (size_t n = 0; n < SLOTS; n++) {
                struct tally_slot *s = &t->slots[n];

                if (s->boot == t->boot && memcmp(s->key, key, KEY_SIZE) == 0)
                        return s;
                if (s->boot != t->boot && !empty)
                        empty = s;
        }
        if (!empty)
                return NULL;
        empty->count = 0;
        memcpy(empty->key, key, KEY_SIZE);
        empty->boot = t->boot;
        return empty;
}

uint64_t *tally_find(struct tally *t, const char *instance) {
        char key[KEY_SIZE];

        if (!t->slots || strlen(instance) < 2 * KEY_SIZE)
                return NULL;
        for (size_t n = 0; n < KEY_SIZE; n++) {
                unsigned byte;

                if (sscanf(instance + 2 * n, "%2x", &byte) != 1)
                        return NULL;
                key[n] = (char)byte;
        }
        /* Another supervisor's logger may use the same directory. */
        if (flock(t->fd, LOCK_EX) < 0)
                return NULL;
        struct tally_slot *s = look(t, key);
        (void)flock(t->fd, LOCK_UN);
        return s ? &s->count : NULL;
}

void tally_release(uint64_t *count) {
        struct tally_slot *s = (struct tally_slot *)(void *)count; /* its first member */

        if (s)
                s->boot = 0;
}
