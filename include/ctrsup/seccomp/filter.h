/* From a profile to the program that the kernel runs at each system call.
 *
 * It is libseccomp's, behind a head of ours. Only the native architecture is served: a call of another one (int 0x80, x32) is
 * ENOSYS. So is, in a profile that refuses what it does not name, a number that nobody knows, or that is above all it names: a
 * program then takes its older way, where EPERM would make it give up.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>
#include <ctrsup/seccomp/profile.h>

#include <linux/seccomp.h>

/* Appends the program, an array of struct sock_filter, to out. -ENOMEM; -E2BIG: more than the kernel takes; -EINVAL. */
int seccomp_filter_compile(const struct seccomp_profile *p, struct buf *out, struct err *err);
/* What it says to that call: SECCOMP_RET_*. Only what seccomp_filter_compile() makes is understood. */
uint32_t seccomp_filter_decide(const struct buf *program, const struct seccomp_data *call);
/* The first call that a launch needs after the filter is on, and that it refuses; NULL: none. */
const char *seccomp_filter_missing(const struct buf *program);
uint32_t seccomp_native_arch(void); /* AUDIT_ARCH_* */
