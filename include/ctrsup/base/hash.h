/* After FNV-1a, by words: to see whether something changed, or where to look for it. Nothing that an enemy may not make collide. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(14695981039346656037)

/* h: HASH_START, or what the bytes before gave. */
static inline uint64_t hash_add(uint64_t h, const void *data, size_t size) {
        for (const char *p = data; size > 0;) {
                uint64_t word = 0;
                size_t n = size < sizeof(word) ? size : sizeof(word);

                memcpy(&word, p, n);
                h = (h ^ word) * UINT64_C(1099511628211);
                p += n;
                size -= n;
        }
        return h;
}

/* Never 0. */
static inline uint64_t hash_of(const void *data, size_t size) {
        uint64_t h = hash_add(HASH_START, data, size);

        h ^= h >> 29; /* a product's upper bits know of more than its lower ones */
        h *= UINT64_C(0xbf58476d1ce4e5b9);
        h ^= h >> 32;
        return h ? h : 1;
}
