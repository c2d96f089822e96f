/* Stacks: what is applied, planned and removed. */
#pragma once

#include "manager.h"

struct apply {
        const json_t *document;
        bool keep_undeclared;   /* --prune=no */
        bool dry_run;
        bool only_changed;      /* one that declares the same is left alone: the plan is NULL then */
        uid_t uid;              /* who asks */
        pid_t pid;
};

/* Checks, plans, records and begins. 0: *ret_plan is the plan (the stack has its own copy under way). -EBADMSG, -EPERM, -EACCES:
 * diags (initialised by the caller) say what is wrong, nothing was changed; other errors are in err, nothing was changed. */
int stack_apply(struct manager *m, const struct apply *a, struct diag_list *diags, struct plan **ret_plan, struct err *err);
/* An apply that was refused: one entry. */
void stack_report_refused(struct manager *m, const struct apply *a, const struct diag_list *diags, const struct err *err);
/* An empty entry, in the manager's list. NULL: out of memory. */
struct stack_entry *stack_new(struct manager *m, const char *name);
/* A new supervisor: plans what of the stack as it is declared has not happened yet; of one on its way out, the rest of that. */
int stack_plan_rest(struct stack_entry *s, struct err *err);
/* Stops and forgets everything of it, in order. */
int stack_remove(struct manager *m, struct stack_entry *s, bool volumes, struct err *err);
/* One that is on its way out, and that the plan is to start again later: from now on it is declared, so that a stop means it, too. */
void stack_redeclare(struct member *b);
/* Does what of the plan has become possible; true when something was begun. */
bool stack_run_plan(struct stack_entry *s);
/* When the last member of a removed stack is gone: its records, volumes and cgroup. Frees it then and returns true. */
bool stack_try_forget(struct stack_entry *s);
/* Writable layers of its starts that are over, left when somebody was killed, or the disk did not let go of them. */
void stack_sweep(struct stack_entry *s);
/* The operator's marks after a stop or start of some of its members; what the disk does not take is owed (degraded.h). */
void stack_save_stopped(struct stack_entry *s);
void stack_free(struct stack_entry *s);
