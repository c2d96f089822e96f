/* Runs a filter as the kernel would, for one call: the little of BPF that seccomp_filter_compile() makes. */
#include <ctrsup/seccomp/filter.h>

#include <errno.h>
#include <linux/filter.h>
#include <string.h>

static bool is_taken(uint16_t code, uint32_t a, uint32_t k) {
        switch (BPF_OP(code)) {
        case BPF_JEQ:
                return a == k;
        case BPF_JGT:
                return a > k;
        case BPF_JGE:
                return a >= k;
        default:
                return (a & k) != 0;
        }
}

uint32_t seccomp_filter_decide(const struct buf *program, const struct seccomp_data *call) {
        const size_t n = program->len / sizeof(struct sock_filter);
        uint32_t a = 0;

        for (size_t pc = 0; pc < n; pc++) { /* jumps only go forward */
                struct sock_filter i;
                memcpy(&i, program->data + pc * sizeof(i), sizeof(i));
                switch (i.code) {
                case BPF_LD | BPF_W | BPF_ABS:
                        if (i.k > sizeof(*call) - sizeof(a))
                                return SECCOMP_RET_KILL_PROCESS;
                        memcpy(&a, (const char *)call + i.k, sizeof(a));
                        break;
                case BPF_ALU | BPF_AND | BPF_K:
                        a &= i.k;
                        break;
                case BPF_JMP | BPF_JA:
                        pc += i.k;
                        break;
                case BPF_JMP | BPF_JEQ | BPF_K:
                case BPF_JMP | BPF_JGT | BPF_K:
                case BPF_JMP | BPF_JGE | BPF_K:
                case BPF_JMP | BPF_JSET | BPF_K:
                        pc += is_taken(i.code, a, i.k) ? i.jt : i.jf;
                        break;
                case BPF_RET | BPF_K:
                        return i.k;
                default:
                        return SECCOMP_RET_KILL_PROCESS;
                }
        }
        return SECCOMP_RET_KILL_PROCESS;
}

const char *seccomp_filter_missing(const struct buf *program) {
        /* the command, and what tells that it could not be executed */
        static const char *const needed[] = { "execve", "write", "exit_group" };

        for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
                const struct seccomp_data call = { .nr = seccomp_name_number(needed[i]), .arch = seccomp_native_arch() };
                uint32_t answer = seccomp_filter_decide(program, &call) & SECCOMP_RET_ACTION_FULL;

                if (answer != SECCOMP_RET_ALLOW && answer != SECCOMP_RET_LOG)
                        return needed[i];
        }
        return NULL;
}
