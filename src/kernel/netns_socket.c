#include <ctrsup/kernel/netns_socket.h>

#include <ctrsup/base/cleanup.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>

int netns_socket(int pidfd, int domain, int type, int protocol) {
        _cleanup_fd_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

        if (home < 0 || setns(pidfd, CLONE_NEWNET) < 0)
                return -errno;
        int fd = socket(domain, type | SOCK_CLOEXEC, protocol), code = errno;
        if (setns(home, CLONE_NEWNET) < 0)
                abort();
        return fd < 0 ? -code : fd;
}
