#include <ctrsup/plan/order.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {
        [NS_PID] = "namespaces.pid",     [NS_IPC] = "namespaces.ipc",       [NS_UTS] = "namespaces.uts",
        [NS_NET] = "namespaces.net",     [NS_CGROUP] = "namespaces.cgroup", [NS_USER] = "namespaces.user",
        [NS_MOUNT] = "namespaces.mount", [NS_TIME] = "namespaces.time",
};
_Static_assert(ARRAY_SIZE(keys) == _NS_MAX, "a key for every namespace");

bool order_follows(const struct spec_container *c, const char *provider, const char **ret_key) {
        for (int ns = 0; ns < _NS_MAX; ns++)
                if (c->namespaces[ns].mode == NS_CONTAINER && strcmp(c->namespaces[ns].container, provider) == 0) {
                        if (ret_key)
                                *ret_key = keys[ns];
                        return true;
                }
        return false;
}

enum { NOBODY = -1 };

/* Index of the provider of each namespace of each container; NOBODY: its own, or one that is not declared. */
static ssize_t (*find_providers(const struct spec *s))[_NS_MAX] {
        ssize_t(*providers)[_NS_MAX] = calloc(s->n_containers + 1, sizeof(*providers));

        for (size_t i = 0; providers && i < s->n_containers; i++)
                for (int ns = 0; ns < _NS_MAX; ns++) {
                        const struct spec_namespace *n = &s->containers[i].namespaces[ns];
                        const struct spec_container *p = n->mode == NS_CONTAINER ? spec_find(s, n->container) : NULL;

                        providers[i][ns] = p ? p - s->containers : NOBODY;
                }
        return providers;
}

int order_containers(const struct spec *s, size_t *ret, size_t *ret_at) {
        _cleanup_free_ ssize_t(*providers)[_NS_MAX] = find_providers(s);
        _cleanup_free_ bool *placed = calloc(s->n_containers + 1, sizeof(*placed));
        size_t n = 0;

        if (!providers || !placed)
                return -ENOMEM;
        /* Always the first one of the file that has all it needs. */
        while (n < s->n_containers) {
                size_t i = 0;

                for (; i < s->n_containers; i++) {
                        bool can = !placed[i];

                        for (int ns = 0; can && ns < _NS_MAX; ns++)
                                can = providers[i][ns] == NOBODY || placed[providers[i][ns]];
                        if (can)
                                break;
                }
                if (i == s->n_containers) {
                        for (i = 0; placed[i];)
                                i++;
                        if (ret_at)
                                *ret_at = i;
                        return -ELOOP;
                }
                placed[i] = true;
                ret[n++] = i;
        }
        return 0;
}
