#pragma once

/* A disk with a volatile write cache, over a file. What was flushed is in the file. Of what was not, a power cut leaves each
 * sector as it was or as it was last written, by the toss of a coin; and when a sector is written over, the coin says whether
 * the cache had already written back the earlier contents. Nothing else is promised, and no order between sectors: the least
 * that a file system with barriers has to cope with. The tosses follow from the seed.
 *
 * Functions return 0 or -errno. Offsets and lengths are multiples of CUTDISK_SECTOR. */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CUTDISK_SECTOR = 512 };

struct cutdisk {
        int fd;
        uint64_t size;
        uint8_t *cache;   /* as large as the disk; only the sectors in `is_dirty` mean anything */
        uint8_t *is_dirty; /* one byte a sector */
        uint64_t *dirty;   /* the sectors that are, in the order of their first write */
        size_t n_dirty;
        uint64_t random;
        uint64_t n_writes, n_flushes, n_kept;
};

/* splitmix64 */
static inline bool cutdisk_toss(struct cutdisk *d) {
        uint64_t z = d->random += 0x9e3779b97f4a7c15u;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return (z ^ (z >> 31)) & 1;
}

static inline void *cutdisk_map(size_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        return p == MAP_FAILED ? NULL : p;
}

static inline int cutdisk_init(struct cutdisk *d, const char *path, uint64_t seed) {
        struct stat st;
        int fd = open(path, O_RDWR | O_CLOEXEC);

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        *d = (struct cutdisk){ .fd = fd, .size = (uint64_t)st.st_size / CUTDISK_SECTOR * CUTDISK_SECTOR, .random = seed };
        size_t n = (size_t)d->size / CUTDISK_SECTOR;
        d->cache = cutdisk_map((size_t)d->size);
        d->is_dirty = cutdisk_map(n);
        d->dirty = cutdisk_map(n * sizeof(uint64_t));
        return d->cache && d->is_dirty && d->dirty ? 0 : -ENOMEM;
}

static inline bool cutdisk_has(const struct cutdisk *d, uint64_t at, size_t len) {
        return at % CUTDISK_SECTOR == 0 && len % CUTDISK_SECTOR == 0 && at <= d->size && len <= d->size - at;
}

static inline int cutdisk_read(const struct cutdisk *d, void *buf, size_t len, uint64_t at) {
        if (!cutdisk_has(d, at, len))
                return -EINVAL;
        if (pread(d->fd, buf, len, (off_t)at) != (ssize_t)len)
                return -EIO;
        for (size_t i = 0; i < len; i += CUTDISK_SECTOR)
                if (d->is_dirty[(at + i) / CUTDISK_SECTOR])
                        memcpy((uint8_t *)buf + i, d->cache + at + i, CUTDISK_SECTOR);
        return 0;
}

static inline int cutdisk_write_back(const struct cutdisk *d, uint64_t sector) {
        uint64_t at = sector * CUTDISK_SECTOR;

        return pwrite(d->fd, d->cache + at, CUTDISK_SECTOR, (off_t)at) == CUTDISK_SECTOR ? 0 : -EIO;
}

static inline int cutdisk_write(struct cutdisk *d, const void *buf, size_t len, uint64_t at) {
        int r = 0;

        if (!cutdisk_has(d, at, len))
                return -EINVAL;
        for (uint64_t sector = at / CUTDISK_SECTOR; sector < (at + len) / CUTDISK_SECTOR; sector++) {
                if (d->is_dirty[sector]) {
                        if (cutdisk_toss(d) && r == 0)
                                r = cutdisk_write_back(d, sector);
                } else {
                        d->is_dirty[sector] = 1;
                        d->dirty[d->n_dirty++] = sector;
                }
        }
        memcpy(d->cache + at, buf, len);
        d->n_writes++;
        return r;
}

/* Those sectors only: a write with FUA. */
static inline int cutdisk_write_through(struct cutdisk *d, uint64_t at, size_t len) {
        int r = 0;

        for (uint64_t sector = at / CUTDISK_SECTOR; r == 0 && sector < (at + len) / CUTDISK_SECTOR; sector++)
                r = cutdisk_write_back(d, sector);
        return r;
}

static inline int cutdisk_flush(struct cutdisk *d) {
        for (size_t i = 0; i < d->n_dirty; i++) {
                int r = cutdisk_write_back(d, d->dirty[i]);

                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < d->n_dirty; i++)
                d->is_dirty[d->dirty[i]] = 0;
        d->n_dirty = 0;
        d->n_flushes++;
        return 0;
}

/* The power goes: afterwards the file is what the next boot finds. n_kept of n_dirty are in it. */
static inline int cutdisk_cut(struct cutdisk *d) {
        for (size_t i = 0; i < d->n_dirty; i++) {
                if (!cutdisk_toss(d))
                        continue;
                int r = cutdisk_write_back(d, d->dirty[i]);
                if (r < 0)
                        return r;
                d->n_kept++;
        }
        return 0;
}

static inline void cutdisk_done(struct cutdisk *d) {
        size_t n = (size_t)d->size / CUTDISK_SECTOR;

        (void)munmap(d->cache, (size_t)d->size);
        (void)munmap(d->is_dirty, n);
        (void)munmap(d->dirty, n * sizeof(uint64_t));
        (void)close(d->fd);
}
