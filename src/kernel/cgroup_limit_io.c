/* Disks: which one is meant, how fast, with what weight.
 *
 * On v1 a bound counts reads and direct or synchronous writes only: buffered writes are done later by the kernel's own
 * threads, which v1 charges to nobody. */
#include "cgroup_limit_impl.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static int read_dev(const char *path, dev_t *ret) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        unsigned major_nr, minor_nr;

        if (!f)
                return -errno;
        if (fscanf(f, "%u:%u", &major_nr, &minor_nr) != 2)
                return -EBADMSG;
        *ret = makedev(major_nr, minor_nr);
        return 0;
}

int cgroup_find_disk(const char *path, dev_t *ret, struct err *err) {
        char sys[128];
        struct stat st;

        if (stat(path, &st) < 0)
                return err_sys(err, errno, "find the disk below %s", path);
        dev_t disk = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;

        /* Virtual file systems have numbers without a block device behind them. */
        (void)snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u", major(disk), minor(disk));
        if (access(sys, F_OK) < 0)
                return err_set(err, ENOENT, "no single block device is below %s", path);
        (void)snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u/partition", major(disk), minor(disk));
        if (access(sys, F_OK) >= 0) { /* the kernel bounds whole disks only: the directory above is the disk's */
                (void)snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u/../dev", major(disk), minor(disk));
                int r = read_dev(sys, &disk);

                if (r < 0)
                        return err_sys(err, -r, "find the disk of the partition %s", path);
        }
        *ret = disk;
        return 0;
}

/* ---- io_max ---- */

static const struct bound {
        const char *word; /* v2 */
        const char *file; /* v1 */
        size_t offset;
} bounds[] = {
        { "rbps", "blkio.throttle.read_bps_device", offsetof(struct cgroup_io_max, read_bps) },
        { "wbps", "blkio.throttle.write_bps_device", offsetof(struct cgroup_io_max, write_bps) },
        { "riops", "blkio.throttle.read_iops_device", offsetof(struct cgroup_io_max, read_iops) },
        { "wiops", "blkio.throttle.write_iops_device", offsetof(struct cgroup_io_max, write_iops) },
};

static uint64_t bound_value(const struct limit_job *j, const struct bound *b) {
        return *(const uint64_t *)((const char *)&j->s->io + b->offset);
}

/* The rest of the line that begins with "MAJOR:MINOR ", or NULL. */
static const char *find_device(const char *text, dev_t device, char *line, size_t size) {
        char key[32];
        size_t len = (size_t)snprintf(key, sizeof(key), "%u:%u ", major(device), minor(device));

        for (const char *at = text; at; at = strchr(at, '\n'), at += at != NULL)
                if (strncmp(at, key, len) == 0) {
                        (void)snprintf(line, size, "%.*s", (int)strcspn(at + len, "\n"), at + len);
                        return line;
                }
        return NULL;
}

static int io_max_v1(const struct limit_job *j, const struct bound *b) {
        const uint64_t value = bound_value(j, b);
        char file[64], text[64], is[4096], line[64];
        uint64_t got = 0;

        if (!j->group)
                return limit_file_exists(j, b->file) < 0 ? limit_complain_missing(j, b->file) : 0;
        /* v1 looks at the process's own group only, not at those above (throtl_pd_init() of blk-throttle.c): so it is the leaf. */
        (void)snprintf(file, sizeof(file), CGROUP_V1_LEAF "/%s", b->file);
        (void)snprintf(text, sizeof(text), "%u:%u %" PRIu64, major(j->s->device), minor(j->s->device),
                       value == SIZE_INFINITY ? 0 : value);
        int r = limit_write(j, file, text);
        if (r >= 0)
                r = limit_read(j, file, is, sizeof(is));
        if (r < 0)
                return r;
        if (find_device(is, j->s->device, line, sizeof(line)) && num_parse_u64(line, &got) < 0)
                return limit_complain_taken(j, file, text, line);
        return got == (value == SIZE_INFINITY ? 0 : value) ? 0 : limit_complain_taken(j, file, text, is);
}

