/* The default profile: an allow-list. It is what Docker lets through without capabilities, less what only reaches deeper into the
 * kernel or into other processes (ptrace and process_vm_*, modify_ldt, fanotify_mark, setting clocks, vmsplice, memfd_secret,
 * statmount and listmount), sockets of four families only, and no new namespaces. */
#include <ctrsup/seccomp/profile.h>

#include <ctrsup/base/cleanup.h>

#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/socket.h>

/* clang-format off */
static const char *const always[] = {
        "accept", "accept4", "access", "alarm", "arch_prctl", "bind", "breakpoint", "brk", "cacheflush", "cachestat", "capget",
        "capset", "chdir", "chmod", "chown", "chown32", "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64",
        "clock_nanosleep", "clock_nanosleep_time64", "close", "close_range", "connect", "copy_file_range", "creat", "dup", "dup2",
        "dup3", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
        "epoll_wait_old", "eventfd", "eventfd2", "execve", "execveat", "exit", "exit_group", "faccessat", "faccessat2",
        "fadvise64", "fadvise64_64", "arm_fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
        "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr", "flistxattr", "flock", "fork", "fremovexattr",
        "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futex",
        "futex_requeue", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "futimesat", "get_robust_list",
        "get_thread_area", "getcpu", "getcwd", "getdents", "getdents64", "getegid", "getegid32", "geteuid", "geteuid32", "getgid",
        "getgid32", "getgroups", "getgroups32", "getitimer", "getpeername", "getpgid", "getpgrp", "getpid", "getppid",
        "getpriority", "getrandom", "getresgid", "getresgid32", "getresuid", "getresuid32", "getrlimit", "getrusage", "getsid",
        "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid", "getuid32", "getxattr", "getxattrat",
        "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents",
        "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit", "ioctl", "ioprio_get", "ioprio_set", "ipc", "kill",
        "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "lchown", "lchown32", "lgetxattr", "link",
        "linkat", "listen", "listxattr", "listxattrat", "llistxattr", "_llseek", "lremovexattr", "lseek", "lsetxattr", "lstat",
        "lstat64", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "mincore", "mkdir", "mkdirat", "mknod", "mknodat",
        "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
        "mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "mremap", "mseal", "msgctl", "msgget",
        "msgrcv", "msgsnd", "msync", "munlock", "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat",
        "_newselect", "open", "openat", "openat2", "pause", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2", "pkey_alloc",
        "pkey_free", "pkey_mprotect", "poll", "ppoll", "ppoll_time64", "prctl", "pread64", "preadv", "preadv2", "prlimit64",
        "process_mrelease", "pselect6", "pselect6_time64", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
        "readlinkat", "readv", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "remap_file_pages", "removexattr",
        "removexattrat", "rename", "renameat", "renameat2", "restart_syscall", "riscv_flush_icache", "riscv_hwprobe", "rmdir",
        "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
        "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo", "s390_pci_mmio_read", "s390_pci_mmio_write",
        "s390_runtime_instr", "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr",
        "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64", "sched_setaffinity",
        "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "select", "semctl", "semget", "semop",
        "semtimedop", "semtimedop_time64", "send", "sendfile", "sendfile64", "sendmmsg", "sendmsg", "sendto", "set_robust_list",
        "set_thread_area", "set_tid_address", "set_tls", "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid",
        "setgid32", "setgroups", "setgroups32", "setitimer", "setpgid", "setpriority", "setregid", "setregid32", "setresgid",
        "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setrlimit", "setsid", "setsockopt", "setuid",
        "setuid32", "setxattr", "setxattrat", "shmat", "shmctl", "shmdt", "shmget", "shutdown", "sigaltstack", "signalfd",
        "signalfd4", "sigprocmask", "sigreturn", "splice", "stat", "stat64", "statfs", "statfs64", "statx",
        "swapcontext", "symlink", "symlinkat", "sync", "sync_file_range", "sync_file_range2", "arm_sync_file_range", "syncfs",
        "sysinfo", "tee", "tgkill", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
        "timer_gettime64", "timer_settime", "timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64",
        "timerfd_settime", "timerfd_settime64", "times", "tkill", "truncate", "truncate64", "ugetrlimit", "umask", "uname",
        "unlink", "unlinkat", "uretprobe", "utime", "utimensat", "utimensat_time64", "utimes", "vfork", "wait4", "waitid",
        "waitpid", "write", "writev",
};

