/* What has to happen so that a stack becomes what its file says: declared before, declared now and observed -> a plan.
 *
 * A plan is data: changes (one a container, for people and JSON: plan/explain.h) and actions (for the supervisor). Pure, and
 * level-triggered: it looks at what runs, not only at what was written, so a plan made after an interrupted apply does the rest,
 * and a plan made after a finished one is empty.
 */
#pragma once

#include <ctrsup/spec/diff.h>
#include <ctrsup/state/status.h>

/* What happens to a container. */
enum plan_verb {
        PLAN_UNCHANGED,         /* . */
        PLAN_NEW,               /* + */
        PLAN_REMOVED,           /* - */
        PLAN_REPLACED,          /* ~ new instances */
        PLAN_UPDATED,           /* ! changed in place: class live or meta */
        PLAN_STARTED,           /* > declared as it was, and down: start it */
        PLAN_KEPT,              /* . not in the file, and prune is off: left alone */
        _PLAN_VERB_MAX,
};

struct plan_change {
        const char *container;          /* "": the stack itself (its labels, description, volumes) */
        enum plan_verb verb;
        enum change_class class;        /* of the strongest key; with PLAN_REPLACED by following: CHANGE_REPLACE */
        struct spec_changes keys;
        const char *follows;            /* whose replacement or start it follows; NULL: nobody's */
        const char *follows_key;        /* by which key: "namespaces.net" */
        const char *reason;             /* in words, where it is not (only) a key: "stopped by an operator"; NULL */
};

enum action_kind {
        ACTION_STOP,            /* down, to be started by a later action of this plan (EVENT_STOP, but no operator's mark) */
        ACTION_REMOVE,          /* down and forgotten (EVENT_REMOVE) */
        ACTION_UPDATE_META,     /* set the instance's policy and revision; nothing runs differently */
        ACTION_UPDATE_LIVE,     /* write the changed keys to the running container; also what UPDATE_META does */
        ACTION_REPLACE,         /* EVENT_REPLACE with the new declaration; of a job with a schedule: EVENT_WANTED */
        ACTION_START,           /* create the instance when there is none, set policy and revision, EVENT_START; or EVENT_WANTED */
        ACTION_FORGET_STACK,    /* nothing of it is left: drop its records */
        _ACTION_KIND_MAX,
};

struct plan_action {
        enum action_kind kind;
        const char *container;          /* NULL: ACTION_FORGET_STACK */
        uint32_t replica;
        const struct plan_change *change; /* why; NULL: ACTION_FORGET_STACK */
        /* Actions of this plan, by index and always lower, that must be done before: a stop or removal when the instance is
         * down, a start or replacement when it is up, completed, failed or backing off. */
        uint32_t *after;
        size_t n_after;
        /* Part of an update: the instance is on trial then (state/trial.h), and this action begins when those of `proven`, a batch that
         * comes before, have passed theirs and pause_usec has gone by since. */
        bool update;
        const uint32_t *proven;
        size_t n_proven;
        uint64_t pause_usec;
};

struct plan {
        struct arena *arena;            /* owns all of it; the specs given to plan_make() are not referenced */
        unsigned shares;                /* owners besides the first */
        const char *stack;
        uint64_t revision;              /* that this plan leads to */
        bool resume;                    /* of a new supervisor: nobody asked anew, so what is counted stays */
        struct plan_change *changes;    /* the stack itself first when it changed; then in the file's order, then what is not in it */
        size_t n_changes;
        size_t first_declared;          /* of changes: the new file's first container's; the others follow in its order */
        struct plan_action *actions;    /* in an order in which they can be done one by one */
        size_t n_actions;
        size_t n_updates;               /* actions that are part of an update */
        size_t n_added, n_changed, n_removed, n_unchanged; /* containers */
};

struct plan_input {
        const struct spec *old_spec;    /* NULL: the stack was not there */
        const struct spec *new_spec;    /* NULL: the stack is to go */
        const struct instance *const *instances; /* of this stack */
        size_t n_instances;
        const struct instance *const *sorted; /* plan_make()'s own */
        uint64_t revision;              /* of new_spec: the old one when nothing is declared differently. An instance that has it runs
                                         * what new_spec declares: after an update that is taken back some never left it */
        bool keep_undeclared;           /* --prune=no */
        bool back;                      /* an update is taken back, nobody asked for anything: what is stopped or ended stays that, unless
                                         * it was the update's doing */
        bool paused;                    /* with resume: an update was paused: who runs an older declaration goes on with it */
        bool resume;                    /* a new supervisor, nothing declared anew: only what is wanted and never began, or runs
                                         * another declaration; undeclared ones go unless they are kept */
};

/* 0: *ret is the plan, free with plan_free(). -EPERM: an immutable key changed; the complaints, with the way out, are in diags.
 * -ELOOP: containers share namespaces in a circle (validation refuses that, so: a bug or an old record). -ENOMEM. */
int plan_make(const struct plan_input *in, struct diag_list *diags, struct plan **ret);
struct plan *plan_share(struct plan *p); /* p, for one more owner */
struct plan *plan_free(struct plan *p); /* for the last owner; returns NULL; takes NULL */
static inline void plan_freep(struct plan **p) { *p = plan_free(*p); }
#define _cleanup_plan_ _cleanup_(plan_freep)

/* Nothing to do: every container unchanged or kept, and no key of the stack differs. */
bool plan_is_empty(const struct plan *p);

char plan_verb_symbol(enum plan_verb v);        /* '+' */
/* One word for what happens: new, removed, replace, live, meta, start, unchanged, kept. */
const char *plan_change_word(const struct plan_change *c);
const char *action_kind_name(enum action_kind k); /* "update_live" */
