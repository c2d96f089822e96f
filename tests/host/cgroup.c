/* Each limit against a real offender: an eater, a fork bomb, a spinner, a writer; and kill, freeze, events, removal.
 *
 * Offenders are cloned into a leaf as the keeper does it: CLONE_INTO_CGROUP, "0" to the v1 tasks fds. All groups lie below a
 * root of this process's own, which is removed at the end, whatever happened. */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>
#include <ctrsup/kernel/cgroup_limit.h>
#include <ctrsup/kernel/cgroup_stat.h>
#include <ctrsup/kernel/cgroup_watch.h>

#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

enum { DEADLINE_MSEC = 10000 };

static struct cgroup_tree *tree; /* the test's own; for the exit handler */
static int n_tests, n_failed;

static void result(bool good, const char *format, ...) _printf_(2, 3);
static void result(bool good, const char *format, ...) {
        va_list ap;

        n_failed += !good;
        printf("%sok %d - ", good ? "" : "not ", ++n_tests);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        (void)fflush(stdout);
}

static void skip(const char *what, const char *why) {
        printf("ok %d - %s # SKIP %s\n", ++n_tests, what, why);
}

static uint64_t now_msec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

typedef int offender_fn(void *arg);

struct offender {
        pid_t pid;
        int pidfd;
};

static void start(struct offender *o, const char *group, uint64_t generation, offender_fn *fn, void *arg) {
        int tasks[CGROUP_HIERARCHY_MAX], leaf = -EBADF, pidfd = -EBADF;
        struct err err = { 0 };
        size_t n = 0;

        if (cgroup_open_leaf(tree, group, generation, &leaf, &err) < 0 || cgroup_open_tasks(tree, group, tasks, &n, &err) < 0) {
                printf("Bail out! %s\n", err.text);
                exit(1);
        }
        struct clone_args args = { .flags = CLONE_PIDFD | CLONE_INTO_CGROUP,
                                   .pidfd = (uintptr_t)&pidfd,
                                   .exit_signal = SIGCHLD,
                                   .cgroup = (unsigned)leaf };
        pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
        if (pid == 0) {
                for (size_t i = 0; i < n; i++)
                        if (write(tasks[i], "0", 1) < 0)
                                _exit(99);
                _exit(fn(arg));
        }
        for (size_t i = 0; i < n; i++)
                (void)close(tasks[i]);
        (void)close(leaf);
        *o = (struct offender){ pid, pidfd };
}

/* The wait status; SIGKILL after the deadline, so that no test hangs. */
static int finish(struct offender *o) {
        struct pollfd p = { .fd = o->pidfd, .events = POLLIN };
        int status;

        if (poll(&p, 1, DEADLINE_MSEC) == 0)
                (void)syscall(SYS_pidfd_send_signal, o->pidfd, SIGKILL, NULL, 0);
        (void)waitpid(o->pid, &status, 0);
        (void)close(o->pidfd);
        return status;
}

static void await_empty(const char *group, uint64_t generation) {
        int fd;

        if (cgroup_open_events(tree, group, generation, &fd, NULL) < 0)
                return;
        struct pollfd p = { .fd = fd, .events = POLLPRI };
        for (uint64_t end = now_msec() + DEADLINE_MSEC; cgroup_events_populated(fd, NULL) > 0 && now_msec() < end;)
                (void)poll(&p, 1, 100);
        (void)close(fd);
}

/* rmdir may say EBUSY for a moment after the last process went. */
static int remove_soon(const char *group) {
        int r;

        for (uint64_t end = now_msec() + DEADLINE_MSEC; (r = cgroup_remove(tree, group, NULL)) == -EBUSY && now_msec() < end;)
                (void)poll(NULL, 0, 2);
        return r;
}

