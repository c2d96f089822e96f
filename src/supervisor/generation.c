#include "generation.h"

typedef int read_fn(const json_t *document, struct diag_list *diags, struct spec **ret);

static int make(const json_t *document, uint64_t revision, read_fn *read, struct diag_list *diags, struct generation **ret) {
        _cleanup_generation_ struct generation *g = calloc(1, sizeof(*g));

        if (!g)
                return -ENOMEM;
        *g = (struct generation){ .refs = 1, .revision = revision };
        int r = read(document, diags, &g->spec);
        if (r < 0)
                return r;
        g->document = json_incref((json_t *)(uintptr_t)document); /* nobody writes to it */
        *ret = take_ptr(g);
        return 0;
}

int generation_new(const json_t *document, uint64_t revision, struct diag_list *diags, struct generation **ret) {
        return make(document, revision, spec_from_document, diags, ret);
}

int generation_recall(const json_t *document, uint64_t revision, struct diag_list *diags, struct generation **ret) {
        return make(document, revision, spec_from_record, diags, ret);
}

struct generation *generation_ref(struct generation *g) {
        g->refs++;
        return g;
}

struct generation *generation_unref(struct generation *g) {
        if (!g || --g->refs > 0)
                return NULL;
        spec_free(g->spec);
        json_decref(g->document);
        free(g);
        return NULL;
}
