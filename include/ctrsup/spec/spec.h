/* The nouns of a stack file, after it was parsed, merged and checked: what a user declared, with every default filled in.
 *
 * A spec lives in one arena and is immutable; spec_free() frees all of it. Every pointer below is into that arena. Strings
 * are never NULL unless it says so; lists have n_<list>. Sizes are bytes, times microseconds, SIZE_INFINITY / USEC_INFINITY
 * mean no limit. Keys, units and defaults: stack-format, or `ctrsup explain KEY`; spec/fields.h has the one table.
 */
#pragma once

#include <ctrsup/base/arena.h>
#include <ctrsup/base/diag.h>

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct spec_pair {
        const char *key, *value;
};

struct spec_strings {
        const char **items;
        size_t n;
};

struct spec_pairs {
        struct spec_pair *items;
        size_t n;
};

enum spec_type { TYPE_SERVICE, TYPE_JOB, _TYPE_MAX };
enum spec_restart { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS, _RESTART_MAX };
enum spec_rootfs_mode { ROOTFS_EPHEMERAL, ROOTFS_READ_ONLY, ROOTFS_TMPFS, ROOTFS_PERSISTENT, _ROOTFS_MODE_MAX };
enum spec_volume_type { VOLUME_VOLUME, VOLUME_BIND, VOLUME_TMPFS, _VOLUME_TYPE_MAX };
enum spec_propagation { PROPAGATION_RPRIVATE, PROPAGATION_RSLAVE, PROPAGATION_RSHARED, _PROPAGATION_MAX };
enum spec_log_driver { LOG_DRIVER_AUTO, LOG_DRIVER_JOURNALD, LOG_DRIVER_FILE, LOG_DRIVER_DIRECT, LOG_DRIVER_NONE, _LOG_DRIVER_MAX };

/* When a job without schedule that has succeeded runs again. */
enum spec_rerun { RERUN_ON_CHANGE, RERUN_ON_APPLY, RERUN_ON_BOOT, _RERUN_MAX };
enum spec_update_order { ORDER_STOP_FIRST, ORDER_START_FIRST, _UPDATE_ORDER_MAX };
enum spec_update_failure { UPDATE_ROLLBACK, UPDATE_PAUSE, UPDATE_CONTINUE, _UPDATE_FAILURE_MAX };
/* What a dependency has to be before who depends on it may start. */
enum spec_condition { CONDITION_AUTO /* as written; never after the checks */, CONDITION_STARTED, CONDITION_HEALTHY, CONDITION_COMPLETED, _CONDITION_MAX };

/* The eight namespaces, in the order of the keys. */
enum spec_ns { NS_PID, NS_IPC, NS_UTS, NS_NET, NS_CGROUP, NS_USER, NS_MOUNT, NS_TIME, _NS_MAX };
enum spec_ns_mode { NS_PRIVATE, NS_HOST, NS_NONE /* net only: loopback */, NS_CONTAINER, _NS_MODE_MAX };

struct spec_namespace {
        enum spec_ns_mode mode;
        const char *container; /* NS_CONTAINER: whose; else NULL */
};

struct spec_id_map {
        uint32_t container, host, size;
};

struct spec_layer {
        const char *dir; /* absolute host path */
};

struct spec_rootfs {
        struct spec_layer *layers; /* base first */
        size_t n_layers;
        enum spec_rootfs_mode mode;
        uint64_t size; /* of the writable layer, tmpfs mode; SIZE_INFINITY: none said (disk modes) */
};

struct spec_volume {
        enum spec_volume_type type;
        const char *source; /* volume name or absolute host path; NULL for tmpfs */
        const char *target;
        bool read_only, nosuid, nodev, noexec;
        enum spec_propagation propagation;
        bool create_host_path;
        bool idmap;
        const char *subpath; /* NULL: the whole volume */
        bool nocopy;
        uint64_t tmpfs_size;
        mode_t tmpfs_mode;
};

