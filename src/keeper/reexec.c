#include "keeper.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/mounts.h>

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What execve(2) says it was given: a path, or for execveat(2) of a file descriptor this. */
static bool runs_read_only(void) {
        const char *file = (const char *)getauxval(AT_EXECFN);
        struct statvfs fs;

        return file && strncmp(file, "/dev/fd/", strlen("/dev/fd/")) == 0 && statvfs("/proc/self/exe", &fs) == 0 &&
               (fs.f_flag & ST_RDONLY);
}

int reexec_read_only(char **argv) {
        static char self[PATH_MAX];
        char *envp[] = { NULL };

        if (runs_read_only())
                return prctl(PR_SET_NAME, "ctrsup-keeper", 0, 0, 0) < 0 ? -errno
                                                                        : 0; /* the name is the descriptor's number by now */
        if (!strchr(argv[0], '/')) {                                         /* found in PATH; the link will say nothing of use */
                if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
                        return -errno;
                argv[0] = self;
        }
        _cleanup_fd_ int copy = mount_clone(AT_FDCWD, "/proc/self/exe", false);
        if (copy < 0)
                return copy;
        int r = mount_change(copy, MOUNT_ATTR_RDONLY, MS_PRIVATE, false);
        if (r < 0)
                return r;
        (void)syscall(SYS_execveat, copy, "", argv, envp, AT_EMPTY_PATH);
        return -errno;
}
