/* User namespaces that hold nothing but an id map.
 *
 * A short-lived helper clones into a new user namespace, the caller writes its maps and opens it, the helper ends: the fd is
 * all that keeps the namespace. One serves for idmapped mounts and for setns(2) alike, so the supervisor makes one per
 * container and keeps it over restarts (210 us once instead of for each start).
 */
#pragma once

#include <ctrsup/base/err.h>

#include <stddef.h>
#include <stdint.h>

struct id_map {
        uint32_t inside, outside, count;
};

enum { ID_MAPS_MAX = 340 }; /* the kernel's limit, user_namespaces(7) */

/* *ret_fd: owned by the caller, CLOEXEC. Needs CAP_SETUID and CAP_SETGID over the outside ids. */
int userns_new(const struct id_map *uids, size_t n_uids, const struct id_map *gids, size_t n_gids, int *ret_fd, struct err *err);
/* That of a running process; when the process made namespaces of its own below, the outermost one that is not ours. *ret_fd as above. */
int userns_of(pid_t pid, int *ret_fd, struct err *err);
/* What inside id 0 is outside; -ENOENT when nothing maps it: such a map cannot hold a container. */
int userns_root(const struct id_map *maps, size_t n, uint32_t *ret_outside);
