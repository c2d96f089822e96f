/* Health checks and readiness: what depends on several of their keys. */
#include "tables.h"

#include <string.h>

/* Nobody asks, so there is no when and no how often. */
static void check_notify(struct walk *w, struct node *check) {
        static const char *const keys[] = { "interval", "start_interval", "retries" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const struct node *n = node_get(w->nodes, check, keys[i]);

                if (n)
                        walk_hint(w, walk_complain_at(w, DIAG_CONFLICT, n->mark, keys[i], "it has no meaning with notify"),
                                  "timeout is how long it may be silent");
        }
}

void healthcheck_finish(struct walk *w, const struct node_entry *entry, void *at) {
        static const struct {
                const char *key;
                enum spec_healthcheck_kind kind;
        } kinds[] = { { "exec", HEALTHCHECK_EXEC },
                      { "http", HEALTHCHECK_HTTP },
                      { "tcp", HEALTHCHECK_TCP },
                      { "notify", HEALTHCHECK_NOTIFY } };
        struct spec_healthcheck *h = at;
        const char *first = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                const struct node *n = node_get(w->nodes, entry->value, kinds[i].key);

                if (n && first)
                        walk_complain_at(w, DIAG_ONE_OF, n->mark, kinds[i].key,
                                         "a healthcheck is one probe, found both %s and %s", first, kinds[i].key);
                if (!n || first)
                        continue;
                first = kinds[i].key;
                h->kind = kinds[i].kind;
        }
        if (!first && !w->partial)
                walk_hint(w,
                          walk_complain(w, DIAG_ONE_OF, entry->key ? entry->key->mark : entry->value->mark,
                                        "a healthcheck needs one of exec, http, tcp, notify"),
                          "write {exec: [CMD]}, {http: {port: 80}}, {tcp: {port: 80}} or {notify: {}}");
        if (h->kind == HEALTHCHECK_NOTIFY)
                check_notify(w, entry->value);
        struct node *exec = node_get(w->nodes, entry->value, "exec");
        if (exec && exec->kind == NODE_SEQUENCE && exec->n == 0)
                walk_complain_at(w, DIAG_BAD_VALUE, exec->mark, "exec", "there is nothing to run");
        struct node *scheme = node_at(w, entry->value, "http.scheme");
        if (scheme && h->http.scheme == HTTP_TLS)
                walk_complain_at(w, DIAG_UNSUPPORTED, scheme->mark, "http.scheme", "https is not supported yet");
}

void readiness_check(struct walk *w, struct node *container, struct spec_container *c) {
        struct node *type = node_at(w, container, "readiness.type");

        if (type && c->readiness.type == READINESS_HEALTHCHECK && !w->partial && !node_get(w->nodes, container, "healthcheck"))
                walk_hint(w,
                          walk_complain_at(w, DIAG_CONFLICT, type->mark, "readiness.type", "there is no healthcheck to wait for"),
                          "add one, or write started");
}
