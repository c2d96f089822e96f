#include <ctrsup/kernel/cgroup_procs.h>

#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 16 }; /* a payload may nest deeper; its main process is not down there */

struct list {
        pid_t *pids;
        size_t n, room;
};

static int add_pid(struct list *l, pid_t pid) {
        if (l->n == l->room) {
                size_t room = l->room ? 2 * l->room : 32;
                pid_t *grown = reallocarray(l->pids, room, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                l->pids = grown;
                l->room = room;
        }
        l->pids[l->n++] = pid;
        return 0;
}

static int read_one(int dir, struct list *l) {
        int fd = openat(dir, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC), pid, r = 0;

        if (fd < 0)
                return -errno;
        _cleanup_file_ FILE *f = fdopen(fd, "re");
        if (!f) {
                (void)close(fd);
                return -ENOMEM;
        }
        while (r == 0 && fscanf(f, "%d", &pid) == 1)
                if (pid > 0) /* 0: in a pid namespace that is not ours to see */
                        r = add_pid(l, pid);
        return r;
}

/* takes dir */
static int walk(int dir, unsigned depth, struct list *l) {
        const struct dirent *e;

        int r = read_one(dir, l);
        DIR *d = r == 0 ? fdopendir(dir) : NULL;
        if (!d) {
                (void)close(dir);
                return r < 0 ? r : -ENOMEM;
        }
        while (r == 0 && depth < DEPTH_MAX && (e = readdir(d))) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                int below = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

                if (below >= 0)
                        r = walk(below, depth + 1, l);
                if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP) /* gone meanwhile; a threaded one */
                        r = 0;
        }
        (void)closedir(d);
        return r;
}

int cgroup_read_procs(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t **ret, size_t *ret_n,
                      struct err *err) {
        struct list l = { 0 };
        int dir = -EBADF;

        int r = cgroup_open_leaf(t, group, generation, &dir, err);
        if (r < 0)
                return r;
        r = walk(dir, 0, &l);
        if (r < 0) {
                free(l.pids);
                return err_sys(err, -r, "read the processes of %s", group);
        }
        *ret = l.pids;
        *ret_n = l.n;
        return 0;
}

int cgroup_holds(struct cgroup_tree *t, const char *group, uint64_t generation, pid_t pid) {
        char path[64], text[8192], leaf[CGROUP_PATH_MAX];
        _cleanup_free_ char *own = NULL;
        size_t done = 0;
        ssize_t n = 1;

        (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
        _cleanup_fd_ int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        while (fd >= 0 && n > 0 && done < sizeof(text) - 1) {
                n = read(fd, text + done, sizeof(text) - 1 - done);
                done += n > 0 ? (size_t)n : 0;
        }
        if (fd < 0 || n < 0)
                return -ESRCH;
        text[done] = '\0';
        if (cgroup_where_self_unified(text, &own, NULL) < 0)
                return -ESRCH;
        const char *root = strcmp(t->root, "/") == 0 ? "" : t->root;
        size_t len = strlen(root);
        if (strncmp(own, root, len) != 0 || own[len] != '/')
                return 0;
        cgroup_leaf_path(leaf, group, generation);
        const char *below = own + len + 1, end = strncmp(below, leaf, strlen(leaf)) == 0 ? below[strlen(leaf)] : 'x';
        return end == '\0' || end == '/';
}

/* linux/pidfd.h of 6.15. */
struct pidfd_info {
        uint64_t mask, cgroup_id;
        uint32_t ids[11];
        int32_t exit_code;
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
enum { PIDFD_INFO_CGROUPID = 1 << 2, PIDFD_INFO_EXIT = 1 << 3 };

int cgroup_held(struct cgroup_tree *t, const char *group, uint64_t generation, int pidfd) {
        struct pidfd_info info = { .mask = PIDFD_INFO_CGROUPID | PIDFD_INFO_EXIT };
        _cleanup_fd_ int leaf = -EBADF;
        struct stat st;

        if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0)
                return errno == ENOTTY || errno == EINVAL ? -EOPNOTSUPP : -errno;
        if (!(info.mask & PIDFD_INFO_CGROUPID))
                return -EOPNOTSUPP;
        int r = cgroup_open_leaf(t, group, generation, &leaf, NULL);
        if (r < 0)
                return r;
        return fstat(leaf, &st) < 0 ? -errno : info.cgroup_id == st.st_ino;
}
