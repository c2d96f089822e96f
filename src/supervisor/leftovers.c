#include "leftovers.h"
#include "cgroup_link.h"

#include <ctrsup/act/notify.h>
#include <ctrsup/kernel/cgroup.h>
#include <ctrsup/keeper/protocol.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/lock.h>
#include <ctrsup/store/uppers.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <time.h>

/* What is killed needs a moment to be gone. */
enum { PAUSE_USEC = 2000, PATIENCE_USEC = 500000 };

static const char *const folders[] = { "run", "fg" };

struct leftover {
        struct cgroup_tree *tree;
        int state_fd;
        size_t populated; /* leaves */
};

static int kill_leaf(void *userdata, const char *group, uint64_t generation, bool populated) {
        struct leftover *l = userdata;

        if (populated)
                (void)cgroup_kill(l->tree, group, generation, NULL);
        l->populated += populated;
        return 0;
}

/* A writable layer is its start's, and the start's leaf tells its name. */
static int remove_upper(void *userdata, const char *group, uint64_t generation, bool populated) {
        const struct leftover *l = userdata;
        char stack[64], container[64];
        struct upper_name u = { .stack = stack, .container = container, .generation = generation };

        (void)populated;
        if (sscanf(group, "%63[^/]/%63[^.].%9" SCNu32, stack, container, &u.replica) == 3)
                (void)uppers_remove(l->state_fd, &u, NULL);
        return 0;
}

/* The root of one that was killed; only such names, whatever the file says. */
static bool is_transient(const char *root) {
        const char *name = strrchr(root, '/');

        return root[0] == '/' && (strncmp(name, "/ctrsup-run-", 12) == 0 || strncmp(name, "/ctrsup-fg-", 11) == 0);
}

static int remove_root(struct manager *m, const char *root) {
        const struct timespec pause = { .tv_nsec = PAUSE_USEC * 1000L };
        _cleanup_cgroup_tree_ struct cgroup_tree *t = NULL;

        int r = cgroup_tree_open(&t, root, "", NULL, NULL);
        if (r >= 0)
                r = cgroup_tree_make(t, NULL); /* opens it */
        if (r < 0)
                return r;
        struct leftover l = { .tree = t, .state_fd = m->host.state_fd };
        for (unsigned waited = 0; waited < PATIENCE_USEC; waited += PAUSE_USEC) {
                l.populated = 0;
                r = cgroup_each_leaf(t, kill_leaf, &l, NULL);
                if (r >= 0 && l.populated == 0)
                        r = cgroup_each_leaf(t, remove_upper, &l, NULL);
                if (r >= 0)
                        r = l.populated > 0 ? -EBUSY : cgroup_tree_remove(t, NULL);
                if (r != -EBUSY)
                        break;
                (void)nanosleep(&pause, NULL);
        }
        return r;
}

/* 0: what the folder's last owner had of cgroups is gone; 1: there was no owner. */
static int sweep_folder(struct manager *m, int fd) {
        _cleanup_free_ char *root = NULL;
        size_t len = 0;

        int r = file_read(fd, CGROUP_LINK_ROOT_FILE, PATH_MAX, &root, &len, NULL);
        if (r == -ENOENT)
                return 1;
        if (r >= 0 && strlen(root) == len && is_transient(root))
                r = remove_root(m, root);
        if (r >= 0)
                (void)unlinkat(fd, CGROUP_LINK_ROOT_FILE, 0);
        return r;
}

/* by_pid: nobody else will ever want it; the foreground's are named after their stack, and the next one takes over the folder. Who is
 * just beginning has no root on record yet: its lock is not touched. */
static void sweep_named(struct manager *m, int above, const char *name, bool by_pid) {
        _cleanup_fd_ int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        _cleanup_fd_ int lock = fd >= 0 && faccessat(fd, CGROUP_LINK_ROOT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0
                                        ? openat(fd, "lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
                                        : -EBADF;

        if (lock < 0 || lock_try(lock, 0) < 0 || sweep_folder(m, fd) != 0 || !by_pid)
                return;
        leftovers_remove_folder(fd, NULL);
        (void)unlinkat(above, name, AT_REMOVEDIR);
}

void leftovers_sweep(struct manager *m) {
        if (m->options->mode != MODE_SERVICE)
                (void)sweep_folder(m, m->runtime_fd);
        for (size_t n = 0; n < ARRAY_SIZE(folders); n++) {
                _cleanup_free_ char *path = NULL;
                struct dirent *e;

                if (asprintf(&path, "%s/%s", m->settings->paths.runtime, folders[n]) < 0)
                        return;
                DIR *dir = opendir(path);
                while (dir && (e = readdir(dir)))
                        if (e->d_name[0] != '.')
                                sweep_named(m, dirfd(dir), e->d_name, n == 0);
                if (dir)
                        (void)closedir(dir);
        }
}

void leftovers_remove_folder(int fd, const char *path) {
        static const char *const files[] = { KEEPER_SOCKET, KEEPER_LOCK, "lock", CGROUP_LINK_ROOT_FILE };

        for (size_t n = 0; n < ARRAY_SIZE(files); n++)
                (void)unlinkat(fd, files[n], 0);
        (void)unlinkat(fd, ACT_NOTIFY_FOLDER, AT_REMOVEDIR);
        if (path)
                (void)rmdir(path);
}
