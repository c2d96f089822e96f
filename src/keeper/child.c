#include "child.h"

#include <ctrsup/kernel/io.h>

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int child_operation(struct child *c, const struct recipe_op *op);

static child_operation *const prepare[_RECIPE_OP_MAX] = {
        [RECIPE_CGROUP] = prepare_cgroup,   [RECIPE_OOM_SCORE] = prepare_oom_score,
        [RECIPE_LAYER] = prepare_layer,     [RECIPE_UPPER] = prepare_upper,
        [RECIPE_BIND] = prepare_bind,       [RECIPE_PEER_SHM] = prepare_peer_shm,
        [RECIPE_OVERLAY] = prepare_overlay, [RECIPE_DEV] = prepare_dev,
        [RECIPE_DEVICE] = prepare_device,
        [RECIPE_JOIN] = prepare_join,       [RECIPE_TIME] = prepare_time,
        [RECIPE_USER] = prepare_user,       [RECIPE_SPAWN] = prepare_spawn,
        [RECIPE_MOUNT] = prepare_mount,     [RECIPE_RLIMIT] = prepare_rlimit,
        [RECIPE_STREAM] = prepare_stream,
};

static child_operation *const payload[_RECIPE_OP_MAX] = {
        [RECIPE_MOUNT] = payload_mount,       [RECIPE_RLIMIT] = payload_rlimit,     [RECIPE_STREAM] = payload_stream,
        [RECIPE_ROOT] = payload_root,         [RECIPE_SEED] = payload_seed,         [RECIPE_ATTACH] = payload_attach,
        [RECIPE_READONLY] = payload_readonly, [RECIPE_MASK] = payload_mask,         [RECIPE_SEAL] = payload_seal,
        [RECIPE_PIVOT] = payload_pivot,       [RECIPE_HOSTNAME] = payload_hostname, [RECIPE_DOMAINNAME] = payload_domainname,
        [RECIPE_LOOPBACK] = payload_loopback, [RECIPE_SYSCTL] = payload_sysctl,     [RECIPE_SESSION] = payload_session,
        [RECIPE_PTY] = payload_pty,           [RECIPE_GROUP] = payload_group,       [RECIPE_SECCOMP] = payload_seccomp,
        [RECIPE_IDENTITY] = payload_identity, [RECIPE_UMASK] = payload_umask,       [RECIPE_CHDIR] = payload_chdir,
        [RECIPE_COMMAND] = payload_command,
};

int child_arm(void) {
        /* a change of ids clears the one and sets the other to the sysctl fs.suid_dumpable */
        return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int child_report(const struct child *c, enum exec_report_kind kind, int32_t pid, uint32_t error) {
        struct exec_report report = {
                .kind = kind,
                .pid = pid,
                .stage = c->stage,
                .error = error,
                .op = c->op,
                .detail = c->detail,
        };

        return io_write_all(c->report, &report, sizeof(report));
}

/* Closes all but 0 to 2 and what this launch needs: the keeper holds the fds of every other container, and the read end of
 * their report pipes, whose end of life is how a half-made launch learns that the keeper died. */
static int close_others(const struct child *c) {
        int keep[RECIPE_FDS_MAX + 4];
        size_t n = 0;

        keep[n++] = c->host_mounts;
        keep[n++] = c->own_mounts;
        keep[n++] = c->init;
        keep[n++] = c->report;
        for (uint32_t i = 0; i < c->recipe->header->n_fds; i++)
                keep[n++] = c->fds[i];
        for (size_t i = 1; i < n; i++) { /* nearly sorted already */
                int fd = keep[i];
                size_t at = i;
                for (; at > 0 && keep[at - 1] > fd; at--)
                        keep[at] = keep[at - 1];
                keep[at] = fd;
        }

        unsigned first = STDERR_FILENO + 1;
        for (size_t i = 0; i < n; i++) {
                if (keep[i] < (int)first)
                        continue;
                unsigned fd = (unsigned)keep[i];
                if (fd > first && close_range(first, fd - 1, 0) < 0)
                        return -errno;
                first = fd + 1;
        }
        return close_range(first, UINT_MAX, 0) < 0 ? -errno : 0;
}

static int start(struct child *c) {
        sigset_t none;

        int r = child_arm();
        if (r < 0)
                return r;
        (void)sigemptyset(&none);
        if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
                return -errno;
        (void)umask(0);
        return close_others(c);
}

_Noreturn void child_run(struct child *c) {
        child_operation *const *table = prepare;
        int r = start(c);

        for (uint32_t i = 0; r == 0 && i < c->recipe->header->n_ops; i++) {
                const struct recipe_op *op = &c->recipe->ops[i];
                c->op = i;
                r = table[op->kind](c, op);
                if (r == 1) { /* SPAWN, in the payload */
                        table = payload;
                        r = 0;
                } else if (r == 0 && op->kind == RECIPE_SPAWN) {
                        _exit(0);
                }
        }
        (void)child_report(c, EXEC_REPORT_FAILED, 0, (uint32_t)-r);
        _exit(127);
}
