#include <ctrsup/base/arena.h>

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct block {
        struct block *next;
        size_t used, size;
        alignas(max_align_t) unsigned char data[];
};

struct arena {
        struct block *blocks; /* the first one is being filled */
        size_t bytes;
};

struct arena *arena_new(void) {
        return calloc(1, sizeof(struct arena));
}

struct arena *arena_free(struct arena *a) {
        if (!a)
                return NULL;
        for (struct block *b = a->blocks, *next; b; b = next) {
                next = b->next;
                free(b);
        }
        free(a);
        return NULL;
}

void *arena_alloc(struct arena *a, size_t size) {
        const size_t align = alignof(max_align_t);

        if (size > SIZE_MAX / 2)
                return NULL;
        size = (size + align - 1) & ~(align - 1);

        struct block *b = a->blocks;
        if (!b || b->size - b->used < size) {
                size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

                b = calloc(1, sizeof(*b) + room);
                if (!b)
                        return NULL;
                b->size = room;
                /* A large block is full at once: keep filling the one that has room. */
                if (a->blocks && size > BLOCK_SIZE) {
                        b->next = a->blocks->next;
                        a->blocks->next = b;
                } else {
                        b->next = a->blocks;
                        a->blocks = b;
                }
        }
        void *p = b->data + b->used;
        b->used += size;
        a->bytes += size;
        return p;
}

void *arena_calloc(struct arena *a, size_t count, size_t size) {
        size_t bytes;

        return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t len) {
        char *copy = arena_alloc(a, len + 1);

        if (copy && len > 0)
                memcpy(copy, s, len);
        return copy;
}

char *arena_strdup(struct arena *a, const char *s) {
        return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(NULL, 0, format, ap);
        va_end(ap);
        char *s = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
        if (!s)
                return NULL;
        va_start(ap, format);
        (void)vsnprintf(s, (size_t)n + 1, format, ap);
        va_end(ap);
        return s;
}

size_t arena_bytes(const struct arena *a) {
        return a->bytes;
}
