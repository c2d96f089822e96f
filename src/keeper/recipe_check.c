/* The reader's side of a recipe: one pass that holds every number against what the child will do with it. After it the child
 * follows offsets, indices and slots without looking, so a rule that is missing here is a hole. No allocation.
 */
#include <ctrsup/keeper/recipe.h>

#include <assert.h>
#include <limits.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum side { PREPARE = 1, PAYLOAD = 2, BOTH = 3 };
enum text { NO_TEXT, ANY_TEXT, ABSOLUTE, RELATIVE, MAY_BE_RELATIVE };
enum slot { NO_SLOT, FILL, USE };
/* What must come before: bits of operations already seen. */
enum need { NEED_ROOT = 1, NEED_IDENTITY = 2, NEED_CHDIR = 4, BEFORE_IDENTITY = 8 };

#define NS_PEER (CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWTIME)
#define NS_NEW (CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWNS)
#define MOUNT_FLAGS (RECIPE_RDONLY | RECIPE_NOSUID | RECIPE_NODEV | RECIPE_NOEXEC)
#define ONLY(kind) (1 << (kind))
#define ALWAYS (ONLY(RECIPE_START) | ONLY(RECIPE_EXEC))

struct rule {
        const char *name;
        enum side side;
        unsigned kinds;
        unsigned flags;
        enum text text[2];
        bool fd;
        enum slot slot; /* what num0 is */
        unsigned need;
};

