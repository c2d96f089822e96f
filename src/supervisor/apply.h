/* An apply: checks, plans, records and begins. */
#pragma once

#include "manager.h"

struct apply {
        const json_t *document;
        bool keep_undeclared;   /* --prune=no */
        bool dry_run;
        bool only_changed;      /* one that declares the same is left alone: the plan is NULL then */
        size_t n_others;        /* containers that are to come with other stacks, for policy.max_containers */
        uid_t uid;              /* who asks */
        pid_t pid;
};

/* 0: *ret_plan is the plan (the stack has its own copy under way). -EBADMSG, -EPERM, -EACCES:
 * diags (initialised by the caller) say what is wrong, nothing was changed; other errors are in err, nothing was changed. */
int stack_apply(struct manager *m, const struct apply *a, struct diag_list *diags, struct plan **ret_plan, struct err *err);
/* An apply that was refused: one entry. */
void stack_report_refused(struct manager *m, const struct apply *a, const struct diag_list *diags, const struct err *err);
