#include "audit.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>
#include <ctrsup/kernel/mountinfo.h>

#include <assert.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>

void audit_done(struct audit *a) {
        free(a->items);
        *a = AUDIT_NULL;
}

/* A new finding with id and severity, for the rest to be filled in; NULL: it is there already, or memory is out. */
static struct audit_finding *add(struct audit *a, enum audit_severity severity, const char *opens, const char *id_format, ...)
        _printf_(4, 5);

static struct audit_finding *add(struct audit *a, enum audit_severity severity, const char *opens, const char *id_format, ...) {
        struct audit_finding f = { .severity = severity };
        va_list args;

        va_start(args, id_format);
        (void)vsnprintf(f.id, sizeof(f.id), id_format, args);
        va_end(args);
        for (size_t n = 0; n < a->n; n++)
                if (strcmp(a->items[n].id, f.id) == 0)
                        return NULL;
        if (a->n == a->size) {
                size_t size = a->size ? a->size * 2 : 16;
                struct audit_finding *items = reallocarray(a->items, size, sizeof(*items));

                if (!items) {
                        a->failed = true;
                        return NULL;
                }
                a->items = items;
                a->size = size;
        }
        (void)snprintf(f.opens, sizeof(f.opens), "%s", opens);
        a->items[a->n] = f;
        return &a->items[a->n++];
}

static void key(struct audit_finding *f, const struct spec_container *c, const char *format, ...) _printf_(3, 4);
static void key(struct audit_finding *f, const struct spec_container *c, const char *format, ...) {
        char rest[96];
        va_list args;

        if (!c)
                return;
        va_start(args, format);
        (void)vsnprintf(rest, sizeof(rest), format, args);
        va_end(args);
        (void)snprintf(f->path, sizeof(f->path), "containers.%s.%s", c->name, rest);
}

#define what(f, ...) ((void)snprintf((f)->what, sizeof((f)->what), __VA_ARGS__))

struct spec *audit_default(void) {
        static const char text[] = "name: a\ncontainers: {a: {rootfs: {layers: [{dir: /}]}, command: [a]}}\n";
        struct diag_list diags;
        struct stack stack = STACK_NULL;

        if (diag_list_init(&diags, "default") < 0)
                return NULL;
        (void)stack_load(text, sizeof(text) - 1, &(struct stack_source){ .file = "default", .base_dir = "/" }, &diags, &stack);
        diag_list_done(&diags);
        struct spec *spec = take_ptr(stack.spec);
        stack_done(&stack);
        return spec;
}

/* --- capabilities --- */

