/* Which devices the processes of a cgroup may open: a BPF program on it (cgroup v2, on hybrid hosts on its unified tree). It stays
 * when whoever attached it is gone, and holds for all cgroups below.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum device_access { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4 }; /* the kernel's BPF_DEVCG_ACC_* */

enum { DEVICE_RULES_MAX = 64 };
#define DEVICE_ANY UINT32_MAX

struct device_rule {
        bool block;
        uint32_t major, minor; /* minor: DEVICE_ANY: all of that major */
        unsigned access;       /* enum device_access */
};

/* What every container may use; no rule allows more than what is made in its /dev. */
extern const struct device_rule device_standard[];
extern const size_t device_n_standard;

/* A program that lets through what one of the rules does and nothing else: an fd number, CLOEXEC. -E2BIG; -EPERM, -ENOSYS, -EINVAL:
 * this kernel, or who we are, does not have it. */
int device_filter_load(const struct device_rule *rules, size_t n, int *ret_fd, struct err *err);
/* On a cgroup, for as long as that is there; read back. */
int device_filter_attach(int cgroup_fd, int program_fd, struct err *err);
