/* CPU time and placement, on v2 and v1. */
#include "cgroup_cpulist.h"
#include "cgroup_limit_impl.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <inttypes.h>
#include <string.h>

enum { PERIOD_DEFAULT_USEC = 100000, QUOTA_MIN_USEC = 1000 };

static int cpu_max_v1(const struct limit_job *j, uint64_t quota, uint64_t period) {
        int r;

        if (!j->group)
                return limit_file_exists(j, "cpu.cfs_quota_us") < 0 ? limit_complain_missing(j, "cpu.cfs_quota_us") : 0;
        /* No quota goes first: a period alone may be refused together with the old one. */
        r = quota == SIZE_INFINITY ? limit_write_u64(j, "cpu.cfs_quota_us", quota, "-1", 1) : 0;
        if (r >= 0)
                r = limit_write_u64(j, "cpu.cfs_period_us", period, "", 1);
        return r >= 0 ? limit_write_u64(j, "cpu.cfs_quota_us", quota, "-1", 1) : r;
}

int limit_cpu_max(const struct limit_job *j) {
        const uint64_t milli = j->s->value, period = j->s->extra ?: PERIOD_DEFAULT_USEC;
        uint64_t quota = SIZE_INFINITY;
        char text[64], is[64];

        if (milli != SIZE_INFINITY) {
                char asked[NUM_TEXT_MAX], span[NUM_TEXT_MAX];
                long present = sysconf(_SC_NPROCESSORS_ONLN);

                if (milli > (uint64_t)present * 1000)
                        return err_set(j->err, ERANGE, "%s CPUs asked for; this host has %ld", num_format_milli(asked, milli),
                                       present);
                quota = milli * period / 1000;
                if (quota < QUOTA_MIN_USEC) {
                        (void)err_set(j->err, ERANGE,
                                      "%s CPUs are less than 1ms in a period of %s, the least that the kernel takes",
                                      num_format_milli(asked, milli), num_format_duration(span, period));
                        return err_hint(j->err, "more CPUs, or a longer period (up to 1s)");
                }
        }
        if (j->v1)
                return cpu_max_v1(j, quota, period);
        if (!j->group)
                return limit_file_exists(j, "cpu.max") < 0 ? limit_complain_missing(j, "cpu.max") : 0;

        if (quota == SIZE_INFINITY)
                (void)snprintf(text, sizeof(text), "max %" PRIu64, period);
        else
                (void)snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, quota, period);
        int r = limit_write(j, "cpu.max", text);
        if (r >= 0)
                r = limit_read(j, "cpu.max", is, sizeof(is));
        return r < 0 ? r : strcmp(text, is) == 0 ? 0 : limit_complain_taken(j, "cpu.max", text, is);
}

int limit_cpu_weight(const struct limit_job *j) {
        const char *file = j->v1 ? "cpu.shares" : "cpu.weight";
        const bool idle = j->s->value == CGROUP_CPU_IDLE;
        int r;

        if (j->s->value > 10000)
                return err_set(j->err, ERANGE, "a CPU weight is 1 to 10000");
        if (!j->group)
                return limit_file_exists(j, idle ? "cpu.idle" : file) < 0 ? limit_complain_missing(j, idle ? "cpu.idle" : file)
                                                                          : 0;
        /* Idle is a policy of its own: the weight cannot be written while it is on. Kernels before 5.15 have none, and no need
         * to turn it off. */
        if (idle || limit_file_exists(j, "cpu.idle") >= 0) {
                r = limit_write_u64(j, "cpu.idle", idle, "", 1);
                if (r < 0 || idle)
                        return r;
        }
        /* DIV_ROUND_CLOSEST(weight * 1024, 100): what kernel/sched/core.c makes of a cpu.weight. */
        return limit_write_u64(j, file, j->v1 ? (j->s->value * 1024 + 50) / 100 : j->s->value, "", 1);
}

/* -ERANGE when the list asks for what our root cannot use. */
static int check_present(const struct limit_job *j, bool cpus, const struct cpulist *list) {
        const char *file = cpus    ? j->v1 ? "cpuset.effective_cpus" : "cpuset.cpus.effective"
                           : j->v1 ? "cpuset.effective_mems"
                                   : "cpuset.mems.effective";
        struct cpulist present;
        char text[4096];

        int r = cgroup_file_read(j->fd, file, text, sizeof(text));
        if (r < 0)
                return limit_complain_missing(j, file);
        if (cpulist_parse(text, &present) < 0)
                return err_set(j->err, EBADMSG, "%s says \"%.80s\", which is no list", file, text);
        int missing = cpulist_find_missing(list, &present);
        if (missing < 0)
                return 0;
        return err_set(j->err, ERANGE, "%s %d is not present; there %s %.200s", cpus ? "CPU" : "memory node", missing,
                       strpbrk(text, "-,") ? "are" : "is", text);
}

/* Empty is not possible on v1: then it is what the stack's group has. */
static int parent_list(const struct limit_job *j, const char *file, char *buf, size_t size) {
        char path[CGROUP_PATH_MAX];

        (void)snprintf(path, sizeof(path), "%.*s/%s", (int)(strchr(j->group, '/') - j->group), j->group, file);
        int r = cgroup_file_read(j->fd, path, buf, size);
        return r < 0 ? err_sys(j->err, -r, "read %s", path) : 0;
}

/* v1 wants child within parent at every moment: down goes the leaf first, up the group first; the leaf written twice does both. */
static int write_cpuset_v1(const struct limit_job *j, const char *file, const char *list) {
        char leaf[64];

        (void)snprintf(leaf, sizeof(leaf), CGROUP_V1_LEAF "/%s", file);
        struct limit_job quiet = *j;
        quiet.err = NULL;
        (void)limit_write(&quiet, leaf, list); /* fails when the list grows: then the second one does it */
        int r = limit_write(j, file, list);
        return r < 0 ? r : limit_write(j, leaf, list);
}

int limit_cpuset(const struct limit_job *j) {
        const bool cpus = j->s->limit == CGROUP_CPUSET_CPUS;
        const char *file = cpus ? "cpuset.cpus" : "cpuset.mems", *list = j->s->list ?: "";
        char text[4096], is[4096];
        struct cpulist wanted, got;
        int r;

        r = cpulist_parse(list, &wanted);
        if (r < 0 || (j->s->list && !*list))
                return err_set(j->err, r == -ERANGE ? ERANGE : EINVAL, "\"%.80s\" is no list like 0-3,8", list);
        r = check_present(j, cpus, &wanted);
        if (r < 0 || !j->group)
                return r;
        if (j->v1 && !*list) {
                r = parent_list(j, file, text, sizeof(text));
                if (r < 0)
                        return r;
                list = text;
                if (cpulist_parse(list, &wanted) < 0)
                        return err_set(j->err, EBADMSG, "%s of the stack's cgroup says \"%.80s\", which is no list", file, text);
        }
        r = j->v1 ? write_cpuset_v1(j, file, list) : limit_write(j, file, list);
        if (r >= 0)
                r = limit_read(j, file, is, sizeof(is));
        if (r < 0)
                return r;
        if (cpulist_parse(is, &got) < 0 || !cpulist_is_equal(&wanted, &got))
                return limit_complain_taken(j, file, list, is);
        return 0;
}