static const struct {
        enum audit_severity severity; /* in a user namespace of its own it is one less */
        const char *opens;
} capabilities[] = {
        [CAP_CHOWN] = { AUDIT_MEDIUM, "gives its files to anybody" },
        [CAP_DAC_OVERRIDE] = { AUDIT_MEDIUM, "reads and writes all of its files" },
        [CAP_DAC_READ_SEARCH] = { AUDIT_CRITICAL, "opens any file of a file system by its number, also beyond what is mounted" },
        [CAP_FOWNER] = { AUDIT_MEDIUM, "changes modes of any of its files" },
        [CAP_FSETID] = { AUDIT_MEDIUM, "keeps set-user-ID bits when files change" },
        [CAP_KILL] = { AUDIT_MEDIUM, "signals any process it sees" },
        [CAP_SETGID] = { AUDIT_MEDIUM, "becomes any group" },
        [CAP_SETUID] = { AUDIT_MEDIUM, "becomes any user" },
        [CAP_SETPCAP] = { AUDIT_MEDIUM, "passes its capabilities on" },
        [CAP_LINUX_IMMUTABLE] = { AUDIT_MEDIUM, "makes files unchangeable" },
        [CAP_NET_BIND_SERVICE] = { AUDIT_MEDIUM, "listens on privileged ports" },
        [CAP_NET_BROADCAST] = { AUDIT_MEDIUM, "broadcasts on its networks" },
        [CAP_NET_ADMIN] = { AUDIT_HIGH,
                            "changes interfaces, routes and firewall of its network namespace, and reaches much kernel code" },
        [CAP_NET_RAW] = { AUDIT_MEDIUM, "forges and reads packets on its networks" },
        [CAP_IPC_LOCK] = { AUDIT_MEDIUM, "locks memory beyond its limit" },
        [CAP_IPC_OWNER] = { AUDIT_MEDIUM, "uses any IPC object it sees" },
        [CAP_SYS_MODULE] = { AUDIT_CRITICAL, "loads kernel modules: the host's kernel is its own" },
        [CAP_SYS_RAWIO] = { AUDIT_CRITICAL, "reads and writes ports and memory of the machine" },
        [CAP_SYS_CHROOT] = { AUDIT_MEDIUM, "changes its root directory" },
        [CAP_SYS_PTRACE] = { AUDIT_HIGH, "reads and changes every process it sees" },
        [CAP_SYS_PACCT] = { AUDIT_MEDIUM, "switches process accounting" },
        [CAP_SYS_ADMIN] = { AUDIT_CRITICAL,
                            "mounts file systems, enters namespaces, and much more: as good as root on the host" },
        [CAP_SYS_BOOT] = { AUDIT_HIGH, "reboots the host, loads another kernel" },
        [CAP_SYS_NICE] = { AUDIT_MEDIUM, "raises priorities, takes CPU from others" },
        [CAP_SYS_RESOURCE] = { AUDIT_MEDIUM, "goes beyond quotas and resource limits" },
        [CAP_SYS_TIME] = { AUDIT_HIGH, "sets the host's clock" },
        [CAP_SYS_TTY_CONFIG] = { AUDIT_MEDIUM, "changes terminals" },
        [CAP_MKNOD] = { AUDIT_MEDIUM, "makes device files" },
        [CAP_LEASE] = { AUDIT_MEDIUM, "takes leases on files" },
        [CAP_AUDIT_WRITE] = { AUDIT_MEDIUM, "writes to the kernel's audit log" },
        [CAP_AUDIT_CONTROL] = { AUDIT_HIGH, "switches the kernel's audit" },
        [CAP_SETFCAP] = { AUDIT_MEDIUM, "gives capabilities to files" },
        [CAP_MAC_OVERRIDE] = { AUDIT_HIGH, "is not held by mandatory access control" },
        [CAP_MAC_ADMIN] = { AUDIT_HIGH, "changes mandatory access control" },
        [CAP_SYSLOG] = { AUDIT_MEDIUM, "reads the kernel's log and addresses" },
        [CAP_WAKE_ALARM] = { AUDIT_MEDIUM, "wakes the machine up" },
        [CAP_BLOCK_SUSPEND] = { AUDIT_MEDIUM, "keeps the machine awake" },
        [CAP_AUDIT_READ] = { AUDIT_MEDIUM, "reads the kernel's audit log" },
        [CAP_PERFMON] = { AUDIT_HIGH, "watches the kernel and other processes" },
        [CAP_BPF] = { AUDIT_HIGH, "loads BPF programs into the kernel" },
        [CAP_CHECKPOINT_RESTORE] = { AUDIT_MEDIUM, "sets pids, reads other processes' files" },
};
static_assert(ARRAY_SIZE(capabilities) == CAP_LAST_CAP + 1, "every capability has its words");

/* The key that adds it: of cap_add its entry, else that of ALL. */
static void capability_key(struct audit_finding *f, const struct spec_container *c, int cap) {
        for (size_t n = 0; c && n < c->cap_add.n; n++)
                if (strcmp(c->cap_add.items[n], "ALL") == 0 || strcmp(c->cap_add.items[n], spec_cap_name(cap)) == 0)
                        key(f, c, "cap_add[%zu]", n);
}

