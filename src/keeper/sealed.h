/* A memfd that nobody can change any more: what was checked in it stays as it was checked. */
#pragma once

#include <stddef.h>

/* -EBADMSG: not a sealed memfd, empty, or larger than max. The mapping is the caller's, for munmap(2). */
int sealed_map(int fd, size_t max, const void **ret, size_t *ret_size);
/* An fd number, CLOEXEC: the caller fills size bytes at *ret, then sealed_close() them. */
int sealed_open(const char *name, size_t size, void **ret);
/* Unmaps what was filled, and seals. */
int sealed_close(int fd, void *data, size_t size);
