/* A stack file on the client's side: read, with its variables, checked, and made into the document the supervisor gets. */
#pragma once

#include "args.h"

#include <ctrsup/spec/load.h>

/* --set and --vars-file, in their order; the environment comes last. */
struct variables {
        struct arena *arena;
        struct variable { const char *name, *value; } *items;
        size_t n, size;
        size_t n_set;           /* the first of them are from --set */
};

#define VARIABLES_NULL ((struct variables){ 0 })
void variables_done(struct variables *v);
#define _cleanup_variables_ _cleanup_(variables_done)
/* "NAME=value". -EINVAL, -ENOMEM with words. */
int variables_set(struct variables *v, const char *assignment, struct err *err);
/* A file of NAME=value lines, as env_file. --set wins over it wherever it stands, a later file over an earlier one. */
int variables_add_file(struct variables *v, const char *path, struct err *err);
/* The value, from the environment too; NULL: not set. */
const char *variables_get(const struct variables *v, const char *name);

struct document {
        const char *file;       /* as named */
        char *text;             /* what was read */
        size_t len;
        struct diag_list diags;
        struct stack stack;
};

#define DOCUMENT_NULL ((struct document){ 0 })
void document_done(struct document *d);
#define _cleanup_document_ _cleanup_(document_done)

/* Reads and checks a file, "-" for standard input. EXIT_OK, EXIT_DATA (d->diags say why, nothing is printed), or another
 * exit code with the words printed. */
int document_load(const struct cli *c, const char *file, const struct variables *v, struct document *ret);
/* The same from memory; file is what messages call it. */
int document_parse(const struct cli *c, const char *file, char *text_taken, size_t len, const char *base_dir, const struct variables *v,
                   struct document *ret);
/* The wall clock: what is past is told as it is read. */
uint64_t document_now(void);
/* Complaints to stderr, with the source line on a terminal. */
void document_complain(const struct cli *c, const struct document *d);
/* load, and complain: warnings too. EXIT_OK or an exit code. */
int document_open(const struct cli *c, const char *file, const struct variables *v, struct document *ret);
/* For the supervisor; without the marks when the whole is longer than a call may be. NULL: out of memory. */
json_t *document_json(const struct document *d);
/* The one word of apply, plan and render: a file, by default ctrsup.yaml. NULL with the usage printed. */
const char *document_file(struct cli *c, const struct args *a);