/* clang-format off */
static const struct rule rules[_RECIPE_OP_MAX] = {
        [RECIPE_CGROUP]     = { "join cgroup", PREPARE, ALWAYS, .fd = true },
        [RECIPE_OOM_SCORE]  = { "set oom_score_adj", PREPARE, ALWAYS },
        [RECIPE_LAYER]      = { "open layer", PREPARE, ONLY(RECIPE_START), RECIPE_IDMAP, { ABSOLUTE }, .slot = FILL },
        [RECIPE_UPPER]      = { "open upper directory", PREPARE, ONLY(RECIPE_START), .text = { ABSOLUTE }, .slot = FILL },
        [RECIPE_BIND]       = { "open bind", PREPARE, ONLY(RECIPE_START), MOUNT_FLAGS | RECIPE_IDMAP | RECIPE_CREATE, { ABSOLUTE, MAY_BE_RELATIVE }, .slot = FILL },
        [RECIPE_PEER_SHM]   = { "open shared /dev/shm", PREPARE, ONLY(RECIPE_START), .fd = true, .slot = FILL },
        [RECIPE_OVERLAY]    = { "mount overlay", PREPARE, ONLY(RECIPE_START), RECIPE_VOLATILE | RECIPE_PERSISTENT, .slot = FILL },
        [RECIPE_DEV]        = { "make /dev", PREPARE, ONLY(RECIPE_START), .slot = FILL },
        [RECIPE_DEVICE]     = { "make device", PREPARE, ONLY(RECIPE_START), .text = { RELATIVE }, .slot = USE },
        [RECIPE_JOIN]       = { "join namespaces", PREPARE, ALWAYS, .fd = true },
        [RECIPE_TIME]       = { "set time offsets", PREPARE, ONLY(RECIPE_START) },
        [RECIPE_USER]       = { "enter user namespace", PREPARE, ONLY(RECIPE_START), .fd = true },
        [RECIPE_SPAWN]      = { "create namespaces", PREPARE, ALWAYS },
        [RECIPE_MOUNT]      = { "mount", BOTH, ONLY(RECIPE_START), MOUNT_FLAGS | RECIPE_JOINED_PID, .slot = FILL },
        [RECIPE_RLIMIT]     = { "set limit", BOTH, ALWAYS, RECIPE_BEST_EFFORT },
        [RECIPE_STREAM]     = { "set up stream", BOTH, ALWAYS, RECIPE_OWN, .fd = true, .need = BEFORE_IDENTITY },
        [RECIPE_ROOT]       = { "attach root", PAYLOAD, ONLY(RECIPE_START), .slot = USE },
        [RECIPE_SEED]       = { "copy into volume", PAYLOAD, ONLY(RECIPE_START), RECIPE_OWN, .text = { ABSOLUTE }, .slot = USE, .need = NEED_ROOT | BEFORE_IDENTITY },
        [RECIPE_ATTACH]     = { "attach", PAYLOAD, ONLY(RECIPE_START), RECIPE_SYSTEM | RECIPE_RDONLY, { ABSOLUTE }, .slot = USE, .need = NEED_ROOT | BEFORE_IDENTITY },
        [RECIPE_READONLY]   = { "make read-only", PAYLOAD, ONLY(RECIPE_START), .text = { ABSOLUTE }, .need = NEED_ROOT | BEFORE_IDENTITY },
        [RECIPE_MASK]       = { "mask", PAYLOAD, ONLY(RECIPE_START), .text = { ABSOLUTE }, .need = NEED_ROOT | BEFORE_IDENTITY },
        [RECIPE_SEAL]       = { "make the root read-only", PAYLOAD, ONLY(RECIPE_START), .need = NEED_ROOT | BEFORE_IDENTITY },
        [RECIPE_PIVOT]      = { "change root", PAYLOAD, ONLY(RECIPE_START), .need = NEED_ROOT | BEFORE_IDENTITY },
        [RECIPE_HOSTNAME]   = { "set host name", PAYLOAD, ONLY(RECIPE_START), .text = { ANY_TEXT } },
        [RECIPE_DOMAINNAME] = { "set domain name", PAYLOAD, ONLY(RECIPE_START), .text = { ANY_TEXT } },
        [RECIPE_LOOPBACK]   = { "bring lo up", PAYLOAD, ONLY(RECIPE_START) },
        [RECIPE_SYSCTL]     = { "set sysctl", PAYLOAD, ONLY(RECIPE_START), RECIPE_BEST_EFFORT, { RELATIVE, ANY_TEXT }, .slot = USE, .need = NEED_ROOT },
        [RECIPE_SESSION]    = { "start session", PAYLOAD, ALWAYS },
        [RECIPE_PTY]        = { "open terminal", PAYLOAD, ONLY(RECIPE_EXEC), .fd = true, .need = BEFORE_IDENTITY },
        [RECIPE_GROUP]      = { "look up group", PAYLOAD, ALWAYS, .text = { ANY_TEXT }, .need = BEFORE_IDENTITY },
        [RECIPE_SECCOMP]    = { "filter system calls", PAYLOAD, ALWAYS, .fd = true, .need = BEFORE_IDENTITY },
        [RECIPE_IDENTITY]   = { "become user", PAYLOAD, ALWAYS, RECIPE_NO_NEW_PRIVS | RECIPE_ADMIN, { ANY_TEXT }, .need = BEFORE_IDENTITY },
        [RECIPE_UMASK]      = { "set umask", PAYLOAD, ALWAYS, .need = NEED_IDENTITY },
        [RECIPE_CHDIR]      = { "enter working directory", PAYLOAD, ALWAYS, .text = { ABSOLUTE }, .need = NEED_IDENTITY },
        [RECIPE_COMMAND]    = { "execute command", PAYLOAD, ALWAYS, RECIPE_INIT, { ANY_TEXT }, .need = NEED_IDENTITY | NEED_CHDIR },
};
/* clang-format on */

const char *recipe_op_name(enum recipe_op_kind kind) {
        return kind >= 0 && kind < _RECIPE_OP_MAX ? rules[kind].name : "?";
}

struct check {
        const struct recipe_view *view;
        unsigned char filled[RECIPE_SLOTS_MAX];
        unsigned seen; /* NEED_* that is met */
        unsigned groups;
        bool spawned, filtered;
};

static bool text_is_valid(const struct recipe_view *v, uint32_t offset, enum text want) {
        if (offset == RECIPE_NONE)
                return want == NO_TEXT || want == MAY_BE_RELATIVE;
        if (want == NO_TEXT || offset >= v->header->strings_size)
                return false;

        const char *text = v->strings + offset;
        size_t len = strlen(text); /* the strings end with a NUL */
        if (want == ANY_TEXT)
                return len < RECIPE_STRING_MAX;
        if (len == 0 || len >= PATH_MAX)
                return false;
        return (text[0] == '/') == (want == ABSOLUTE);
}

static bool slot_is_valid(struct check *c, uint64_t slot, enum slot want) {
        if (want == NO_SLOT)
                return true;
        if (slot >= RECIPE_SLOTS_MAX || (want == FILL) == (c->filled[slot] != 0))
                return false;
        c->filled[slot] = 1;
        return true;
}

