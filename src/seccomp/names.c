/* Names and numbers of system calls: libseccomp's tables, and what is newer than the oldest libseccomp we build with (2.5.4). From
 * 424 on a number means the same on every architecture. */
#include <ctrsup/seccomp/profile.h>

#include <ctrsup/base/cleanup.h>

#include <errno.h>
#include <seccomp.h>
#include <string.h>

enum { NOT_HERE = -2 };

static const struct {
        const char *name;
        int number;
} newer[] = {
        { "cachestat", 451 },         { "fchmodat2", 452 },         { "map_shadow_stack", 453 }, { "futex_wake", 454 },
        { "futex_wait", 455 },        { "futex_requeue", 456 },     { "statmount", 457 },        { "listmount", 458 },
        { "lsm_get_self_attr", 459 }, { "lsm_set_self_attr", 460 }, { "lsm_list_modules", 461 }, { "mseal", 462 },
        { "setxattrat", 463 },        { "getxattrat", 464 },        { "listxattrat", 465 },      { "removexattrat", 466 },
        { "open_tree_attr", 467 },    { "file_getattr", 468 },      { "file_setattr", 469 },
#ifdef __x86_64__
        { "uretprobe", 335 },
#else
        { "uretprobe", NOT_HERE },
#endif
#ifdef __riscv
        { "riscv_hwprobe", 258 },
#else
        { "riscv_hwprobe", NOT_HERE },
#endif
};

static int resolve(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
                if (strcmp(newer[i].name, name) == 0)
                        return newer[i].number;
        return seccomp_syscall_resolve_name(name);
}

bool seccomp_name_is_known(const char *name) {
        return resolve(name) != __NR_SCMP_ERROR;
}

int seccomp_name_number(const char *name) {
        int number = resolve(name);

        return number >= 0 ? number : -ENOENT;
}

bool seccomp_number_is_known(int number) {
        for (size_t i = 0; i < ARRAY_SIZE(newer); i++)
                if (newer[i].number == number)
                        return true;
        _cleanup_free_ char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        return name != NULL;
}
