#pragma once

/* A socket of another process's network namespace, for a caller that stays in its own: it enters, makes the socket and comes back
 * before it returns. A socket belongs to where it was made, so no program inside is needed to talk to one. type as socket(2); always
 * CLOEXEC. Only for a process of one thread. Returns the fd, or -errno (-ESRCH: the process is gone). When there is no way back it
 * aborts: what a supervisor would do in a container's network is not to be found out. */
int netns_socket(int pidfd, int domain, int type, int protocol);
