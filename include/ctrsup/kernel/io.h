/* Reading, writing and passing file descriptors whole. No allocation, no stdio: the keeper and its children use it.
 * All return 0 or a count, or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

int io_write_all(int fd, const void *data, size_t size);
/* Reads until the end or size; returns how much. */
ssize_t io_read_full(int fd, void *data, size_t size);
/* One write(2) of text to a file of procfs, sysfs or cgroupfs; a short write is -EIO. dir: AT_FDCWD or a directory. */
int io_write_text(int dir, const char *path, const char *text);

/* One packet with fds on a SOCK_SEQPACKET socket. Never raises SIGPIPE, never blocks: -EAGAIN. */
int io_send(int sock, const void *data, size_t size, const int *fds, size_t n_fds);
enum { IO_E_FDS_LOST = 1 };
/* Takes one packet. *ret_size 0 with no error is the end. Received fds are CLOEXEC and the caller's; more than max_fds, or a
 * packet larger than size, is -EMSGSIZE and nothing is kept. IO_E_FDS_LOST: the packet is here, but this process may not have so many
 * files open, and none of its fds is. */
int io_receive(int sock, void *data, size_t size, size_t *ret_size, int *fds, size_t max_fds, size_t *ret_n_fds);

/* An error of this process or host at this moment, not of what was asked: asked again it may well go. */
bool io_is_passing(int r);

/* An integer in decimal; returns the text, which is in buf. */
enum { IO_DECIMAL_MAX = 24 };
const char *io_decimal(char buf[IO_DECIMAL_MAX], long long value);
