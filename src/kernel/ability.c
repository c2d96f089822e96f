#include <ctrsup/kernel/ability.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/mounts.h>
#include <ctrsup/kernel/sys.h>
#include <ctrsup/kernel/userns.h>

#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { PROBE_SECONDS = 10 };

/* probe's answer, from a child that had the host to itself. */
static int in_child(int (*probe)(const void *argument), const void *argument) {
        siginfo_t info = { 0 };
        pid_t pid = fork();

        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)alarm(PROBE_SECONDS);
                _exit(-probe(argument)); /* an errno is below 256 */
        }
        if (pid < 0)
                return -errno;
        while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
                if (errno != EINTR)
                        return -errno;
        if (info.si_code == CLD_EXITED)
                return -info.si_status;
        return info.si_status == SIGALRM ? -ETIMEDOUT : -EFAULT;
}

static int probe_clone(const void *argument _unused_) {
        int pidfd = -EBADF;
        struct clone_args args = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                                   .pidfd = (uintptr_t)&pidfd,
                                   .exit_signal = SIGCHLD };
        siginfo_t info = { 0 };
        pid_t pid = sys_clone3(&args);

        if (pid == 0)
                _exit(7);
        if (pid < 0 || sys_waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED, NULL) < 0)
                return -errno;
        return info.si_status == 7 ? 0 : -EPROTO;
}

int ability_clone(void) {
        return in_child(probe_clone, NULL);
}

static int probe_namespace(const void *argument) {
        return unshare((int)*(const uint64_t *)argument) < 0 ? -errno : 0;
}

int ability_namespace(uint64_t flag) {
        return in_child(probe_namespace, &flag);
}

static int probe_overlay(const void *argument _unused_) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/tmp", "tmpfs", 0, NULL) < 0 || chdir("/tmp") < 0 || mkdir("lower", 0755) < 0 ||
            mkdir("upper", 0755) < 0 || mkdir("work", 0755) < 0 || mkdir("merged", 0755) < 0 ||
            mount("overlay", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") < 0)
                return -errno;
        _cleanup_fd_ int fd = open("merged/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : 0;
}

int ability_overlay(void) {
        return in_child(probe_overlay, NULL);
}

struct idmap_probe {
        const char *path;
        struct id_map map;
};

static int probe_idmap(const void *argument) {
        const struct idmap_probe *p = argument;
        _cleanup_fd_ int userns = -EBADF, tree = mount_clone(AT_FDCWD, p->path, false);

        if (tree < 0)
                return tree;
        int r = userns_new(&p->map, 1, &p->map, 1, &userns, NULL);
        return r < 0 ? r : mount_idmap(tree, userns, false);
}

int ability_idmap(const char *path, uint32_t first, uint32_t count) {
        return in_child(probe_idmap, &(struct idmap_probe){ path, { 0, first, count } });
}

static int probe_seccomp(const void *argument _unused_) {
        struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
                return -errno;
        return syscall(SYS_getppid) < 0 && errno == EXDEV ? 0 : -EPROTO;
}

int ability_seccomp(void) {
        return in_child(probe_seccomp, NULL);
}

static int kill_group(int group) {
        int pidfd = -EBADF;
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
                .pidfd = (uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
                .cgroup = (__aligned_u64)group,
        };
        siginfo_t info = { 0 };
        pid_t pid = sys_clone3(&args);

        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void)alarm(PROBE_SECONDS / 2);
                for (;;)
                        (void)pause();
        }
        if (pid < 0)
                return -errno;
        int r = io_write_text(group, "cgroup.kill", "1");
        if (r < 0)
                (void)sys_pidfd_send_signal(pidfd, SIGKILL);
        if (sys_waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED, NULL) < 0)
                return -errno;
        return r < 0 ? r : info.si_status == SIGKILL ? 0 : -EPROTO;
}

static int probe_cgroup(const void *argument) {
        char path[PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/ctrsup-doctor.%d", (const char *)argument, (int)getpid()) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        if (mkdir(path, 0755) < 0)
                return -errno;
        _cleanup_fd_ int group = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = group < 0 ? -errno : kill_group(group);
        if (rmdir(path) < 0 && r == 0)
                r = -errno;
        return r;
}

int ability_cgroup(const char *mount) {
        return in_child(probe_cgroup, mount);
}