static void capabilities_of(struct audit *a, uint64_t set, bool host_user, const struct spec_container *c,
                            const struct spec_container *normal) {
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
                enum audit_severity s = capabilities[cap].severity;

                if (!(set & ~normal->capabilities & UINT64_C(1) << cap))
                        continue;
                struct audit_finding *f =
                        add(a, host_user || s == AUDIT_MEDIUM ? s : s + 1, capabilities[cap].opens, "cap:%s", spec_cap_name(cap));
                if (!f)
                        continue;
                what(f, "capability %s%s", spec_cap_name(cap), host_user ? "" : " (over its own user namespace)");
                capability_key(f, c, cap);
        }
}

/* --- namespaces --- */

static const struct {
        enum audit_severity severity;
        const char *opens;
} host_namespaces[] = {
        [NS_PID] = { AUDIT_HIGH, "sees the host's processes, with their command lines" },
        [NS_IPC] = { AUDIT_MEDIUM, "uses the host's shared memory and message queues" },
        [NS_UTS] = { AUDIT_NOTE, "sees the host's name" },
        [NS_NET] = { AUDIT_HIGH,
                     "uses the host's interfaces, ports (those below 1024 too), and services on localhost and abstract sockets" },
        [NS_CGROUP] = { AUDIT_MEDIUM, "sees the host's cgroups" },
        [NS_USER] = { AUDIT_CRITICAL, "its root is root of the host wherever another wall has a hole" },
        [NS_MOUNT] = { AUDIT_CRITICAL, "sees and changes the host's mounts" },
        [NS_TIME] = { AUDIT_NOTE, "has the host's clocks" },
};
static_assert(ARRAY_SIZE(host_namespaces) == _NS_MAX, "every namespace has its words");

static void host_namespace(struct audit *a, enum spec_ns ns, const struct spec_container *c) {
        struct audit_finding *f = add(a, host_namespaces[ns].severity, host_namespaces[ns].opens, "ns:%s", spec_ns_name(ns));

        if (!f)
                return;
        what(f, "the host's %s namespace", spec_ns_name(ns));
        key(f, c, "namespaces.%s", spec_ns_name(ns));
}

static void declared_namespaces(struct audit *a, const struct spec *spec, const struct spec_container *c,
                                const struct spec_container *normal) {
        for (enum spec_ns ns = 0; ns < _NS_MAX; ns++) {
                if (normal->namespaces[ns].mode == NS_HOST)
                        continue;
                if (!spec_ns_owner(spec, c, ns)) {
                        host_namespace(a, ns, c);
                } else if (c->namespaces[ns].mode == NS_CONTAINER) {
                        struct audit_finding *f =
                                add(a, AUDIT_NOTE, "what one of them can do there, the other can", "joins:%s", spec_ns_name(ns));

                        if (!f)
                                continue;
                        what(f, "the %s namespace of %s", spec_ns_name(ns), c->namespaces[ns].container);
                        key(f, c, "namespaces.%s", spec_ns_name(ns));
                }
        }
}

/* --- ids --- */

static void root_of_host(struct audit *a, const struct spec_container *c, size_t map) {
        struct audit_finding *f = add(a, AUDIT_CRITICAL, "its root is root of the host wherever another wall has a hole", "root");

        if (!f)
                return;
        what(f, "id 0 of the host is mapped in");
        key(f, c, "uids[%zu]", map);
}

/* --- what is mounted of the host --- */

enum place { PLACE_EXACT = 1, PLACE_ABOVE = 2, PLACE_BELOW = 4 };

