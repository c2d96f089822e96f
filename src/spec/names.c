/* Words for the values of a spec, and the kernel's names for capabilities, signals and resource limits. */
#include "tables.h"

#include <ctrsup/base/enumtab.h>
#include <ctrsup/base/num.h>

#include <assert.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

const char *const spec_type_words[_TYPE_MAX] = { [TYPE_SERVICE] = "service", [TYPE_JOB] = "job" };
const char *const spec_restart_words[_RESTART_MAX] = {
        [RESTART_NO] = "no", [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always"
};
const char *const spec_update_order_words[_UPDATE_ORDER_MAX] = { [ORDER_STOP_FIRST] = "stop-first", [ORDER_START_FIRST] = "start-first" };
const char *const spec_update_failure_words[_UPDATE_FAILURE_MAX] = {
        [UPDATE_ROLLBACK] = "rollback", [UPDATE_PAUSE] = "pause", [UPDATE_CONTINUE] = "continue"
};
const char *const spec_rerun_words[_RERUN_MAX] = {
        [RERUN_ON_CHANGE] = "on-change", [RERUN_ON_APPLY] = "on-apply", [RERUN_ON_BOOT] = "on-boot"
};
const char *const spec_overlap_words[_OVERLAP_MAX] = {
        [OVERLAP_SKIP] = "skip",
        [OVERLAP_QUEUE] = "queue",
        [OVERLAP_REPLACE] = "replace",
};
/* CONDITION_AUTO is what no key says. */
const char *const spec_condition_words[_CONDITION_MAX] = {
        [CONDITION_STARTED] = "started", [CONDITION_HEALTHY] = "healthy", [CONDITION_COMPLETED] = "completed"
};
const char *const spec_rootfs_mode_words[_ROOTFS_MODE_MAX] = { [ROOTFS_EPHEMERAL] = "ephemeral",
                                                               [ROOTFS_READ_ONLY] = "read-only",
                                                               [ROOTFS_TMPFS] = "tmpfs",
                                                               [ROOTFS_PERSISTENT] = "persistent" };
const char *const spec_volume_type_words[_VOLUME_TYPE_MAX] = {
        [VOLUME_VOLUME] = "volume", [VOLUME_BIND] = "bind", [VOLUME_TMPFS] = "tmpfs"
};
const char *const spec_propagation_words[_PROPAGATION_MAX] = {
        [PROPAGATION_RPRIVATE] = "rprivate", [PROPAGATION_RSLAVE] = "rslave", [PROPAGATION_RSHARED] = "rshared"
};
/* LOG_DRIVER_AUTO is what no key says. */
const char *const spec_log_driver_words[_LOG_DRIVER_MAX] = {
        [LOG_DRIVER_JOURNALD] = "journald", [LOG_DRIVER_FILE] = "file", [LOG_DRIVER_DIRECT] = "direct", [LOG_DRIVER_NONE] = "none"
};
const char *const spec_hook_words[_HOOK_MAX] = { [HOOK_NONE] = "",
                                                 [HOOK_PRE_START] = "pre_start",
                                                 [HOOK_POST_START] = "post_start",
                                                 [HOOK_PRE_STOP] = "pre_stop",
                                                 [HOOK_POST_STOP] = "post_stop" };
const char *const spec_on_failure_words[_ON_FAILURE_MAX] = { [ON_FAILURE_RESTART] = "restart", [ON_FAILURE_NONE] = "none" };
const char *const spec_http_scheme_words[_HTTP_SCHEME_MAX] = { [HTTP_PLAIN] = "http", [HTTP_TLS] = "https" };
/* READINESS_AUTO is what no key says. */
const char *const spec_readiness_words[_READINESS_MAX] = {
        [READINESS_STARTED] = "started", [READINESS_NOTIFY] = "notify", [READINESS_HEALTHCHECK] = "healthcheck"
};
const char *const spec_ns_words[_NS_MODE_MAX] = {
        [NS_PRIVATE] = "private", [NS_HOST] = "host", [NS_CONTAINER] = "container:NAME"
};
const char *const spec_ns_net_words[_NS_MODE_MAX] = {
        [NS_PRIVATE] = "private", [NS_HOST] = "host", [NS_NONE] = "none", [NS_CONTAINER] = "container:NAME"
};
const char *const spec_ns_mount_words[_NS_MODE_MAX] = { [NS_PRIVATE] = "private" };

static const char *const ns_names[] = {
        [NS_PID] = "pid",       [NS_IPC] = "ipc",   [NS_UTS] = "uts",     [NS_NET] = "net",
        [NS_CGROUP] = "cgroup", [NS_USER] = "user", [NS_MOUNT] = "mount", [NS_TIME] = "time",
};
static_assert(ARRAY_SIZE(ns_names) == _NS_MAX, "every namespace has a name");

static const char *const cap_names[] = {
        [CAP_CHOWN] = "CHOWN",
        [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
        [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
        [CAP_FOWNER] = "FOWNER",
        [CAP_FSETID] = "FSETID",
        [CAP_KILL] = "KILL",
        [CAP_SETGID] = "SETGID",
        [CAP_SETUID] = "SETUID",
        [CAP_SETPCAP] = "SETPCAP",
        [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
        [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
        [CAP_NET_BROADCAST] = "NET_BROADCAST",
        [CAP_NET_ADMIN] = "NET_ADMIN",
        [CAP_NET_RAW] = "NET_RAW",
        [CAP_IPC_LOCK] = "IPC_LOCK",
        [CAP_IPC_OWNER] = "IPC_OWNER",
        [CAP_SYS_MODULE] = "SYS_MODULE",
        [CAP_SYS_RAWIO] = "SYS_RAWIO",
        [CAP_SYS_CHROOT] = "SYS_CHROOT",
        [CAP_SYS_PTRACE] = "SYS_PTRACE",
        [CAP_SYS_PACCT] = "SYS_PACCT",
        [CAP_SYS_ADMIN] = "SYS_ADMIN",
        [CAP_SYS_BOOT] = "SYS_BOOT",
        [CAP_SYS_NICE] = "SYS_NICE",
        [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
        [CAP_SYS_TIME] = "SYS_TIME",
        [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
        [CAP_MKNOD] = "MKNOD",
        [CAP_LEASE] = "LEASE",
        [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
        [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
        [CAP_SETFCAP] = "SETFCAP",
        [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
        [CAP_MAC_ADMIN] = "MAC_ADMIN",
        [CAP_SYSLOG] = "SYSLOG",
        [CAP_WAKE_ALARM] = "WAKE_ALARM",
        [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
        [CAP_AUDIT_READ] = "AUDIT_READ",
        [CAP_PERFMON] = "PERFMON",
        [CAP_BPF] = "BPF",
        [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};
static_assert(ARRAY_SIZE(cap_names) == CAP_LAST_CAP + 1, "every capability has a name");

static const char *const signal_names[] = {
        [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",     [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",   [SIGTRAP] = "SIGTRAP",
        [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",     [SIGFPE] = "SIGFPE",   [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1",
        [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",   [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
        [SIGCHLD] = "SIGCHLD", [SIGCONT] = "SIGCONT",   [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP", [SIGTTIN] = "SIGTTIN",
        [SIGTTOU] = "SIGTTOU", [SIGURG] = "SIGURG",     [SIGXCPU] = "SIGXCPU", [SIGXFSZ] = "SIGXFSZ", [SIGVTALRM] = "SIGVTALRM",
        [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH", [SIGIO] = "SIGIO",     [SIGPWR] = "SIGPWR",   [SIGSYS] = "SIGSYS",
};

/* The kernel's real-time signals start at 32; a C library keeps two or three of them, so that SIGRTMIN+n starts at 34. */
enum { FIRST_REAL_TIME = 34, LAST_REAL_TIME = 64 };
static const char *const real_time_names[] = {
        "SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+2",  "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",  "SIGRTMIN+6",  "SIGRTMIN+7",
        "SIGRTMIN+8",  "SIGRTMIN+9",  "SIGRTMIN+10", "SIGRTMIN+11", "SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15",
        "SIGRTMIN+16", "SIGRTMIN+17", "SIGRTMIN+18", "SIGRTMIN+19", "SIGRTMIN+20", "SIGRTMIN+21", "SIGRTMIN+22", "SIGRTMIN+23",
        "SIGRTMIN+24", "SIGRTMIN+25", "SIGRTMIN+26", "SIGRTMIN+27", "SIGRTMIN+28", "SIGRTMIN+29", "SIGRTMIN+30",
};
static_assert(ARRAY_SIZE(real_time_names) == LAST_REAL_TIME - FIRST_REAL_TIME + 1, "every real-time signal has a name");

static const char *const ulimit_names[] = {
        [RLIMIT_CPU] = "cpu",           [RLIMIT_FSIZE] = "fsize", [RLIMIT_DATA] = "data",     [RLIMIT_STACK] = "stack",
        [RLIMIT_CORE] = "core",         [RLIMIT_RSS] = "rss",     [RLIMIT_NPROC] = "nproc",   [RLIMIT_NOFILE] = "nofile",
        [RLIMIT_MEMLOCK] = "memlock",   [RLIMIT_AS] = "as",       [RLIMIT_LOCKS] = "locks",   [RLIMIT_SIGPENDING] = "sigpending",
        [RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",   [RLIMIT_RTPRIO] = "rtprio", [RLIMIT_RTTIME] = "rttime",
};
static_assert(ARRAY_SIZE(ulimit_names) == RLIM_NLIMITS, "every resource has a name");

const char *spec_type_name(enum spec_type t) {
        return enumtab_name(spec_type_words, _TYPE_MAX, (int)t);
}
const char *spec_restart_name(enum spec_restart r) {
        return enumtab_name(spec_restart_words, _RESTART_MAX, (int)r);
}
const char *spec_condition_name(enum spec_condition c) {
        return enumtab_name(spec_condition_words, _CONDITION_MAX, (int)c);
}
const char *spec_rootfs_mode_name(enum spec_rootfs_mode m) {
        return enumtab_name(spec_rootfs_mode_words, _ROOTFS_MODE_MAX, (int)m);
}
const char *spec_volume_type_name(enum spec_volume_type t) {
        return enumtab_name(spec_volume_type_words, _VOLUME_TYPE_MAX, (int)t);
}
const char *spec_hook_name(enum spec_hook_kind h) {
        return enumtab_name(spec_hook_words, _HOOK_MAX, (int)h);
}
int spec_hook_value(const char *name) {
        return enumtab_value(spec_hook_words, _HOOK_MAX, name);
}
const char *spec_ns_name(enum spec_ns ns) {
        return enumtab_name(ns_names, _NS_MAX, (int)ns);
}

const char *spec_log_driver_name(enum spec_log_driver d) {
        return d == LOG_DRIVER_AUTO ? "auto" : enumtab_name(spec_log_driver_words, _LOG_DRIVER_MAX, (int)d);
}

const char *spec_cap_name(int cap) {
        return cap >= 0 && cap <= CAP_LAST_CAP ? cap_names[cap] : NULL;
}

int spec_cap_value(const char *name) {
        return enumtab_value(cap_names, ARRAY_SIZE(cap_names), name);
}

const char *spec_signal_name(int number) {
        if (number >= FIRST_REAL_TIME && number <= LAST_REAL_TIME)
                return real_time_names[number - FIRST_REAL_TIME];
        return number > 0 && (size_t)number < ARRAY_SIZE(signal_names) ? signal_names[number] : NULL;
}

int spec_signal_value(const char *name) {
        int number = enumtab_value(signal_names, ARRAY_SIZE(signal_names), name);

        if (number >= 0)
                return number;
        number = enumtab_value(real_time_names, ARRAY_SIZE(real_time_names), name);
        return number < 0 ? -EINVAL : number + FIRST_REAL_TIME;
}

const char *spec_ulimit_name(int resource) {
        return resource >= 0 && resource < RLIM_NLIMITS ? ulimit_names[resource] : NULL;
}

int spec_ulimit_value(const char *name) {
        return enumtab_value(ulimit_names, ARRAY_SIZE(ulimit_names), name);
}

bool name_is_label(const char *name) {
        static const char inside[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
        size_t len = strlen(name);

        return len > 0 && len <= 63 && strspn(name, inside) == len && name[0] != '-' && name[len - 1] != '-';
}

void name_fix(const char *name, struct buf *out) {
        for (; *name && out->len < 63; name++) {
                char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
                bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

                if (good || (out->len > 0 && out->data[out->len - 1] != '-'))
                        buf_putc(out, good ? c : '-');
        }
        while (out->len > 0 && out->data[out->len - 1] == '-')
                out->data[--out->len] = '\0';
}
