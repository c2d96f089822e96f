/* A datagram socket that containers send sd_notify(3) messages to, with what the kernel says of who sent each.
 *
 * A message is looked at first and taken off the queue when all it says was done and recorded: who is killed in between finds it
 * again. What comes with it (file descriptors) is closed, never used: that is also all that BARRIER=1 asks for.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stddef.h>
#include <sys/types.h>

enum { NOTIFY_DATAGRAM_MAX = 4096 };

struct notify_datagram {
        pid_t pid;     /* of the sender, when it sent; 0: not in our pid namespace */
        uid_t uid;     /* as the host has it */
        int pidfd;     /* of that very process; -EBADF: the kernel is older than 6.5; it is gone, and the kernel older than 6.17; or fds
                        * that came along took the room */
        size_t size;   /* more than NOTIFY_DATAGRAM_MAX: it was larger, data is its begin */
        char data[NOTIFY_DATAGRAM_MAX];
};

/* Binds one at `name` below dir_fd; whoever reaches the name may send. What is there of that name goes. */
int notify_socket_bind(int dir_fd, const char *name, int *ret_fd, struct err *err);
/* The first in the queue. 1: *ret is it, close its pidfd; 0: there is none; or -errno. */
int notify_socket_peek(int fd, struct notify_datagram *ret);
/* Takes it off. */
void notify_socket_drop(int fd);
