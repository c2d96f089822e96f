/* The recipe: everything a launch needs, as one flat buffer, every string ready.
 *
 * The supervisor builds it (recipe_new, recipe_add, ... recipe_finish), sends it in a sealed memfd together with the file
 * descriptors it names by index, and the keeper checks all of it (recipe_open) before anything is cloned. After that check
 * the child runs the operations in order and trusts every offset, index and flag. Nothing below allocates in the reader.
 *
 * A recipe is a list of operations. RECIPE_SPAWN divides it: what is before runs in the preparer (host root, still outside
 * the container), what is after runs in the payload process (inside, with the container's privileges only). An operation that
 * fails is reported by its index, for which the supervisor kept words and the place in the stack file (act/recipe_make.h).
 *
 * Mounts travel between operations in numbered slots: one operation makes a detached mount in a slot, a later one attaches
 * it. The checker refuses a recipe that uses a slot before it is filled.
 */
#pragma once

#include <ctrsup/base/buf.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECIPE_MAGIC UINT64_C(0x3165706963657263) /* "crecipe1" */

enum {
        RECIPE_VERSION = 2,
        RECIPE_SIZE_MAX = 1 << 20,
        RECIPE_OPS_MAX = 1024,
        RECIPE_ARGV_MAX = 4096, /* argv and envp each */
        RECIPE_FDS_MAX = 192,   /* the kernel passes 253 at a time; one is the recipe itself */
        RECIPE_SLOTS_MAX = 448, /* 128 layers, 256 volumes, the system's own */
        RECIPE_LAYERS_MAX = 128,
        RECIPE_STRING_MAX = 128 * 1024, /* the kernel's limit for one argument, execve(2) */
};

#define RECIPE_NONE UINT32_MAX /* no string, no fd */

enum recipe_kind { RECIPE_START, RECIPE_EXEC, _RECIPE_KIND_MAX };

/* What each takes: the table in src/keeper/recipe_check.c is the authority; in brief: */
enum recipe_op_kind {
        /* -- in the preparer -- */
        RECIPE_CGROUP,      /* fd: write "0" to this `tasks` file of a v1 hierarchy */
        RECIPE_OOM_SCORE,   /* num0: oom_score_adj, two's complement */
        RECIPE_LAYER,       /* str0: host path; num0: slot. One directory, not what is mounted below it */
        RECIPE_UPPER,       /* str0: host directory; num0: slot */
        RECIPE_BIND,        /* str0: host path; str1: path below it, resolved inside it; num0: slot; num1: propagation (MS_*) */
        RECIPE_PEER_SHM,    /* fd: pidfd; num0: slot. That container's /dev/shm */
        RECIPE_OVERLAY,     /* num0: slot; num1: first layer slot (base first, in a row); num2: how many; num3: slot of UPPER or
                             * of a tmpfs: upper/ and work/ are made there. upper/, so /, gets owner and mode of the base layer's / */
        RECIPE_DEV,         /* num0: slot: /dev with its nodes */
        RECIPE_DEVICE,      /* num0: slot of DEV; str0: path in it; num1: mode with its type; num2, num3: major and minor */
        RECIPE_JOIN,        /* fd: pidfd; num0: CLONE_NEW* of the namespaces to enter; not the user namespace of a start */
        RECIPE_TIME,        /* num0, num1: monotonic and boottime offset in us, two's complement: a new time namespace */
        RECIPE_USER,        /* fd: user namespace to enter */
        RECIPE_SPAWN,       /* num0: CLONE_NEW* the payload gets new */
        /* -- on either side -- */
        RECIPE_MOUNT,       /* num0: slot; num1: enum recipe_fs; num2: size; num3: mode. A new mount */
        RECIPE_RLIMIT,      /* num0: RLIMIT_*; num1: soft; num2: hard. Before SPAWN: raises the hard limit. After: sets both */
        RECIPE_STREAM,      /* fd; num0: 0, 1 or 2. Before SPAWN: gives it to the container's root. After: to its user, and dup2s it */
        /* -- in the payload -- */
        RECIPE_ROOT,        /* num0: slot: the tree that becomes / */
        RECIPE_SEED,        /* num0: slot; str0: path in the container, copied when the slot is empty */
        RECIPE_ATTACH,      /* num0: slot; str0: path in the container */
        RECIPE_READONLY,    /* str0: path in the container, below a system mount; missing is fine */
        RECIPE_MASK,        /* the same, hidden */
        RECIPE_SEAL,        /* / becomes read-only */
        RECIPE_PIVOT,       /* / becomes the root, the old one goes */
        RECIPE_HOSTNAME,    /* str0 */
        RECIPE_DOMAINNAME,  /* str0 */
        RECIPE_LOOPBACK,    /* lo up */
        RECIPE_SYSCTL,      /* str0: path below /proc/sys; str1: value; num0: slot of proc */
        RECIPE_SESSION,     /* new session, new session keyring */
        RECIPE_PTY,         /* fd: socket that gets the master; num0: rows; num1: columns */
        RECIPE_GROUP,       /* str0: one more group, name or number */
        RECIPE_SECCOMP,     /* fd: memfd with the filter that the command runs under */
        RECIPE_IDENTITY,    /* str0: user as in the stack file; num0: capabilities */
        RECIPE_UMASK,       /* num0 */
        RECIPE_CHDIR,       /* str0 */
        RECIPE_COMMAND,     /* str0: PATH to search. The last operation */
        _RECIPE_OP_MAX,
};

