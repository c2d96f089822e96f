/* What a group uses, from v2 files or their v1 counterparts. Counters count since the group was made, over restarts of the
 * container: take a difference for one run. UINT64_MAX: this host does not tell. */
#pragma once

#include <ctrsup/kernel/cgroup.h>

#define CGROUP_UNKNOWN UINT64_MAX

struct cgroup_stat {
        uint64_t memory_bytes, memory_peak_bytes, swap_bytes;
        uint64_t oom, oom_kills; /* times the limit could not be kept; processes the kernel killed for it */
        uint64_t cpu_usec, throttled_usec;
        uint64_t pids, pids_refused;              /* tasks now; forks that pids.max stopped */
        uint64_t io_read_bytes, io_written_bytes; /* all disks */
};

/* -ENOENT: no such group. One file that cannot be read leaves its members unknown. */
int cgroup_read_stat(struct cgroup_tree *t, const char *group, struct cgroup_stat *ret, struct err *err);
/* Only the OOM kills: one or two reads. */
int cgroup_read_oom_kills(struct cgroup_tree *t, const char *group, uint64_t *ret, struct err *err);
/* Only the most memory it ever used. CGROUP_UNKNOWN: not told. */
uint64_t cgroup_memory_peak(struct cgroup_tree *t, const char *group);
/* What the kernel could not drop, only swap out: that of processes, of tmpfs, its own. CGROUP_UNKNOWN. */
uint64_t cgroup_memory_firm(struct cgroup_tree *t, const char *group);
/* The peak of what comes is to be told from what was: v1 forgets the old one, v2 cannot (Linux 6.12 only for whoever keeps the file
 * open). Returns what is left of it: a run whose peak is not above that had a lower one. */
uint64_t cgroup_reset_memory_peak(struct cgroup_tree *t, const char *group);

/* Pressure stall: the share of the last ten seconds in which some task of the group waited for it, in hundredths of a percent. v2 groups
 * have it on hybrid hosts too; UINT64_MAX: a kernel without it (CONFIG_PSI, psi=0). */
struct cgroup_pressure {
        uint64_t cpu, memory, io;
};

void cgroup_read_pressure(struct cgroup_tree *t, const char *group, struct cgroup_pressure *ret);
/* "some avg10=1.25 avg60=…" in hundredths. -EBADMSG: not such a text. */
int cgroup_pressure_parse(const char *text, uint64_t *ret);
