/* The client's pipeline: text -> nodes -> variables -> defaults -> env files -> table. Each step keeps going after a complaint as
 * long as what comes next still makes sense, so that one run shows all that is wrong. */
#include <ctrsup/spec/load.h>

#include <ctrsup/text/envfile.h>
#include <ctrsup/text/interpolate.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/yaml.h>

#include "pass.h"
#include "tables.h"

#include <string.h>

enum { NODES_MAX = YAML_MAX_NODES };

struct load {
        const struct stack_source *source;
        struct walk walk;
        struct node *root;
        size_t nodes; /* made since the text was read: defaults multiply */
};

/* ---- defaults ---- */

/* `limits:` with nothing behind it is an empty mapping. */
static void null_to_mapping(struct node *n) {
        if (node_is_null(n))
                *n = (struct node){ .kind = NODE_MAPPING, .mark = n->mark };
}

/* The keys of `from` that `into` has not, and below mappings that both have. A list or a scalar of `into` replaces. */
static int merge_under(struct load *l, struct node *into, const struct node *from) {
        uint32_t n = into->n;

        if (into->kind != NODE_MAPPING || from->kind != NODE_MAPPING)
                return 0;
        struct node **mine = arena_array_of(l->walk.nodes, struct node *, from->n + 1);
        if (!mine)
                return -ENOMEM;
        /* Look up first, add then: adding drops the index. */
        for (uint32_t i = 0; i < from->n && n > 0; i++)
                mine[i] = node_get(l->walk.nodes, into, from->entries[i].key->text);
        for (uint32_t i = 0; i < from->n; i++) {
                const struct node_entry *e = &from->entries[i];
                struct node *key, *value;

                if (mine[i]) {
                        if (e->value->kind == NODE_MAPPING)
                                null_to_mapping(mine[i]);
                        int r = merge_under(l, mine[i], e->value);

                        if (r < 0)
                                return r;
                        continue;
                }
                key = node_copy(l->walk.nodes, e->key, &l->nodes);
                value = key ? node_copy(l->walk.nodes, e->value, &l->nodes) : NULL;
                if (!value || node_add(l->walk.nodes, into, key, value) < 0)
                        return -ENOMEM;
                if (l->nodes > NODES_MAX)
                        return -E2BIG;
        }
        return 0;
}

static void remove_key(struct node *n, const char *key) {
        for (uint32_t i = 0; i < n->n; i++)
                if (strcmp(n->entries[i].key->text, key) == 0) {
                        node_remove(n, i);
                        return;
                }
}

static struct node_entry *entry_of(struct node *n, const char *key) {
        for (uint32_t i = 0; n && n->kind == NODE_MAPPING && i < n->n; i++)
                if (strcmp(n->entries[i].key->text, key) == 0)
                        return &n->entries[i];
        return NULL;
}

static bool is_job(const struct node *n) {
        return n && n->kind == NODE_SCALAR && strcmp(n->text, spec_type_name(TYPE_JOB)) == 0;
}

/* What of the defaults is for containers of that type: those of services do not disturb jobs, and the other way round. */
static struct node *defaults_of(struct load *l, const struct node *defaults, enum spec_type type) {
        struct node *of = arena_new_of(l->walk.nodes, struct node);

        if (!of)
                return NULL;
        *of = (struct node){ .kind = NODE_MAPPING, .mark = defaults->mark };
        for (uint32_t i = 0; defaults->kind == NODE_MAPPING && i < defaults->n; i++)
                if (key_fits_type(defaults->entries[i].key->text, type) &&
                    node_add(l->walk.nodes, of, defaults->entries[i].key, defaults->entries[i].value) < 0)
                        return NULL;
        return of;
}

