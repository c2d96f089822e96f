#include <ctrsup/kernel/device_filter.h>

#include <ctrsup/base/cleanup.h>

#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RW (DEVICE_READ | DEVICE_WRITE)
/* mknod too: the launch makes them, in the container's cgroup; the container's root may make none in any case */
const struct device_rule device_standard[] = {
        { false, 1, 3, RW | DEVICE_MKNOD }, /* null */
        { false, 1, 5, RW | DEVICE_MKNOD }, /* zero */
        { false, 1, 7, RW | DEVICE_MKNOD }, /* full */
        { false, 1, 8, RW | DEVICE_MKNOD }, /* random */
        { false, 1, 9, RW | DEVICE_MKNOD }, /* urandom */
        { false, 5, 0, RW | DEVICE_MKNOD }, /* tty */
        { false, 5, 2, RW },                /* ptmx */
        { false, 136, DEVICE_ANY, RW },     /* pts/N; the next seven majors too */
};
const size_t device_n_standard = ARRAY_SIZE(device_standard);

enum { HEAD = 6, PER_RULE = 8, TAIL = 2, INSNS_MAX = HEAD + PER_RULE * DEVICE_RULES_MAX + TAIL, PROGRAMS_MAX = 64 };

/* All of it: an initializer promises zeros for the member it names only, and the kernel looks at every byte. */
static void none(union bpf_attr *attr) {
        (void)memset(attr, 0, sizeof(*attr));
}

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr) {
        int r = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

        return r < 0 ? -errno : r;
}

#define LOAD(to, field)                                                                   \
        (struct bpf_insn) {                                                               \
                .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (to), .src_reg = BPF_REG_1, \
                .off = offsetof(struct bpf_cgroup_dev_ctx, field)                         \
        }
#define CALCULATE(op, reg, value)                                                         \
        (struct bpf_insn) {                                                               \
                .code = BPF_ALU | (op) | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value) \
        }
#define COPY(to, from)                                                                \
        (struct bpf_insn) {                                                           \
                .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = (to), .src_reg = (from) \
        }
#define JUMP_UNLESS(reg, value, n)                                                                                  \
        (struct bpf_insn) {                                                                                         \
                .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = (reg), .off = (int16_t)(n), .imm = (int32_t)(value) \
        }
#define EXIT                               \
        (struct bpf_insn) {                \
                .code = BPF_JMP | BPF_EXIT \
        }

/* r2: type, r3: access, r4: major, r5: minor; r0 is the answer. access_type: the type below, the access above bit 16. */
static size_t compile(const struct device_rule *rules, size_t n, struct bpf_insn code[INSNS_MAX]) {
        size_t at = 0;

        code[at++] = LOAD(BPF_REG_2, access_type);
        code[at++] = COPY(BPF_REG_3, BPF_REG_2);
        code[at++] = CALCULATE(BPF_AND, BPF_REG_2, 0xffff);
        code[at++] = CALCULATE(BPF_RSH, BPF_REG_3, 16);
        code[at++] = LOAD(BPF_REG_4, major);
        code[at++] = LOAD(BPF_REG_5, minor);
        for (size_t i = 0; i < n; i++) {
                const struct device_rule *r = &rules[i];
                const size_t next = at + PER_RULE - (r->minor == DEVICE_ANY);

                code[at] = JUMP_UNLESS(BPF_REG_2, r->block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, next - at - 1);
                at++;
                code[at] = JUMP_UNLESS(BPF_REG_4, r->major, next - at - 1);
                at++;
                if (r->minor != DEVICE_ANY) {
                        code[at] = JUMP_UNLESS(BPF_REG_5, r->minor, next - at - 1);
                        at++;
                }
                code[at++] = COPY(BPF_REG_0, BPF_REG_3);
                code[at++] = CALCULATE(BPF_AND, BPF_REG_0, ~r->access);
                code[at] = JUMP_UNLESS(BPF_REG_0, 0, next - at - 1);
                at++;
                code[at++] = CALCULATE(BPF_MOV, BPF_REG_0, 1);
                code[at++] = EXIT;
        }
        code[at++] = CALCULATE(BPF_MOV, BPF_REG_0, 0);
        code[at++] = EXIT;
        return at;
}

int device_filter_load(const struct device_rule *rules, size_t n, int *ret_fd, struct err *err) {
        struct bpf_insn code[INSNS_MAX];

        if (n > DEVICE_RULES_MAX)
                return err_set(err, E2BIG, "more than %d devices", DEVICE_RULES_MAX);
        union bpf_attr attr;
        none(&attr);
        attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
        attr.insns = (uintptr_t)code;
        attr.insn_cnt = (uint32_t)compile(rules, n, code);
        attr.license = (uintptr_t) "GPL"; /* the kernel's word for: it may use all of its helpers. It uses none */
        (void)strcpy(attr.prog_name, "ctrsup_devices");
        int fd = bpf(BPF_PROG_LOAD, &attr);
        if (fd < 0)
                return err_sys(err, -fd, "load a device filter");
        *ret_fd = fd;
        return 0;
}

static int id_of(int program_fd, uint32_t *ret) {
        struct bpf_prog_info info = { 0 };
        union bpf_attr attr;

        none(&attr);
        attr.info.bpf_fd = (uint32_t)program_fd;
        attr.info.info_len = sizeof(info);
        attr.info.info = (uintptr_t)&info;
        int r = bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
        if (r == 0)
                *ret = info.id;
        return r;
}

static int attach(int cgroup_fd, int program_fd) {
        union bpf_attr attr;

        none(&attr);
        attr.target_fd = (uint32_t)cgroup_fd;
        attr.attach_bpf_fd = (uint32_t)program_fd;
        attr.attach_type = BPF_CGROUP_DEVICE;
        attr.attach_flags = BPF_F_ALLOW_MULTI; /* beside what is above us: one program that says no is enough */
        return bpf(BPF_PROG_ATTACH, &attr);
}

/* 1: it is on the cgroup. */
static int is_attached(int cgroup_fd, uint32_t id) {
        uint32_t ids[PROGRAMS_MAX];
        union bpf_attr attr;

        none(&attr);
        attr.query.target_fd = (uint32_t)cgroup_fd;
        attr.query.attach_type = BPF_CGROUP_DEVICE;
        attr.query.prog_ids = (uintptr_t)ids;
        attr.query.prog_cnt = PROGRAMS_MAX;
        int r = bpf(BPF_PROG_QUERY, &attr);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < attr.query.prog_cnt && i < PROGRAMS_MAX; i++)
                if (ids[i] == id)
                        return 1;
        return 0;
}

int device_filter_attach(int cgroup_fd, int program_fd, struct err *err) {
        uint32_t id = 0;

        int r = attach(cgroup_fd, program_fd);
        if (r == 0)
                r = id_of(program_fd, &id);
        if (r == 0)
                r = is_attached(cgroup_fd, id);
        if (r < 0)
                return err_sys(err, -r, "put a device filter on the cgroup");
        return r == 1 ? 0 : err_set(err, EIO, "the device filter is not on the cgroup that it was put on");
}
