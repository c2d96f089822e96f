/* What this kernel lets us do, found out by doing it in a child that ends: nothing of it stays. All are 0, or -errno of what was
 * refused; -ETIMEDOUT: it hung for ten seconds. For one check by a person, not for the way of a launch.
 */
#pragma once

#include <stdint.h>

/* clone3(2) with a pidfd, and waiting by that. */
int ability_clone(void);
/* A namespace of that kind: one CLONE_NEW*. */
int ability_namespace(uint64_t flag);
/* An overlay on a tmpfs, and a file written to it. */
int ability_overlay(void);
/* An idmapped mount of the file system at path; -EINVAL: that file system cannot. */
int ability_idmap(const char *path, uint32_t first, uint32_t count);
/* A filter that refuses one system call, which then is refused. */
int ability_seccomp(void);
/* A new group in the v2 hierarchy mounted at mount, a process cloned into it, and cgroup.kill. */
int ability_cgroup(const char *mount);
