#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* What each call may fail with, besides what its arguments deserve. Not brk: it tells the old end then, no error, and the C library would take
 * one for a very high address. Not mmap before main(): the C library's loader then crashes by itself. */
static const struct {
        const char *error;
        const char *calls; /* each between spaces */
} errors[] = {
        { "EMFILE", " openat openat2 open_tree socket accept4 pipe2 dup fcntl timerfd_create pidfd_open memfd_create inotify_init1 epoll_create1 recvmsg " },
        { "ENOMEM", " mmap clone3 clone openat openat2 open_tree mkdirat mkdir epoll_ctl socket sendmsg mount_setattr move_mount fsopen fsmount "
                    "inotify_add_watch timerfd_create pidfd_open memfd_create " },
        { "ENOSPC", " write pwrite64 mkdirat mkdir renameat renameat2 fsync ftruncate inotify_add_watch openat " },
        { "EIO", " read pread64 write pwrite64 fsync renameat renameat2 unlinkat getdents64 openat ftruncate newfstatat fstat " },
        { "EINTR", " read write pwrite64 openat openat2 epoll_wait poll ppoll recvmsg sendmsg sendto recvfrom flock connect waitid clock_nanosleep " },
        { "EAGAIN", " clone clone3 fork recvmsg sendmsg " },
};

void trace_points_add(struct trace_points *t, const char *call, unsigned ordinal, const char *error) {
        if (t->n == t->size) {
                t->size = t->size ? t->size * 2 : 1024;
                t->items = reallocarray(t->items, t->size, sizeof(*t->items));
                if (!t->items)
                        abort();
        }
        struct trace_point *p = &t->items[t->n++];
        *p = (struct trace_point){ .ordinal = ordinal };
        (void)snprintf(p->call, sizeof(p->call), "%s", call);
        (void)snprintf(p->error, sizeof(p->error), "%s", error);
}

void trace_points_read(struct trace_points *t, const char *path) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        struct trace_points seen = { 0 };
        bool loading = false; /* from the exec up to the loader's last question: how large the stack is to be */

        while (f && getline(&line, &size, f) > 0) {
                size_t len = strspn(line, "abcdefghijklmnopqrstuvwxyz_0123456789"), n;
                char spaced[40];

                if (len == 0 || len > 30 || line[len] != '(' || strncmp(line, "exit", 4) == 0)
                        continue;
                line[len] = '\0';
                loading = strcmp(line, "execve") == 0 || (loading && strcmp(line, "prlimit64") != 0);
                for (n = 0; n < seen.n && strcmp(seen.items[n].call, line) != 0; n++)
                        ;
                if (n == seen.n)
                        trace_points_add(&seen, line, 0, "");
                unsigned ordinal = ++seen.items[n].ordinal;
                trace_points_add(t, line, ordinal, "");
                (void)snprintf(spaced, sizeof(spaced), " %s ", line);
                for (size_t e = 0; e < ARRAY_SIZE(errors); e++)
                        if (strstr(errors[e].calls, spaced) && !(loading && strcmp(line, "mmap") == 0))
                                trace_points_add(t, line, ordinal, errors[e].error);
        }
        free(seen.items);
}

/* What a container's process calls on its way to exec. */
#define CALL(name) { SYS_##name, " " #name " " }
static const struct {
        long number;
        const char *name;
} calls[] = {
        CALL(read),   CALL(write),    CALL(openat),     CALL(openat2),       CALL(open_tree), CALL(socket), CALL(pipe2),   CALL(dup),
        CALL(fcntl),  CALL(mmap), CALL(clone),         CALL(clone3),    CALL(mkdirat), CALL(waitid), CALL(pidfd_open),
        CALL(fsopen), CALL(fsmount),  CALL(move_mount), CALL(mount_setattr), CALL(sendmsg),   CALL(recvmsg), CALL(poll),  CALL(memfd_create),
};

void trace_points_add_child(struct trace_points *t, const struct trace_children *c, unsigned n) {
        trace_points_add(t, "*", n, "");
        for (size_t k = 0; k < ARRAY_SIZE(calls); k++)
                for (size_t e = 0; trace_children_call(c, n) == calls[k].number && e < ARRAY_SIZE(errors); e++)
                        if (strstr(errors[e].calls, calls[k].name))
                                trace_points_add(t, "*", n, errors[e].error);
}

const char *const *trace_command(const char *output, const struct trace_point *p, pid_t attach_to) {
        static const char *argv[16];
        static char trace[64], inject[96], pid[16];
        size_t n = 0;

        argv[n++] = "strace";
        argv[n++] = "-q";
        argv[n++] = "-o";
        argv[n++] = output;
        if (p) {
                (void)snprintf(trace, sizeof(trace), "trace=%s", p->call);
                (void)snprintf(inject, sizeof(inject), "inject=%s:%s=%s:when=%u", p->call, p->error[0] ? "error" : "signal",
                               p->error[0] ? p->error : "KILL", p->ordinal);
                argv[n++] = "-e";
                argv[n++] = trace;
                argv[n++] = "-e";
                argv[n++] = inject;
        }
        if (attach_to > 0) {
                (void)snprintf(pid, sizeof(pid), "%d", (int)attach_to);
                argv[n++] = "-p";
                argv[n++] = pid;
        } else
                argv[n++] = "-D"; /* it, not strace, is our child */
        argv[n] = NULL;
        return argv;
}

