/* A seccomp profile as data, and the default one.
 *
 * What no rule says is the profile's own action. The rules of one system call are alternatives: those without conditions decide
 * always, of the others the first that fits. Names that this machine's architecture does not have are passed over.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum seccomp_action {
        SECCOMP_DO_ALLOW,
        SECCOMP_DO_LOG, /* allow, and tell the audit log */
        SECCOMP_DO_ERRNO,
        SECCOMP_DO_TRAP, /* SIGSYS */
        SECCOMP_DO_KILL_THREAD,
        SECCOMP_DO_KILL_PROCESS,
        _SECCOMP_DO_MAX,
};

enum seccomp_compare {
        SECCOMP_IF_NE,
        SECCOMP_IF_LT,
        SECCOMP_IF_LE,
        SECCOMP_IF_EQ,
        SECCOMP_IF_GE,
        SECCOMP_IF_GT,
        SECCOMP_IF_MASKED_EQ, /* (argument & mask) == value */
        _SECCOMP_IF_MAX,
};

enum { SECCOMP_ARGS = 6, SECCOMP_ERRNO_MAX = 4095 };

struct seccomp_condition {
        unsigned arg; /* below SECCOMP_ARGS */
        enum seccomp_compare compare;
        uint64_t value, mask;
};

/* All conditions must hold; no two are about the same argument. */
struct seccomp_rule {
        const char *name;
        enum seccomp_action action;
        unsigned error; /* of SECCOMP_DO_ERRNO */
        const struct seccomp_condition *conditions;
        size_t n_conditions;
};

struct seccomp_profile {
        enum seccomp_action action;
        unsigned error;
        struct seccomp_rule *rules;
        size_t n_rules;
        bool guards_terminal; /* ioctl TIOCSTI and TIOCLINUX are EPERM, whatever is in the upper half of the request's register */
};

/* The default profile of a container with these capabilities (bit n = capability n): what needs none, and what each opens. The rules
 * are malloc'ed, what they point to is static. -ENOMEM. */
int seccomp_profile_default(uint64_t capabilities, struct seccomp_profile *ret);
/* The part of a set of capabilities that makes a difference to it. */
uint64_t seccomp_profile_capabilities(uint64_t capabilities);

/* Is there a system call of that name, on any architecture? */
bool seccomp_name_is_known(const char *name);
/* Its number here; -ENOENT: this architecture has no such call. */
int seccomp_name_number(const char *name);
/* Does a call of the native architecture have that number? */
bool seccomp_number_is_known(int number);
