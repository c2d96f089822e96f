#include <ctrsup/spec/spec.h>

#include <string.h>

struct spec *spec_free(struct spec *s) {
        if (s)
                arena_free(s->arena); /* the spec itself is in there */
        return NULL;
}

static int compare_name(const void *name, const void *entry) {
        return strcmp(name, (*(const struct spec_container *const *)entry)->name);
}

const struct spec_container *spec_find(const struct spec *s, const char *name) {
        if (s->by_name && s->n_containers > 0) {
                const struct spec_container *const *found =
                        bsearch(name, s->by_name, s->n_containers, sizeof(*s->by_name), compare_name);

                return found ? *found : NULL;
        }
        for (size_t i = 0; i < s->n_containers; i++)
                if (strcmp(s->containers[i].name, name) == 0)
                        return &s->containers[i];
        return NULL;
}

const struct spec_named_volume *spec_find_volume(const struct spec *s, const char *key) {
        for (size_t i = 0; i < s->n_volumes; i++)
                if (strcmp(s->volumes[i].key, key) == 0)
                        return &s->volumes[i];
        return NULL;
}

const char *spec_namespace_text(struct arena *a, const struct spec_namespace *ns) {
        static const char *const words[] = { [NS_PRIVATE] = "private", [NS_HOST] = "host", [NS_NONE] = "none" };

        return ns->mode == NS_CONTAINER ? arena_printf(a, "container:%s", ns->container) : words[ns->mode];
}

const struct spec_container *spec_ns_owner(const struct spec *s, const struct spec_container *c, enum spec_ns ns) {
        /* A checked spec has no circles; the count is for one that is being checked. */
        for (size_t steps = 0; c && c->namespaces[ns].mode == NS_CONTAINER && steps <= s->n_containers; steps++)
                c = spec_find(s, c->namespaces[ns].container);
        return c && c->namespaces[ns].mode != NS_HOST ? c : NULL;
}

static int compare_mark(const void *path, const void *entry) {
        return strcmp(path, ((const struct spec_mark *)entry)->path);
}

struct mark spec_mark(const struct spec *s, const char *path) {
        char key[512];
        size_t len = strlen(path);

        if (len >= sizeof(key))
                len = sizeof(key) - 1;
        while (len > 0) {
                memcpy(key, path, len);
                key[len] = '\0';
                const struct spec_mark *m =
                        s->n_marks ? bsearch(key, s->marks, s->n_marks, sizeof(*s->marks), compare_mark) : NULL;
                if (m)
                        return m->mark;
                /* the parent: up to the last "." or "[" */
                do
                        len--;
                while (len > 0 && path[len] != '.' && path[len] != '[');
        }
        return MARK_NULL;
}