/* Once on their own, so that what is wrong in them is said where they stand; then under every container. */
static int apply_defaults(struct load *l) {
        struct node_entry *defaults = entry_of(l->root, "defaults"), *containers = entry_of(l->root, "containers");
        struct path here = { .key = "defaults" };

        if (!defaults)
                return 0;
        const struct node_entry kept = *defaults;
        struct spec_container *scratch = arena_new_of(l->walk.nodes, struct spec_container);
        struct node *copy = node_copy(l->walk.nodes, kept.value, NULL);
        if (!scratch || !copy)
                return -ENOMEM;
        struct walk w = l->walk;
        w.path = &here;
        w.partial = true;
        w.arena = w.nodes;
        schema_read(&w, &container_table, &(struct node_entry){ kept.key, copy }, scratch);

        struct node *of_jobs = defaults_of(l, kept.value, TYPE_JOB), *of_services = defaults_of(l, kept.value, TYPE_SERVICE);
        if (!of_jobs || !of_services)
                return -ENOMEM;
        bool jobs = is_job(node_get(l->walk.nodes, kept.value, "type"));
        for (uint32_t i = 0; containers && containers->value->kind == NODE_MAPPING && i < containers->value->n; i++) {
                struct node *container = containers->value->entries[i].value;

                null_to_mapping(container);
                struct node *type = node_get(l->walk.nodes, container, "type");
                int r = merge_under(l, container, (type ? is_job(type) : jobs) ? of_jobs : of_services);
                if (r == -E2BIG) {
                        diag_add(l->walk.diags, DIAG_YAML_UNSAFE, kept.key->mark, "defaults",
                                 "more than 100000 values, defaults expanded");
                        return -EBADMSG;
                }
                if (r < 0)
                        return r;
        }
        remove_key(l->root, "defaults");
        return 0;
}

/* ---- env files ---- */

static void complain_file(struct walk *w, const struct node *n, int r, const struct env_file_entry *e, const struct err *err) {
        if (r == -ENOENT)
                walk_hint(w, walk_complain_at(w, DIAG_NOT_FOUND, n->mark, "path", "no file %s", walk_quote(w, e->path)),
                          "write required: false if it may be missing");
        else
                walk_complain_at(w, r == -EBADMSG ? DIAG_BAD_VALUE : DIAG_NOT_FOUND, n->mark, "path",
                                 r == -EBADMSG ? "%s: %s" : "cannot read %s: %s", walk_quote(w, e->path), err->text);
}

/* The variables of one file, as nodes marked at its path. */
static int read_env_file(struct load *l, const struct env_file_entry *e, const struct node *item, struct node *into) {
        _cleanup_free_ char *text = NULL;
        const struct node *path = node_get(l->walk.nodes, (struct node *)item, "path");
        struct err err = { 0 };
        struct envfile file = { 0 };
        size_t len = 0;

        if (!path || !e->path)
                return 0; /* missing or wrong, and somebody said so, here or at another alias of it */
        int r = l->source->read_file ? l->source->read_file(l->source->userdata, e->path, &text, &len, &err) : -ENOENT;

        if (r == -ENOENT && !e->required)
                return 0;
        if (r == 0)
                r = envfile_read(text, len, l->walk.nodes, &file, &err);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                complain_file(&l->walk, path, r, e, &err);
        /* Backwards: node_dedupe() keeps the first of a name, a file its last. */
        for (size_t i = file.n; i-- > 0;) {
                struct node *key = node_scalar(l->walk.nodes, file.items[i].key, NODE_QUOTED, path->mark);
                struct node *value = node_scalar(l->walk.nodes, file.items[i].value, NODE_QUOTED, path->mark);

                l->nodes += 2;
                if (!key || !value || node_add(l->walk.nodes, into, key, value) < 0)
                        return -ENOMEM;
        }
        return l->nodes > NODES_MAX ? -E2BIG : 0;
}

static int apply_env_files(struct load *l, struct node *container, const struct node_entry *list) {
        static const struct field field = { .key = "env_file",
                                            .type = &type_list,
                                            .sub = &env_file_table,
                                            .n_at = sizeof(void *),
                                            .max = 100,
                                            .example = "[{path: ./api.env}]" };
        struct {
                struct env_file_entry *items;
                size_t n;
        } files = { 0 };

        type_list.read(&l->walk, &field, list->value, &files);
        if (files.n == 0)
                return 0;
        struct node_entry *environment = entry_of(container, "environment");
        if (environment && environment->value->kind != NODE_MAPPING && !node_is_null(environment->value))
                return 0; /* the table will complain */
        struct node *all = environment ? environment->value : node_new(l->walk.nodes, NODE_MAPPING, list->key->mark);
        if (!all)
                return -ENOMEM;
        null_to_mapping(all);
        if (!environment) {
                struct node *key = node_scalar(l->walk.nodes, "environment", 0, list->key->mark);

                if (!key || node_add(l->walk.nodes, container, key, all) < 0)
                        return -ENOMEM;
        }
        for (size_t i = files.n; i-- > 0;) {
                struct path here = { .up = l->walk.path, .index = i };

                l->walk.path = &here;
                int r = read_env_file(l, &files.items[i], list->value->entries[i].value, all);
                l->walk.path = here.up;
                if (r < 0)
                        return r;
        }
        return node_dedupe(l->walk.nodes, all, NULL, NULL);
}

