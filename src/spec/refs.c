/* References between the parts of a stack: container:X, depends_on and the volumes' names exist, and nobody waits in a circle. */
#include "tables.h"

#include <ctrsup/text/suggest.h>

#include <string.h>

/* The walk stands on the stack; this makes the path of a container's key below it. */
static const char *place(struct walk *w, const struct spec_container *c, const char *key) {
        const char *path = arena_printf(w->diags->arena, "containers.%s.%s", c->name, key);

        if (!path)
                walk_oom(w);
        return path ? path : "containers";
}

static struct node *namespace_node(struct walk *w, struct node *containers, const struct spec_container *c, enum spec_ns ns) {
        struct node *namespaces = node_get(w->nodes, node_get(w->nodes, containers, c->name), "namespaces");
        struct node *n = node_get(w->nodes, namespaces, spec_ns_name(ns));

        /* user: container:X that came from pid: is shown at pid */
        return n ? n : ns == NS_USER ? node_get(w->nodes, namespaces, "pid") : NULL;
}

static void list_containers(const struct spec *s, struct buf *out) {
        for (size_t i = 0; i < s->n_containers && i < 12; i++)
                buf_printf(out, "%s%s", i ? ", " : "", s->containers[i].name);
        if (s->n_containers > 12)
                buf_puts(out, ", ...");
}

static void complain_no_container(struct walk *w, const struct spec *s, const struct node *n, const char *path,
                                  const char *name) {
        _cleanup_buf_ struct buf names = BUF_NULL;
        struct suggest nearest = suggest_begin(name);
        struct diag *d =
                walk_complain_at(w, DIAG_NO_SUCH_REF, n->mark, path, "no container %s in this stack", walk_quote(w, name));

        for (size_t i = 0; i < s->n_containers; i++)
                suggest_offer(&nearest, s->containers[i].name);
        list_containers(s, &names);
        if (nearest.best)
                walk_hint(w, d, "did you mean \"%s\"? (containers: %s)", nearest.best, buf_text(&names));
        else
                walk_hint(w, d, "containers: %s", buf_text(&names));
}

/* It is there now and then: who waits for it, or joins it, would be there by chance. */
static void complain_scheduled(struct walk *w, struct mark mark, const char *path, const struct spec_container *on) {
        struct diag *d = walk_complain_at(w, DIAG_CONFLICT, mark, path, "%s has a schedule: nobody can wait for its time to come",
                                          walk_quote(w, on->name));

        walk_hint(w, d, "remove this, or the schedule");
}

/* Whose namespaces are shared is one instance, and stays one. */
static void check_is_one(struct walk *w, const struct node *n, const char *path, const struct spec_container *owner) {
        bool surges = owner->update_config.order == ORDER_START_FIRST;

        if (owner->replicas == 1 && !surges)
                return;
        struct diag *d = surges ? walk_complain_at(w, DIAG_CONFLICT, n->mark, path, "%s is replaced start-first: there are two of it then",
                                                   walk_quote(w, owner->name))
                                : walk_complain_at(w, DIAG_CONFLICT, n->mark, path, "%s has %ju instances, namespaces of one can be shared",
                                                   walk_quote(w, owner->name), (uintmax_t)owner->replicas);
        walk_hint(w, d, surges ? "give it update_config: {order: stop-first}" : "give it replicas: 1");
}

/* false: something about the references is wrong, so that following them makes no sense. */
static bool check_namespace_refs(struct walk *w, const struct spec *s, struct node *containers, const struct spec_container *c) {
        bool good = true;
        char key[32];

        for (int ns = 0; ns < _NS_MAX; ns++) {
                const char *name = c->namespaces[ns].container;
                const struct node *n = name ? namespace_node(w, containers, c, (enum spec_ns)ns) : NULL;

                if (!n || n->kind != NODE_SCALAR)
                        continue;
                (void)snprintf(key, sizeof(key), "namespaces.%s", spec_ns_name((enum spec_ns)ns));
                if (strcmp(name, c->name) == 0)
                        walk_complain_at(w, DIAG_CYCLE, n->mark, place(w, c, key), "\"container:%s\" is this container itself",
                                         name);
                else if (!spec_find(s, name))
                        complain_no_container(w, s, n, place(w, c, key), name);
                else if (spec_is_scheduled(spec_find(s, name)))
                        complain_scheduled(w, n->mark, place(w, c, key), spec_find(s, name));
                else {
                        check_is_one(w, n, place(w, c, key), spec_find(s, name));
                        continue;
                }
                good = false;
        }
        return good;
}

