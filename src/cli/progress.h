/* What a change looks like while it happens. Pure: a model that transitions go into, and texts that come out of it; time is an
 * argument. Who watches (cli/watch.h) asks for a new picture when something came or the spinner turns.
 *
 * Terminal: one line a container, redrawn in place, the failure's words below it:
 *
 *      ✓ db       ready      1.2s
 *      ⠹ api      running    3s of 30s  waits for its health check
 *      · web      waiting    for api to be healthy
 *      ✗ job      backoff    8s  exited with status 1 (attempt 2)
 *
 * Plain, for a pipe: one line a transition: "shop/api.1: ready (2.2s)". JSON: the transition as it came, one object a line.
 */
#pragma once

#include <ctrsup/base/buf.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct progress_row {
        char *name;             /* "api.2" */
        char *state, *message;  /* message: NULL: none */
        uint64_t since_usec;    /* when it got there */
        double seconds;         /* how long it took to get there; below 0: not known */
        double within;          /* how long it may stay there; below 0: not known */
};

struct progress {
        struct progress_row *rows;
        size_t n, size;
        unsigned lines;         /* of the last picture, to be drawn over */
        bool failed;            /* out of memory: the picture is not complete */
};

#define PROGRESS_NULL ((struct progress){ 0 })
void progress_done(struct progress *p);
#define _cleanup_progress_ _cleanup_(progress_done)

/* How a state is shown: waiting (spinner), fine, bad, or at rest. */
enum progress_mark { MARK_WAITS, MARK_FINE, MARK_BAD, MARK_RESTS, _MARK_MAX };
enum progress_mark progress_mark(const char *state);

/* A container of the plan that is to change, before anything happened to it. replica 0 is right for one of a single. */
void progress_expect(struct progress *p, const char *container, uint64_t now_usec);
/* A Transition of the interface (or an Event with one). False: it says what is known already. */
bool progress_take(struct progress *p, const json_t *transition, uint64_t now_usec);
/* Does the picture change by time alone: a spinner, a countdown? */
bool progress_moves(const struct progress *p);
/* Whether every container has ended for good: nothing will happen any more by itself. False when there is none. */
bool progress_is_over(const struct progress *p, bool *ret_failed);

struct progress_style {
        unsigned columns, rows; /* rows 0: as many as it takes */
        bool unicode, color;
};

/* The picture, with the cursor moves that draw it over the last one; no line is wider than columns, none is wrapped. When
 * there are more containers than rows, those at rest and those that are fine are only counted. */
void progress_draw(struct progress *p, const struct progress_style *style, uint64_t now_usec, struct buf *out);
/* Takes the last picture off the screen: something else is to be printed; draw puts it back. */
void progress_erase(struct progress *p, struct buf *out);
/* One line of plain progress; nothing for a transition that says nothing new (pending). */
void progress_plain(const json_t *transition, struct buf *out);
void progress_json(const json_t *transition, struct buf *out);

/* "shop: revision 7 is ready (12.4s)", or what failed, with the last lines of each log: for stderr. asked is what was asked for:
 * "ready", "stopped", "removed". An apply that was taken back: "shop: revision 7 failed, revision 6 is running (21.9s)". */
void progress_result(const json_t *result, const char *asked, const struct progress_style *style, struct buf *out);
/* The exit code for it: EXIT_OK, EXIT_NEGATIVE, EXIT_RESTORED, EXIT_TRY_AGAIN, EXIT_BUG. */
int progress_exit_code(const json_t *result);

/* text into out, cut to columns display columns, control characters replaced; returns the columns used. */
unsigned progress_put_cut(struct buf *out, const char *text, unsigned columns);
