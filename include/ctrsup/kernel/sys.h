/* System calls that glibc 2.36 has no function for; as thin as those it has: -1 and errno. */
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* As fork(2): no stack of its own, returns twice. The child must not use stdio or malloc. */
static inline pid_t sys_clone3(const struct clone_args *args) {
        return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
        struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };

        return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static inline int sys_pidfd_open(pid_t pid) {
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig) {
        return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* The default action, also of the two signals that libc keeps for itself and leaves ignored (SigIgn 0x180000000). */
static inline int sys_signal_default(int sig) {
        struct {
                void *handler;
                unsigned long flags;
                void *restorer;
                uint64_t mask;
        } action = { 0 };

        return (int)syscall(SYS_rt_sigaction, sig, &action, NULL, sizeof(action.mask));
}

static inline int sys_pivot_root(const char *new_root, const char *put_old) {
        return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/* waitid(2) with the rusage that glibc leaves out. */
static inline int sys_waitid(idtype_t type, id_t id, siginfo_t *info, int options, struct rusage *usage) {
        return (int)syscall(SYS_waitid, type, id, info, options, usage);
}

/* getcwd(3) of glibc may walk the tree; the system call tells "(unreachable)/..." by itself. */
static inline long sys_getcwd(char *buf, size_t size) {
        return syscall(SYS_getcwd, buf, size);
}