/* ---- dependencies ---- */

static struct node *dependencies_node(struct walk *w, struct node *containers, const struct spec_container *c) {
        return node_get(w->nodes, node_get(w->nodes, containers, c->name), "depends_on");
}

/* Where the dependency is named. */
static struct mark dependency_mark(struct walk *w, struct node *containers, const struct spec_container *c, const char *on) {
        const struct node *n = dependencies_node(w, containers, c);

        for (size_t i = 0; n && n->kind == NODE_MAPPING && i < n->n; i++)
                if (strcmp(n->entries[i].key->text, on) == 0)
                        return n->entries[i].key->mark;
        return c->mark;
}

static void resolve_condition(struct walk *w, struct node *containers, const struct spec_container *c, struct spec_dependency *d,
                              const struct spec_container *on) {
        struct node *n = node_get(w->nodes, node_get(w->nodes, dependencies_node(w, containers, c), d->container), "condition");
        char key[160];

        (void)snprintf(key, sizeof(key), "depends_on.%.63s.condition", d->container);
        if (d->condition == CONDITION_AUTO)
                d->condition = on->type == TYPE_JOB     ? CONDITION_COMPLETED
                               : spec_has_readiness(on) ? CONDITION_HEALTHY
                                                        : CONDITION_STARTED;
        else if (n && d->condition == CONDITION_HEALTHY && !spec_has_readiness(on)) {
                struct diag *complaint = walk_complain_at(w, DIAG_CONFLICT, n->mark, place(w, c, key),
                                                          "%s has no healthcheck and no readiness", walk_quote(w, on->name));

                walk_hint(w, complaint, "give it one, or write condition: started");
        } else if (n && d->condition == CONDITION_COMPLETED && on->type == TYPE_SERVICE && on->restart == RESTART_ALWAYS) {
                struct diag *complaint = walk_complain_at(w, DIAG_CONFLICT, n->mark, place(w, c, key),
                                                          "%s runs always, it never completes", walk_quote(w, on->name));

                walk_hint(w, complaint, "give it type: job, or write condition: started");
        }
}

/* As check_namespace_refs(). */
static bool check_dependency_refs(struct walk *w, const struct spec *s, struct node *containers, const struct spec_container *c) {
        bool good = true;
        char key[96];

        for (size_t i = 0; i < c->n_depends_on; i++) {
                struct spec_dependency *d = &c->depends_on[i];
                const struct spec_container *on = spec_find(s, d->container);
                const struct node at = { .mark = dependency_mark(w, containers, c, d->container) };

                (void)snprintf(key, sizeof(key), "depends_on.%.63s", d->container);
                if (strcmp(d->container, c->name) == 0)
                        walk_complain_at(w, DIAG_CYCLE, at.mark, place(w, c, key), "it is this container itself");
                else if (!on)
                        complain_no_container(w, s, &at, place(w, c, key), d->container);
                else if (spec_is_scheduled(on))
                        complain_scheduled(w, at.mark, place(w, c, key), on);
                else {
                        resolve_condition(w, containers, c, d, on);
                        continue;
                }
                good = false;
        }
        return good;
}

/* ---- circles ---- */

/* For whom a container waits: first by its namespaces, then by depends_on. NULL: by nobody at that index. */
static const char *awaited(const struct spec_container *c, size_t by) {
        return by < _NS_MAX ? c->namespaces[by].container : c->depends_on[by - _NS_MAX].container;
}

static struct mark awaited_mark(struct walk *w, struct node *containers, const struct spec_container *c, size_t by) {
        if (by >= _NS_MAX)
                return dependency_mark(w, containers, c, awaited(c, by));
        const struct node *n = namespace_node(w, containers, c, (enum spec_ns)by);
        return n ? n->mark : c->mark;
}

struct search {
        struct walk *w;
        const struct spec *s;
        struct node *containers;
        char *state; /* a container each: 0 new, 1 on the way, 2 done */
        size_t *way;
        size_t *by; /* by what way[i] waits for way[i + 1] */
        size_t depth;
};

