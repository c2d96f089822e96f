/* Putting a filter of system calls on the calling process, for good. */
#pragma once

#include <stddef.h>

/* program: an array of struct sock_filter, size its bytes. Needs no_new_privs or CAP_SYS_ADMIN. 0 or -errno. */
int seccomp_install(const void *program, size_t size);