static const struct {
        const char *path;
        unsigned places; /* the bind is it, is above it, is below it */
        enum audit_severity severity;
        bool even_read_only; /* as bad; else one less */
        const char *opens;
} places[] = {
        { "/run/ctrsup", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, true,
          "commands this supervisor: root of the host" },
        { "/run/docker.sock", PLACE_EXACT | PLACE_ABOVE, AUDIT_CRITICAL, true, "commands Docker: root of the host" },
        { "/var/run/docker.sock", PLACE_EXACT | PLACE_ABOVE, AUDIT_CRITICAL, true, "commands Docker: root of the host" },
        { "/run/containerd", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, true,
          "commands containerd: root of the host" },
        { "/run/podman", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, true, "commands Podman: root of the host" },
        { "/run/crio", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, true, "commands CRI-O: root of the host" },
        { "/run/systemd", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, true, "talks to systemd's sockets" },
        { "/run/dbus", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_HIGH, true, "talks to services on the host's bus" },
        { "/var/lib/ctrsup", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "the state of every container" },
        { "/etc", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "the host's settings, users and passwords" },
        { "/root", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "root's files and keys" },
        { "/boot", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "what the host boots" },
        { "/usr", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "the host's programs" },
        { "/bin", PLACE_EXACT | PLACE_BELOW, AUDIT_CRITICAL, false, "the host's programs" },
        { "/sbin", PLACE_EXACT | PLACE_BELOW, AUDIT_CRITICAL, false, "the host's programs" },
        { "/lib", PLACE_EXACT | PLACE_BELOW, AUDIT_CRITICAL, false, "the host's libraries" },
        { "/lib64", PLACE_EXACT | PLACE_BELOW, AUDIT_CRITICAL, false, "the host's libraries" },
        { "/dev", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_HIGH, true, "the host's devices" },
        { "/proc", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "the kernel's settings and every process" },
        { "/sys", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_CRITICAL, false, "the kernel's settings and cgroups" },
        { "/run", PLACE_EXACT | PLACE_BELOW, AUDIT_HIGH, false, "sockets and state of the host's services" },
        { "/var/run", PLACE_EXACT | PLACE_BELOW, AUDIT_HIGH, false, "sockets and state of the host's services" },
        { "/var/log", PLACE_EXACT | PLACE_BELOW, AUDIT_MEDIUM, false, "the host's logs" },
        { "/home", PLACE_EXACT | PLACE_ABOVE | PLACE_BELOW, AUDIT_HIGH, false, "users' files and keys" },
        { "/var", PLACE_EXACT, AUDIT_HIGH, false, "the data of the host's services" },
};

static bool is_below(const char *path, const char *above) {
        size_t n = strcmp(above, "/") == 0 ? 0 : strlen(above);

        return strncmp(path, above, n) == 0 && path[n] == '/' && path[n + 1];
}

static bool is_there(const char *source, size_t n) {
        return (places[n].places & PLACE_EXACT && strcmp(source, places[n].path) == 0) ||
               (places[n].places & PLACE_ABOVE && is_below(places[n].path, source)) ||
               (places[n].places & PLACE_BELOW && is_below(source, places[n].path));
}

/* The worst place that it is of. */
static void classify(const char *source, bool read_only, enum audit_severity *ret, const char **ret_opens) {
        *ret = read_only ? AUDIT_NOTE : AUDIT_MEDIUM;
        *ret_opens = read_only ? "reads the host's files there" : "changes the host's files there";
        if (strcmp(source, "/") == 0) {
                *ret = AUDIT_CRITICAL;
                *ret_opens = read_only ? "all of the host's files, and the sockets of its services" : "all of the host's files";
                return;
        }
        for (size_t n = 0; n < ARRAY_SIZE(places); n++) {
                enum audit_severity s = places[n].severity + (read_only && !places[n].even_read_only);

                if (is_there(source, n) && s < *ret) {
                        *ret = s;
                        *ret_opens = places[n].opens;
                }
        }
}

