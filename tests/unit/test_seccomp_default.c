/* The default profile, call by call: tests/fixtures/seccomp-default.txt has what each number of x86_64 gets, and what each capability
 * opens. CTRSUP_GOLDEN_UPDATE=1 writes it. */
#include "unit.h"

#include <ctrsup/seccomp/filter.h>

#include <linux/audit.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define FIXTURE "tests/fixtures/seccomp-default.txt"

enum { NUMBERS = 480, X32 = 0x40000000 };

#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(error) (SECCOMP_RET_ERRNO | (error))

static void make(uint64_t capabilities, struct buf *ret) {
        struct seccomp_profile p;
        struct err err = { 0 };

        assert_int_equal(seccomp_profile_default(capabilities, &p), 0);
        assert_int_equal(seccomp_filter_compile(&p, ret, &err), 0);
        free(p.rules);
}

static uint32_t ask(const struct buf *program, int number, uint64_t a0, uint64_t a1, uint64_t a2) {
        return seccomp_filter_decide(
                program, &(struct seccomp_data){ .nr = number, .arch = seccomp_native_arch(), .args = { a0, a1, a2 } });
}

static uint32_t ask_name(const struct buf *program, const char *name, uint64_t a0, uint64_t a1, uint64_t a2) {
        int number = seccomp_name_number(name);

        assert_true(number >= 0);
        return ask(program, number, a0, a1, a2);
}

#ifdef __x86_64__
static const char *word(uint32_t answer) {
        switch (answer) {
        case ALLOW:
                return "allow";
        case ERRNO(EPERM):
                return "EPERM";
        case ERRNO(ENOSYS):
                return "ENOSYS";
        default:
                return "?";
        }
}

/* libseccomp's name, so that the text is the same whatever its release knows beyond ours. */
static void put_number(int number, struct buf *out) {
        _cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);

        buf_printf(out, "%d %s", number, number <= 448 && name ? name : "-");
}

