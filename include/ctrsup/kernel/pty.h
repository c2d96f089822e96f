/* A pseudo terminal of the container the caller is in. */
#pragma once

/* Opens a pair in the devpts at /dev/pts, after making sure that it is one: an image or a running container must not hand us
 * something else. Returns 0 or -errno (-ENOTTY: there is no devpts). Both fds CLOEXEC and the caller's. */
int pty_open(unsigned rows, unsigned columns, int *ret_master, int *ret_peer);