static int apply_all_env_files(struct load *l) {
        struct node_entry *containers = entry_of(l->root, "containers");

        for (uint32_t i = 0; containers && containers->value->kind == NODE_MAPPING && i < containers->value->n; i++) {
                const struct node_entry *c = &containers->value->entries[i];
                struct node_entry *found = entry_of(c->value, "env_file");
                struct path all = { .key = "containers" }, one = { .up = &all, .key = c->key->text },
                            here = { .up = &one, .key = "env_file" };

                if (!found)
                        continue;
                const struct node_entry list = *found;
                remove_key(c->value, "env_file");
                l->walk.path = &here;
                int r = apply_env_files(l, c->value, &list);
                l->walk.path = NULL;
                if (r == -E2BIG) {
                        diag_add(l->walk.diags, DIAG_YAML_UNSAFE, list.key->mark, NULL,
                                 "more than 100000 values, env files read");
                        return -EBADMSG;
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- seccomp profiles ---- */

/* The profile goes with the document: the supervisor opens no file of a user. */
static int read_profile(struct load *l, struct node *n) {
        _cleanup_free_ char *text = NULL;
        struct err err = { 0 };
        size_t len = 0;

        const char *path = walk_host_path(&l->walk, n);
        if (!path)
                return -EBADMSG;
        int r = l->source->read_file ? l->source->read_file(l->source->userdata, path, &text, &len, &err) : -ENOENT;
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                walk_complain(&l->walk, DIAG_NOT_FOUND, n->mark, r == -ENOENT ? "no file %s" : "cannot read %s: %s",
                              walk_quote(&l->walk, path), err.text);
                return -EBADMSG;
        }
        return seccomp_resolve(&l->walk, n, path, text, len) ? 0 : -EBADMSG;
}

static int apply_profiles(struct load *l) {
        struct node_entry *containers = entry_of(l->root, "containers");

        for (uint32_t i = 0; containers && containers->value->kind == NODE_MAPPING && i < containers->value->n; i++) {
                const struct node_entry *c = &containers->value->entries[i];
                struct node_entry *found = entry_of(c->value, "seccomp");
                struct path all = { .key = "containers" }, one = { .up = &all, .key = c->key->text },
                            here = { .up = &one, .key = "seccomp" };

                if (!found || !seccomp_file(found->value))
                        continue;
                l->walk.path = &here;
                int r = read_profile(l, found->value);
                l->walk.path = NULL;
                if (r == -ENOMEM)
                        return r;
                if (r < 0)
                        remove_key(c->value, "seccomp"); /* enough was said */
        }
        return 0;
}

/* ---- the whole ---- */

static int resolve(struct load *l) {
        int r;

        if (l->root->kind == NODE_MAPPING) {
                schema_strip(&stack_table, l->root);
                r = interpolate_nodes(l->root, l->walk.nodes, l->walk.diags, l->source->variable, l->source->userdata);
                if (r == 0)
                        r = apply_defaults(l);
                if (r == 0)
                        r = apply_all_env_files(l);
                if (r == 0)
                        r = apply_profiles(l);
                return r;
        }
        struct diag *d = diag_add(l->walk.diags, DIAG_WRONG_TYPE, l->root->mark, NULL, "%s",
                                  node_is_null(l->root) ? "the file is empty" : "expected a mapping at the top of the file");
        diag_hint(l->walk.diags, d, "a stack has at least name: and containers:");
        return -EBADMSG;
}

int stack_load(const char *text, size_t len, const struct stack_source *source, struct diag_list *diags, struct stack *ret) {
        _cleanup_arena_ struct arena *nodes = arena_new();
        struct load l = { .source = source, .walk = { .nodes = nodes, .diags = diags, .base_dir = source->base_dir } };
        struct spec *spec = NULL;

        if (!nodes)
                return -ENOMEM;
        l.walk.foreign_key = foreign_key;
        l.walk.foreign_value = foreign_value;
        l.walk.arena = nodes;
        int r = yaml_read(text, len, nodes, diags, &l.root);
        if (r < 0)
                return r;
        l.nodes = node_count(l.root);
        r = resolve(&l);
        if (r == 0)
                r = spec_read(&l.walk, source->file, l.root, &spec);
        if (r < 0)
                return r;
        *ret = (struct stack){ .spec = spec, .nodes = l.root, .arena = take_ptr(nodes) };
        return 0;
}

void stack_done(struct stack *s) {
        spec_free(s->spec);
        arena_free(s->arena);
        *s = STACK_NULL;
}