static bool overlay_is_valid(const struct check *c, const struct recipe_op *op) {
        uint64_t first = op->num[1], n = op->num[2], upper = op->num[3];

        if (n == 0 || n > RECIPE_LAYERS_MAX || first >= RECIPE_SLOTS_MAX - n || upper >= RECIPE_SLOTS_MAX || !c->filled[upper] ||
            upper == op->num[0])
                return false;
        for (uint64_t i = first; i < first + n; i++)
                if (!c->filled[i] || i == op->num[0])
                        return false;
        return true;
}

static bool is_subset(uint64_t bits, uint64_t of) {
        return (bits & ~of) == 0;
}

/* What the table cannot say. */
static bool numbers_are_valid(struct check *c, const struct recipe_op *op) {
        const uint64_t *n = op->num;
        const struct recipe_header *h = c->view->header;

        switch ((enum recipe_op_kind)op->kind) {
        case RECIPE_BIND:
                return n[1] == MS_PRIVATE || n[1] == MS_SLAVE || n[1] == MS_SHARED;
        case RECIPE_OVERLAY:
                return overlay_is_valid(c, op);
        case RECIPE_JOIN:
                return n[0] != 0 && is_subset(n[0], h->kind == RECIPE_EXEC ? NS_PEER | CLONE_NEWNS | CLONE_NEWUSER : NS_PEER);
        case RECIPE_SPAWN:
                return is_subset(n[0], h->kind == RECIPE_EXEC ? 0 : NS_NEW) && (h->kind == RECIPE_EXEC || (n[0] & CLONE_NEWNS));
        case RECIPE_MOUNT:
                return n[1] < _RECIPE_FS_MAX && n[3] <= 07777 &&
                       (!(op->flags & RECIPE_JOINED_PID) || (n[1] == RECIPE_FS_PROC && !c->spawned));
        case RECIPE_RLIMIT:
                return n[0] < RLIM_NLIMITS && n[1] <= n[2];
        case RECIPE_STREAM:
                return n[0] <= 2;
        case RECIPE_PTY:
                return n[0] <= USHRT_MAX && n[1] <= USHRT_MAX;
        case RECIPE_GROUP:
                return c->groups++ < 64;
        case RECIPE_DEVICE:
                return (n[1] & ~(uint64_t)0777) == S_IFCHR || (n[1] & ~(uint64_t)0777) == S_IFBLK ? n[2] < 1 << 12 && n[3] < 1 << 20 : false;
        case RECIPE_UMASK:
                return n[0] <= 0777;
        case RECIPE_SECCOMP:
                return !c->filtered && (c->filtered = true);
        case RECIPE_LAYER:
                return !(op->flags & RECIPE_IDMAP) || h->userns_fd != RECIPE_NONE;
        case RECIPE_CGROUP:
        case RECIPE_OOM_SCORE:
        case RECIPE_UPPER:
        case RECIPE_PEER_SHM:
        case RECIPE_DEV:
        case RECIPE_TIME:
        case RECIPE_USER:
        case RECIPE_ROOT:
        case RECIPE_SEED:
        case RECIPE_ATTACH:
        case RECIPE_READONLY:
        case RECIPE_MASK:
        case RECIPE_SEAL:
        case RECIPE_PIVOT:
        case RECIPE_HOSTNAME:
        case RECIPE_DOMAINNAME:
        case RECIPE_LOOPBACK:
        case RECIPE_SYSCTL:
        case RECIPE_SESSION:
        case RECIPE_IDENTITY:
        case RECIPE_CHDIR:
        case RECIPE_COMMAND:
                return true;
        case _RECIPE_OP_MAX:
                break;
        }
        return false;
}

static unsigned met_by(enum recipe_op_kind kind) {
        return kind == RECIPE_ROOT ? NEED_ROOT : kind == RECIPE_IDENTITY ? NEED_IDENTITY : kind == RECIPE_CHDIR ? NEED_CHDIR : 0;
}

