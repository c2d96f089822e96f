/* A stack's plan: how it is made of what is declared and what is, and how it is carried out, action by action, as their turns come. */
#pragma once

#include "manager.h"

/* s NULL: a stack that is not there yet. to NULL: it is to go. Errors: as plan_make(). */
int stack_make_plan(const struct stack_entry *s, const struct spec *to, uint64_t revision, bool keep_undeclared, struct diag_list *diags,
                    struct plan **ret);

/* From what is declared now back to what was before its update. */
int stack_make_plan_back(const struct stack_entry *s, const struct generation *to, struct diag_list *diags, struct plan **ret);

/* All that carrying it out needs, so that taking it cannot fail. */
struct prepared_plan {
        struct plan *plan;
        bool *done, *begun; /* per action */
};
/* Takes the plan, also when it fails (out of memory). */
int stack_prepare_plan(struct plan *plan, struct prepared_plan *ret, struct err *err);
void prepared_plan_done(struct prepared_plan *p);
#define _cleanup_prepared_ _cleanup_(prepared_plan_done)
/* Whom the plan does not touch runs what the new declaration says, word for word; or is not in it, and is left alone. */
void stack_redeclare_untouched(struct stack_entry *s, const struct plan *plan);
/* In the place of the one under way. Empties p. */
void stack_take_plan(struct stack_entry *s, struct prepared_plan *p);
/* A new supervisor: plans what of the stack as it is declared has not happened yet; of one on its way out, the rest of that. */
int stack_plan_rest(struct stack_entry *s, struct err *err);
/* Does what of the plan has become possible; true when something was begun. */
bool stack_run_plan(struct stack_entry *s);
void stack_drop_plan(struct stack_entry *s);
/* Whom the plan is to start is there from the beginning, pending: a stop that is said before its turn has come must find it. Again when
 * one that was on its way out is gone. */
void stack_add_members(struct stack_entry *s);
/* The entry of an apply whose plan is done, or whose place another takes. */
void stack_report_applied(struct stack_entry *s);
/* One that is on its way out, and that the plan is to start again later: from now on it is declared, so that a stop means it, too. */
void stack_redeclare(struct member *b);
/* An operator stops it: what the plan under way would still do to it is over, but what it declares holds for the next start. What is no
 * longer declared goes all the same. */
void stack_overrule(struct member *b);
/* Stopped by the operator, and no apply has said otherwise since. */
bool stack_keeps_stopped(const struct member *b);
/* The plan under way will start it, when its turn has come. */
bool stack_will_start(const struct member *b);
/* An instance of that container, whichever. */
bool stack_will_start_one(const struct stack_entry *s, const char *container);
/* The same, after a stop of its own for which others wait. */
bool stack_will_restart(const struct member *b);