static void put_all(struct buf *out) {
        static const char *const names[] = {
                [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH", [CAP_SYS_MODULE] = "SYS_MODULE", [CAP_SYS_RAWIO] = "SYS_RAWIO",
                [CAP_SYS_CHROOT] = "SYS_CHROOT",           [CAP_SYS_PTRACE] = "SYS_PTRACE", [CAP_SYS_PACCT] = "SYS_PACCT",
                [CAP_SYS_ADMIN] = "SYS_ADMIN",             [CAP_SYS_BOOT] = "SYS_BOOT",     [CAP_SYS_NICE] = "SYS_NICE",
                [CAP_SYS_TIME] = "SYS_TIME",               [CAP_SYSLOG] = "SYSLOG",         [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
                [CAP_PERFMON] = "PERFMON",                 [CAP_BPF] = "BPF",
        };
        _cleanup_buf_ struct buf plain = BUF_NULL;

        make(0, &plain);
        for (int number = 0; number < NUMBERS; number++) {
                put_number(number, out);
                buf_printf(out, " %s\n", word(ask(&plain, number, 0, 0, 0)));
        }
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
                _cleanup_buf_ struct buf with = BUF_NULL;
                uint64_t set = UINT64_C(1) << cap;

                make(set, &with);
                assert_int_equal(seccomp_profile_capabilities(set) != 0, (size_t)cap < ARRAY_SIZE(names) && names[cap]);
                for (int number = 0; number < NUMBERS; number++) {
                        uint32_t answer = ask(&with, number, 0, 0, 0);

                        if (answer == ask(&plain, number, 0, 0, 0))
                                continue;
                        assert_true((size_t)cap < ARRAY_SIZE(names) && names[cap]);
                        buf_printf(out, "%s: ", names[cap]);
                        put_number(number, out);
                        buf_printf(out, " %s\n", word(answer));
                }
        }
}

/* Every number of x86_64 gets what the file says, and each capability opens what is there and nothing else. */
static void test_golden(void **state _unused_) {
        _cleanup_buf_ struct buf found = BUF_NULL;
        static char wanted[64 * 1024];

        put_all(&found);
        assert_false(buf_failed(&found));
        if (getenv("CTRSUP_GOLDEN_UPDATE")) {
                _cleanup_file_ FILE *f = fopen(FIXTURE, "we");
                assert_non_null(f);
                assert_int_equal(fwrite(found.data, 1, found.len, f), found.len);
        }
        _cleanup_file_ FILE *f = fopen(FIXTURE, "re");
        assert_non_null(f);
        size_t n = fread(wanted, 1, sizeof(wanted) - 1, f);
        wanted[n] = '\0';
        assert_string_equal(buf_text(&found), wanted);
}

/* 32-bit calls and x32 ones are not there, known or not; nor is what no kernel has. */
static void test_other_architectures(void **state _unused_) {
        _cleanup_buf_ struct buf plain = BUF_NULL;
        const int64_t all = (INT64_C(1) << (CAP_LAST_CAP + 1)) - 1;

        for (int turn = 0; turn < 2; turn++) {
                buf_reset(&plain);
                make(turn == 0 ? 0 : (uint64_t)all, &plain);
                for (int number = 0; number < NUMBERS; number++) {
                        assert_int_equal(ask(&plain, X32 | number, 0, 0, 0), ERRNO(ENOSYS));
                        assert_int_equal(seccomp_filter_decide(&plain, &(struct seccomp_data){ .nr = number, .arch = AUDIT_ARCH_I386 }),
                                         ERRNO(ENOSYS));
                }
                assert_int_equal(ask(&plain, 1000, 0, 0, 0), ERRNO(ENOSYS));
                assert_int_equal(ask(&plain, -1, 0, 0, 0), ERRNO(ENOSYS));
        }
}
#endif

/* Sockets of four families, netlink for routes only, whatever the upper halves of the registers are. */
static void test_sockets(void **state _unused_) {
        _cleanup_buf_ struct buf plain = BUF_NULL;
        const uint64_t high = UINT64_C(1) << 32;

        make(0, &plain);
        for (uint64_t family = 0; family < 64; family++)
                for (uint64_t protocol = 0; protocol < 32; protocol++) {
                        bool free = family == AF_UNIX || family == AF_INET || family == AF_INET6;
                        uint32_t want = free || (family == AF_NETLINK && protocol == 0) ? ALLOW : ERRNO(EPERM);

                        assert_int_equal(ask_name(&plain, "socket", family, SOCK_RAW, protocol), want);
                        assert_int_equal(ask_name(&plain, "socket", family | high, SOCK_STREAM, protocol | high), want);
                        assert_int_equal(ask_name(&plain, "socketpair", family | high, SOCK_STREAM, protocol), family == AF_UNIX ? ALLOW : ERRNO(EPERM));
                }
}

/* No new namespace by clone; clone3, whose flags cannot be seen, is not there. */
static void test_namespaces(void **state _unused_) {
        _cleanup_buf_ struct buf plain = BUF_NULL, admin = BUF_NULL;
        const uint64_t threads = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS;

        make(0, &plain);
        make(UINT64_C(1) << CAP_SYS_ADMIN, &admin);
        assert_int_equal(ask_name(&plain, "clone", threads, 0, 0), ALLOW);
        assert_int_equal(ask_name(&plain, "clone", CLONE_VFORK | CLONE_VM | 17, 0, 0), ALLOW);
        for (int bit = 0; bit < 32; bit++) {
                uint64_t flag = UINT64_C(1) << bit;
                bool fresh = flag & UINT64_C(0x7e020000);

                assert_int_equal(ask_name(&plain, "clone", threads | flag, 0, 0), fresh ? ERRNO(EPERM) : ALLOW);
                assert_int_equal(ask_name(&admin, "clone", threads | flag, 0, 0), ALLOW);
        }
        assert_int_equal(ask_name(&plain, "clone3", 0, 0, 0), ERRNO(ENOSYS));
        assert_int_equal(ask_name(&admin, "clone3", 0, 0, 0), ALLOW);
        assert_int_equal(ask_name(&plain, "unshare", CLONE_NEWUSER, 0, 0), ERRNO(EPERM));
        assert_int_equal(ask_name(&plain, "setns", 3, 0, 0), ERRNO(EPERM));
}

/* Nobody types into a terminal in somebody's place: the kernel reads 32 bits of the request, so the rest does not help. */
static void test_terminal(void **state _unused_) {
        static const uint64_t high[] = { 0, UINT64_C(1) << 32, UINT64_C(0xffffffff) << 32 };
        _cleanup_buf_ struct buf program = BUF_NULL;

        for (int turn = 0; turn < 2; turn++) {
                buf_reset(&program);
                make(turn == 0 ? 0 : UINT64_C(1) << CAP_SYS_ADMIN, &program);
                for (size_t i = 0; i < ARRAY_SIZE(high); i++) {
                        assert_int_equal(ask_name(&program, "ioctl", 0, TIOCSTI | high[i], 0), ERRNO(EPERM));
                        assert_int_equal(ask_name(&program, "ioctl", 0, TIOCLINUX | high[i], 0), ERRNO(EPERM));
                        assert_int_equal(ask_name(&program, "ioctl", TIOCSTI, TCGETS | high[i], TIOCSTI), ALLOW);
                }
        }
}

/* Five personalities; to ask for the present one is no change. */
static void test_personality(void **state _unused_) {
        static const uint64_t fine[] = { 0, 8, 0x20000, 0x20008, 0xffffffff, UINT64_MAX };
        _cleanup_buf_ struct buf plain = BUF_NULL;

        make(0, &plain);
        for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
                assert_int_equal(ask_name(&plain, "personality", fine[i], 0, 0), ALLOW);
        assert_int_equal(ask_name(&plain, "personality", 0x0040000 /* ADDR_NO_RANDOMIZE */, 0, 0), ERRNO(EPERM));
        assert_int_equal(ask_name(&plain, "personality", 1, 0, 0), ERRNO(EPERM));
}

/* Rules with every kind of condition and action do what they say. */
static void test_conditions(void **state _unused_) {
        static const struct {
                enum seccomp_compare compare;
                bool below, equal, above;
        } cases[] = {
                { SECCOMP_IF_NE, true, false, true },  { SECCOMP_IF_LT, true, false, false }, { SECCOMP_IF_LE, true, true, false },
                { SECCOMP_IF_EQ, false, true, false }, { SECCOMP_IF_GE, false, true, true },  { SECCOMP_IF_GT, false, false, true },
        };
        const uint64_t middle = UINT64_C(5) << 32 | 7;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const struct seccomp_condition condition = { .arg = 1, .compare = cases[i].compare, .value = middle };
                struct seccomp_rule rules[] = {
                        { .name = "getpid", .action = SECCOMP_DO_ERRNO, .error = EBUSY, .conditions = &condition, .n_conditions = 1 },
                        { .name = "getppid", .action = SECCOMP_DO_KILL_PROCESS },
                        { .name = "gettid", .action = SECCOMP_DO_TRAP },
                        { .name = "getuid", .action = SECCOMP_DO_LOG },
                        { .name = "getgid", .action = SECCOMP_DO_ALLOW }, /* says what is so anyhow */
                };
                const struct seccomp_profile p = { .action = SECCOMP_DO_ALLOW, .rules = rules, .n_rules = ARRAY_SIZE(rules) };
                _cleanup_buf_ struct buf program = BUF_NULL;
                struct err err = { 0 };

                assert_int_equal(seccomp_filter_compile(&p, &program, &err), 0);
                assert_int_equal(ask_name(&program, "getpid", 0, middle - 1, 0), cases[i].below ? ERRNO(EBUSY) : ALLOW);
                assert_int_equal(ask_name(&program, "getpid", 0, middle, 0), cases[i].equal ? ERRNO(EBUSY) : ALLOW);
                assert_int_equal(ask_name(&program, "getpid", 0, middle + 1, 0), cases[i].above ? ERRNO(EBUSY) : ALLOW);
                assert_int_equal(ask_name(&program, "getppid", 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
                assert_int_equal(ask_name(&program, "gettid", 0, 0, 0), SECCOMP_RET_TRAP);
                assert_int_equal(ask_name(&program, "getuid", 0, 0, 0), SECCOMP_RET_LOG);
                assert_int_equal(ask_name(&program, "getgid", 0, 0, 0), ALLOW);
                /* one that lets through what it does not name hides nothing that is new */
                assert_int_equal(ask(&program, 1000, 0, 0, 0), ALLOW);
        }
}

/* What a launch needs after the filter is named when it is not let through. */
static void test_missing(void **state _unused_) {
        static struct seccomp_rule rules[] = { { .name = "execve" }, { .name = "write" }, { .name = "exit_group" } };
        static const char *const missing[] = { "execve", "write", "exit_group", NULL };

        for (size_t n = 0; n <= ARRAY_SIZE(rules); n++) {
                const struct seccomp_profile p = { .action = SECCOMP_DO_KILL_PROCESS, .rules = rules, .n_rules = n };
                _cleanup_buf_ struct buf program = BUF_NULL;
                struct err err = { 0 };

                assert_int_equal(seccomp_filter_compile(&p, &program, &err), 0);
                const char *found = seccomp_filter_missing(&program);
                assert_true((found == NULL) == (missing[n] == NULL));
                if (found)
                        assert_string_equal(found, missing[n]);
        }
}

/* Names of other architectures are known and have no number here; nonsense is neither. */
static void test_names(void **state _unused_) {
        assert_true(seccomp_name_is_known("openat"));
        assert_true(seccomp_name_is_known("file_setattr"));
        assert_true(seccomp_name_is_known("riscv_flush_icache"));
        assert_false(seccomp_name_is_known("openatt"));
        assert_false(seccomp_name_is_known(""));
        assert_int_equal(seccomp_name_number("file_setattr"), 469);
        assert_int_equal(seccomp_name_number("openatt"), -ENOENT);
}

#ifdef __x86_64__
#define X86_64(...) __VA_ARGS__
#else
#define X86_64(...)
#endif
unit_main(X86_64(cmocka_unit_test(test_golden), cmocka_unit_test(test_other_architectures), ) cmocka_unit_test(test_sockets),
          cmocka_unit_test(test_namespaces), cmocka_unit_test(test_terminal), cmocka_unit_test(test_personality),
          cmocka_unit_test(test_conditions), cmocka_unit_test(test_missing), cmocka_unit_test(test_names));