bool trace_wait_attached(pid_t pid) {
        const uint64_t end = rig_now_usec() + 5000000;
        char path[64], line[128];

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        for (; rig_now_usec() < end; rig_sleep_usec(500)) {
                _cleanup_file_ FILE *f = fopen(path, "re");
                int tracer = 0;

                if (!f)
                        return false;
                while (fgets(line, sizeof(line), f))
                        if (sscanf(line, "TracerPid: %d", &tracer) == 1 && tracer > 0)
                                return true;
        }
        return false;
}

static bool has_line(const char *path, const char *word, const char *other) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (f && getline(&line, &size, f) > 0)
                if (strstr(line, word) && strstr(line, other))
                        return true;
        return false;
}

bool trace_injected(const char *output) {
        return has_line(output, "(INJECTED)", "") || has_line(output, "killed by SIGKILL", "");
}

bool trace_is_impossible(const char *output) {
        return has_line(output, "(INJECTED)", "EPOLL_CTL_DEL");
}

/* --- children --- */

enum { CHILD_CALLS_MAX = 1024 };

struct trace_children {
        pid_t tracer, parent, failing; /* in the call that is to fail */
        unsigned wanted;
        int error; /* 0: SIGKILL */
        volatile unsigned count;
        volatile bool attached, hit;
        long calls[CHILD_CALLS_MAX];
};

long trace_children_call(const struct trace_children *t, unsigned n) {
        return n > 0 && n <= CHILD_CALLS_MAX ? t->calls[n - 1] : -1;
}

/* A call is skipped by giving it a number that none has, and answered at its end. */
static void make_fail(struct trace_children *t, pid_t pid, bool entry) {
        struct user_regs_struct regs;

        if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
                return;
        if (entry)
                regs.orig_rax = (unsigned long long)-1;
        else
                regs.rax = (unsigned long long)-t->error;
        t->failing = entry ? pid : 0;
        (void)ptrace(PTRACE_SETREGS, pid, 0, &regs);
}

static void on_call(struct trace_children *t, pid_t pid) {
        struct __ptrace_syscall_info info;

        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
                return;
        if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->failing == pid) {
                make_fail(t, pid, false);
                return;
        }
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
                return;
        if (t->count < CHILD_CALLS_MAX)
                t->calls[t->count] = (long)info.entry.nr;
        if (++t->count != t->wanted)
                return;
        t->hit = true;
        if (t->error)
                make_fail(t, pid, true);
        else
                (void)kill(pid, SIGKILL);
}

static void on_stop(struct trace_children *t, pid_t pid, int status) {
        const int event = status >> 16, signal = WSTOPSIG(status);
        int pass = 0;

        if (pid == t->parent) { /* only its forks are of interest */
                (void)ptrace(event == PTRACE_EVENT_STOP && signal != SIGTRAP ? PTRACE_LISTEN : PTRACE_CONT, pid, 0,
                             event == 0 && signal != (SIGTRAP | 0x80) ? signal : 0);
                return;
        }
        if (event == PTRACE_EVENT_EXEC) {
                (void)ptrace(PTRACE_DETACH, pid, 0, 0);
                return;
        }
        if (signal == (SIGTRAP | 0x80))
                on_call(t, pid);
        else if (event == 0)
                pass = signal;
        (void)ptrace(PTRACE_SYSCALL, pid, 0, pass);
}

static _Noreturn void trace(struct trace_children *t) {
        const long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
        int status;
        pid_t pid;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (ptrace(PTRACE_SEIZE, t->parent, 0, options) < 0)
                _exit(1);
        t->attached = true;
        while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
                if (pid > 0 && WIFSTOPPED(status))
                        on_stop(t, pid, status);
        _exit(0);
}

static int error_of(const char *name) {
        static const struct {
                const char *name;
                int code;
        } codes[] = { { "EMFILE", EMFILE }, { "ENOMEM", ENOMEM }, { "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EINTR", EINTR }, { "EAGAIN", EAGAIN } };

        for (size_t n = 0; n < ARRAY_SIZE(codes); n++)
                if (strcmp(codes[n].name, name) == 0)
                        return codes[n].code;
        return 0;
}

struct trace_children *trace_children_start(pid_t parent, const struct trace_point *p) {
        struct trace_children *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (t == MAP_FAILED)
                return NULL;
        t->parent = parent;
        t->wanted = p ? p->ordinal : 0;
        t->error = p ? error_of(p->error) : 0;
        pid_t pid = fork(); /* not into *t at once: that is the child's too */
        if (pid == 0)
                trace(t);
        t->tracer = pid;
        while (!t->attached && !rig_has_ended(t->tracer))
                rig_sleep_usec(300);
        return t;
}

unsigned trace_children_end(struct trace_children *t, bool *ret_hit) {
        *ret_hit = t->hit;
        (void)kill(t->tracer, SIGKILL); /* what it traced goes on by itself */
        (void)waitpid(t->tracer, NULL, 0);
        return t->count;
}

void trace_children_free(struct trace_children *t) {
        (void)munmap(t, sizeof(*t));
}