static void declared_binds(struct audit *a, const struct spec_container *c) {
        for (size_t n = 0; n < c->n_volumes; n++) {
                const struct spec_volume *v = &c->volumes[n];
                struct audit_finding *f;
                enum audit_severity severity;
                const char *opens;

                if (v->type == VOLUME_BIND) {
                        classify(v->source, v->read_only, &severity, &opens);
                        f = add(a, severity, opens, "bind:%s", v->target);
                        if (f) {
                                what(f, "%s of the host, %s, at %s", v->source, v->read_only ? "read-only" : "writable",
                                     v->target);
                                key(f, c, "volumes[%zu]", n);
                        }
                }
                if (v->propagation == PROPAGATION_RSHARED &&
                    (f = add(a, AUDIT_HIGH, "what it mounts there is mounted on the host", "shared:%s", v->target))) {
                        what(f, "propagation rshared at %s", v->target);
                        key(f, c, "volumes[%zu].bind.propagation", n);
                }
                if (v->type != VOLUME_TMPFS && !v->nodev &&
                    (f = add(a, AUDIT_NOTE, "device files there have an effect, of devices that it may open", "dev:%s", v->target))) {
                        what(f, "nodev is off at %s", v->target);
                        key(f, c, "volumes[%zu].nodev", n);
                }
                if (!v->nosuid && (f = add(a, AUDIT_NOTE, "set-user-ID programs there have an effect", "suid:%s", v->target))) {
                        what(f, "nosuid is off at %s", v->target);
                        key(f, c, "volumes[%zu].nosuid", n);
                }
        }
}

/* --- process and limits --- */

static void privileges(struct audit *a, const struct spec_container *c) {
        struct audit_finding *f = add(a, AUDIT_MEDIUM, "set-user-ID programs and file capabilities give rights", "nnp");

        if (f) {
                what(f, "no_new_privileges is off");
                key(f, c, "no_new_privileges");
        }
}

static void unfiltered(struct audit *a, const struct spec_container *c) {
        struct audit_finding *f = add(a, AUDIT_HIGH, "may try every system call of the kernel", "seccomp");

        if (f) {
                what(f, "no system call filter");
                key(f, c, "seccomp");
        }
}

static void oom_score(struct audit *a, int64_t score, const struct spec_container *c) {
        struct audit_finding *f =
                score < 0 ? add(a, AUDIT_MEDIUM, "the kernel kills others first when memory is out", "oom") : NULL;

        if (f) {
                what(f, "oom_score_adj %jd", (intmax_t)score);
                key(f, c, "oom_score_adj");
        }
}

static void limits(struct audit *a, uint64_t memory, uint64_t pids, const struct spec_container *c,
                   const struct spec_container *normal) {
        struct audit_finding *f;

        if (memory == SIZE_INFINITY && (f = add(a, AUDIT_NOTE, "may take all memory of the host", "memory"))) {
                what(f, "no memory limit");
                key(f, c, "limits.memory");
        }
        if (pids > normal->limits.pids && (f = add(a, pids == SIZE_INFINITY ? AUDIT_MEDIUM : AUDIT_NOTE,
                                                   "a fork bomb takes so many processes from the host", "pids"))) {
                if (pids == SIZE_INFINITY)
                        what(f, "no pids limit");
                else
                        what(f, "%ju pids", (uintmax_t)pids);
                key(f, c, "limits.pids");
        }
}

static void declared_ulimits(struct audit *a, const struct spec_container *c) {
        static const int of_interest[] = { RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_RTPRIO };

        for (size_t n = 0; n < c->n_ulimits; n++)
                for (size_t k = 0; k < ARRAY_SIZE(of_interest); k++) {
                        const struct spec_ulimit *u = &c->ulimits[n];
                        struct audit_finding *f;

                        if (u->resource != of_interest[k] || u->hard == 0 ||
                            (u->resource == RLIMIT_MEMLOCK && u->hard != SIZE_INFINITY) ||
                            !(f = add(a, AUDIT_NOTE,
                                      u->resource == RLIMIT_CORE      ? "its memory goes to where the host puts core dumps"
                                      : u->resource == RLIMIT_MEMLOCK ? "locks all memory of the host"
                                                                      : "takes CPUs from everybody else",
                                      "ulimit:%s", u->name)))
                                continue;
                        what(f, "ulimit %s", u->name);
                        key(f, c, "ulimits.%s", u->name);
                }
}