struct spec_io_max {
        const char *device;
        uint64_t read_bps, write_bps, read_iops, write_iops; /* SIZE_INFINITY: max */
};

struct spec_hugetlb {
        uint64_t page_size, limit;
};

enum { CPU_WEIGHT_IDLE = -1 };

struct spec_limits {
        uint64_t memory, memory_high, memory_low, memory_min, memory_swap, memory_zswap;
        uint64_t cpus_milli; /* SIZE_INFINITY: unlimited */
        uint64_t cpu_period_usec;
        int64_t cpu_weight; /* 1..10000, CPU_WEIGHT_IDLE; 0: not said (the kernel's default, 100) */
        const char *cpuset, *cpuset_mems; /* NULL: all */
        uint64_t pids;
        uint64_t io_weight; /* 0: not said */
        struct spec_io_max *io_max;
        size_t n_io_max;
        struct spec_hugetlb *hugetlb;
        size_t n_hugetlb;
        bool oom_group;
};

struct spec_ulimit {
        const char *name;  /* "nofile" */
        int resource;      /* RLIMIT_* */
        uint64_t soft, hard; /* SIZE_INFINITY: infinity */
};

struct spec_restart_policy {
        uint64_t delay_usec, max_delay_usec, window_usec;
        uint64_t max_attempts; /* 0: no limit */
};

enum spec_healthcheck_kind {
        HEALTHCHECK_NONE,
        HEALTHCHECK_EXEC,
        HEALTHCHECK_HTTP,
        HEALTHCHECK_TCP,
        HEALTHCHECK_NOTIFY, /* it says itself that it is alive, at least once within timeout */
        _HEALTHCHECK_KIND_MAX
};
enum spec_on_failure { ON_FAILURE_RESTART, ON_FAILURE_NONE, _ON_FAILURE_MAX };
enum spec_http_scheme { HTTP_PLAIN, HTTP_TLS /* refused: not supported yet */, _HTTP_SCHEME_MAX };
enum spec_readiness_type {
        READINESS_AUTO, /* nothing was said: spec_readiness_of() */
        READINESS_STARTED,
        READINESS_NOTIFY,
        READINESS_HEALTHCHECK,
        _READINESS_MAX
};

struct spec_probe_http {
        uint64_t port;
        const char *path, *host;
        enum spec_http_scheme scheme;
        struct spec_pairs headers; /* fit for a request as they are */
        const char *status; /* "200-399,401": spec_http_accepts() */
};

struct spec_healthcheck {
        enum spec_healthcheck_kind kind;
        struct spec_strings exec;
        struct spec_probe_http http; /* port 0: not this one */
        uint64_t tcp_port;
        bool notify;
        uint64_t interval_usec, timeout_usec, start_period_usec, start_interval_usec;
        uint64_t retries;
        enum spec_on_failure on_failure;
};

struct spec_readiness {
        enum spec_readiness_type type;
        uint64_t timeout_usec; /* USEC_INFINITY: as long as it takes */
};

/* Commands at the turns of a container's life. */
enum spec_hook_kind {
        HOOK_NONE,
        HOOK_PRE_START,         /* a container of its own, before each start */
        HOOK_POST_START,        /* inside */
        HOOK_PRE_STOP,          /* inside */
        HOOK_POST_STOP,         /* a container of its own, after each end */
        _HOOK_MAX,
};

enum { HOOKS_MAX = 100 };

struct spec_hook {
        struct spec_strings command;
        const char *user, *working_dir; /* NULL: the container's */
        struct spec_pairs environment;  /* on top of the container's */
        uint64_t timeout_usec;
};

struct spec_hooks {
        struct spec_hook *items;
        size_t n;
};

/* Which system calls it may make. */
enum spec_seccomp_mode { SECCOMP_DEFAULT, SECCOMP_UNCONFINED, SECCOMP_FILE, _SECCOMP_MODE_MAX };

