/* Ownership helpers: an owning local frees itself at the end of its scope unless it is taken.
 *
 *     _cleanup_(close_fdp) int fd = -EBADF;
 *     fd = open(...);
 *     ...
 *     *ret_fd = take_fd(&fd);      // the one success exit
 *
 * Destructors accept the null value (NULL, -EBADF) and keep errno.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _const_ __attribute__((const))
#define _pure_ __attribute__((pure))

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))

/* Closes fd when it is one; keeps errno. Returns the null value, so that `fd = close_fd(fd)` reads well. */
static inline int close_fd(int fd) {
        if (fd >= 0) {
                int saved = errno;
                (void)close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void close_fdp(int *fd) { *fd = close_fd(*fd); }

static inline int take_fd(int *fd) {
        int taken = *fd;
        *fd = -EBADF;
        return taken;
}

#define take_ptr(p)                          \
        ({                                   \
                __typeof__(p) *_p = &(p);    \
                __typeof__(p) _taken = *_p;  \
                *_p = NULL;                  \
                _taken;                      \
        })

static inline void free_ptr(void *p) { free(*(void **)p); }
static inline void close_filep(FILE **f) { if (*f) (void)fclose(*f); }

#define _cleanup_free_ _cleanup_(free_ptr)
#define _cleanup_fd_ _cleanup_(close_fdp)
#define _cleanup_file_ _cleanup_(close_filep)
