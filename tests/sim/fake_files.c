/* The calls of libc that would change the host or ask it for time and chance. The state directory is a real one in memory; a
 * ghost cannot change it, and it can be full (ENOSPC) or broken (EIO). */
#include "world.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/userns.h>
#include <ctrsup/observe/exit.h>
#include <ctrsup/observe/started.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/trash.h>
#include <supervisor/system_state.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Raw, so that what is defined here is not what it calls. */
static long raw(long number, long a, long b, long c, long d, long e, long f) {
        register long r10 __asm__("r10") = d;
        register long r8 __asm__("r8") = e;
        register long r9 __asm__("r9") = f;
        long r;

        __asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
        if (r < 0 && r > -4096) {
                errno = (int)-r;
                return -1;
        }
        return r;
}

static bool is_state(int fd) {
        char link[64], path[PATH_MAX];

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        return strncmp(path, world.state_dir, strlen(world.state_dir)) == 0;
}

/* May it change something below dir? grows: it needs room. */
static bool may(int dir, bool grows) {
        if (!world.inside)
                return true;
        if (!world_seam()) {
                errno = EIO;
                return false;
        }
        if ((world.disk_broken || (world.disk_full && grows)) && is_state(dir)) {
                errno = world.disk_broken ? EIO : ENOSPC;
                return false;
        }
        return true;
}

#define AT(dir, path) ((path)[0] == '/' ? -1 : (dir))

int openat(int dir, const char *path, int flags, ...) {
        va_list args;

        va_start(args, flags);
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
        va_end(args);
        if ((flags & O_CREAT) && !may(AT(dir, path), true))
                return -1;
        return (int)raw(SYS_openat, dir, (long)path, flags, (long)mode, 0, 0);
}

int open(const char *path, int flags, ...) {
        va_list args;

        va_start(args, flags);
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
        va_end(args);
        return openat(AT_FDCWD, path, flags, mode);
}

int mkdirat(int dir, const char *path, mode_t mode) {
        return may(AT(dir, path), true) ? (int)raw(SYS_mkdirat, dir, (long)path, (long)mode, 0, 0, 0) : -1;
}

int renameat(int from, const char *old, int to, const char *new) {
        return may(AT(to, new), false) ? (int)raw(SYS_renameat2, from, (long)old, to, (long)new, 0, 0) : -1;
}

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
        return may(AT(to, new), false) ? (int)raw(SYS_renameat2, from, (long)old, to, (long)new, (long)flags, 0) : -1;
}

int unlinkat(int dir, const char *path, int flags) {
        return may(AT(dir, path), false) ? (int)raw(SYS_unlinkat, dir, (long)path, flags, 0, 0, 0) : -1;
}

int rmdir(const char *path) {
        return may(-1, false) ? (int)raw(SYS_unlinkat, AT_FDCWD, (long)path, AT_REMOVEDIR, 0, 0, 0) : -1;
}

ssize_t write(int fd, const void *data, size_t size) {
        return may(fd, true) ? raw(SYS_write, fd, (long)data, (long)size, 0, 0, 0) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
        return may(fd, true) ? raw(SYS_pwrite64, fd, (long)data, (long)size, at, 0, 0) : -1;
}

int ftruncate(int fd, off_t size) { return may(fd, true) ? (int)raw(SYS_ftruncate, fd, size, 0, 0, 0, 0) : -1; }
int fchmod(int fd, mode_t mode) { return may(fd, false) ? (int)raw(SYS_fchmod, fd, (long)mode, 0, 0, 0, 0) : -1; }
int fsync(int fd) { return may(fd, false) ? 0 : -1; } /* of a file: its room was found at write() */
int fdatasync(int fd) { return fsync(fd); }

int fchown(int fd, uid_t uid, gid_t gid) { return may(fd, false) ? (int)raw(SYS_fchown, fd, uid, gid, 0, 0, 0) : -1; }

int fchownat(int dir, const char *path, uid_t uid, gid_t gid, int flags) {
        return may(AT(dir, path), false) ? (int)raw(SYS_fchownat, dir, (long)path, uid, gid, flags, 0) : -1;
}

int close(int fd) {
        if (fd >= 0 && fd < WORLD_FDS_MAX - 1)
                world.fds[fd] = (struct fd){ 0 };
        return (int)raw(SYS_close, fd, 0, 0, 0, 0, 0);
}

ssize_t getrandom(void *data, size_t size, unsigned flags) {
        if (!world.inside)
                return raw(SYS_getrandom, (long)data, (long)size, flags, 0, 0, 0);
        for (size_t n = 0; n < size; n++)
                ((uint8_t *)data)[n] = (uint8_t)chance_next(&world.chance);
        return (ssize_t)size;
}

int clock_gettime(clockid_t clock, struct timespec *ret) {
        if (!world.inside)
                return (int)raw(SYS_clock_gettime, clock, (long)ret, 0, 0, 0, 0);
        uint64_t now = clock == CLOCK_REALTIME ? world_real_usec() : world.mono_usec;

        *ret = (struct timespec){ .tv_sec = (time_t)(now / USEC_PER_SEC), .tv_nsec = (long)(now % USEC_PER_SEC) * 1000 };
        return 0;
}

/* --- processes --- */

