#include <ctrsup/kernel/seccomp.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_install(const void *program, size_t size) {
        const size_t n = size / sizeof(struct sock_filter);

        if (n == 0 || n > BPF_MAXINSNS || size % sizeof(struct sock_filter) != 0)
                return -EINVAL;
        const struct sock_fprog all = { .len = (unsigned short)n, .filter = (struct sock_filter *)(uintptr_t)program };
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &all) < 0 ? -errno : 0;
}
