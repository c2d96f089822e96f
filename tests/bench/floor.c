/* floor [-n N] [-u DIR] [-l] LAYER CMD [ARG...]: the least a container can cost: one program that does by hand, and once, what every
 * launch needs: a cgroup with memory, pids and cpu limits, all namespaces with an id map, an idmapped layer under an overlay,
 * /proc, /sys, /dev, pivot_root, capabilities, no_new_privs, exec. No keeper, no checks, nothing hidden, no words for errors.
 *
 * Without -n: runs CMD once, with our streams, and exits as it did (tests/bench/run times that). With -n: runs it N times and
 * prints microseconds, the median and (on a busy machine the better guess) where the best tenth ends: start -> the payload's first
 * byte, start -> reaped, the cgroup being there already.
 * -u: the upper directory's file system; else a tmpfs. -l: a bare leaf, no limits (what tests/bench/launch has).
 */
#include <ctrsup/kernel/caps.h>
#include <ctrsup/kernel/loopback.h>
#include <ctrsup/kernel/mounts.h>
#include <ctrsup/kernel/sys.h>
#include <ctrsup/kernel/userns.h>

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { BASE_ID = 1300234240, N_CGROUPS = 4, CAPS = 0x4fb };

struct floor {
        const char *layer, *upper;
        char **argv;
        int userns, leaf, tasks[N_CGROUPS];
        size_t n_tasks;
        char cgroups[N_CGROUPS][128], scratch[96];
        int output; /* write end for the payload's stdout, -1: ours */
};

static _Noreturn void fail(const char *what) {
        int error = errno;

        (void)dprintf(2, "floor: %s: %s\n", what, strerror(error));
        _exit(1);
}

