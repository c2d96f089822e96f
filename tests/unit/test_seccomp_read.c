#include "unit.h"

#include <ctrsup/base/buf.h>
#include <ctrsup/seccomp/filter.h>
#include <ctrsup/seccomp/read.h>

#include <linux/capability.h>

#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(error) (SECCOMP_RET_ERRNO | (error))

struct loaded {
        struct arena *arena;
        struct diag_list diags;
        struct seccomp_profile profile;
        struct buf program;
        int result;
};

static struct loaded load(const char *text, uint64_t capabilities) {
        struct loaded l = { .arena = arena_new(), .program = BUF_NULL };
        const struct seccomp_machine on = { .capabilities = capabilities, .major = 6, .minor = 1 };
        struct err err = { 0 };

        assert_non_null(l.arena);
        assert_int_equal(diag_list_init(&l.diags, "p.json"), 0);
        l.result = seccomp_profile_read(text, strlen(text), &on, l.arena, &l.diags, &l.profile);
        if (l.result == 0 && seccomp_filter_compile(&l.profile, &l.program, &err) < 0)
                fail_msg("%s", err.text);
        return l;
}

static void done(struct loaded *l) {
        arena_free(l->arena);
        diag_list_done(&l->diags);
        buf_done(&l->program);
}

static uint32_t ask(const struct loaded *l, const char *name, uint64_t a0) {
        assert_int_equal(l->result, 0);
        return seccomp_filter_decide(
                &l->program,
                &(struct seccomp_data){ .nr = seccomp_name_number(name), .arch = seccomp_native_arch(), .args = { a0 } });
}

static void refuse(const char *text, uint32_t line, uint32_t column, const char *words) {
        struct loaded l = load(text, 0);

        assert_int_equal(l.result, -EBADMSG);
        assert_true(l.diags.n > 0);
        if (!strstr(l.diags.items[0].message, words) || l.diags.items[0].mark.line != line ||
            l.diags.items[0].mark.column != column)
                fail_msg("%u:%u: %s", l.diags.items[0].mark.line, l.diags.items[0].mark.column, l.diags.items[0].message);
        done(&l);
}

#define HEAD "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": ["
#define RULE(name, more) "{\"names\": [\"" name "\"], \"action\": \"SCMP_ACT_ALLOW\"" more "}"