static bool op_is_valid(struct check *c, const struct recipe_op *op, bool last) {
        if (op->kind >= _RECIPE_OP_MAX)
                return false;

        const struct rule *rule = &rules[op->kind];
        unsigned met = met_by((enum recipe_op_kind)op->kind), need = rule->need & ~(unsigned)BEFORE_IDENTITY;
        if (!(rule->side & (c->spawned ? PAYLOAD : PREPARE)) || !(rule->kinds & ONLY(c->view->header->kind)))
                return false;
        if ((op->kind == RECIPE_COMMAND) != last || (c->seen & met) || (c->seen & need) != need)
                return false;
        if ((rule->need & BEFORE_IDENTITY) && (c->seen & NEED_IDENTITY))
                return false;
        if (!is_subset(op->flags, rule->flags))
                return false;
        if (rule->fd ? op->fd >= c->view->header->n_fds : op->fd != RECIPE_NONE)
                return false;
        for (int i = 0; i < 2; i++)
                if (!text_is_valid(c->view, op->str[i], rule->text[i]))
                        return false;
        if ((op->flags & RECIPE_IDMAP) && c->view->header->userns_fd == RECIPE_NONE)
                return false;
        if (!slot_is_valid(c, op->num[0], rule->slot) || !numbers_are_valid(c, op))
                return false;
        c->seen |= met;
        if (op->kind == RECIPE_SPAWN)
                c->spawned = true;
        return true;
}

/* n elements of `size` bytes at offset lie inside the buffer and are aligned. */
static bool lies_inside(const struct recipe_header *h, uint32_t offset, uint64_t n, size_t size, size_t align) {
        return offset >= sizeof(*h) && offset % align == 0 && offset <= h->size && n <= (h->size - offset) / size;
}

static bool fd_is_valid(const struct recipe_header *h, uint32_t fd, bool required) {
        return fd < h->n_fds || (fd == RECIPE_NONE && !required);
}

static bool header_is_valid(const struct recipe_header *h, size_t size, size_t n_fds) {
        return h->magic == RECIPE_MAGIC && h->version == RECIPE_VERSION && h->size == size && h->kind < _RECIPE_KIND_MAX &&
               h->n_fds == n_fds && n_fds <= RECIPE_FDS_MAX && fd_is_valid(h, h->cgroup_fd, false) &&
               fd_is_valid(h, h->kill_fd, false) && fd_is_valid(h, h->userns_fd, false) && h->n_ops > 0 &&
               h->n_ops <= RECIPE_OPS_MAX && h->n_argv > 0 && h->n_argv <= RECIPE_ARGV_MAX && h->n_envp <= RECIPE_ARGV_MAX &&
               lies_inside(h, h->ops, h->n_ops, sizeof(struct recipe_op), _Alignof(struct recipe_op)) &&
               lies_inside(h, h->argv, h->n_argv, sizeof(uint32_t), _Alignof(uint32_t)) &&
               lies_inside(h, h->envp, h->n_envp, sizeof(uint32_t), _Alignof(uint32_t)) && h->strings_size > 0 &&
               lies_inside(h, h->strings, h->strings_size, 1, 1);
}

static bool vector_is_valid(const struct recipe_view *v, const uint32_t *items, uint32_t n) {
        for (uint32_t i = 0; i < n; i++)
                if (items[i] == RECIPE_NONE || !text_is_valid(v, items[i], ANY_TEXT))
                        return false;
        return true;
}

int recipe_open(const void *data, size_t size, size_t n_fds, struct recipe_view *ret, uint32_t *ret_op) {
        const struct recipe_header *h = data;
        uint32_t scratch;

        if (!ret_op)
                ret_op = &scratch;
        *ret_op = RECIPE_NONE;
        if (size < sizeof(*h) || size > RECIPE_SIZE_MAX || (uintptr_t)data % _Alignof(struct recipe_header) != 0)
                return -EBADMSG;
        if (!header_is_valid(h, size, n_fds))
                return -EBADMSG;

        const char *base = data;
        struct recipe_view v = {
                .header = h,
                .ops = (const void *)(base + h->ops),
                .argv = (const void *)(base + h->argv),
                .envp = (const void *)(base + h->envp),
                .strings = base + h->strings,
        };
        if (v.strings[h->strings_size - 1] != '\0' || !vector_is_valid(&v, v.argv, h->n_argv) ||
            !vector_is_valid(&v, v.envp, h->n_envp))
                return -EBADMSG;

        struct check check = { .view = &v };
        for (uint32_t i = 0; i < h->n_ops; i++)
                if (!op_is_valid(&check, &v.ops[i], i + 1 == h->n_ops)) {
                        *ret_op = i;
                        return -EBADMSG;
                }
        if (!check.spawned || (h->kind == RECIPE_START && !(check.seen & NEED_ROOT)))
                return -EBADMSG;
        *ret = v;
        return 0;
}
