/* By ioctl: two calls where netlink takes a socket, a message and an answer. IPv6's ::1 comes with it. */
#include <ctrsup/kernel/loopback.h>

#include <ctrsup/base/cleanup.h>

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int loopback_up(void) {
        _cleanup_fd_ int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct ifreq req = { .ifr_flags = IFF_UP };

        if (sock < 0)
                return -errno;
        memcpy(req.ifr_name, "lo", sizeof("lo"));
        return ioctl(sock, SIOCSIFFLAGS, &req) < 0 ? -errno : 0;
}