static void complain_cycle(struct search *f, size_t start) {
        _cleanup_buf_ struct buf words = BUF_NULL;
        const struct spec_container *c = &f->s->containers[f->way[start]];
        char key[32];

        for (size_t i = start; i < f->depth; i++)
                buf_printf(&words, "%s → ", f->s->containers[f->way[i]].name);
        buf_puts(&words, c->name);
        (void)snprintf(key, sizeof(key), f->by[start] < _NS_MAX ? "namespaces.%s" : "depends_on",
                       spec_ns_name((enum spec_ns)f->by[start]));
        struct diag *d = walk_complain_at(f->w, DIAG_CYCLE, awaited_mark(f->w, f->containers, c, f->by[start]),
                                          place(f->w, c, key), "cycle: %s", buf_text(&words));
        if (!d || start + 1 >= f->depth)
                return;
        const struct spec_container *next = &f->s->containers[f->way[start + 1]];
        size_t by = f->by[start + 1];
        diag_note(f->w->diags, d, awaited_mark(f->w, f->containers, next, by),
                  by < _NS_MAX ? "%s needs %s here" : "%s depends on %s here", next->name, awaited(next, by));
}

/* Depth first, without recursion: a stack may have thousands of containers. */
static bool search_cycles(struct search *f, size_t from) {
        size_t *next = arena_array_of(f->w->nodes, size_t, f->s->n_containers);

        if (!next) {
                walk_oom(f->w);
                return false;
        }
        f->way[0] = from;
        f->depth = 1;
        f->state[from] = 1;
        next[0] = 0;
        while (f->depth > 0) {
                size_t top = f->depth - 1;
                const struct spec_container *c = &f->s->containers[f->way[top]];

                if (next[top] == _NS_MAX + c->n_depends_on) {
                        f->state[f->way[top]] = 2;
                        f->depth--;
                        continue;
                }
                f->by[top] = next[top]++;
                const char *name = awaited(c, f->by[top]);
                const struct spec_container *to = name ? spec_find(f->s, name) : NULL;
                if (!to)
                        continue;
                size_t index = (size_t)(to - f->s->containers);
                if (f->state[index] == 1) {
                        size_t start = 0;

                        while (f->way[start] != index)
                                start++;
                        complain_cycle(f, start);
                        return false;
                }
                if (f->state[index] == 0) {
                        f->state[index] = 1;
                        f->way[f->depth] = index;
                        next[f->depth] = 0;
                        f->depth++;
                }
        }
        return true;
}

static bool check_cycles(struct walk *w, const struct spec *s, struct node *containers) {
        struct search f = { .w = w,
                            .s = s,
                            .containers = containers,
                            .state = arena_alloc(w->nodes, s->n_containers),
                            .way = arena_array_of(w->nodes, size_t, s->n_containers),
                            .by = arena_array_of(w->nodes, size_t, s->n_containers) };

        if (!f.state || !f.way || !f.by) {
                walk_oom(w);
                return false;
        }
        for (size_t i = 0; i < s->n_containers; i++)
                if (f.state[i] == 0 && !search_cycles(&f, i))
                        return false;
        return true;
}

/* ---- user namespaces of those that share a pid namespace; bind mounts of those without one ---- */

/* spec_ns_owner() of every container, each link of a chain followed once; NULL: out of memory. */
static const struct spec_container **user_owners(struct walk *w, const struct spec *s) {
        const struct spec_container **owners = arena_array_of(w->nodes, const struct spec_container *, s->n_containers);
        bool *known = arena_array_of(w->nodes, bool, s->n_containers);

        if (!owners || !known)
                return NULL;
        for (size_t i = 0; i < s->n_containers; i++) {
                const struct spec_container *end = &s->containers[i];

                while (!known[end - s->containers] && end->namespaces[NS_USER].mode == NS_CONTAINER)
                        end = spec_find(s, end->namespaces[NS_USER].container);
                const struct spec_container *owner = known[end - s->containers]                 ? owners[end - s->containers]
                                                     : end->namespaces[NS_USER].mode == NS_HOST ? NULL
                                                                                                : end;
                for (const struct spec_container *c = &s->containers[i];; c = spec_find(s, c->namespaces[NS_USER].container)) {
                        owners[c - s->containers] = owner;
                        known[c - s->containers] = true;
                        if (c == end)
                                break;
                }
        }
        return owners;
}