#define CHECK(call)                  \
        do {                         \
                if ((call) < 0)      \
                        fail(#call); \
        } while (0)

static uint64_t now_usec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put(const char *dir, const char *file, const char *text) {
        char path[256];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                fail(path);
        (void)close(fd);
}

/* Hybrid: three v1 controllers and the unified tree; else one leaf on v2 below the root. */
static void make_cgroups(struct floor *f, bool limits) {
        static const struct {
                const char *controller, *file, *text;
        } v1[] = { { "memory", "memory.limit_in_bytes", "67108864" },
                   { "pids", "pids.max", "64" },
                   { "cpu", "cpu.cfs_quota_us", "400000" } };
        bool hybrid = access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0;
        size_t n = 0;

        (void)snprintf(f->cgroups[n], sizeof(f->cgroups[n]), "/sys/fs/cgroup%s/ctrsup-floor-%d", hybrid ? "/unified" : "",
                       (int)getpid());
        CHECK(mkdir(f->cgroups[n], 0755));
        f->leaf = open(f->cgroups[n++], O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (!limits)
                return;
        if (!hybrid) {
                put(f->cgroups[0], "memory.max", "67108864");
                put(f->cgroups[0], "pids.max", "64");
                put(f->cgroups[0], "cpu.max", "400000 100000");
                return;
        }
        for (size_t i = 0; i < 3; i++) {
                char path[192];
                (void)snprintf(f->cgroups[n], sizeof(f->cgroups[n]), "/sys/fs/cgroup/%s/ctrsup-floor-%d", v1[i].controller,
                               (int)getpid());
                CHECK(mkdir(f->cgroups[n], 0755));
                put(f->cgroups[n], v1[i].file, v1[i].text);
                (void)snprintf(path, sizeof(path), "%s/tasks", f->cgroups[n++]);
                f->tasks[f->n_tasks++] = open(path, O_WRONLY | O_CLOEXEC);
        }
}

static void remove_cgroups(const struct floor *f) {
        for (size_t i = 0; i < N_CGROUPS && f->cgroups[i][0]; i++)
                for (int tries = 0; rmdir(f->cgroups[i]) < 0 && errno == EBUSY && tries < 1000; tries++)
                        (void)usleep(100);
}

/* In the launching process, in a mount namespace of its own: an overlay as a detached mount. */
static int make_root(const struct floor *f) {
        static const struct mount_option upper_options[] = { { "mode", "0755" }, { NULL, NULL } };
        int layer = mount_clone(AT_FDCWD, f->layer, false), upper;
        char path[128];

        CHECK(layer);
        CHECK(mount_idmap(layer, f->userns, false));
        (void)snprintf(path, sizeof(path), "%s/0", f->scratch);
        CHECK(mount_attach_at(layer, AT_FDCWD, path));
        upper = f->upper ? mount_clone(AT_FDCWD, f->upper, false) : mount_new("tmpfs", upper_options, 0);
        CHECK(upper);
        (void)snprintf(path, sizeof(path), "%s/u", f->scratch);
        CHECK(mount_attach_at(upper, AT_FDCWD, path));
        (void)mkdirat(upper, "upper", 0755);
        (void)mkdirat(upper, "work", 0755);
        CHECK(fchownat(upper, "upper", BASE_ID, BASE_ID, 0));
        CHECK(chdir(f->scratch));
        CHECK(mount("overlay", "m", "overlay", 0, "volatile,lowerdir=0,upperdir=u/upper,workdir=u/work"));
        int root = mount_clone(AT_FDCWD, "m", false);
        CHECK(root);
        CHECK(umount2("m", MNT_DETACH));
        CHECK(umount2("u", MNT_DETACH));
        CHECK(umount2("0", MNT_DETACH));
        (void)close(layer);
        (void)close(upper);
        return root;
}

static int make_dev(void) {
        static const struct mount_option options[] = { { "mode", "0755" }, { NULL, NULL } };
        static const struct {
                const char *name;
                unsigned major, minor;
        } nodes[] = { { "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
                      { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
        int dev = mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

        CHECK(dev);
        for (size_t i = 0; i < 6; i++)
                CHECK(mknodat(dev, nodes[i].name, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
        CHECK(mkdirat(dev, "pts", 0755));
        CHECK(mkdirat(dev, "shm", 0755));
        return dev;
}

static void mount_into(int root, const char *type, const char *path, uint64_t attr) {
        int fd = mount_new(type, NULL, attr);

        CHECK(fd);
        (void)mkdirat(root, path, 0755);
        CHECK(mount_attach_at(fd, root, path));
        (void)close(fd);
}

static _Noreturn void payload(const struct floor *f, int root, int dev, int gate) {
        const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        char byte, *envp[] = { (char *)"PATH=/bin", NULL };

        for (size_t i = 0; i < f->n_tasks; i++)
                if (write(f->tasks[i], "0", 1) < 0)
                        fail("tasks");
        if (read(gate, &byte, 1) != 1) /* the id map is written */
                _exit(1);
        CHECK(setgroups(0, NULL));
        CHECK(setresgid(0, 0, 0));
        CHECK(setresuid(0, 0, 0));
        CHECK(unshare(CLONE_NEWCGROUP));
        CHECK(sethostname("floor", 5));
        CHECK(loopback_up());
        CHECK(mount_attach_at(root, AT_FDCWD, f->scratch));
        mount_into(root, "proc", "proc", safe);
        mount_into(root, "sysfs", "sys", safe | MOUNT_ATTR_RDONLY);
        (void)mkdirat(root, "dev", 0755);
        CHECK(mount_attach_at(dev, root, "dev"));
        mount_into(dev, "devpts", "pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
        mount_into(dev, "tmpfs", "shm", safe);
        CHECK(fchdir(root));
        CHECK(sys_pivot_root(".", "."));
        CHECK(umount2(".", MNT_DETACH));
        CHECK(chdir("/"));
        CHECK(caps_bound(CAPS));
        CHECK(caps_set(CAPS));
        CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        if (f->output >= 0)
                CHECK(dup2(f->output, 1));
        CHECK(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC));
        (void)execve(f->argv[0], f->argv, envp);
        fail(f->argv[0]);
}

static int launch(const struct floor *f) {
        int pidfd = -1, gate[2], root = make_root(f), dev = make_dev();
        char path[64], map[64];
        struct clone_args args = {
                .flags = CLONE_PIDFD | CLONE_INTO_CGROUP | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
                         CLONE_NEWIPC | CLONE_NEWUTS,
                .pidfd = (uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
                .cgroup = (uint64_t)(unsigned)f->leaf,
        };

        CHECK(pipe2(gate, O_CLOEXEC));
        pid_t pid = sys_clone3(&args);
        if (pid == 0)
                payload(f, root, dev, gate[0]);
        CHECK(pid);
        (void)snprintf(map, sizeof(map), "0 %d 65536\n", BASE_ID);
        (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        put(path, "uid_map", map);
        put(path, "gid_map", map);
        if (write(gate[1], "g", 1) != 1)
                fail("gate");
        (void)close(gate[0]);
        (void)close(gate[1]);
        (void)close(root);
        (void)close(dev);
        return pidfd;
}

static int reap(int pidfd) {
        siginfo_t info;

        CHECK(sys_waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED, NULL));
        (void)close(pidfd);
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static int compare(const void *a, const void *b) {
        const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static void measure(struct floor *f, size_t n) {
        uint64_t *first = calloc(n, sizeof(*first)), *end = calloc(n, sizeof(*end));
        char byte;
        int ends[2];

        for (size_t i = 0; i < n; i++) {
                CHECK(pipe2(ends, O_CLOEXEC));
                f->output = ends[1];
                uint64_t start = now_usec();
                int pidfd = launch(f);
                (void)close(ends[1]);
                if (read(ends[0], &byte, 1) != 1)
                        fail("the payload wrote nothing");
                first[i] = now_usec() - start;
                (void)reap(pidfd);
                end[i] = now_usec() - start;
                (void)close(ends[0]);
        }
        qsort(first, n, sizeof(*first), compare);
        qsort(end, n, sizeof(*end), compare);
        printf("floor start->main %" PRIu64 " us, start->reaped %" PRIu64 " us (median of %zu; best tenth %" PRIu64 ", %" PRIu64
               ")\n",
               first[n / 2], end[n / 2], n, first[n / 10], end[n / 10]);
        free(first);
        free(end);
}

int main(int argc, char **argv) {
        struct floor f = { .output = -1 };
        const struct id_map map = { 0, BASE_ID, 65536 };
        size_t n = 0;
        bool limits = true;
        int status = 0;

        for (int c; (c = getopt(argc, argv, "+n:u:l")) >= 0;)
                if (c == 'n')
                        n = strtoul(optarg, NULL, 10);
                else if (c == 'u')
                        f.upper = optarg;
                else if (c == 'l')
                        limits = false;
                else
                        return 64;
        if (argc - optind < 2)
                return 64;
        f.layer = argv[optind];
        f.argv = argv + optind + 1;
        (void)snprintf(f.scratch, sizeof(f.scratch), "/tmp/ctrsup-floor-%d", (int)getpid());
        CHECK(mkdir(f.scratch, 0700));
        make_cgroups(&f, limits);
        CHECK(userns_new(&map, 1, &map, 1, &f.userns, NULL));
        pid_t pid = fork(); /* so that the mounts end with it, and the folders can go */
        if (pid == 0) {
                char name[128];
                CHECK(unshare(CLONE_NEWNS));
                CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
                CHECK(mount("tmpfs", f.scratch, "tmpfs", 0, NULL));
                for (const char *d = "0um"; *d; d++) {
                        (void)snprintf(name, sizeof(name), "%s/%c", f.scratch, *d);
                        CHECK(mkdir(name, 0755));
                }
                if (n > 0)
                        measure(&f, n);
                else
                        status = reap(launch(&f));
                exit(status);
        }
        siginfo_t info = { 0 };
        if (pid > 0)
                (void)sys_waitid(P_PID, (id_t)pid, &info, WEXITED, NULL);
        remove_cgroups(&f);
        (void)rmdir(f.scratch);
        return pid < 0 ? 1 : info.si_status;
}