enum recipe_flag {
        RECIPE_IDMAP = 1 << 0,       /* LAYER, BIND: through the container's id map */
        RECIPE_RDONLY = 1 << 1,      /* BIND, MOUNT, ATTACH */
        RECIPE_NOSUID = 1 << 2,
        RECIPE_NODEV = 1 << 3,
        RECIPE_NOEXEC = 1 << 4,
        RECIPE_CREATE = 1 << 5,      /* BIND: make a missing directory */
        RECIPE_BEST_EFFORT = 1 << 6, /* RLIMIT: as far as the host lets; SYSCTL: go on when refused */
        RECIPE_VOLATILE = 1 << 7,    /* OVERLAY: never synced, thrown away */
        RECIPE_SYSTEM = 1 << 8,      /* ATTACH: at a real directory of the root, no symlink on the way */
        RECIPE_JOINED_PID = 1 << 9,  /* MOUNT of proc in the preparer: of the joined pid namespace */
        RECIPE_OWN = 1 << 10,        /* STREAM: change its owner (a pipe of ours, not a caller's file). SEED: the volume keeps owner and mode */
        RECIPE_NO_NEW_PRIVS = 1 << 11, /* IDENTITY */
        RECIPE_INIT = 1 << 12,       /* COMMAND: below ctrsup-init */
        RECIPE_PERSISTENT = 1 << 13, /* OVERLAY: upper/ may have something in it, from the last time */
        RECIPE_ADMIN = 1 << 14,      /* IDENTITY: keeps CAP_SYS_ADMIN until the command runs: for SECCOMP without NO_NEW_PRIVS */
};

enum recipe_fs { RECIPE_FS_PROC, RECIPE_FS_SYSFS, RECIPE_FS_CGROUP2, RECIPE_FS_TMPFS, RECIPE_FS_DEVPTS, RECIPE_FS_MQUEUE, _RECIPE_FS_MAX };

/* -- the wire: native byte order, all offsets from the start of the buffer -- */
struct recipe_op {
        uint16_t kind, flags;
        uint32_t str[2]; /* offset in the strings, or RECIPE_NONE */
        uint32_t fd;     /* index of a passed fd, or RECIPE_NONE */
        uint64_t num[4];
};

struct recipe_header {
        uint64_t magic;
        uint32_t version, size;
        uint32_t kind;                /* enum recipe_kind */
        uint32_t n_fds;               /* that come with it */
        uint32_t root_uid, root_gid;  /* host ids of the container's root */
        uint32_t cgroup_fd, kill_fd;  /* fd indices: the leaf to be born in; its cgroup.kill, or RECIPE_NONE */
        uint32_t userns_fd;           /* for idmapped mounts; RECIPE_NONE: host ids */
        uint32_t n_ops, ops;
        uint32_t n_argv, argv;        /* arrays of uint32_t: offsets in the strings */
        uint32_t n_envp, envp;
        uint32_t strings_size, strings; /* ends with a NUL */
};

/* -- builder -- */
struct recipe;

struct recipe_args {
        enum recipe_op_kind kind;
        unsigned flags;
        const char *str[2]; /* copied */
        int fd;             /* -EBADF: none; borrowed until the recipe was sent. Write .fd always: 0 is a file descriptor */
        uint64_t num[4];
};

struct recipe_head {
        enum recipe_kind kind;
        uint32_t root_uid, root_gid;
        int cgroup_fd, kill_fd, userns_fd; /* -EBADF: none; borrowed */
};

struct recipe *recipe_new(const struct recipe_head *head); /* NULL: out of memory */
struct recipe *recipe_free(struct recipe *r);              /* returns NULL; takes NULL; closes no fd */
static inline void recipe_freep(struct recipe **r) { *r = recipe_free(*r); }
#define _cleanup_recipe_ _cleanup_(recipe_freep)

/* A failure is sticky and comes back from recipe_finish(), so that a maker of fifty operations checks once. */
void recipe_add(struct recipe *r, const struct recipe_args *args);
void recipe_arg(struct recipe *r, const char *arg);
void recipe_env(struct recipe *r, const char *name, const char *value);
size_t recipe_n_ops(const struct recipe *r); /* the index the next operation gets */
/* Appends the wire form to out. -ENOMEM; -E2BIG: too many operations, fds, bytes. */
int recipe_finish(const struct recipe *r, struct buf *out);
const int *recipe_fds(const struct recipe *r, size_t *ret_n); /* in the order the recipe names them */

/* -- reader -- */
struct recipe_view {
        const struct recipe_header *header;
        const struct recipe_op *ops;
        const uint32_t *argv, *envp;
        const char *strings;
};

/* Checks everything there is to check. data: 8-aligned, must not change while the view is used. -EBADMSG: not a recipe of
 * this version, or a wrong one. *ret_op (may be NULL): the operation at fault, or RECIPE_NONE. */
int recipe_open(const void *data, size_t size, size_t n_fds, struct recipe_view *ret, uint32_t *ret_op);
static inline const char *recipe_string(const struct recipe_view *v, uint32_t offset) {
        return offset == RECIPE_NONE ? NULL : v->strings + offset;
}
const char *recipe_op_name(enum recipe_op_kind kind); /* "mount overlay": for logs and tests */
