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

bool order_shares(const struct spec_container *c, const char *provider, const char **ret_key) {
        for (int ns = 0; ns < _NS_MAX; ns++)
                if (c->namespaces[ns].mode == NS_CONTAINER && strcmp(c->namespaces[ns].container, provider) == 0) {
                        if (ret_key)
                                *ret_key = keys[ns];
                        return true;
                }
        return false;
}

bool order_follows(const struct spec_container *c, const char *provider, const char **ret_key) {
        if (order_shares(c, provider, ret_key))
                return true;
        for (size_t i = 0; i < c->n_depends_on; i++)
                if (c->depends_on[i].restart && strcmp(c->depends_on[i].container, provider) == 0) {
                        if (ret_key)
                                *ret_key = "depends_on";
                        return true;
                }
        return false;
}

bool order_depends(const struct spec_container *c, const char *provider) {
        for (size_t i = 0; i < c->n_depends_on; i++)
                if (strcmp(c->depends_on[i].container, provider) == 0)
                        return true;
        return order_shares(c, provider, NULL);
}

/* Whom each container waits for, as indices, one list after the other: those of i are to[at[i]] to to[at[i + 1]]. */
struct edges {
        size_t *at, *to;
};

static void edges_done(struct edges *e) {
        free(e->at);
        free(e->to);
}

static void add_edge(const struct spec *s, struct edges *e, size_t *n, const char *name) {
        const struct spec_container *c = spec_find(s, name);

        if (c) /* one that is not declared is waited for by nobody here */
                e->to[(*n)++] = (size_t)(c - s->containers);
}

static int find_edges(const struct spec *s, struct edges *ret) {
        size_t room = 1, n = 0;

        for (size_t i = 0; i < s->n_containers; i++)
                room += _NS_MAX + s->containers[i].n_depends_on;
        ret->at = calloc(s->n_containers + 1, sizeof(*ret->at));
        ret->to = calloc(room, sizeof(*ret->to));
        if (!ret->at || !ret->to)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_containers; i++) {
                const struct spec_container *c = &s->containers[i];

                ret->at[i] = n;
                for (int ns = 0; ns < _NS_MAX; ns++)
                        if (c->namespaces[ns].mode == NS_CONTAINER)
                                add_edge(s, ret, &n, c->namespaces[ns].container);
                for (size_t k = 0; k < c->n_depends_on; k++)
                        add_edge(s, ret, &n, c->depends_on[k].container);
        }
        ret->at[s->n_containers] = n;
        return 0;
}

static bool can_be_placed(const struct edges *e, const bool *placed, size_t i) {
        for (size_t k = e->at[i]; k < e->at[i + 1]; k++)
                if (!placed[e->to[k]])
                        return false;
        return !placed[i];
}

int order_containers(const struct spec *s, size_t *ret, size_t *ret_at) {
        _cleanup_(edges_done) struct edges e = { 0 };
        _cleanup_free_ bool *placed = calloc(s->n_containers + 1, sizeof(*placed));
        size_t n = 0, first = 0; /* not placed yet */

        if (!placed || find_edges(s, &e) < 0)
                return -ENOMEM;
        /* Always the first one of the file that has all it needs. */
        while (n < s->n_containers) {
                while (placed[first])
                        first++;
                size_t i = first;
                while (i < s->n_containers && !can_be_placed(&e, placed, i))
                        i++;
                if (i == s->n_containers) {
                        if (ret_at)
                                *ret_at = first;
                        return -ELOOP;
                }
                placed[i] = true;
                ret[n++] = i;
        }
        return 0;
}