static int io_max_v2(const struct limit_job *j) {
        char text[192], is[4096], line[192] = "";
        int n = snprintf(text, sizeof(text), "%u:%u", major(j->s->device), minor(j->s->device));
        const int head = n + 1;
        bool any = false;

        if (!j->group)
                return limit_file_exists(j, "io.max") < 0 ? limit_complain_missing(j, "io.max") : 0;
        for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
                uint64_t value = bound_value(j, &bounds[i]);

                any = any || value != SIZE_INFINITY;
                if (value == SIZE_INFINITY)
                        n += snprintf(text + n, sizeof(text) - (size_t)n, " %s=max", bounds[i].word);
                else
                        n += snprintf(text + n, sizeof(text) - (size_t)n, " %s=%" PRIu64, bounds[i].word, value);
        }
        int r = limit_write(j, "io.max", text);
        if (r >= 0)
                r = limit_read(j, "io.max", is, sizeof(is));
        if (r < 0)
                return r;
        if (!find_device(is, j->s->device, line, sizeof(line)))
                return any ? limit_complain_taken(j, "io.max", text, "nothing for that disk") : 0;
        return strcmp(text + head, line) == 0 ? 0 : limit_complain_taken(j, "io.max", text, line);
}

int limit_io_max(const struct limit_job *j) {
        if (!j->v1)
                return io_max_v2(j);
        for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
                int r = io_max_v1(j, &bounds[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- io_weight: counts only under a scheduler that weighs ---- */

static void close_dirp(DIR **d) {
        if (*d)
                (void)closedir(*d);
}

/* Whether a disk of this host runs bfq. */
static bool bfq_is_used(const struct cgroup_tree *t) {
        char path[PATH_MAX], text[256];

        (void)snprintf(path, sizeof(path), "%s/sys/block", t->prefix);
        _cleanup_(close_dirp) DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));) {
                (void)snprintf(path, sizeof(path), "%s/queue/scheduler", e->d_name);
                if (e->d_name[0] != '.' && cgroup_file_read(dirfd(d), path, text, sizeof(text)) > 0 && strstr(text, "[bfq]"))
                        return true;
        }
        return false;
}

/* Whether io.cost is on for a disk: only the hierarchy's root has the file. */
static bool iocost_is_on(const struct cgroup_tree *t) {
        char path[PATH_MAX], text[4096];

        (void)snprintf(path, sizeof(path), "%s%s/io.cost.qos", t->prefix, t->where.hierarchies[CGROUP_UNIFIED].mount);
        return cgroup_file_read(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, "enable=1");
}

static int write_weight(const struct limit_job *j, const char *file, uint64_t weight) {
        char text[32], is[4096];

        if (!j->group)
                return 0;
        (void)snprintf(text, sizeof(text), "%" PRIu64, weight);
        int r = limit_write(j, file, text);
        if (r >= 0)
                r = limit_read(j, file, is, sizeof(is));
        if (r < 0)
                return r;

        const char *number = strncmp(is, "default ", strlen("default ")) == 0 ? is + strlen("default ") : is;
        size_t len = strcspn(number, "\n");
        return len == strlen(text) && strncmp(number, text, len) == 0 ? 0 : limit_complain_taken(j, file, text, is);
}

int limit_io_weight(const struct limit_job *j) {
        const uint64_t weight = j->s->value;
        /* bfq goes to 1000 only; both call 100 the middle (systemd does the same). */
        const uint64_t bfq_weight = weight <= 100 ? weight : 100 + (weight - 100) * (1000 - 100) / (10000 - 100);
        const char *bfq_file = j->v1 ? "blkio.bfq.weight" : "io.bfq.weight";
        bool iocost, bfq;

        if (weight < 1 || weight > 10000)
                return err_set(j->err, ERANGE, "an I/O weight is 1 to 10000");
        iocost = !j->v1 && iocost_is_on(j->t) && limit_file_exists(j, "io.weight") >= 0;
        bfq = bfq_is_used(j->t) && limit_file_exists(j, bfq_file) >= 0;
        if (weight == 100 && !iocost && !bfq) /* all are equal anyway */
                return limit_file_exists(j, bfq_file) >= 0 ? write_weight(j, bfq_file, bfq_weight) : 0;
        if (!iocost && !bfq) {
                (void)err_set(j->err, EOPNOTSUPP, "no disk of this host weighs its I/O: the bfq scheduler is on none%s",
                              j->v1 ? ", and the blkio controller is bound to cgroup v1, which has no io.cost"
                                    : ", and io.cost.qos is off");
                return err_hint(j->err, "echo bfq > /sys/block/DISK/queue/scheduler");
        }
        int r = iocost ? write_weight(j, "io.weight", weight) : 0;
        return r >= 0 && bfq ? write_weight(j, bfq_file, bfq_weight) : r;
}