struct spec_seccomp {
        enum spec_seccomp_mode mode;
        const char *file, *profile; /* of SECCOMP_FILE: its name, and what is in it, checked */
};

/* How it is told to read its configuration again; both 0: there is no way. */
struct spec_reload {
        int signal; /* 0: not this one */
        struct spec_strings exec;
};

struct spec_logging {
        enum spec_log_driver driver;
        const char *tag; /* NULL: <stack>/<container> */
        uint64_t rate_interval_usec, rate_burst;
        uint64_t file_max_size, file_max_files;
};

/* How running instances give way to a new declaration. */
struct spec_update {
        enum spec_update_order order;
        uint64_t parallelism; /* 0: all at once */
        uint64_t delay_usec;  /* between batches */
        uint64_t monitor_usec; /* as long a new instance has to stay ready */
        enum spec_update_failure failure_action;
};

struct spec_dependency {
        const char *container;
        enum spec_condition condition;
        bool restart;  /* started anew with it */
        bool required; /* false: when it cannot be had, who depends on it starts all the same */
};

/* What becomes of a run whose time comes while the one before it goes on. */
enum spec_overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_REPLACE, _OVERLAP_MAX };

struct calendar;
struct spec_calendar {
        const char *text; /* as written */
        const struct calendar *value; /* NULL: none is given */
};

struct spec_schedule {
        struct spec_calendar on_calendar; /* value NULL: the job has no schedule */
        bool persistent;
        uint64_t randomized_delay_usec;
        enum spec_overlap overlap;
};

struct spec_device {
        const char *source, *target; /* both below /dev, of the host and of the container */
        const char *permissions;     /* of "rwm" */
};

/* Paths in the container; those of the system unless it was given. */
struct spec_paths {
        const char **items;
        size_t n;
        bool given;
};

struct spec_container {
        const char *name;
        struct mark mark; /* of its key */
        enum spec_type type;
        struct spec_strings command, entrypoint; /* what runs is entrypoint + command */
        struct spec_pairs environment;           /* as written, env_file merged in; ctrsup's own variables are added at launch */
        const char *working_dir;
        const char *user; /* "uid", "name", "uid:gid", "name:group"; names are the container's */
        struct spec_strings group_add;
        mode_t umask;
        const char *hostname;   /* NULL: the container's name */
        const char *domainname; /* NULL: none */
        bool init;
        struct spec_pairs labels, annotations;
        struct spec_rootfs rootfs;
        struct spec_volume *volumes;
        size_t n_volumes;
        uint64_t shm_size;
        struct spec_namespace namespaces[_NS_MAX];
        int64_t time_monotonic_usec, time_boottime_usec;
        struct spec_id_map *uids, *gids; /* n 0: one block of 65536, allocated */
        size_t n_uids, n_gids;
        struct spec_limits limits;
        int64_t oom_score_adj;
        struct spec_ulimit *ulimits;
        size_t n_ulimits;
        struct spec_pairs sysctls;
        uint64_t capabilities; /* the resulting set, bit n = capability n */
        struct spec_strings cap_add, cap_drop;
        struct spec_seccomp seccomp;
        struct spec_device *devices;
        size_t n_devices;
        struct spec_paths masked_paths, readonly_paths;
        bool no_new_privileges;
        struct spec_dependency *depends_on;
        size_t n_depends_on;
        enum spec_restart restart;
        struct spec_restart_policy restart_policy;
        int stop_signal;
        uint64_t stop_grace_period_usec;
        struct spec_healthcheck healthcheck;
        struct spec_readiness readiness;
        struct spec_reload reload;
        struct spec_hooks hooks[_HOOK_MAX];
        uint64_t replicas; /* 1 of a job */
        struct spec_update update_config; /* of a service */
        enum spec_rerun rerun;     /* of a job */
        uint64_t max_runtime_usec; /* of a job; USEC_INFINITY: no limit */
        struct spec_schedule schedule; /* of a job */
        uint64_t keep_runs;        /* of a job: finished runs that are remembered */
        struct spec_logging logging;
};

