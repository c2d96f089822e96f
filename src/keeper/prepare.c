/* What the preparer does to itself: cgroups, limits, namespaces. Its mounts are in prepare_mounts.c. */
#include "child.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

int prepare_cgroup(struct child *c, const struct recipe_op *op) {
        /* `tasks` and "0": cgroup.procs waits 10 ms for an RCU grace period, a pid would be looked up in our pid namespace */
        ssize_t n = write(c->fds[op->fd], "0", 1);

        return n == 1 ? 0 : n < 0 ? -errno : -EIO;
}

int prepare_oom_score(struct child *c, const struct recipe_op *op) {
        char text[IO_DECIMAL_MAX], now[16];
        const char *want = io_decimal(text, (long long)op->num[0]);

        int r = child_enter(c, PLACE_KEEPER);
        if (r < 0)
                return r;
        _cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (write(fd, want, strlen(want)) < 0)
                return -errno;
        ssize_t n = pread(fd, now, sizeof(now), 0);
        if (n < 0)
                return -errno;
        return (size_t)n == strlen(want) + 1 && memcmp(now, want, strlen(want)) == 0 ? 0 : -EIO;
}

/* Only ever raises the hard limit: what the container gets is set at the very end, by payload_rlimit, so that a small limit
 * does not starve the launch itself. */
int prepare_rlimit(struct child *c _unused_, const struct recipe_op *op) {
        __rlimit_resource_t resource = (__rlimit_resource_t)op->num[0];
        struct rlimit limit;

        if (getrlimit(resource, &limit) < 0)
                return -errno;
        if (limit.rlim_max >= op->num[2])
                return 0;
        limit.rlim_max = op->num[2];
        if (setrlimit(resource, &limit) == 0)
                return 0;
        /* a default, and the host does not let us: as much of it as there is */
        return errno == EPERM && (op->flags & RECIPE_BEST_EFFORT) ? 0 : -errno;
}

int prepare_stream(struct child *c, const struct recipe_op *op) {
        struct stat st;

        if (!(op->flags & RECIPE_OWN))
                return 0;
        if (fstat(c->fds[op->fd], &st) < 0)
                return -errno;
        if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) /* never the host's /dev/null or a file of somebody */
                return -EINVAL;
        /* to the container's root first, who may then give it to the user that only the image's passwd can tell */
        return fchown(c->fds[op->fd], c->recipe->header->root_uid, c->recipe->header->root_gid) < 0 ? -errno : 0;
}

/* Of the user namespace just entered. */
static int become_root(void) {
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return -errno;
        return child_arm();
}

int prepare_join(struct child *c, const struct recipe_op *op) {
        if (setns(c->fds[op->fd], (int)op->num[0]) < 0)
                return -errno;
        if (op->num[0] & CLONE_NEWNS)
                c->place = PLACE_ELSEWHERE;
        return op->num[0] & CLONE_NEWUSER ? become_root() : 0;
}

/* Owned by the host's user namespace, unlike the others: the offsets can only be written by its owner before anybody is in
 * it, through a file of /proc that the container's root could not open. */
int prepare_time(struct child *c, const struct recipe_op *op) {
        static const char *const clocks[] = { "monotonic", "boottime" };
        const long long usec_per_sec = 1000000;

        int r = child_enter(c, PLACE_KEEPER);
        if (r < 0)
                return r;
        if (unshare(CLONE_NEWTIME) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
                char line[96] = "", number[IO_DECIMAL_MAX];
                long long usec = (long long)op->num[i], sec = usec / usec_per_sec, rest = usec % usec_per_sec;
                if (usec == 0)
                        continue;
                if (rest < 0) { /* nanoseconds are never negative, time_namespaces(7) */
                        rest += usec_per_sec;
                        sec--;
                }
                (void)strcat(strcat(line, clocks[i]), " ");
                (void)strcat(strcat(line, io_decimal(number, sec)), " ");
                (void)strcat(line, io_decimal(number, rest * 1000));
                r = io_write_text(AT_FDCWD, "/proc/self/timens_offsets", line);
                if (r < 0)
                        return r;
        }
        return 0;
}

int prepare_user(struct child *c, const struct recipe_op *op) {
        int r = child_enter(c, PLACE_OWN);
        if (r < 0)
                return r;
        return setns(c->fds[op->fd], CLONE_NEWUSER) < 0 ? -errno : become_root();
}

/* The payload waits for the word that the keeper was told of it: were we killed in between (a tight memory limit), nobody
 * would know its pid and it must not live. */
static int wait_for_word(int gate) {
        char word;

        if (io_read_full(gate, &word, 1) != 1)
                _exit(127);
        (void)close(gate);
        return 0;
}

static int open_gate(const struct child *c, int gate[2], pid_t pid) {
        (void)close(gate[0]);
        int r = child_report(c, EXEC_REPORT_SPAWNED, pid, 0);
        return r < 0 ? r : io_write_all(gate[1], "g", 1);
}

/* The payload is our sibling, not our child: the keeper waits for it. Its new namespaces belong to the user namespace we are
 * in now. */
int prepare_spawn(struct child *c, const struct recipe_op *op) {
        struct clone_args args = { .flags = op->num[0] | CLONE_PARENT };
        int gate[2];

        if (c->place != PLACE_ELSEWHERE) {
                int r = child_enter(c, PLACE_OWN);
                if (r < 0)
                        return r;
        }
        if (pipe2(gate, O_CLOEXEC) < 0)
                return -errno;
        pid_t pid = sys_clone3(&args);
        if (pid < 0)
                return -errno;
        if (pid > 0)
                return open_gate(c, gate, pid);

        (void)close(gate[1]);
        c->stage = KEEPER_STAGE_PAYLOAD;
        c->root = c->dev = c->null = c->mask = -EBADF;
        for (size_t i = 0; i < 3; i++)
                c->stream[i].fd = -EBADF;
        int r = child_arm();
        if (r == 0)
                r = wait_for_word(gate[0]);
        if (r < 0)
                return r;
        if (c->recipe->header->kind == RECIPE_EXEC) { /* we are in the container's mount namespace: / is its root */
                c->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (c->root < 0)
                        return -errno;
        }
        return 1;
}
