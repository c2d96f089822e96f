#include <ctrsup/seccomp/filter.h>

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The kernel's words for one instruction, filter.h. */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(field))
#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | BPF_##test | BPF_K, (uint32_t)(value), (yes), (no))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define DATA(field) offsetof(struct seccomp_data, field)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_HALF 0
#else
#define LOW_HALF 4
#endif

enum { GAPS_MAX = 16, TOP_MAX = 4095 };

static void context_release(scmp_filter_ctx *ctx) {
        if (*ctx)
                seccomp_release(*ctx);
}

static uint32_t scmp_action(enum seccomp_action action, unsigned error) {
        switch (action) {
        case SECCOMP_DO_ALLOW:
                return SCMP_ACT_ALLOW;
        case SECCOMP_DO_LOG:
                return SCMP_ACT_LOG;
        case SECCOMP_DO_ERRNO:
                return SCMP_ACT_ERRNO(error);
        case SECCOMP_DO_TRAP:
                return SCMP_ACT_TRAP;
        case SECCOMP_DO_KILL_THREAD:
                return SCMP_ACT_KILL_THREAD;
        case SECCOMP_DO_KILL_PROCESS:
        case _SECCOMP_DO_MAX:
                break;
        }
        return SCMP_ACT_KILL_PROCESS;
}

static const enum scmp_compare comparisons[_SECCOMP_IF_MAX] = {
        [SECCOMP_IF_NE] = SCMP_CMP_NE, [SECCOMP_IF_LT] = SCMP_CMP_LT, [SECCOMP_IF_LE] = SCMP_CMP_LE,
        [SECCOMP_IF_EQ] = SCMP_CMP_EQ, [SECCOMP_IF_GE] = SCMP_CMP_GE, [SECCOMP_IF_GT] = SCMP_CMP_GT,
        [SECCOMP_IF_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static bool refuses(const struct seccomp_profile *p) {
        return p->action != SECCOMP_DO_ALLOW && p->action != SECCOMP_DO_LOG;
}

static int add_rule(scmp_filter_ctx ctx, const struct seccomp_profile *p, const struct seccomp_rule *rule, struct err *err) {
        struct scmp_arg_cmp args[SECCOMP_ARGS];
        int number = seccomp_name_number(rule->name);

        if (number < 0 || scmp_action(rule->action, rule->error) == scmp_action(p->action, p->error))
                return 0;
        if (rule->n_conditions > SECCOMP_ARGS)
                return err_set(err, EINVAL, "%s has %zu conditions", rule->name, rule->n_conditions);
        for (size_t i = 0; i < rule->n_conditions; i++) {
                const struct seccomp_condition *c = &rule->conditions[i];
                bool masked = c->compare == SECCOMP_IF_MASKED_EQ;

                args[i] = (struct scmp_arg_cmp){ .arg = c->arg,
                                                 .op = comparisons[c->compare],
                                                 .datum_a = masked ? c->mask : c->value,
                                                 .datum_b = masked ? c->value : 0 };
        }
        int r = seccomp_rule_add_array(ctx, scmp_action(rule->action, rule->error), number, (unsigned)rule->n_conditions, args);
        return r == 0 || r == -EEXIST ? 0 : err_sys(err, -r, "add a rule for %s", rule->name);
}

static int put_file(int fd, struct buf *out) {
        char block[4096];
        ssize_t n;

        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        while ((n = read(fd, block, sizeof(block))) > 0)
                buf_put(out, block, (size_t)n);
        return n < 0 ? -errno : 0;
}

static int put_body(const struct seccomp_profile *p, struct buf *out, struct err *err) {
        _cleanup_(context_release) scmp_filter_ctx ctx = seccomp_init(scmp_action(p->action, p->error));

        if (!ctx)
                return err_oom(err);
        int r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
        if (r == 0)
                r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
        if (r < 0)
                return err_sys(err, -r, "set up libseccomp");
        for (size_t i = 0; i < p->n_rules; i++) {
                r = add_rule(ctx, p, &p->rules[i], err);
                if (r < 0)
                        return r;
        }
        _cleanup_fd_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
        if (fd < 0)
                return err_sys(err, errno, "make a memfd");
        r = seccomp_export_bpf(ctx, fd);
        if (r == 0)
                r = put_file(fd, out);
        return r < 0 ? err_sys(err, -r, "export the filter") : 0;
}

static void put(struct buf *out, const struct sock_filter *code, size_t n) {
        buf_put(out, code, n * sizeof(*code));
}

/* Numbers that are ENOSYS: above all that are named, and where no call is. */
static void put_unknown(const struct seccomp_profile *p, struct buf *out) {
        const struct sock_filter answer = RETURN(SECCOMP_RET_ERRNO | ENOSYS);
        int top = -1;

        for (size_t i = 0; i < p->n_rules; i++) {
                int number = seccomp_name_number(p->rules[i].name);
                if (number > top && number <= TOP_MAX)
                        top = number;
        }
        put(out, (struct sock_filter[]){ JUMP(JGT, top, 0, 1), answer }, 2);
        for (int number = 0, gaps = 0; number <= top && gaps < GAPS_MAX; number++) {
                int first = number;

                while (number <= top && !seccomp_number_is_known(number))
                        number++;
                if (number == first)
                        continue;
                put(out, (struct sock_filter[]){ JUMP(JGE, first, 0, 2), JUMP(JGE, number, 1, 0), answer }, 3);
                gaps++;
        }
}

static void put_terminal_guard(struct buf *out) {
        int number = seccomp_name_number("ioctl");
        const struct sock_filter code[] = {
                JUMP(JEQ, number, 0, 4),
                LOAD(DATA(args[1]) + LOW_HALF),
                JUMP(JEQ, TIOCSTI, 1, 0),
                JUMP(JEQ, TIOCLINUX, 0, 1),
                RETURN(SECCOMP_RET_ERRNO | EPERM),
        };

        put(out, code, ARRAY_SIZE(code));
}

/* In front of the body, which loads again what it looks at. */
static int put_head(const struct seccomp_profile *p, struct buf *out) {
        _cleanup_buf_ struct buf checks = BUF_NULL;

        put(&checks, (struct sock_filter[]){ LOAD(DATA(nr)) }, 1);
        if (refuses(p))
                put_unknown(p, &checks);
        if (p->guards_terminal)
                put_terminal_guard(&checks);
        if (buf_failed(&checks))
                return -ENOMEM;
        size_t n = checks.len / sizeof(struct sock_filter);
        if (n > UINT8_MAX)
                return -E2BIG;
        put(out, (struct sock_filter[]){ LOAD(DATA(arch)), JUMP(JEQ, seccomp_native_arch(), 0, (uint8_t)n) }, 2);
        put(out, (const struct sock_filter *)(const void *)checks.data, n);
        return 0;
}

int seccomp_filter_compile(const struct seccomp_profile *p, struct buf *out, struct err *err) {
        size_t before = out->len;

        int r = put_head(p, out);
        if (r < 0)
                return r == -ENOMEM ? err_oom(err) : err_set(err, -r, "the numbers it leaves out are too many");
        r = put_body(p, out, err);
        if (r < 0)
                return r;
        if (buf_failed(out))
                return err_oom(err);
        size_t n = (out->len - before) / sizeof(struct sock_filter);
        return n > BPF_MAXINSNS ? err_set(err, E2BIG, "it makes %zu instructions, the kernel takes %d", n, BPF_MAXINSNS) : 0;
}

uint32_t seccomp_native_arch(void) {
        return seccomp_arch_native();
}
