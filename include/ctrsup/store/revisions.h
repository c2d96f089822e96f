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
};

#define REVISION_NULL ((struct revision){ 0 })
void revision_done(struct revision *r);
#define _cleanup_revision_ _cleanup_(revision_done)

/* state_fd: <state>, open; all below are relative to it. */

/* Names of the stacks that have a current revision. One malloc'ed block. */
int revisions_stacks(int state_fd, char ***ret, size_t *ret_n, struct err *err);
/* Writes r and makes it the current one, with nothing stopped; then drops what is older than the newest `history`. */
int revisions_add(int state_fd, const char *stack, const struct revision *r, uint64_t history, struct err *err);
/* number 0: the current one. -ENOENT; -EBADMSG: not readable, set aside; -EPROTO: from a newer release, left alone. */
int revisions_read(int state_fd, const char *stack, uint64_t number, struct revision *ret, struct err *err);
/* Numbers that are there, newest first; free() it. */
int revisions_list(int state_fd, const char *stack, uint64_t **ret, size_t *ret_n, struct err *err);
/* The operator's stop marks: instance names "api.2". Replaces the list. */
int revisions_set_stopped(int state_fd, const char *stack, const char *const *names, size_t n, struct err *err);
/* One malloc'ed block. */
int revisions_stopped(int state_fd, const char *stack, char ***ret, size_t *ret_n, struct err *err);
/* The stack was removed: no record of it stays. Not there is fine. */
int revisions_forget(int state_fd, const char *stack, struct err *err);
