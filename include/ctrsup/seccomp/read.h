/* A profile file in the format of Docker and the OCI runtime specification.
 *
 * Rules behind `includes` and `excludes` are there or not by the container's capabilities, this architecture and this kernel.
 * `architectures` must name this machine's; the others of it are checked and not served.
 */
#pragma once

#include <ctrsup/base/diag.h>
#include <ctrsup/seccomp/profile.h>

enum { SECCOMP_FILE_MAX = 256 * 1024, SECCOMP_RULES_MAX = 4096 };

struct seccomp_machine {
        uint64_t capabilities;  /* bit n = capability n */
        unsigned major, minor;  /* of the kernel */
};

/* All values, in arena a. diags: initialised by the caller. Names that no call has are warnings. -EBADMSG: there are errors in diags;
 * -ENOMEM. */
int seccomp_profile_read(const char *text, size_t len, const struct seccomp_machine *on, struct arena *a, struct diag_list *diags,
                         struct seccomp_profile *ret);
