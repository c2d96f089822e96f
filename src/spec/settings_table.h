/* The rows of ctrsup.conf, shared by settings.c (who walks files) and settings_value.c (who reads values). */
#pragma once

#include <ctrsup/base/diag.h>
#include <ctrsup/spec/settings.h>

#include <libconfig.h>

enum row_kind {
        ROW_WORD,     /* int: an index into words */
        ROW_PATH,     /* const char *: absolute */
        ROW_CGROUP,   /* const char *: "auto", or absolute */
        ROW_TEXTS,    /* struct spec_strings */
        ROW_PATHS,    /* struct spec_strings, absolute */
        ROW_NUMBER,   /* uint64_t, min to max */
        ROW_DURATION, /* uint64_t usec, min to max */
        ROW_BOOL,     /* bool */
        ROW_LATER,    /* the feature comes later: only the preset is accepted */
        _ROW_KIND_MAX,
};

enum row_flags {
        ROW_RESTART = 1 << 0, /* cannot change while running */
        ROW_BLOCKS = 1 << 1,  /* a multiple of 65536 */
};

struct row {
        const char *group, *name;
        enum row_kind kind;
        size_t at;          /* in struct settings */
        const char *preset; /* as settings_text() prints it */
        unsigned flags;
        const char *const *words;
        size_t n_words;
        uint64_t min, max;
};

extern const struct row settings_rows[];
extern const size_t settings_n_rows;

/* Where a value came from; one a row. */
struct settings_origin {
        const char *text; /* the value, as settings_text() prints it */
        const char *file; /* NULL: the preset */
        unsigned line;
};

/* Reads value into s; complains and leaves s as it is, or returns true. */
bool settings_read(struct settings *s, const struct row *row, const config_setting_t *value, struct diag_list *diags);
/* A value in one line, the same for the same value: strings quoted, numbers decimal. */
void settings_text(const config_setting_t *value, struct buf *out);
/* "userns.base" into buf. Returns buf. */
enum { ROW_PATH_SIZE = 64 };
const char *settings_path(const struct row *row, char buf[ROW_PATH_SIZE]);
