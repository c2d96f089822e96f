/* One applied state of a stack: the checked spec and the document it came from, immutable and shared by the stack and by the
 * instances that still run it. */
#pragma once

#include <ctrsup/spec/load.h>

struct generation {
        unsigned refs;
        uint64_t revision;
        struct spec *spec;
        json_t *document;
};

/* Checks the document through the field table. -EBADMSG: diags (initialised by the caller) say what is wrong. */
int generation_new(const json_t *document, uint64_t revision, struct diag_list *diags, struct generation **ret);
/* Of a record, which was accepted when it was applied. */
int generation_recall(const json_t *document, uint64_t revision, struct diag_list *diags, struct generation **ret);
struct generation *generation_ref(struct generation *g);
struct generation *generation_unref(struct generation *g); /* returns NULL; takes NULL */
static inline void generation_unrefp(struct generation **g) { *g = generation_unref(*g); }
#define _cleanup_generation_ _cleanup_(generation_unrefp)