static long send_signal(int pidfd, int signal) {
        struct fd what = world_fd_of(pidfd);
        struct proc *p = what.kind == FD_PROC ? what.object : NULL;

        if (!world_seam()) {
                errno = EIO;
                return -1;
        }
        if (!p || p->state == PROC_DEAD) {
                errno = p ? ESRCH : EBADF;
                return -1;
        }
        if (signal != 0)
                proc_signal(p, signal);
        return 0;
}

/* Reads six whatever was passed, as the kernel does. */
__attribute__((no_sanitize("address"))) long syscall(long number, ...) {
        va_list args;
        long a[6];

        va_start(args, number);
        for (size_t n = 0; n < ARRAY_SIZE(a); n++)
                a[n] = va_arg(args, long);
        va_end(args);
        if (world.inside && number == SYS_pidfd_send_signal)
                return send_signal((int)a[0], (int)a[1]);
        if (world.inside && number == SYS_pidfd_open)
                return world_fd(FD_CHILD, NULL); /* of the helper below */
        return raw(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int waitid(idtype_t type, id_t id, siginfo_t *info, int options) {
        (void)type;
        (void)id;
        (void)options;
        if (info) {
                info->si_pid = 1;
                info->si_status = 0;
        }
        return 0;
}

void files_empty_trash(void *object, uint64_t number) {
        int fd;

        (void)object;
        (void)number;
        world.trash = false;
        if (dir_open(world.state_dir, &fd, NULL) < 0)
                return;
        (void)trash_empty(fd, NULL);
        (void)close(fd);
}

/* The one process a supervisor forks by itself: it empties the trash. */
pid_t fork(void) {
        if (!world_seam()) {
                errno = EAGAIN;
                return -1;
        }
        world.trash = true;
        world_at(world.mono_usec + 1000, files_empty_trash, NULL, 0);
        return WORLD_FIRST_PID - 200000;
}

int started_read(pid_t pid, uint64_t *ret_mono_usec, uint64_t *ret_real_usec, struct err *err) {
        const struct proc *p = proc_of_pid(pid);

        if (!p || p->state == PROC_DEAD)
                return err_set(err, ESRCH, "process %d is gone", pid);
        *ret_mono_usec = p->started_usec;
        *ret_real_usec = p->started_real_usec;
        return 0;
}

int started_ticks(pid_t pid, uint64_t *ret, struct err *err) {
        const struct proc *p = proc_of_pid(pid);

        if (!p || p->state == PROC_DEAD)
                return err_set(err, ESRCH, "process %d is gone", pid);
        *ret = p->born_usec / 10000;
        return 0;
}

bool started_is_init(pid_t pid) { /* no pid namespaces here: what is left behind lives on */
        (void)pid;
        return false;
}

int started_open(pid_t pid, uint64_t ticks, int *ret_pidfd) {
        uint64_t its = 0;

        if (started_ticks(pid, &its, NULL) < 0 || its != ticks)
                return -ESRCH;
        *ret_pidfd = world_fd(FD_PROC, proc_of_pid(pid));
        return 0;
}

int started_stat_field(const char *stat, unsigned n, int64_t *ret) {
        (void)stat;
        (void)n;
        (void)ret;
        return -EBADMSG;
}

int started_read_stat(pid_t pid, char *buf, size_t size) {
        (void)pid;
        (void)buf;
        (void)size;
        return -ESRCH;
}

/* Some kernels tell, some do not. */
int exit_peek(int pidfd, pid_t pid, uint64_t ticks, struct exit_info *ret) {
        struct fd what = world_fd_of(pidfd);
        const struct proc *p = what.kind == FD_PROC ? what.object : NULL;

        (void)pid;
        (void)ticks;
        if (!p)
                return -ENODATA;
        if (p->state != PROC_DEAD)
                return 0;
        if (!world.kernel_tells)
                return -ENODATA;
        *ret = EXIT_INFO_NULL;
        ret->reason = p->exit.code == CLD_EXITED ? EXIT_EXITED : p->exit.code == CLD_DUMPED ? EXIT_DUMPED : EXIT_KILLED;
        if (p->exit.code == CLD_EXITED)
                ret->code = p->exit.status;
        else
                ret->signal = p->exit.status;
        return 1;
}

int system_state_ask(sd_event *event, void (*answer)(const char *state, void *userdata), void *userdata, struct system_query **ret, struct err *err) {
        (void)event;
        (void)answer;
        (void)userdata;
        (void)ret;
        return err_set(err, ENOENT, "no systemd here");
}

struct system_query *system_query_free(struct system_query *q) {
        (void)q;
        return NULL;
}

int userns_of(pid_t pid, int *ret_fd, struct err *err) {
        const struct proc *p = proc_of_pid(pid);

        if (!p || p->state == PROC_DEAD)
                return err_set(err, ESRCH, "process %d is gone", pid);
        *ret_fd = world_fd(FD_OTHER, NULL);
        return 0;
}

int userns_new(const struct id_map *uids, size_t n_uids, const struct id_map *gids, size_t n_gids, int *ret_fd, struct err *err) {
        (void)uids;
        (void)n_uids;
        (void)gids;
        (void)n_gids;
        if (!world_seam())
                return err_set(err, EIO, "killed");
        *ret_fd = world_fd(FD_OTHER, NULL);
        return 0;
}

int userns_root(const struct id_map *maps, size_t n, uint32_t *ret_outside) {
        *ret_outside = n > 0 ? maps[0].outside : 0;
        return n > 0 ? 0 : -ENOENT;
}