/* As Docker writes them: tabs, nulls, comments, architectures that nobody here has, rules by capability, architecture and kernel. */
static void test_docker(void **state _unused_) {
        static const char text[] =
                "{\n\t\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\t\"defaultErrnoRet\": 13,\n\t\"archMap\": [\n"
                "\t\t{\"architecture\": \"SCMP_ARCH_X86_64\", \"subArchitectures\": [\"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"]},\n"
                "\t\t{\"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": [\"SCMP_ARCH_ARM\"]},\n"
                "\t\t{\"architecture\": \"SCMP_ARCH_LOONGARCH64\", \"subArchitectures\": null}],\n\t\"syscalls\": [\n"
                "\t\t{\"names\": [\"read\", \"socketcall\", \"riscv_hwprobe\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": null, \"comment\": \"\", \"includes\": {}},\n"
                "\t\t{\"names\": [\"ptrace\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"4.8\"}},\n"
                "\t\t{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"6.2\"}},\n"
                "\t\t{\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_SYS_CHROOT\"]}},\n"
                "\t\t{\"names\": [\"getpid\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": [\"amd64\", \"arm64\"]}},\n"
                "\t\t{\"names\": [\"getppid\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": [\"s390x\"]}},\n"
                "\t\t{\"names\": [\"gettid\"], \"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"arches\": [\"amd64\", \"arm64\"]}},\n"
                "\t\t{\"names\": [\"clone3\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38, \"excludes\": {\"caps\": [\"CAP_SYS_CHROOT\"]}}\n\t]\n}\n";
        struct loaded l = load(text, 0), rooted = load(text, UINT64_C(1) << CAP_SYS_CHROOT);

        assert_int_equal(l.diags.n, 0);
        assert_int_equal(ask(&l, "read", 0), ALLOW);
        assert_int_equal(ask(&l, "write", 0), ERRNO(EACCES));
        assert_int_equal(ask(&l, "ptrace", 0), ALLOW);
        assert_int_equal(ask(&l, "kcmp", 0), ERRNO(EACCES));
        assert_int_equal(ask(&l, "getpid", 0), ALLOW);
        assert_int_equal(ask(&l, "getppid", 0), ERRNO(EACCES));
        assert_int_equal(ask(&l, "gettid", 0), ERRNO(EACCES));
        assert_int_equal(ask(&l, "chroot", 0), ERRNO(EACCES));
        assert_int_equal(ask(&rooted, "chroot", 0), ALLOW);
        assert_int_equal(ask(&l, "clone3", 0), ERRNO(ENOSYS));
        assert_int_equal(ask(&rooted, "clone3", 0), ERRNO(ENOSYS)); /* above all that it names */
        done(&l);
        done(&rooted);
}

/* Conditions about one argument are alternatives, about several they must all hold; a mask comes first, as in libseccomp. */
static void test_arguments(void **state _unused_) {
        struct loaded l = load(
                HEAD RULE(
                        "personality",
                        ", \"args\": [{\"index\": 0, \"value\": 8, \"op\": \"SCMP_CMP_EQ\"}, "
                        "{\"index\": 0, \"value\": 18446744073709551615, \"op\": \"SCMP_CMP_EQ\"}]") ", " RULE("clone",
                                                                                                               ", \"args\": [{\"index\": 0, \"value\": 240, \"valueTwo\": 16, \"op\": \"SCMP_CMP_MASKED_EQ\"}]") "]}",
                0);

        assert_int_equal(ask(&l, "personality", 8), ALLOW);
        assert_int_equal(ask(&l, "personality", UINT64_MAX), ALLOW);
        assert_int_equal(ask(&l, "personality", 9), ERRNO(EPERM));
        assert_int_equal(ask(&l, "clone", 0x11f), ALLOW);
        assert_int_equal(ask(&l, "clone", 0x120), ERRNO(EPERM));
        done(&l);
}

/* Names that no call has are told of and passed over. */
static void test_unknown_names(void **state _unused_) {
        struct loaded l = load(HEAD RULE("raed", "") ",\n " RULE("read", "") "]}", 0);

        assert_int_equal(ask(&l, "read", 0), ALLOW);
        assert_int_equal(l.diags.warnings, 1);
        assert_string_equal(l.diags.items[0].message, "no system call is called \"raed\"");
        assert_int_equal(l.diags.items[0].mark.column, 61);
        done(&l);
}

static void test_wrong(void **state _unused_) {
        refuse("", 1, 1, "not JSON");
        refuse("{\n \"defaultAction\": \"SCMP_ACT_ALLOW\",\n}", 3, 1, "not JSON");
        refuse("{defaultAction: SCMP_ACT_ALLOW}", 1, 14, "not JSON");
        refuse("[]", 1, 1, "expected a mapping");
        refuse("{}", 1, 1, "missing key \"defaultAction\"");
        refuse("{\n \"defaultAction\": \"SCMP_ACT_ALOW\"}", 2, 19, "expected one of SCMP_ACT_ALLOW");
        refuse("{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}", 1, 19, "not supported");
        refuse("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultAction\": \"SCMP_ACT_KILL\"}", 1, 51, "duplicate");
        refuse("{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"listenerPath\": \"/x\"}", 2, 2, "unknown key");
        refuse("{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"]}", 2, 12, "not supported");
        refuse("{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"architectures\": [\"SCMP_ARCH_S390X\"]}", 1, 1, "this machine's");
        refuse("{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"architectures\": [\"X86\"]}", 2, 20, "no architecture is called");
        refuse("{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 4096}", 1, 56, "out of range");
        refuse(HEAD "{\"action\": \"SCMP_ACT_ALLOW\"}]}", 1, 50, "missing key \"names\"");
        refuse(HEAD "{\"names\": \"read\", \"action\": \"SCMP_ACT_ALLOW\"}]}", 1, 60, "expected a list");
        refuse(HEAD RULE("read", ", \"args\": [{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]") "]}", 1, 117,
               "out of range");
        refuse(HEAD RULE("read", ", \"includes\": {\"minKernel\": \"new\"}") "]}", 1, 124, "not a kernel's version");
}

/* What is too much is refused, quickly. */
static void test_bounds(void **state _unused_) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        buf_puts(&text, HEAD);
        for (int i = 0; i < 5000; i++)
                buf_puts(&text, i ? ",{}" : "{}");
        buf_puts(&text, "]}");
        struct loaded l = load(buf_text(&text), 0);
        assert_int_equal(l.result, -EBADMSG);
        assert_string_equal(l.diags.items[0].message, "5000 items, more than the 4096 allowed");
        done(&l);

        buf_reset(&text);
        for (int i = 0; i < SECCOMP_FILE_MAX + 1; i++)
                buf_putc(&text, ' ');
        l = load(buf_text(&text), 0);
        assert_int_equal(l.result, -EBADMSG);
        done(&l);

        buf_reset(&text);
        for (int i = 0; i < 100000; i++)
                buf_putc(&text, '[');
        l = load(buf_text(&text), 0);
        assert_int_equal(l.result, -EBADMSG);
        done(&l);
}

unit_main(cmocka_unit_test(test_docker), cmocka_unit_test(test_arguments), cmocka_unit_test(test_unknown_names),
          cmocka_unit_test(test_wrong), cmocka_unit_test(test_bounds));
