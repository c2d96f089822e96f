#include <ctrsup/store/trash.h>

#include <ctrsup/store/dir.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The state's folders that have a trash. */
static const char *const tops[] = { "stacks", "volumes", "persistent", "ephemeral" };

enum { TRASH_NAME_SIZE = 24 };

/* Moves to a name in trash that is not there yet: random, since the trash outlives its writers. 0 or -errno. */
static int move_to(int trash, int fd, const char *name, char fresh[TRASH_NAME_SIZE]) {
        for (int tries = 0; tries < 16; tries++) {
                uint64_t random = (uint64_t)tries;

                (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
                (void)snprintf(fresh, TRASH_NAME_SIZE, "%016" PRIx64, random);
                if (renameat2(fd, name, trash, fresh, RENAME_NOREPLACE) == 0)
                        return 0;
                if (errno != EEXIST)
                        return -errno;
        }
        return -EEXIST;
}

int trash_put(int top_fd, int fd, const char *name, bool durable, struct err *err) {
        _cleanup_fd_ int trash = -EBADF;
        char fresh[TRASH_NAME_SIZE];

        /* Here and not by dir_open_at(), which would get it to the disk first. */
        if (!durable && mkdirat(top_fd, ".trash", 0700) < 0 && errno != EEXIST)
                return err_sys(err, errno, "make .trash");
        int r = dir_open_at(top_fd, ".trash", durable ? 0700 : 0, &trash, err);
        if (r < 0)
                return r;
        r = move_to(trash, fd, name, fresh);
        if (r == -EBUSY || r == -EXDEV) {
                (void)err_set(err, EBUSY, "%s is a mount point", name);
                (void)err_hint(err, "unmount it first");
                return -EBUSY;
        }
        if (r < 0)
                return err_sys(err, -r, "remove %s", name);
        /* First where it is now: in both after a power cut is better than in none. */
        if (durable && (fsync(trash) < 0 || fsync(fd) < 0)) {
                int code = errno;

                (void)renameat2(trash, fresh, fd, name, RENAME_NOREPLACE); /* an error says that it is still there */
                return err_sys(err, code, "remove %s from disk", name);
        }
        return 0;
}

struct sweep {
        int trash;
        unsigned done;         /* by this pass */
        int error;             /* the first one of this pass, positive */
        char at[NAME_MAX + 1]; /* what it was about */
};

static void sweep_failed(struct sweep *s, int code, const char *name) {
        if (s->error)
                return;
        s->error = code;
        (void)snprintf(s->at, sizeof(s->at), "%s", name);
}

/* Opens a directory in fd that is on the same mount; -EXDEV: it is not. */
static int open_inside(int fd, const char *name) {
        struct open_how how = {
                .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
                .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
        };
        int r = (int)syscall(SYS_openat2, fd, name, &how, sizeof(how));

        return r < 0 ? -errno : r;
}

/* One child of a directory in the trash: gone, or moved up into the trash. */
static void sweep_child(struct sweep *s, int dir, const char *name) {
        if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) {
                s->done++;
                return;
        }
        if (errno != EISDIR) {
                sweep_failed(s, errno, name);
                return;
        }
        if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
                s->done++;
                return;
        }
        char fresh[TRASH_NAME_SIZE];
        int r = errno == ENOTEMPTY ? move_to(s->trash, dir, name, fresh) : -errno;
        if (r < 0)
                sweep_failed(s, -r, name);
        else
                s->done++;
}

/* Calls each for all entries of fd, which it takes. */
static void each_entry(struct sweep *s, int fd, void (*each)(struct sweep *s, int dir, const char *name)) {
        DIR *dir = fdopendir(fd);

        if (!dir) {
                sweep_failed(s, errno, "directory");
                (void)close_fd(fd);
                return;
        }
        for (const struct dirent *e; (e = readdir(dir));)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
                        each(s, dirfd(dir), e->d_name);
        (void)closedir(dir);
}

static void sweep_top(struct sweep *s, int trash, const char *name) {
        if (unlinkat(trash, name, 0) == 0 || unlinkat(trash, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
                s->done++;
                return;
        }
        int fd = open_inside(trash, name);
        if (fd < 0) {
                sweep_failed(s, -fd, name);
                return;
        }
        /* A container may lock its own directories; that stops no root, but anybody else who runs this. */
        (void)fchmod(fd, 0700);
        each_entry(s, fd, sweep_child);
        if (unlinkat(trash, name, AT_REMOVEDIR) == 0)
                s->done++;
}

static int sweep_trash(int top_fd, const char *top, struct err *err) {
        struct sweep s = { .trash = open_inside(top_fd, ".trash") };

        if (s.trash == -ENOENT)
                return 0;
        if (s.trash < 0)
                return err_sys(err, -s.trash, "open %s/.trash", top);
        do {
                int pass = openat(s.trash, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                s.done = 0;
                s.error = 0;
                if (pass < 0)
                        sweep_failed(&s, errno, ".trash");
                else
                        each_entry(&s, pass, sweep_top);
        } while (s.done > 0);
        (void)close_fd(s.trash);
        return s.error ? err_sys(err, s.error, "remove %s from %s/.trash", s.at, top) : 0;
}

int trash_empty(int state_fd, struct err *err) {
        int result = 0;

        for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
                _cleanup_fd_ int top = -EBADF;
                struct err e;

                /* Not open_inside(): such a folder may well be a mount of its own. */
                if (dir_open_at(state_fd, tops[i], 0, &top, NULL) < 0)
                        continue;
                int r = sweep_trash(top, tops[i], &e);
                if (r < 0 && result >= 0) {
                        result = r;
                        if (err)
                                *err = e;
                }
        }
        return result;
}

static bool has_trash(int state_fd) {
        for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
                _cleanup_fd_ int top = -EBADF, trash = -EBADF;
                _cleanup_free_ char **names = NULL;
                size_t n = 0;

                if (dir_open_at(state_fd, tops[i], 0, &top, NULL) >= 0 && dir_open_at(top, ".trash", 0, &trash, NULL) >= 0 &&
                    dir_list(trash, true, &names, &n, NULL) >= 0 && n > 0)
                        return true;
        }
        return false;
}

static _Noreturn void helper(int state_fd) {
        sigset_t none;

        /* Not to hold the supervisor's lock, sockets and pipes open longer than it lives itself. */
        if (state_fd > 3)
                (void)close_range(3, (unsigned)state_fd - 1, 0);
        (void)close_range((unsigned)(state_fd < 2 ? 2 : state_fd) + 1, ~0u, 0);
        for (int sig = 1; sig < NSIG; sig++)
                (void)signal(sig, SIG_DFL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)setpriority(PRIO_PROCESS, 0, 10);
        _exit(trash_empty(state_fd, NULL) < 0);
}

int trash_empty_start(int state_fd, int *ret_pidfd, struct err *err) {
        if (!has_trash(state_fd))
                return 1;
        pid_t pid = fork();
        if (pid < 0)
                return err_sys(err, errno, "start the removal of old files");
        if (pid == 0)
                helper(state_fd);
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0)
                return err_sys(err, errno, "watch the removal of old files");
        *ret_pidfd = fd;
        return 0;
}
