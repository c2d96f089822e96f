/* Between the files that set limits: one setting on its way to one group. */
#pragma once

#include "cgroup_tree.h"

#include <ctrsup/kernel/cgroup_limit.h>

struct limit_job {
        struct cgroup_tree *t;
        const char *group; /* NULL: only ask whether it could be done */
        const struct cgroup_setting *s;
        enum cgroup_controller controller;
        bool v1;
        int fd; /* the root's in the controller's hierarchy */
        struct cgroup_drift *drift; /* not NULL: nothing is written, and what differs is put there */
        struct err *err;
};

/* One file of the group: there (or, without a group, would be), words when not. */
int limit_file_exists(const struct limit_job *j, const char *file);
int limit_complain_missing(const struct limit_job *j, const char *file);
int limit_write(const struct limit_job *j, const char *file, const char *text);
int limit_read(const struct limit_job *j, const char *file, char *buf, size_t size);
int limit_read_u64(const struct limit_job *j, const char *file, uint64_t *ret); /* v1's and v2's "none" is UINT64_MAX */
/* A file read other than written. */
int limit_complain_taken(const struct limit_job *j, const char *file, const char *written, const char *is);
/* Writes one number (UINT64_MAX: `none`) and reads it back; unit: what the kernel rounds down to. No write when it is so already. */
int limit_write_u64(const struct limit_job *j, const char *file, uint64_t value, const char *none, uint64_t unit);

int limit_memory_v1(const struct limit_job *j);
int limit_swap_v1(const struct limit_job *j);
int limit_cpu_max(const struct limit_job *j);
int limit_cpu_weight(const struct limit_job *j);
int limit_cpuset(const struct limit_job *j);
int limit_io_weight(const struct limit_job *j);
int limit_io_max(const struct limit_job *j);
int limit_hugetlb(const struct limit_job *j);
