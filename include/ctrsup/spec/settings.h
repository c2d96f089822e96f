/* ctrsup.conf: the daemon's own settings. libconfig reads the syntax, the table in src/spec/settings.c knows the settings.
 *
 * Texts are added one after the other (ctrsup.conf, then ctrsup.conf.d, sorted by name); a later one wins setting by
 * setting. All complaints are collected; with any, the whole configuration is refused. Pure: who calls it reads the files.
 * A setting whose feature comes later is accepted when it says what is done anyway, and is "not supported yet" otherwise.
 */
#pragma once

#include <ctrsup/base/arena.h>
#include <ctrsup/base/buf.h>
#include <ctrsup/base/diag.h>
#include <ctrsup/base/err.h>
#include <ctrsup/spec/spec.h>

enum log_target { LOG_TARGET_AUTO, LOG_TARGET_JOURNAL, LOG_TARGET_STDERR, _LOG_TARGET_MAX };
enum shutdown_action { SHUTDOWN_STOP, SHUTDOWN_LEAVE, _SHUTDOWN_MAX };

/* Strings are never NULL and live in the settings' arena. Values are filled in from the table's defaults. */
struct settings {
        struct arena *arena;
        struct {
                int level;                      /* syslog's: 3 err … 7 debug */
                int target;                     /* enum log_target */
        } log;
        struct {
                const char *socket;
                struct spec_strings admin_groups, read_groups;
                uint64_t max_clients;
        } control;
        struct {
                const char *stacks, *state, *runtime, *logs;
        } paths;
        struct {
                uint64_t interval_usec;
                uint64_t parallel;
                int shutdown;                   /* enum shutdown_action */
                uint64_t history;
        } reconcile;
        struct {
                const char *root;               /* "auto", or a cgroup below the mount: "/machine/ctrsup" */
        } cgroup;
        struct {
                uint64_t base, count;           /* first host id; blocks of 65536 */
        } userns;
        struct {
                bool allow_privileged_namespaces;
                struct spec_strings bind_roots, layer_roots, allow_devices; /* the last: patterns, glob(7) */
                uint64_t max_containers;        /* of all stacks */
        } policy;
        struct settings_origin *origins;        /* opaque: where each setting came from */
};

/* All defaults. NULL: out of memory. */
struct settings *settings_new(void);
struct settings *settings_free(struct settings *s); /* returns NULL; takes NULL */
static inline void settings_freep(struct settings **s) { *s = settings_free(*s); }
#define _cleanup_settings_ _cleanup_(settings_freep)

/* One file's text over what is there. diags: of this file (its file member is what the messages and origins name). 0;
 * -EBADMSG: complaints in diags, s has the settings that were right; -ENOMEM. */
int settings_add(struct settings *s, const char *text, size_t len, struct diag_list *diags);
/* What only the whole shows (max_delay < delay and the like); after the last settings_add(). 0, -EBADMSG. */
int settings_check(const struct settings *s, struct diag_list *diags);
/* The merged result as a file, each line with where it comes from: `ctrsupd --check-config`, `ctrsup daemon status`. */
void settings_print(const struct settings *s, struct buf *out);
/* The settings that differ between two loads but cannot change while running ("userns.base"), one a line; "" when none. */
void settings_need_restart(const struct settings *old, const struct settings *new, struct buf *out);
/* Those keep old's values in s: what a reload leaves as it is. -ENOMEM. */
int settings_keep_fixed(struct settings *s, const struct settings *old);

/* No file says it. */
bool settings_is_default(const struct settings *s, const char *group, const char *name);

/* What policy refuses of a stack: complaints (DIAG_POLICY_REFUSED) with the stack file's positions. n_others: containers of
 * all other stacks. 0 or -EACCES. */
int settings_check_policy(const struct settings *s, const struct spec *spec, size_t n_others, struct diag_list *diags);
