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

bool spec_is_scheduled(const struct spec_container *c) {
        return c->type == TYPE_JOB && c->schedule.on_calendar.value;
}

bool spec_has_readiness(const struct spec_container *c) {
        return c->healthcheck.kind != HEALTHCHECK_NONE || spec_readiness_of(c) != READINESS_STARTED;
}

bool spec_notifies(const struct spec_container *c) {
        return c->healthcheck.kind == HEALTHCHECK_NOTIFY || spec_readiness_of(c) == READINESS_NOTIFY;
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

enum spec_readiness_type spec_readiness_of(const struct spec_container *c) {
        if (c->readiness.type != READINESS_AUTO)
                return c->readiness.type;
        return c->healthcheck.kind == HEALTHCHECK_NONE ? READINESS_STARTED : READINESS_HEALTHCHECK;
}

static bool text_equal(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static bool http_equal(const struct spec_probe_http *a, const struct spec_probe_http *b) {
        bool equal = a->port == b->port && a->scheme == b->scheme && a->headers.n == b->headers.n &&
                     text_equal(a->path, b->path) && text_equal(a->host, b->host) && text_equal(a->status, b->status);

        for (size_t i = 0; equal && i < a->headers.n; i++)
                equal = strcmp(a->headers.items[i].key, b->headers.items[i].key) == 0 &&
                        strcmp(a->headers.items[i].value, b->headers.items[i].value) == 0;
        return equal;
}

bool spec_healthcheck_equal(const struct spec_healthcheck *a, const struct spec_healthcheck *b) {
        bool equal = a->kind == b->kind && a->exec.n == b->exec.n && a->tcp_port == b->tcp_port &&
                     a->interval_usec == b->interval_usec && a->timeout_usec == b->timeout_usec &&
                     a->start_period_usec == b->start_period_usec && a->start_interval_usec == b->start_interval_usec &&
                     a->retries == b->retries && a->on_failure == b->on_failure && http_equal(&a->http, &b->http);

        for (size_t i = 0; equal && i < a->exec.n; i++)
                equal = strcmp(a->exec.items[i], b->exec.items[i]) == 0;
        return equal;
}