static const char *const sys_admin[] = {
        "bpf", "clone", "clone3", "fanotify_init", "fanotify_mark", "fsconfig", "fsmount", "fsopen", "fspick", "listmount",
        "lookup_dcookie", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "mount", "mount_setattr", "move_mount",
        "open_tree", "open_tree_attr", "perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname",
        "setns", "statmount", "syslog", "umount", "umount2", "unshare",
};
static const char *const sys_ptrace[] = { "kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace" };
static const char *const sys_time[] = { "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "settimeofday", "stime" };
static const char *const sys_nice[] = { "get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node" };
static const char *const sys_module[] = { "delete_module", "finit_module", "init_module" };
static const char *const sys_rawio[] = { "ioperm", "iopl" };
static const char *const dac_read_search[] = { "open_by_handle_at" };
static const char *const sys_boot[] = { "reboot" };
static const char *const sys_chroot[] = { "chroot" };
static const char *const sys_pacct[] = { "acct" };
static const char *const sys_tty_config[] = { "vhangup" };
static const char *const syslog_reader[] = { "syslog" };
static const char *const bpf[] = { "bpf" };
static const char *const perfmon[] = { "perf_event_open" };
/* clang-format on */

#define GROUP(cap, names) { cap, names, ARRAY_SIZE(names) }
static const struct group {
        unsigned capability;
        const char *const *names;
        size_t n;
} groups[] = {
        GROUP(CAP_SYS_ADMIN, sys_admin),
        GROUP(CAP_SYS_PTRACE, sys_ptrace),
        GROUP(CAP_SYS_TIME, sys_time),
        GROUP(CAP_SYS_NICE, sys_nice),
        GROUP(CAP_SYS_MODULE, sys_module),
        GROUP(CAP_SYS_RAWIO, sys_rawio),
        GROUP(CAP_DAC_READ_SEARCH, dac_read_search),
        GROUP(CAP_SYS_BOOT, sys_boot),
        GROUP(CAP_SYS_CHROOT, sys_chroot),
        GROUP(CAP_SYS_PACCT, sys_pacct),
        GROUP(CAP_SYS_TTY_CONFIG, sys_tty_config),
        GROUP(CAP_SYSLOG, syslog_reader),
        GROUP(CAP_BPF, bpf),
        GROUP(CAP_PERFMON, perfmon),
};

/* The kernel reads an int: the upper half of the register is not its matter, so not ours. */
#define LOW_IS(which, number) { .arg = (which), .compare = SECCOMP_IF_MASKED_EQ, .value = (number), .mask = UINT32_MAX }
#define WHEN(...)                                                                                                                \
        .conditions = (const struct seccomp_condition[]){ __VA_ARGS__ },                                                         \
        .n_conditions = sizeof((struct seccomp_condition[]){ __VA_ARGS__ }) / sizeof(struct seccomp_condition)

static const struct seccomp_rule conditional[] = {
        { .name = "socket", WHEN(LOW_IS(0, AF_UNIX)) },
        { .name = "socket", WHEN(LOW_IS(0, AF_INET)) },
        { .name = "socket", WHEN(LOW_IS(0, AF_INET6)) },
        { .name = "socket", WHEN(LOW_IS(0, AF_NETLINK), LOW_IS(2, NETLINK_ROUTE)) },
        { .name = "socketpair", WHEN(LOW_IS(0, AF_UNIX)) }, /* of another family it loads that family's module, at least */
        { .name = "personality", WHEN(LOW_IS(0, PER_LINUX)) },
        { .name = "personality", WHEN(LOW_IS(0, PER_LINUX32)) },
        { .name = "personality", WHEN(LOW_IS(0, UNAME26)) },
        { .name = "personality", WHEN(LOW_IS(0, PER_LINUX32 | UNAME26)) },
        { .name = "personality", WHEN(LOW_IS(0, UINT32_MAX)) }, /* tells the present one */
};

#define CLONE_NEW (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)
#ifdef __s390x__
enum { CLONE_FLAGS_ARG = 1 };
#else
enum { CLONE_FLAGS_ARG = 0 };
#endif

/* Without CAP_SYS_ADMIN. The flags of clone3 are in memory, where no filter sees them: programs go back to clone on ENOSYS. */
static const struct seccomp_rule no_namespaces[] = {
        { .name = "clone", WHEN({ .arg = CLONE_FLAGS_ARG, .compare = SECCOMP_IF_MASKED_EQ, .mask = CLONE_NEW }) },
        { .name = "clone3", .action = SECCOMP_DO_ERRNO, .error = ENOSYS },
};

static void add_names(struct seccomp_profile *p, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                p->rules[p->n_rules++] = (struct seccomp_rule){ .name = names[i] };
}

static void add_rules(struct seccomp_profile *p, const struct seccomp_rule *rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                p->rules[p->n_rules++] = rules[i];
}

uint64_t seccomp_profile_capabilities(uint64_t capabilities) {
        uint64_t matter = 0;

        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                matter |= UINT64_C(1) << groups[i].capability;
        return capabilities & matter;
}

int seccomp_profile_default(uint64_t capabilities, struct seccomp_profile *ret) {
        struct seccomp_profile p = { .action = SECCOMP_DO_ERRNO, .error = EPERM, .guards_terminal = true };
        size_t n = ARRAY_SIZE(always) + ARRAY_SIZE(conditional) + ARRAY_SIZE(no_namespaces);

        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                n += groups[i].n;
        p.rules = calloc(n, sizeof(*p.rules));
        if (!p.rules)
                return -ENOMEM;
        add_names(&p, always, ARRAY_SIZE(always));
        add_rules(&p, conditional, ARRAY_SIZE(conditional));
        for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
                if (capabilities >> groups[i].capability & 1)
                        add_names(&p, groups[i].names, groups[i].n);
        if (!(capabilities >> CAP_SYS_ADMIN & 1))
                add_rules(&p, no_namespaces, ARRAY_SIZE(no_namespaces));
        *ret = p;
        return 0;
}
