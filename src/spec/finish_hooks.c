/* Hooks and reload: what depends on several of their keys. */
#include "tables.h"

static void check_runs_something(struct walk *w, struct node *n, const char *key) {
        struct node *argv = node_get(w->nodes, n, key);

        if (argv && argv->kind == NODE_SEQUENCE && argv->n == 0)
                walk_complain_at(w, DIAG_BAD_VALUE, argv->mark, key, "there is nothing to run");
}

void hook_finish(struct walk *w, const struct node_entry *entry, void *at) {
        (void)at;
        check_runs_something(w, entry->value, "command");
}

void reload_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct node *signal = node_get(w->nodes, entry->value, "signal"), *exec = node_get(w->nodes, entry->value, "exec");

        (void)at;
        if (signal && exec)
                walk_complain_at(w, DIAG_ONE_OF, exec->mark, "exec", "a reload is one of both, found signal and exec");
        if (!signal && !exec && !w->partial)
                walk_hint(w,
                          walk_complain(w, DIAG_ONE_OF, entry->key ? entry->key->mark : entry->value->mark,
                                        "a reload needs one of signal, exec"),
                          "write {signal: SIGHUP} or {exec: [CMD]}");
        check_runs_something(w, entry->value, "exec");
}