static void check_shared_pid(struct walk *w, const struct spec *s, struct node *containers, const struct spec_container **owners,
                             const struct spec_container *c) {
        const struct spec_container *other =
                c->namespaces[NS_PID].container ? spec_find(s, c->namespaces[NS_PID].container) : NULL;

        if (!other || owners[c - s->containers] == owners[other - s->containers])
                return;
        const struct node *user = namespace_node(w, containers, c, NS_USER), *pid = namespace_node(w, containers, c, NS_PID);
        if (!user || user->kind != NODE_SCALAR)
                return;
        struct diag *d = walk_complain_at(w, DIAG_CONFLICT, user->mark, place(w, c, "namespaces.user"),
                                          "%s cannot be combined with pid: container:%s", walk_quote(w, user->text), other->name);
        if (d && pid)
                diag_note(w->diags, d, pid->mark, "pid given here");
        walk_hint(w, d, "remove it: containers that share a pid namespace share the user namespace");
}

/* Without a user namespace there is nothing to map for. */
static void drop_idmap(struct walk *w, struct node *containers, const struct spec_container *c) {
        struct node *list = node_get(w->nodes, node_get(w->nodes, containers, c->name), "volumes");
        char key[48];

        for (size_t i = 0; list && i < c->n_volumes && i < list->n; i++) {
                const struct node *idmap = node_at(w, list->entries[i].value, "bind.idmap");

                if (idmap && c->volumes[i].idmap) {
                        (void)snprintf(key, sizeof(key), "volumes[%zu].bind.idmap", i);
                        walk_complain_at(w, DIAG_CONFLICT, idmap->mark, place(w, c, key),
                                         "there is no user namespace to map for");
                }
                c->volumes[i].idmap = false;
        }
}

static void check_user_namespaces(struct walk *w, const struct spec *s, struct node *containers) {
        const struct spec_container **owners = user_owners(w, s);

        if (!owners) {
                walk_oom(w);
                return;
        }
        for (size_t i = 0; i < s->n_containers; i++) {
                check_shared_pid(w, s, containers, owners, &s->containers[i]);
                if (!owners[i])
                        drop_idmap(w, containers, &s->containers[i]);
        }
}

/* ---- volumes ---- */

static void check_volume_refs(struct walk *w, const struct spec *s, struct node *containers, const struct spec_container *c) {
        struct node *list = node_get(w->nodes, node_get(w->nodes, containers, c->name), "volumes");
        char key[48];

        for (size_t i = 0; list && i < c->n_volumes && i < list->n; i++) {
                const struct spec_volume *v = &c->volumes[i];
                const struct node *n = node_get(w->nodes, list->entries[i].value, "source");
                const struct node *type = node_get(w->nodes, list->entries[i].value, "type");

                if (!type || type->kind != NODE_SCALAR || strcmp(type->text, spec_volume_type_name(VOLUME_VOLUME)) != 0)
                        continue;
                if (!v->source || !n || strchr(v->source, '/') || spec_find_volume(s, v->source))
                        continue;
                struct suggest nearest = suggest_begin(v->source);
                (void)snprintf(key, sizeof(key), "volumes[%zu].source", i);
                struct diag *d = walk_complain_at(w, DIAG_NO_SUCH_REF, n->mark, place(w, c, key), "no volume %s in this stack",
                                                  walk_quote(w, v->source));
                for (size_t k = 0; k < s->n_volumes; k++)
                        suggest_offer(&nearest, s->volumes[k].key);
                if (nearest.best)
                        walk_hint(w, d, "did you mean \"%s\"?", nearest.best);
                else if (name_is_label(v->source))
                        walk_hint(w, d, "add it at the top level: volumes: {%s: {}}", v->source);
        }
}

static int compare_names(const void *a, const void *b) {
        return strcmp((*(const struct spec_container *const *)a)->name, (*(const struct spec_container *const *)b)->name);
}

void stack_check_refs(struct walk *w, struct spec *s, struct node *root) {
        struct node *containers = node_get(w->nodes, root, "containers");
        bool good = true;

        s->by_name = walk_alloc(w, s->n_containers, sizeof(*s->by_name));
        if (!s->by_name || s->n_containers == 0)
                return;
        for (size_t i = 0; i < s->n_containers; i++)
                s->by_name[i] = &s->containers[i];
        qsort(s->by_name, s->n_containers, sizeof(*s->by_name), compare_names);

        for (size_t i = 0; i < s->n_containers; i++) {
                good = check_namespace_refs(w, s, containers, &s->containers[i]) && good;
                good = check_dependency_refs(w, s, containers, &s->containers[i]) && good;
                check_volume_refs(w, s, containers, &s->containers[i]);
        }
        if (good && check_cycles(w, s, containers))
                check_user_namespaces(w, s, containers);
}