/* What the default profile has of its own, and the stack file puts something else in place of. */
static void declared_instead(struct audit *a, const struct spec_container *c) {
        struct audit_finding *f;

        for (size_t n = 0; n < c->n_devices; n++)
                if ((f = add(a, AUDIT_HIGH, "uses the host's device, and its driver's part of the kernel", "device:%s", c->devices[n].target))) {
                        what(f, "device %s", c->devices[n].source);
                        key(f, c, "devices[%zu]", n);
                }
        if (c->masked_paths.given && (f = add(a, AUDIT_MEDIUM, "may see what is hidden of the kernel otherwise", "masked"))) {
                what(f, "masked paths of its own");
                key(f, c, "masked_paths");
        }
        if (c->readonly_paths.given && (f = add(a, AUDIT_HIGH, "may change settings of the kernel that are read-only otherwise", "readonly"))) {
                what(f, "read-only paths of its own");
                key(f, c, "readonly_paths");
        }
        if (c->seccomp.mode == SECCOMP_FILE && (f = add(a, AUDIT_MEDIUM, "has the system calls that this profile lets through", "profile"))) {
                what(f, "a seccomp profile of its own");
                key(f, c, "seccomp");
        }
}

void audit_declared(struct audit *a, const struct spec *spec, const struct spec_container *c,
                    const struct spec_container *normal) {
        declared_namespaces(a, spec, c, normal);
        for (size_t n = 0; n < c->n_uids; n++)
                if (c->uids[n].host == 0)
                        root_of_host(a, c, n);
        capabilities_of(a, c->capabilities, !spec_ns_owner(spec, c, NS_USER), c, normal);
        declared_binds(a, c);
        if (!c->no_new_privileges)
                privileges(a, c);
        if (c->seccomp.mode == SECCOMP_UNCONFINED)
                unfiltered(a, c);
        declared_instead(a, c);
        oom_score(a, c->oom_score_adj, c);
        limits(a, c->limits.memory, c->limits.pids, c, normal);
        declared_ulimits(a, c);
}

/* --- the kernel's side --- */

/* What only the declaration knows holds as long as its mount is there. */
static bool still_holds(const struct audit_finding *f, const struct audit_truth *t) {
        static const char *const of_mounts[] = { "bind:", "shared:", "dev:", "suid:" };
        static const char *const unseen[] = { "joins:", "ulimit:", "device:", "masked", "readonly", "profile" };
        struct mountinfo_line line;

        for (size_t n = 0; n < ARRAY_SIZE(of_mounts); n++)
                if (strncmp(f->id, of_mounts[n], strlen(of_mounts[n])) == 0)
                        return !t->mountinfo || mountinfo_find(t->mountinfo, f->id + strlen(of_mounts[n]), &line);
        for (size_t n = 0; n < ARRAY_SIZE(unseen); n++)
                if (strncmp(f->id, unseen[n], strlen(unseen[n])) == 0)
                        return true;
        return false;
}

static const struct audit_finding *find(const struct audit *a, const char *id) {
        for (size_t n = 0; n < a->n; n++)
                if (strcmp(a->items[n].id, id) == 0)
                        return &a->items[n];
        return NULL;
}

void audit_true(struct audit *a, const struct audit_truth *t, const struct spec *spec, const struct spec_container *c,
                const struct spec_container *normal) {
        _cleanup_audit_ struct audit declared = AUDIT_NULL;
        size_t first = a->n;

        if (c)
                audit_declared(&declared, spec, c, normal);
        for (enum spec_ns ns = 0; ns < _NS_MAX; ns++)
                if (t->of_host[ns] && normal->namespaces[ns].mode != NS_HOST)
                        host_namespace(a, ns, NULL);
        if (!t->of_host[NS_USER] && t->root_outside == 0)
                root_of_host(a, NULL, 0);
        capabilities_of(a, t->capabilities, t->of_host[NS_USER], NULL, normal);
        if (!t->no_new_privs)
                privileges(a, NULL);
        if (!t->filtered)
                unfiltered(a, NULL);
        oom_score(a, t->oom_score_adj, NULL);
        limits(a, t->memory_max, t->pids_max, NULL, normal);
        for (size_t n = first; n < a->n; n++) {
                const struct audit_finding *f = find(&declared, a->items[n].id);

                if (f)
                        a->items[n] = *f;
        }
        for (size_t n = 0; n < declared.n; n++) {
                struct audit_finding *f;

                if (still_holds(&declared.items[n], t) && (f = add(a, AUDIT_NOTE, "", "%s", declared.items[n].id)))
                        *f = declared.items[n];
        }
        a->failed = a->failed || declared.failed;
}

