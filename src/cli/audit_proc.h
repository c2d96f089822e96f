/* The kernel's side of an audit, read from /proc and the cgroup files. */
#pragma once

#include "audit.h"

struct audit_process {
        struct audit_truth truth;
        char *mountinfo; /* truth.mountinfo */
};

#define AUDIT_PROCESS_NULL ((struct audit_process){ 0 })
void audit_process_done(struct audit_process *p);
#define _cleanup_audit_process_ _cleanup_(audit_process_done)

/* -ESRCH: it has ended; -EACCES: that takes root. */
int audit_read_process(pid_t pid, struct audit_process *ret, struct err *err);
