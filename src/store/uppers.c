#include <ctrsup/store/uppers.h>

#include <ctrsup/store/dir.h>
#include <ctrsup/store/trash.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static const char *top_of(const struct upper_name *u) {
        return u->persistent ? "persistent" : "ephemeral";
}

static const char *leaf_of(const struct upper_name *u, char buf[UPPER_PATH_SIZE]) {
        if (u->persistent)
                (void)snprintf(buf, UPPER_PATH_SIZE, "%s.%" PRIu32, u->container, u->replica);
        else
                (void)snprintf(buf, UPPER_PATH_SIZE, "%s.%" PRIu32 ".%" PRIu64, u->container, u->replica, u->generation);
        return buf;
}

const char *uppers_path(const struct upper_name *u, char buf[UPPER_PATH_SIZE]) {
        char leaf[UPPER_PATH_SIZE];

        if ((size_t)snprintf(buf, UPPER_PATH_SIZE, "%s/%s/%s", top_of(u), u->stack, leaf_of(u, leaf)) >= UPPER_PATH_SIZE)
                buf[0] = '\0'; /* names are 63 bytes at most, by validation */
        return buf;
}

static int open_stack(int state_fd, const struct upper_name *u, mode_t mode, int *ret_top, int *ret_stack, struct err *err) {
        int r = dir_open_at(state_fd, top_of(u), mode, ret_top, err);

        if (r < 0)
                return r;
        /* Here and not by dir_open_at(): nothing of it has to survive a power cut. */
        if (mode && !u->persistent && mkdirat(*ret_top, u->stack, mode) < 0 && errno != EEXIST)
                return err_sys(err, errno, "make %s/%s", top_of(u), u->stack);
        return dir_open_at(*ret_top, u->stack, u->persistent ? mode : 0, ret_stack, err);
}

static int make_owned(int fd, const char *name, uid_t uid, gid_t gid, bool durable) {
        if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        _cleanup_fd_ int dir = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (dir < 0 || fchown(dir, uid, gid) < 0 || fchmod(dir, 0755) < 0 || (durable && fsync(dir) < 0))
                return -errno;
        return 0;
}

/* Made aside, then named: a directory of that name has the right owner. */
static int make_pair(int fd, uid_t uid, gid_t gid, bool durable) {
        static const char *const names[][2] = { { ".upper.new", "upper" }, { ".work.new", "work" } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (faccessat(fd, names[i][1], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        continue;
                int r = make_owned(fd, names[i][0], uid, gid, durable);
                if (r < 0)
                        return r;
                if (renameat2(fd, names[i][0], fd, names[i][1], RENAME_NOREPLACE) < 0 || (durable && fsync(fd) < 0))
                        return -errno;
        }
        return 0;
}

/* Whoever has the container's root ids now owns the layer: the block of a name may have changed hands since it was made. */
static int check_owner(int fd, uid_t uid, const char *leaf, struct err *err) {
        struct stat st;

        if (fstatat(fd, "upper", &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : err_sys(err, errno, "look at the writable layer %s", leaf);
        if (st.st_uid == uid)
                return 0;
        (void)err_set(err, EPERM, "the persistent layer of %s belongs to uid %u, but the container's root is uid %u now", leaf,
                      st.st_uid, uid);
        (void)err_hint(err,
                       "the stack's id range was lost or changed: move the layer away, or set user_mapping to the old range");
        return -EPERM;
}

int uppers_ensure(int state_fd, const struct upper_name *u, uid_t uid, gid_t gid, struct err *err) {
        _cleanup_fd_ int top = -EBADF, stack = -EBADF, leaf_fd = -EBADF;
        char leaf[UPPER_PATH_SIZE];
        int r = open_stack(state_fd, u, 0700, &top, &stack, err);

        (void)leaf_of(u, leaf);
        if (r >= 0 && !u->persistent) {
                r = trash_put(top, stack, leaf, u->persistent, err);
                if (r == -ENOENT)
                        r = 0;
        }
        if (r >= 0 && !u->persistent && mkdirat(stack, leaf, 0700) < 0 && errno != EEXIST)
                r = err_sys(err, errno, "make %s/%s/%s", top_of(u), u->stack, leaf);
        if (r >= 0)
                r = dir_open_at(stack, leaf, u->persistent ? 0700 : 0, &leaf_fd, err);
        if (r >= 0 && u->persistent)
                r = check_owner(leaf_fd, uid, leaf, err);
        if (r < 0)
                return r;
        r = make_pair(leaf_fd, uid, gid, u->persistent);
        return r < 0 ? err_sys(err, -r, "make the writable layer %s", leaf) : 0;
}

int uppers_remove(int state_fd, const struct upper_name *u, struct err *err) {
        _cleanup_fd_ int top = -EBADF, stack = -EBADF;
        char leaf[UPPER_PATH_SIZE];
        int r = open_stack(state_fd, u, 0, &top, &stack, err);

        if (r >= 0)
                r = trash_put(top, stack, leaf_of(u, leaf), u->persistent, err);
        if (r == -ENOENT)
                r = 0;
        if (r >= 0 && top >= 0)
                (void)unlinkat(top, u->stack, AT_REMOVEDIR); /* the stack's last one */
        return r;
}

static bool parse_leaf(const char *name, char container[UPPER_PATH_SIZE], struct upper_name *ret) {
        int end = 0;

        ret->container = container;
        return sscanf(name, "%63[a-z0-9-].%9" SCNu32 ".%20" SCNu64 "%n", container, &ret->replica, &ret->generation, &end) == 3 &&
               name[end] == '\0';
}

int uppers_sweep(int state_fd, const char *stack, bool (*keep)(void *userdata, const struct upper_name *u), void *userdata,
                 struct err *err) {
        _cleanup_fd_ int top = -EBADF, fd = -EBADF;
        _cleanup_free_ char **names = NULL;
        struct upper_name u = { .stack = stack };
        char container[UPPER_PATH_SIZE];
        size_t n = 0;

        int r = open_stack(state_fd, &u, 0, &top, &fd, err);
        if (r >= 0)
                r = dir_list(fd, false, &names, &n, err);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (size_t i = 0; i < n; i++) {
                if (!parse_leaf(names[i], container, &u) || keep(userdata, &u))
                        continue;
                int e = uppers_remove(state_fd, &u, err);
                r = e < 0 ? e : r;
        }
        return r;
}

int uppers_remove_stack(int state_fd, const char *stack, struct err *err) {
        static const char *const tops[] = { "ephemeral", "persistent" };

        for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
                _cleanup_fd_ int top = -EBADF;
                int r = dir_open_at(state_fd, tops[i], 0, &top, err);

                if (r >= 0)
                        r = trash_put(top, top, stack, true, err);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}
