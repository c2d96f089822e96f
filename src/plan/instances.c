#include "instances.h"

#include <stdlib.h>
#include <string.h>

struct place {
        const struct instance *instance;
        size_t at;
};

static int compare_places(const void *a, const void *b) {
        const struct place *x = a, *y = b;
        int order = strcmp(x->instance->container, y->instance->container);

        return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

int plan_sort_instances(const struct plan_input *in, const struct instance ***ret) {
        _cleanup_free_ struct place *places = calloc(in->n_instances + 1, sizeof(*places));
        const struct instance **sorted = calloc(in->n_instances + 1, sizeof(const struct instance *));

        if (!places || !sorted) {
                free(sorted);
                return -ENOMEM;
        }
        for (size_t i = 0; i < in->n_instances; i++)
                places[i] = (struct place){ in->instances[i], i };
        qsort(places, in->n_instances, sizeof(*places), compare_places);
        for (size_t i = 0; i < in->n_instances; i++)
                sorted[i] = places[i].instance;
        *ret = sorted;
        return 0;
}

/* How many of them come before container; with its own: before who comes after it. */
static size_t count_before(const struct plan_input *in, const char *container, bool with_own) {
        size_t low = 0, high = in->n_instances;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = strcmp(in->sorted[middle]->container, container);

                if (order < 0 || (with_own && order == 0))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

struct instances plan_instances_of(const struct plan_input *in, const char *container) {
        size_t first = count_before(in, container, false);

        return (struct instances){ in->sorted + first, count_before(in, container, true) - first };
}