static void end(const char *group, uint64_t generation) {
        (void)cgroup_kill(tree, group, generation, NULL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        await_empty(group, generation);
        int r = remove_soon(group);
        if (r < 0)
                result(false, "%s is removed (%s)", group, strerror(-r));
}

static int set(const char *group, struct cgroup_setting s) {
        struct err err = { 0 };
        int r = cgroup_set(tree, group, &s, &err);

        if (r < 0)
                printf("# %s: %s%s%s\n", cgroup_limit_file(s.limit), err.text, err.hint[0] ? "; hint: " : "", err.hint);
        return r;
}

static const char *make(const char *group) {
        struct err err = { 0 };

        if (cgroup_create(tree, group, 1, &err) < 0) {
                printf("Bail out! %s\n", err.text);
                exit(1);
        }
        return group;
}

#define SET(...) ((struct cgroup_setting){ __VA_ARGS__ })
static bool on_v1(enum cgroup_controller c) {
        return cgroup_tree_where(tree)->controllers[c] > CGROUP_UNIFIED;
}

/* ---- offenders ---- */

static int eat(void *arg) {
        size_t bytes = *(size_t *)arg;
        char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        for (size_t i = 0; p != MAP_FAILED && i < bytes; i += 4096)
                p[i] = 1;
        return p == MAP_FAILED;
}

/* One child eats itself to death, one only sleeps: what becomes of the sleeper? */
static int eat_beside_a_sleeper(void *arg) {
        if (fork() == 0) {
                pause();
                _exit(0);
        }
        pid_t eater = fork();
        if (eater == 0)
                _exit(eat(arg));
        (void)waitpid(eater, NULL, 0);
        pause();
        return 0;
}

static int fork_bomb(void *arg) {
        int n = 0;

        for (; n < 200; n++) {
                pid_t pid = fork();

                if (pid < 0)
                        break;
                if (pid == 0) {
                        pause();
                        _exit(0);
                }
        }
        (void)arg;
        return n;
}

static int spin(void *arg) {
        uint64_t stop = now_msec() + *(uint64_t *)arg;

        while (now_msec() < stop)
                ;
        return 0;
}

static int spin_forever(void *arg) {
        (void)arg;
        for (;;)
                ;
        return 0;
}

static int wait_for_a_signal(void *arg) {
        (void)arg;
        pause();
        return 0;
}

/* The CPUs it may run on, as a number of two bits each: count and the lowest. */
static int affinity(void *arg) {
        cpu_set_t set_;

        (void)arg;
        (void)sched_getaffinity(0, sizeof(set_), &set_);
        return CPU_COUNT(&set_) * 16 + (CPU_ISSET(0, &set_) ? 0 : 1);
}

static int write_direct(void *arg) {
        int fd = open(arg, O_WRONLY | O_CREAT | O_DIRECT | O_SYNC, 0600);
        void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        uint64_t start_msec = now_msec();

        for (int i = 0; i < 3; i++)
                if (fd < 0 || pwrite(fd, p, 1 << 20, (off_t)i << 20) != 1 << 20)
                        return 255;
        uint64_t took = (now_msec() - start_msec) / 20;
        return took > 250 ? 250 : (int)took; /* in 20 ms */
}

/* ---- cases ---- */

static void memory(void) {
        const char *g = make("lim/memory.1");
        size_t much = 64 << 20, little = 8 << 20;
        uint64_t before = 0, after = 0;
        struct cgroup_stat s;
        struct offender o;

        result(set(g, SET(.limit = CGROUP_MEMORY_MAX, .value = 32 << 20)) == 0 &&
                       set(g, SET(.limit = CGROUP_MEMORY_SWAP_MAX, .value = 0)) == 0,
               "memory 32M and swap 0 are taken and read back");
        start(&o, g, 1, eat, &little);
        int status = finish(&o);
        result(WIFEXITED(status) && WEXITSTATUS(status) == 0, "8M fit into 32M");
        (void)cgroup_read_oom_kills(tree, g, &before, NULL);
        start(&o, g, 1, eat, &much);
        status = finish(&o);
        (void)cgroup_read_oom_kills(tree, g, &after, NULL);
        result(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "an eater of 64M is killed at 32M");
        result(after == before + 1, "the kill is counted (%" PRIu64 " -> %" PRIu64 ")", before, after);
        int r = cgroup_read_stat(tree, g, &s, NULL);
        result(r == 0 && s.memory_peak_bytes > 24 << 20 && s.memory_peak_bytes <= 32 << 20 && s.cpu_usec > 0,
               "the peak is just below the limit (%" PRIu64 " KiB)", s.memory_peak_bytes / 1024);
        result(set(g, SET(.limit = CGROUP_MEMORY_MAX, .value = 128 << 20)) == 0, "the limit is raised live");
        start(&o, g, 1, eat, &much);
        status = finish(&o);
        result(WIFEXITED(status), "the same eater fits now");
        result(set(g, SET(.limit = CGROUP_MEMORY_MAX, .value = SIZE_INFINITY)) == 0, "and taken away");
        end(g, 1);
}

/* The whole container ends at one OOM kill: by the kernel on v2, by us on v1 when told. */
static void oom_group(void) {
        const char *g = make("lim/oom.1");
        _cleanup_cgroup_watch_ struct cgroup_watch *w = NULL;
        size_t much = 64 << 20;
        struct offender o;
        struct err err = { 0 };

        result(set(g, SET(.limit = CGROUP_MEMORY_MAX, .value = 16 << 20)) == 0 &&
                       set(g, SET(.limit = CGROUP_MEMORY_SWAP_MAX, .value = 0)) == 0 &&
                       set(g, SET(.limit = CGROUP_MEMORY_OOM_GROUP, .value = 1)) == 0,
               "oom_group is never an error (%s)", cgroup_oom_group_is_native(tree) ? "the kernel's" : "the supervisor's");
        if (cgroup_watch_new(&w, tree, &err) < 0 || cgroup_watch_add(w, g, 1, 42, &err) < 0)
                result(false, "the group is watched: %s", err.text);
        start(&o, g, 1, eat_beside_a_sleeper, &much);

        struct seen {
                bool oom, changed;
        } seen = { 0 };
        void note(void *userdata, uint64_t cookie, enum cgroup_event event) {
                struct seen *x = userdata;

                *(event == CGROUP_EVENT_OOM ? &x->oom : &x->changed) |= cookie == 42;
        }
        uint64_t kills = 0;
        for (uint64_t stop = now_msec() + DEADLINE_MSEC; now_msec() < stop && !(seen.oom && kills > 0);) {
                struct pollfd p = { .fd = cgroup_watch_fd(w), .events = POLLIN };

                (void)poll(&p, 1, 20);
                (void)cgroup_watch_dispatch(w, note, &seen, &err);
                (void)cgroup_read_oom_kills(tree, g, &kills, NULL);
        }
        result(seen.oom, "the watch tells of the OOM");
        if (!cgroup_oom_group_is_native(tree))
                (void)cgroup_kill(tree, g, 1, NULL);
        int status = finish(&o);
        result(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the container's first process is killed with the eater");
        await_empty(g, 1);
        (void)cgroup_watch_dispatch(w, note, &seen, &err);
        result(seen.changed && cgroup_is_populated(tree, g, 1, NULL) == 0,
               "the sleeper too, and the watch tells that the leaf is empty");
        cgroup_watch_remove(w, 42);
        end(g, 1);
}

static void pids(void) {
        const char *g = make("lim/pids.1");
        struct cgroup_stat s;
        struct offender o;

        result(set(g, SET(.limit = CGROUP_PIDS_MAX, .value = 7)) == 0, "pids 7 is taken");
        start(&o, g, 1, fork_bomb, NULL);
        int status = finish(&o);
        result(WIFEXITED(status) && WEXITSTATUS(status) == 6, "a fork bomb gets 6 children (%d)", WEXITSTATUS(status));
        int r = cgroup_read_stat(tree, g, &s, NULL);
        result(r == 0 && s.pids == 6 && s.pids_refused == 1, "6 tasks are counted, and 1 refusal (%" PRIu64 ", %" PRIu64 ")",
               s.pids, s.pids_refused);
        result(cgroup_kill(tree, g, 1, NULL) == 0, "cgroup.kill ends the orphans");
        await_empty(g, 1);
        result(cgroup_is_populated(tree, g, 1, NULL) == 0, "the leaf is empty then");
        end(g, 1);
}

static uint64_t cpu_used(const char *g) {
        struct cgroup_stat s = { 0 };

        (void)cgroup_read_stat(tree, g, &s, NULL);
        return s.cpu_usec;
}

static void cpu_quota(void) {
        const char *g = make("lim/cpu.1");
        uint64_t span = 600;
        struct offender o;
        struct cgroup_stat s;

        result(set(g, SET(.limit = CGROUP_CPU_MAX, .value = 200, .extra = 20000)) == 0, "0.2 CPUs in periods of 20ms are taken");
        start(&o, g, 1, spin, &span);
        (void)finish(&o);
        uint64_t used = cpu_used(g) / 1000;
        /* 120 ms of 600; a period more at each end, and a tick of slack. A busy host can only make it less. */
        result(used > 10 && used < 180, "a spinner of %" PRIu64 " ms gets at most a fifth (%" PRIu64 " ms)", span, used);
        int r = cgroup_read_stat(tree, g, &s, NULL);
        result(r == 0 && s.throttled_usec > 100000, "and is throttled (%" PRIu64 " ms)", s.throttled_usec / 1000);
        result(set(g, SET(.limit = CGROUP_CPU_MAX, .value = SIZE_INFINITY)) == 0, "the quota is taken away live");
        end(g, 1);
}

/* Two spinners on one CPU share it by their weights. */
static void cpu_weight(void) {
        const char *heavy = make("lim/heavy.1"), *light = make("lim/light.1");
        struct offender a, b;
        bool taken = true;

        taken &= set(heavy, SET(.limit = CGROUP_CPUSET_CPUS, .list = "0")) == 0 &&
                 set(light, SET(.limit = CGROUP_CPUSET_CPUS, .list = "0")) == 0;
        taken &= set(heavy, SET(.limit = CGROUP_CPU_WEIGHT, .value = 400)) == 0 &&
                 set(light, SET(.limit = CGROUP_CPU_WEIGHT, .value = 100)) == 0;
        result(taken, "weights 400 and 100 are taken");
        start(&a, heavy, 1, spin_forever, NULL);
        start(&b, light, 1, spin_forever, NULL);
        (void)poll(NULL, 0, 50); /* both are running */
        uint64_t h = cpu_used(heavy), l = cpu_used(light);
        (void)poll(NULL, 0, 1000);
        h = cpu_used(heavy) - h;
        l = cpu_used(light) - l;
        (void)cgroup_kill(tree, heavy, 1, NULL);
        (void)cgroup_kill(tree, light, 1, NULL);
        (void)finish(&a);
        (void)finish(&b);
        result(l > 0 && h > 2 * l && h < 7 * l, "400 gets about four times of 100 (%.1f)", l ? (double)h / (double)l : 0.0);
        end(heavy, 1);
        end(light, 1);

        const char *idle = make("lim/idle.1"), *normal = make("lim/normal.1");
        (void)set(idle, SET(.limit = CGROUP_CPUSET_CPUS, .list = "0")),
                (void)set(normal, SET(.limit = CGROUP_CPUSET_CPUS, .list = "0"));
        result(set(idle, SET(.limit = CGROUP_CPU_WEIGHT, .value = CGROUP_CPU_IDLE)) == 0, "weight idle is taken");
        start(&a, idle, 1, spin_forever, NULL);
        start(&b, normal, 1, spin_forever, NULL);
        (void)poll(NULL, 0, 50);
        h = cpu_used(normal), l = cpu_used(idle);
        (void)poll(NULL, 0, 500);
        h = cpu_used(normal) - h, l = cpu_used(idle) - l;
        (void)cgroup_kill(tree, idle, 1, NULL);
        (void)cgroup_kill(tree, normal, 1, NULL);
        (void)finish(&a);
        (void)finish(&b);
        result(h > 20 * (l + 1), "idle work yields (%" PRIu64 " us beside %" PRIu64 " us)", l, h);
        end(idle, 1);
        end(normal, 1);
}

static void cpuset(void) {
        const char *g = make("lim/cpuset.1");
        struct cgroup_setting s = SET(.limit = CGROUP_CPUSET_CPUS, .list = "1");
        struct err err = { 0 };
        struct offender o;
        int all = 0;

        start(&o, g, 1, affinity, NULL);
        all = WEXITSTATUS(finish(&o));
        if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
                skip("a container is pinned to CPU 1", "the host has one CPU");
        else {
                result(set(g, s) == 0, "cpuset 1 is taken");
                start(&o, g, 1, affinity, NULL);
                result(WEXITSTATUS(finish(&o)) == 17, "a process is on CPU 1 and no other");
        }
        s.list = NULL;
        result(set(g, s) == 0, "the cpuset is taken away");
        start(&o, g, 1, affinity, NULL);
        result(WEXITSTATUS(finish(&o)) == all, "all CPUs are back");
        s.list = "0-4095";
        int r = cgroup_check(tree, &s, &err);
        result(r == -ERANGE && strstr(err.text, "is not present"), "a CPU that is not there: %s", err.text);
        end(g, 1);
}

static void io(void) {
        const char *g = make("lim/io.1");
        char path[] = "/var/tmp/ctrsup-cgroup-io-XXXXXX";
        struct cgroup_setting s = SET(.limit = CGROUP_IO_MAX, .io = { SIZE_INFINITY, 2 << 20, SIZE_INFINITY, SIZE_INFINITY });
        struct cgroup_stat stat_;
        struct err err = { 0 };
        struct offender o;
        int fd = mkstemp(path);

        if (fd < 0 || cgroup_find_disk(path, &s.device, &err) < 0 || cgroup_check(tree, &s, NULL) < 0)
                skip("writes are throttled", "no block device below /var/tmp, or no io controller");
        else {
                result(set(g, s) == 0, "2M written a second on %u:%u is taken", major(s.device), minor(s.device));
                start(&o, g, 1, write_direct, path);
                int status = finish(&o);
                /* 3 MiB at 2 MiB/s: 1.5 s without a burst; at once (some 10 ms) without the limit. */
                result(WIFEXITED(status) && WEXITSTATUS(status) != 255 && WEXITSTATUS(status) * 20 >= 700,
                       "3M take their time (%d ms)", WEXITSTATUS(status) * 20);
                int r = cgroup_read_stat(tree, g, &stat_, NULL);
                result(r == 0 && stat_.io_written_bytes >= 3 << 20, "and are counted (%" PRIu64 " KiB)",
                       stat_.io_written_bytes / 1024);
                s.io.write_bps = SIZE_INFINITY;
                result(set(g, s) == 0, "the bound is taken away");
        }
        (void)close_fd(fd);
        (void)unlink(path);
        end(g, 1);
}

static void hugetlb(void) {
        const char *g = make("lim/huge.1");
        struct err err = { 0 };
        struct cgroup_setting s = SET(.limit = CGROUP_HUGETLB_MAX, .value = 4 << 20, .extra = 2 << 20);

        if (cgroup_check(tree, &s, &err) < 0)
                skip("huge pages are limited", err.text);
        else
                result(set(g, s) == 0, "4M of 2M pages are taken (on %s)", on_v1(CGROUP_HUGETLB) ? "v1" : "v2");
        s.extra = 64 << 20;
        int r = cgroup_check(tree, &s, &err);
        result(r == -EOPNOTSUPP, "pages of a size that is not there: %s", err.text);
        end(g, 1);
}

static void unenforceable(void) {
        static const enum cgroup_limit limits[] = { CGROUP_MEMORY_LOW, CGROUP_MEMORY_HIGH, CGROUP_MEMORY_MIN };
        const char *g = make("lim/v2only.1");

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                struct cgroup_setting s = SET(.limit = limits[i], .value = 64 << 20);
                struct err err = { 0 };
                int r = cgroup_set(tree, g, &s, &err);

                if (on_v1(CGROUP_MEMORY))
                        result(r == -EOPNOTSUPP && strstr(err.text, "bound to cgroup v1 at /sys/fs/cgroup/memory"), "%s",
                               err.text);
                else
                        result(r == 0, "%s is taken", cgroup_limit_file(limits[i]));
        }
        end(g, 1);
}

/* A leaf is new for each start; the group and its limits stay. */
static void generations(void) {
        const char *g = make("lim/gen.1");
        struct offender o;
        struct err err = { 0 };

        start(&o, g, 1, wait_for_a_signal, NULL);
        result(cgroup_is_populated(tree, g, 1, NULL) == 1, "a leaf with a process is populated");
        int r = cgroup_remove_leaf(tree, g, 1, &err);
        result(r == -EBUSY, "and not removed: %s", err.text);
        result(cgroup_freeze(tree, g, 1, true, &err) == 0 && cgroup_freeze(tree, g, 1, false, &err) == 0, "it freezes and thaws");
        (void)cgroup_freeze(tree, g, 1, true, NULL);
        (void)cgroup_kill(tree, g, 1, NULL);
        int status = finish(&o);
        result(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "cgroup.kill ends frozen processes");
        await_empty(g, 1);
        result(cgroup_create(tree, g, 2, &err) == 0, "the next generation's leaf comes beside it");
        start(&o, g, 2, wait_for_a_signal, NULL);
        struct pollfd p = { .fd = o.pidfd, .events = POLLIN };
        result(poll(&p, 1, 100) == 0, "what is cloned into the new leaf lives");
        result(cgroup_remove_leaf(tree, g, 1, &err) == 0, "the old leaf goes while the new one runs");
        end(g, 2);
}

static void clean_up(void) {
        struct err err = { 0 };

        if (!tree)
                return;
        for (uint64_t stop = now_msec() + DEADLINE_MSEC; cgroup_tree_remove(tree, &err) == -EBUSY && now_msec() < stop;)
                (void)poll(NULL, 0, 5);
        tree = cgroup_tree_free(tree);
}

static void on_signal(int sig) {
        (void)sig;
        exit(1); /* a test program: the exit handler is worth more than being async-signal-safe */
}

int main(void) {
        char name[32];
        struct err err = { 0 };

        if (geteuid() != 0) {
                printf("ok 1 - limits hold # SKIP needs root\n1..1\n");
                return 0;
        }
        (void)snprintf(name, sizeof(name), "ctrsup-t%d", (int)getpid());
        if (cgroup_tree_open(&tree, "auto", name, NULL, &err) < 0 || (atexit(clean_up), cgroup_tree_make(tree, &err)) < 0) {
                printf("Bail out! %s\n", err.text);
                return 1;
        }
        (void)signal(SIGTERM, on_signal);
        (void)signal(SIGINT, on_signal);

        memory();
        oom_group();
        pids();
        cpu_quota();
        cpu_weight();
        cpuset();
        io();
        hugetlb();
        unenforceable();
        generations();
        result(cgroup_tree_remove(tree, &err) == 0, "nothing is left below the root");
        printf("1..%d\n", n_tests);
        return n_failed > 0;
}
