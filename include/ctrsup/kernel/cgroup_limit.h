/* Limits of a group: each one is read back after it was written, and a value that the kernel did not take is an error.
 *
 * A limit that this host cannot enforce is -EOPNOTSUPP with words like "the memory controller is bound to cgroup v1 at
 * /sys/fs/cgroup/memory, which has no memory.low", and a hint. Values that the host does not have (CPU 8, a page size, a
 * disk) are -ERANGE, -EOPNOTSUPP or -ENOENT. The words never name the stack file's key: act/limits.h puts it in front.
 *
 * What differs on v1:
 *   MEMORY_SWAP_MAX   is swap alone, as on v2: memory.memsw.limit_in_bytes becomes memory + swap. It needs a memory limit.
 *                     MEMORY_MAX keeps the swap part; no memory limit means no swap limit. Set MEMORY_MAX first.
 *   CPU_WEIGHT        becomes cpu.shares = weight * 1024 / 100, the kernel's own arithmetic behind cpu.weight.
 *   CPUSET_*          v1 wants them filled: the empty list means the parent's. The leaf follows the group.
 *   IO_MAX            is kept on the leaf (v1 does not look above a process's own group), so the payload could read it there,
 *                     if it mounted blkio; it counts reads and direct or synchronous writes only, not what is written back later.
 *   OOM_GROUP         v1 has none. Setting it is not an error (it is the default of the stack file): when
 *                     cgroup_oom_group_is_native() says no, whoever watches for OOM kills ends the leaf (cgroup_kill()).
 *   MEMORY_HIGH, MEMORY_LOW, MEMORY_MIN, MEMORY_ZSWAP_MAX   have no counterpart: -EOPNOTSUPP unless the value means none.
 */
#pragma once

#include <ctrsup/kernel/cgroup.h>

enum cgroup_limit {
        CGROUP_MEMORY_MAX,       /* value: bytes, SIZE_INFINITY: none */
        CGROUP_MEMORY_SWAP_MAX,  /* bytes of swap alone, SIZE_INFINITY: none */
        CGROUP_MEMORY_HIGH,      /* bytes, SIZE_INFINITY: none */
        CGROUP_MEMORY_LOW,       /* bytes, 0: none */
        CGROUP_MEMORY_MIN,       /* bytes, 0: none */
        CGROUP_MEMORY_ZSWAP_MAX, /* bytes, SIZE_INFINITY: none */
        CGROUP_MEMORY_OOM_GROUP, /* 0 or 1 */
        CGROUP_CPU_MAX,          /* value: thousandths of a CPU, SIZE_INFINITY: none; extra: period in us, 0: 100 ms */
        CGROUP_CPU_WEIGHT,       /* 1..10000; CGROUP_CPU_IDLE */
        CGROUP_CPUSET_CPUS,      /* list: "0-3,8"; NULL: all */
        CGROUP_CPUSET_MEMS,      /* list */
        CGROUP_PIDS_MAX,         /* tasks, SIZE_INFINITY: none */
        CGROUP_IO_WEIGHT,        /* 1..10000 */
        CGROUP_IO_MAX,           /* device, io: one disk's four bounds */
        CGROUP_HUGETLB_MAX,      /* value: bytes, SIZE_INFINITY: none; extra: page size in bytes */
        _CGROUP_LIMIT_MAX,
        _CGROUP_LIMIT_INVALID = -EINVAL,
};

#define CGROUP_CPU_IDLE UINT64_C(0)

struct cgroup_io_max {
        uint64_t read_bps, write_bps, read_iops, write_iops; /* SIZE_INFINITY: none */
};

struct cgroup_setting {
        enum cgroup_limit limit;
        uint64_t value, extra;
        const char *list; /* CPUSET_* */
        dev_t device;     /* IO_MAX: a whole disk, from cgroup_find_disk() */
        struct cgroup_io_max io;
};

/* Whether this host could enforce it, without a group: needs cgroup_tree_make() before. Same errors as cgroup_set(). */
int cgroup_check(struct cgroup_tree *t, const struct cgroup_setting *s, struct err *err);
/* Writes it to the group and reads it back. Memory and hugetlb may come back rounded down to pages. Live: any time. */
int cgroup_set(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct err *err);

/* One limit that is not what it was set to. */
struct cgroup_drift {
        char file[64];              /* as this host calls it: "memory.limit_in_bytes" */
        char wanted[160], is[160];  /* in the file's own words */
};
/* Only looks: 1 when the group's limit is another one (*ret says which), 0 when it is as cgroup_set() would leave it; else as
 * cgroup_set(). No process, a read or two. */
int cgroup_compare(struct cgroup_tree *t, const char *group, const struct cgroup_setting *s, struct cgroup_drift *ret, struct err *err);

/* false: CGROUP_MEMORY_OOM_GROUP is kept by the supervisor, who must kill the leaf at an OOM kill. */
bool cgroup_oom_group_is_native(const struct cgroup_tree *t);

/* The disk below a path: of a block device the whole disk it is on, else the one below the path's file system.
 * -ENOENT: no such path, or no single block device below (tmpfs, overlay, btrfs, nfs). */
int cgroup_find_disk(const char *path, dev_t *ret, struct err *err);

const char *cgroup_limit_file(enum cgroup_limit l); /* v2's file: "memory.max" */
enum cgroup_controller cgroup_limit_controller(enum cgroup_limit l);
