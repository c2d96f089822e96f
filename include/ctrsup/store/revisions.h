/* Applied stacks: <state>/stacks/<stack>/<N>.json, one a revision, and `current`, which says which one is wanted and what an
 * operator stopped. `current` is written last: a power cut between the two leaves the old revision.
 *
 * A record carries its format; one from the release before is read, one from a newer release is refused in words. A record that
 * cannot be read is renamed to <name>.bad, said once, and never stands in the way of the others.
 */
#pragma once

#include <ctrsup/base/err.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct revision {
        uint64_t number;                /* from 1 */
        uint64_t applied_real_usec;
        uid_t uid;                      /* who applied it */
        json_t *document;               /* as the client sent it: a reference of its own */
        bool failed;                    /* its update was taken back, or paused */
        json_t *ends;                   /* how those ended that made it fail: of who records it; a reference of its own; NULL: not known */
        uint64_t fallback;              /* revisions_add() only: as in struct revision_current */
};

#define REVISION_NULL ((struct revision){ 0 })
void revision_done(struct revision *r);
#define _cleanup_revision_ _cleanup_(revision_done)

/* state_fd: <state>, open; all below are relative to it. */

/* Names of the stacks that have a current revision, or had one that was set aside. One malloc'ed block. */
int revisions_stacks(int state_fd, char ***ret, size_t *ret_n, struct err *err);
/* Removes folders of first applies that were interrupted: they have no `current`, and no revision but the first. */
int revisions_sweep(int state_fd, struct err *err);
/* Writes r and makes it the current one, with nothing stopped. */
int revisions_add(int state_fd, const char *stack, const struct revision *r, struct err *err);
/* From now on it is known as one that failed, with ends (borrowed; may be NULL), or, tried again, as one that did not. */
int revisions_mark_failed(int state_fd, const char *stack, uint64_t number, bool failed, json_t *ends, struct err *err);
/* Drops what is older than the newest `history` and for which is_used() says no. */
void revisions_drop(int state_fd, const char *stack, uint64_t history, bool (*is_used)(void *userdata, uint64_t number), void *userdata);
/* number 0: the current one; when it cannot be read, none stands in for it: an older one may be what was applied away on purpose. The
 * hint says which could. -ENOENT; -EBADMSG: not readable, set aside, now or before; -EPROTO: from a newer release, left alone. */
int revisions_read(int state_fd, const char *stack, uint64_t number, struct revision *ret, struct err *err);
/* One of them, as revisions_read(), for who only looks: nothing is set aside. */
int revisions_peek(int state_fd, const char *stack, uint64_t number, struct revision *ret, struct err *err);
/* Numbers that are there, newest first; free() it. */
int revisions_list(int state_fd, const char *stack, uint64_t **ret, size_t *ret_n, struct err *err);
/* What `current` says: which revision is wanted, which was before an update that is under way, and the operator's stop marks (instance names, "api.2"). */
struct revision_current {
        uint64_t number;
        bool paused;                    /* its update failed, and is left as it is */
        uint64_t fallback;              /* the revision to go back to when this one's update fails; 0: none is under way */
        const char *const *stopped;
        size_t n_stopped;
};
int revisions_set_current(int state_fd, const char *stack, const struct revision_current *c, struct err *err);
/* Does it say that already? Nothing is set aside, nothing is said. */
bool revisions_is_current(int state_fd, const char *stack, const struct revision_current *c);
/* One malloc'ed block. */
int revisions_stopped(int state_fd, const char *stack, char ***ret, size_t *ret_n, struct err *err);
/* 0 in *ret: no update is under way. */
int revisions_fallback(int state_fd, const char *stack, uint64_t *ret, bool *ret_paused, struct err *err);
/* The stack was removed, durably: it does not come back. Not there is fine. A failure leaves it, or (when it was the last step that
 * failed) a stack that is to be recorded again. */
int revisions_forget(int state_fd, const char *stack, struct err *err);