struct spec_named_volume {
        const char *key;  /* in this stack */
        const char *name; /* on this host: <stack>_<key> unless said */
        bool external;
        const char *user; /* owner of a new volume, container ids: "uid" or "uid:gid" */
        mode_t mode;
        struct spec_pairs labels;
};

struct spec {
        struct arena *arena;
        const char *file; /* as the user named it; for messages */
        const char *name, *description; /* description: NULL when none is given */
        uint64_t format;
        struct spec_pairs labels;
        struct spec_container *containers;
        size_t n_containers;
        const struct spec_container **by_name; /* the containers sorted, for spec_find(); NULL: it looks at each */
        struct spec_named_volume *volumes;
        size_t n_volumes;
        /* Where each key was written: sorted by path ("containers.web.command"). spec_mark() looks up. */
        struct spec_mark { const char *path; struct mark mark; } *marks;
        size_t n_marks;
};

struct spec *spec_free(struct spec *s); /* returns NULL; takes NULL */
static inline void spec_freep(struct spec **s) { *s = spec_free(*s); }
#define _cleanup_spec_ _cleanup_(spec_freep)

/* The container of that name, or NULL. */
const struct spec_container *spec_find(const struct spec *s, const char *name);
const struct spec_named_volume *spec_find_volume(const struct spec *s, const char *key);
/* Where path was written; else the nearest parent that was; MARK_NULL when not even that. */
struct mark spec_mark(const struct spec *s, const char *path);

/* Words for the values; never NULL. */
const char *spec_type_name(enum spec_type t);
const char *spec_restart_name(enum spec_restart r);
const char *spec_condition_name(enum spec_condition c);
const char *spec_rootfs_mode_name(enum spec_rootfs_mode m);
const char *spec_volume_type_name(enum spec_volume_type t);
const char *spec_log_driver_name(enum spec_log_driver d); /* "auto" when nothing was said */
const char *spec_hook_name(enum spec_hook_kind h);         /* "pre_start": its key; "" for HOOK_NONE */
int spec_hook_value(const char *name);                     /* -EINVAL */
const char *spec_ns_name(enum spec_ns ns);                /* "pid": the key's last part */
/* Names without CAP_; NULL / -EINVAL when there is none. Same for SIGTERM, and nofile (RLIMIT_NOFILE). */
const char *spec_cap_name(int cap);
int spec_cap_value(const char *name);
const char *spec_signal_name(int signal);
int spec_signal_value(const char *name);
const char *spec_ulimit_name(int resource);
int spec_ulimit_value(const char *name);
/* "private", "host", "none", "container:web" into a; NULL when out of memory. */
const char *spec_namespace_text(struct arena *a, const struct spec_namespace *ns);
/* Whose namespace c ends up in, following container:X: c itself when it has its own, NULL when the host's. */
const struct spec_container *spec_ns_owner(const struct spec *s, const struct spec_container *c, enum spec_ns ns);

/* Is it a job that runs when its time comes? */
bool spec_is_scheduled(const struct spec_container *c);
/* When c counts as ready; never READINESS_AUTO. */
enum spec_readiness_type spec_readiness_of(const struct spec_container *c);
/* Would both probe the same, as often, and do the same about a failure? */
bool spec_healthcheck_equal(const struct spec_healthcheck *a, const struct spec_healthcheck *b);
/* Is the code among those of spec_probe_http.status? A text that is no such list accepts none. */
bool spec_http_accepts(const char *status, unsigned code);
/* Does it say when it is ready: more than that its command runs? */
bool spec_has_readiness(const struct spec_container *c);
/* It has something to say: it gets a notify socket. */
bool spec_notifies(const struct spec_container *c);

/* Could it be the name of a stack or container: a-z, 0-9 and - inside, at most 63. */
bool name_is_label(const char *name);
