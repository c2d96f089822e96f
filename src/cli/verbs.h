/* The table of verbs: dispatch, help and completion walk it. One file a verb; those of later versions are known and say so. */
#pragma once

#include "args.h"

struct verb {
        const char *name;
        const char *words;                 /* what follows the options: "[FILE|-]" */
        const char *summary;               /* one line */
        const char *details;               /* more of the help, paragraphs with line breaks; NULL */
        const struct args_option *options; /* NULL: none of its own */
        int (*run)(struct cli *c, struct args *a); /* NULL: not supported yet */
        unsigned outputs;                  /* what -o may be: 1u << OUTPUT_…; 0: it has no -o */
};

extern const struct verb verbs[];          /* the last has no name */
const struct verb *verb_find(const char *name);
const char *verb_suggest(const char *name); /* NULL: none is near */

int verb_apply(struct cli *c, struct args *a);
int verb_plan(struct cli *c, struct args *a);
int verb_check(struct cli *c, struct args *a);
int verb_render(struct cli *c, struct args *a);
int verb_schema(struct cli *c, struct args *a);
int verb_explain(struct cli *c, struct args *a);
int verb_diff(struct cli *c, struct args *a);
int verb_status(struct cli *c, struct args *a);
int verb_why(struct cli *c, struct args *a);
int verb_top(struct cli *c, struct args *a);
int verb_logs(struct cli *c, struct args *a);
int verb_events(struct cli *c, struct args *a);
int verb_history(struct cli *c, struct args *a);
int verb_rollback(struct cli *c, struct args *a);
int verb_exec(struct cli *c, struct args *a);
int verb_run(struct cli *c, struct args *a);
int verb_start(struct cli *c, struct args *a);
int verb_stop(struct cli *c, struct args *a);
int verb_restart(struct cli *c, struct args *a);
int verb_reload(struct cli *c, struct args *a);
int verb_remove(struct cli *c, struct args *a);
int verb_wait(struct cli *c, struct args *a);
int verb_daemon(struct cli *c, struct args *a);
int verb_doctor(struct cli *c, struct args *a);
int verb_audit(struct cli *c, struct args *a);
int verb_help(struct cli *c, struct args *a);

extern const struct args_option apply_options[], plan_options[], check_options[], render_options[], status_options[], why_options[], top_options[], logs_options[],
        events_options[], history_options[], rollback_options[], exec_options[], run_options[], start_options[], stop_options[], restart_options[], remove_options[],
        wait_options[], daemon_options[], doctor_options[], audit_options[];

/* Help texts. */
void help_program(struct buf *out);
void help_verb(const struct verb *v, struct buf *out);
void help_version(struct buf *out);
