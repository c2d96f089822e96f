/* FNV-1a: to see whether something changed, or where to look for it. Nothing that an enemy may not make collide. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(14695981039346656037)

/* h: HASH_START, or what the bytes before gave. */
static inline uint64_t hash_add(uint64_t h, const void *data, size_t size) {
        for (size_t n = 0; n < size; n++)
                h = (h ^ ((const unsigned char *)data)[n]) * UINT64_C(1099511628211);
        return h;
}

/* Never 0. */
static inline uint64_t hash_of(const void *data, size_t size) {
        uint64_t h = hash_add(HASH_START, data, size);

        return h ? h : 1;
}
