#include <ctrsup/observe/exit.h>

#include <ctrsup/observe/started.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

enum { STATE_FIELD = 3, STARTTIME_FIELD = 22, EXIT_CODE_FIELD = 52 };

/* <linux/pidfd.h> of 6.15; Debian 12's headers are older. The first 64 bytes are all we ask for. */
struct exit_query {
        uint64_t mask, cgroupid;
        uint32_t pid, tgid, ppid, ids[8];
        int32_t exit_code;
};
static_assert(sizeof(struct exit_query) == 64, "PIDFD_INFO_SIZE_VER0");
#define QUERY_EXIT (UINT64_C(1) << 3)
#define QUERY _IOWR(0xFF, 11, struct exit_query)

/* 1: told; 0: it runs, or is not reaped yet; -ENODATA: this kernel does not tell, or this pidfd is too young. */
static int ask_pidfd(int pidfd, int *ret_status) {
        struct exit_query q = { .mask = QUERY_EXIT };

        if (ioctl(pidfd, QUERY, &q) < 0)
                return errno == ESRCH ? -ENODATA : errno == ENOTTY || errno == EINVAL ? -ENOTTY : -errno;
        if (!(q.mask & QUERY_EXIT))
                return 0;
        *ret_status = q.exit_code;
        return 1;
}

/* 1: a zombie, told; 0: alive; -ESRCH: reaped. */
static int ask_stat(pid_t pid, uint64_t ticks, int *ret_status) {
        char text[2048];
        int64_t started, status;

        int r = started_read_stat(pid, text, sizeof(text));
        if (r < 0)
                return -ESRCH;
        const char *state = strrchr(text, ')');
        if (!state || started_stat_field(text, STARTTIME_FIELD, &started) < 0 || (uint64_t)started != ticks)
                return -ESRCH;
        if (state[1] != ' ' || (state[2] != 'Z' && state[2] != 'X'))
                return 0;
        if (started_stat_field(text, EXIT_CODE_FIELD, &status) < 0)
                return -ESRCH;
        *ret_status = (int)status;
        return 1;
}

static bool has_ended(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return poll(&p, 1, 0) == 1;
}

int exit_peek(int pidfd, pid_t pid, uint64_t ticks, struct exit_info *ret) {
        int status = 0, r;

        if (pidfd < 0)
                return -ENODATA;
        if (!has_ended(pidfd))
                return 0;
        r = ask_stat(pid, ticks, &status); /* first: this is the only way on older kernels, and it closes soon */
        if (r != 1) {
                bool dying = r == 0;

                r = ask_pidfd(pidfd, &status);
                if (r != 1)
                        return r == 0 || dying ? 0 : -ENODATA;
        }
        *ret = exit_info_from_status(status);
        return 1;
}
