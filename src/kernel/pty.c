#include <ctrsup/kernel/pty.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/inroot.h>
#include <ctrsup/kernel/mounts.h>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int pty_open(unsigned rows, unsigned columns, int *ret_master, int *ret_peer) {
        struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
        _cleanup_fd_ int root = -EBADF, pts = -EBADF, master = -EBADF, peer = -EBADF;
        struct stat st;
        int unlock = 0;

        root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (root < 0)
                return -errno;
        pts = inroot_system(root, "dev/pts");
        if (pts < 0)
                return pts;
        if (mount_type(pts) != DEVPTS_SUPER_MAGIC)
                return -ENOTTY;
        master = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
        if (master < 0)
                return -errno;
        if (fstat(master, &st) < 0)
                return -errno;
        if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2) || mount_type(master) != DEVPTS_SUPER_MAGIC)
                return -ENOTTY;
        if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
                return -errno;
        /* The peer by the master's own fd: /dev/pts/N is a name that could be something else by now. */
        peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (peer < 0)
                return -errno;
        if (rows > 0 && columns > 0 && ioctl(peer, TIOCSWINSZ, &size) < 0)
                return -errno;
        *ret_master = take_fd(&master);
        *ret_peer = take_fd(&peer);
        return 0;
}