bool audit_read_status(const char *text, struct audit_truth *t) {
        const char *bound = strstr(text, "\nCapBnd:"), *privs = strstr(text, "\nNoNewPrivs:"),
                   *seccomp = strstr(text, "\nSeccomp:");

        if (!bound || !privs)
                return false;
        t->capabilities = strtoull(bound + strlen("\nCapBnd:"), NULL, 16);
        t->no_new_privs = strtol(privs + strlen("\nNoNewPrivs:"), NULL, 10) == 1;
        t->filtered = seccomp && strtol(seccomp + strlen("\nSeccomp:"), NULL, 10) == 2;
        return true;
}

bool audit_read_uid_map(const char *text, struct audit_truth *t) {
        unsigned long long inside, outside, n;
        int used;
        bool any = false;

        t->root_outside = UINT64_MAX;
        for (; sscanf(text, "%llu %llu %llu%n", &inside, &outside, &n, &used) == 3; text += used) {
                any = true;
                if (inside == 0 && n > 0)
                        t->root_outside = outside;
        }
        return any;
}

/* --- telling --- */

static const char *const severities[] = {
        [AUDIT_CRITICAL] = "critical",
        [AUDIT_HIGH] = "high",
        [AUDIT_MEDIUM] = "medium",
        [AUDIT_NOTE] = "note",
};
static_assert(ARRAY_SIZE(severities) == _AUDIT_MAX, "every severity has a name");

const char *audit_severity_name(enum audit_severity s) {
        return severities[s];
}

static int worse(const void *a, const void *b) {
        const struct audit_finding *x = a, *y = b;

        if (x->severity != y->severity)
                return x->severity < y->severity ? -1 : 1;
        return strcmp(x->path, y->path) ? strcmp(x->path, y->path) : strcmp(x->id, y->id);
}

void audit_sort(struct audit *a) {
        if (a->n > 0)
                qsort(a->items, a->n, sizeof(*a->items), worse);
}

size_t audit_deviations(const struct audit *a) {
        size_t count = 0;

        for (size_t n = 0; n < a->n; n++)
                count += a->items[n].severity != AUDIT_NOTE;
        return count;
}

void audit_put(const struct audit *a, const char *target, const struct spec *spec, struct buf *out) {
        for (size_t n = 0; n < a->n; n++) {
                const struct audit_finding *f = &a->items[n];
                struct mark m = spec && f->path[0] ? spec_mark(spec, f->path) : MARK_NULL;

                if (m.line > 0)
                        buf_printf(out, "%s:%u:%u: ", spec->file, m.line, m.column);
                else
                        buf_printf(out, "%s: ", target);
                buf_printf(out, "%s: %s%s%s: %s\n", severities[f->severity], f->path, f->path[0] ? ": " : "", f->what, f->opens);
        }
}

json_t *audit_json(const struct audit *a, const struct spec *spec) {
        json_t *all = json_array();

        for (size_t n = 0; n < a->n; n++) {
                const struct audit_finding *f = &a->items[n];
                struct mark m = spec && f->path[0] ? spec_mark(spec, f->path) : MARK_NULL;
                bool placed = m.line > 0;

                (void)json_array_append_new(
                        all, json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:s, s:s}", "severity", severities[f->severity], "id",
                                       f->id, "path", f->path[0] ? f->path : NULL, "file", placed ? spec->file : NULL, "line",
                                       placed ? json_integer(m.line) : json_null(), "column",
                                       placed ? json_integer(m.column) : json_null(), "what", f->what, "opens", f->opens));
        }
        return all;
}
