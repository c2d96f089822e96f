/* Complaints about a file, collected: FILE:LINE:COL: error: KEY.PATH: problem, with a hint and notes.
 *
 * A loader adds as many as it finds and goes on; whoever asked prints them all, or sends them as JSON, and refuses the whole
 * file when diag_errors() > 0. After DIAG_MAX errors the rest is only counted. Everything is copied into the list's own
 * arena. Out of memory is remembered (diag_list.failed) and counts as an error.
 */
#pragma once

#include <ctrsup/base/arena.h>
#include <ctrsup/base/buf.h>

#include <stdbool.h>
#include <stdint.h>

/* A place in a file. Lines and columns are 1-based, columns count characters; line 0: no place is known. */
struct mark {
        uint32_t line, column, end_line, end_column;
};

#define MARK_NULL ((struct mark){ 0 })

/* Stable ids, documented in ctrsup-stack(5) and cli.md; never reuse one. Names: diag_id_name(). */
enum diag_id {
        DIAG_UNKNOWN_KEY, DIAG_MISSING_KEY, DIAG_DUPLICATE_KEY, DIAG_WRONG_TYPE, DIAG_BAD_VALUE, DIAG_BAD_SIZE, DIAG_BAD_DURATION,
        DIAG_BAD_MODE, DIAG_BAD_NAME, DIAG_BAD_CALENDAR, DIAG_BAD_FORMAT, DIAG_OUT_OF_RANGE, DIAG_ONE_OF, DIAG_CONFLICT,
        DIAG_OVERLAP, DIAG_CYCLE, DIAG_NO_SUCH_REF, DIAG_AMBIGUOUS_REF, DIAG_RESERVED_PREFIX, DIAG_UNKNOWN_CAP,
        DIAG_NOT_NAMESPACED, DIAG_NOT_FOUND, DIAG_DIGEST_MISMATCH, DIAG_TOO_LARGE, DIAG_TOO_SMALL, DIAG_TOO_MANY,
        DIAG_DUPLICATE_TARGET, DIAG_INSECURE, DIAG_UNSUPPORTED, DIAG_POLICY_REFUSED, DIAG_IMMUTABLE, DIAG_YAML_SYNTAX,
        DIAG_YAML_UNSAFE, DIAG_UNSET_VARIABLE,
        _DIAG_ID_MAX,
};

enum diag_severity { DIAG_ERROR, DIAG_WARNING, _DIAG_SEVERITY_MAX };

enum { DIAG_MAX = 20 };

struct diag {
        enum diag_id id;
        enum diag_severity severity;
        struct mark mark;
        const char *path;            /* containers.web.limits.memory; "" for the file as a whole */
        const char *message;
        const char *hint;            /* NULL: none */
        const char *note;            /* NULL: none; "first given here" */
        struct mark note_mark;
};

struct diag_list {
        struct arena *arena;
        const char *file;            /* as the user named it; "-" is shown as <stdin> */
        struct diag items[DIAG_MAX * 2];
        size_t n;                    /* kept */
        size_t errors, warnings;     /* seen */
        bool failed;                 /* out of memory: what is kept is not all */
};

int diag_list_init(struct diag_list *list, const char *file); /* -ENOMEM */
void diag_list_done(struct diag_list *list);
static inline size_t diag_errors(const struct diag_list *list) { return list->errors + list->failed; }

/* Adds one complaint and returns it, to hang a hint or a note on; never NULL (when the list is full, or memory is out, a
 * scratch entry is returned). path may be NULL. */
struct diag *diag_add(struct diag_list *list, enum diag_id id, struct mark mark, const char *path, const char *format, ...) _printf_(5, 6);
struct diag *diag_warn(struct diag_list *list, enum diag_id id, struct mark mark, const char *path, const char *format, ...) _printf_(5, 6);
void diag_hint(struct diag_list *list, struct diag *d, const char *format, ...) _printf_(3, 4);
void diag_note(struct diag_list *list, struct diag *d, struct mark mark, const char *format, ...) _printf_(4, 5);

const char *diag_id_name(enum diag_id id);           /* "unknown-key" */
const char *diag_severity_name(enum diag_severity s);

/* All complaints in the GNU form, in the file's order, with the count line at the end; nothing when there are none.
 * source: the file's text, to show the line with a caret below it; NULL: without. */
void diag_print(const struct diag_list *list, const char *source, struct buf *out);
