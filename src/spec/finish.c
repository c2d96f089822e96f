/* What depends on several keys of one mapping: fills what follows from other keys, complains about combinations. Each runs when
 * its mapping was read, the innermost first; what it complains about stands at the key that has to go. */
#include "tables.h"

#include <ctrsup/base/num.h>

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

struct node *node_at(struct walk *w, struct node *n, const char *keys) {
        char key[64];

        for (; n && *keys; keys += strspn(keys, ".")) {
                size_t len = strcspn(keys, ".");

                (void)snprintf(key, sizeof(key), "%.*s", (int)len, keys);
                n = node_get(w->nodes, n, key);
                keys += len;
        }
        return n;
}

/* As node_at() for a mapping's entry whose key's place is wanted. */
static const struct node *key_of(const struct node *n, const char *key) {
        for (uint32_t i = 0; n && n->kind == NODE_MAPPING && i < n->n; i++)
                if (strcmp(n->entries[i].key->text, key) == 0)
                        return n->entries[i].key;
        return NULL;
}

static void check_name(struct walk *w, const struct node *key, const char *what) {
        _cleanup_buf_ struct buf fixed = BUF_NULL;

        if (!key || name_is_label(key->text))
                return;
        struct diag *d =
                walk_complain(w, DIAG_BAD_NAME, key->mark, "%s is not the name of a %s: a-z, 0-9 and - inside, at most 63",
                              walk_quote(w, key->text), what);
        name_fix(key->text, &fixed);
        if (fixed.len > 0)
                walk_hint(w, d, "write %s", buf_text(&fixed));
}

void stack_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec *s = at;

        for (size_t i = 0; s->name && i < s->n_volumes; i++)
                if (!s->volumes[i].name) {
                        s->volumes[i].name = arena_printf(w->arena, "%s_%s", s->name, s->volumes[i].key);
                        if (!s->volumes[i].name)
                                walk_oom(w);
                }
        stack_check_refs(w, s, entry->value);
}

void named_volume_finish(struct walk *w, const struct node_entry *entry, void *at) {
        (void)at;
        check_name(w, entry->key, "volume");
}

/* ---- root file system and mounts ---- */

void rootfs_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec_rootfs *r = at;
        const struct node *size = node_get(w->nodes, entry->value, "size");

        if (r->mode == ROOTFS_TMPFS) {
                if (r->size == SIZE_INFINITY)
                        r->size = 64 << 20;
        } else if (size && !w->partial) {
                struct diag *d = walk_complain_at(w, DIAG_UNSUPPORTED, size->mark, "size", "not supported yet with mode %s",
                                                  spec_rootfs_mode_name(r->mode));

                walk_hint(w, d, "remove it, or write mode: tmpfs");
        }
}

void layer_finish(struct walk *w, const struct node_entry *entry, void *at) {
        static const char *const sources[] = { "dir", "tar", "squashfs", "erofs", "oci", "docker_archive" };
        const struct node *first = NULL;

        (void)at;
        for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
                const struct node *key = key_of(entry->value, sources[i]);

                if (key && first)
                        walk_complain(w, DIAG_ONE_OF, key->mark, "a layer has one source, found both %s and %s", first->text,
                                      key->text);
                first = first ? first : key;
        }
        if (!first)
                walk_hint(w, walk_complain(w, DIAG_ONE_OF, entry->value->mark, "a layer needs a source"),
                          "write {dir: /srv/rootfs/debian12}");
}

/* bind:, volume: and tmpfs: belong to the type of that name. */
static void check_options(struct walk *w, struct node *n, enum spec_volume_type type) {
        for (int other = 0; other < _VOLUME_TYPE_MAX; other++) {
                const struct node *key = key_of(n, spec_volume_type_words[other]);

                if (key && other != (int)type)
                        walk_complain_at(w, DIAG_CONFLICT, key->mark, key->text, "cannot be combined with type: %s",
                                         spec_volume_type_words[type]);
        }
}

static void finish_source(struct walk *w, const struct node_entry *entry, struct spec_volume *v) {
        struct node *source = node_get(w->nodes, entry->value, "source");
        struct path here = { .up = w->path, .key = "source" };

        if (!source && v->type != VOLUME_TMPFS) {
                struct diag *d = walk_complain(w, DIAG_MISSING_KEY, entry->value->mark, "missing key \"source\"");

                walk_hint(w, d,
                          v->type == VOLUME_BIND ? "write source: /path/on/the/host"
                                                 : "write source: NAME, a key of the top-level volumes");
        }
        if (!source || !v->source)
                return;
        w->path = &here;
        if (v->type == VOLUME_TMPFS)
                walk_complain(w, DIAG_CONFLICT, source->mark, "a tmpfs has no source");
        else if (v->type == VOLUME_BIND)
                v->source = walk_host_path(w, source);
        else if (strchr(v->source, '/'))
                walk_hint(w,
                          walk_complain(w, DIAG_BAD_VALUE, source->mark, "expected the name of a volume, found the path %s",
                                        walk_quote(w, v->source)),
                          "write type: bind to mount a path of the host");
        w->path = here.up;
}

void volume_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec_volume *v = at;
        const struct node *type = node_get(w->nodes, entry->value, "type");

        if (!type || type->kind != NODE_SCALAR || strcmp(type->text, spec_volume_type_name(v->type)) != 0)
                return; /* there is a complaint about the type; it would decide about the rest */
        check_options(w, entry->value, v->type);
        finish_source(w, entry, v);
}

/* ---- the container ---- */

/* Complains that key, where given, does not go with other: the key is to be removed, and the note shows why. */
static void refuse_with(struct walk *w, struct node *container, const char *key, const char *other, const char *hint) {
        struct node *n = node_at(w, container, key), *cause = node_at(w, container, other);

        if (!n)
                return;
        const struct node *at = n->kind == NODE_SCALAR ? n : key_of(container, key) ? key_of(container, key) : n;
        struct diag *d = walk_complain_at(w, DIAG_CONFLICT, at->mark, key, "cannot be combined with %s: %s", other,
                                          cause && cause->text ? cause->text : "?");
        if (d && cause)
                diag_note(w->diags, d, cause->mark, "%s given here", other);
        if (hint)
                walk_hint(w, d, "%s", hint);
}

/* A sysctl belongs to its namespace: this container has to have one of its own. */
static void check_sysctl_owners(struct walk *w, const struct node *sysctls, const struct spec_namespace *ns) {
        for (uint32_t i = 0; sysctls && sysctls->kind == NODE_MAPPING && i < sysctls->n; i++) {
                const struct node *key = sysctls->entries[i].key;
                bool net = strncmp(key->text, "net.", 4) == 0;
                enum spec_ns_mode mode = ns[net ? NS_NET : NS_IPC].mode;

                if (mode == NS_PRIVATE || mode == NS_NONE)
                        continue;
                struct path list = { .up = w->path, .key = "sysctls" }, here = { .up = &list, .key = key->text };
                w->path = &here;
                struct diag *d = walk_complain(w, DIAG_CONFLICT, key->mark, "cannot be combined with namespaces.%s: %s",
                                               net ? "net" : "ipc", mode == NS_HOST ? "host" : "container:NAME");
                walk_hint(w, d, mode == NS_HOST ? "it would change the host" : "set it in the container that owns the namespace");
                w->path = list.up;
        }
}

static void check_namespaces(struct walk *w, struct node *n, const struct spec_container *c) {
        const struct spec_namespace *ns = c->namespaces;

        if (ns[NS_UTS].mode != NS_PRIVATE) {
                refuse_with(w, n, "hostname", "namespaces.uts", "the host name belongs to the namespace's owner");
                refuse_with(w, n, "domainname", "namespaces.uts", NULL);
        }
        if (ns[NS_PID].mode != NS_PRIVATE && c->init)
                refuse_with(w, n, "init", "namespaces.pid", "init is PID 1 of a private pid namespace");
        if (ns[NS_USER].mode != NS_PRIVATE)
                refuse_with(w, n, "user_mapping", "namespaces.user", "ids are mapped in a private user namespace");
        if ((c->time_monotonic_usec || c->time_boottime_usec) && ns[NS_TIME].mode != NS_PRIVATE) {
                const struct node *key = key_of(n, "time_offsets");

                if (key)
                        walk_hint(w,
                                  walk_complain_at(w, DIAG_CONFLICT, key->mark, "time_offsets", "needs a private time namespace"),
                                  "write namespaces: {time: private}");
        }
        check_sysctl_owners(w, node_get(w->nodes, n, "sysctls"), ns);
}

/* Keys in the file keep their order; the defaults that nothing said come behind. */
static void default_sysctls(struct walk *w, struct spec_container *c) {
        struct spec_pair more[2];
        size_t n = 0;
        uint32_t groups = c->n_gids == 0 ? 65536 : 0;

        if (c->namespaces[NS_NET].mode != NS_PRIVATE && c->namespaces[NS_NET].mode != NS_NONE)
                return;
        for (size_t i = 0; i < c->n_gids; i++)
                if (c->gids[i].container == 0)
                        groups = c->gids[i].size;
        bool ping = groups > 0, ports = true;
        for (size_t i = 0; i < c->sysctls.n; i++) {
                ping = ping && strcmp(c->sysctls.items[i].key, "net.ipv4.ping_group_range") != 0;
                ports = ports && strcmp(c->sysctls.items[i].key, "net.ipv4.ip_unprivileged_port_start") != 0;
        }
        /* The kernel refuses groups that are not mapped. */
        const char *range = arena_printf(w->arena, "0 %u", groups > 65536 ? 65535 : groups - 1);
        if (ping)
                more[n++] = (struct spec_pair){ "net.ipv4.ping_group_range", range };
        if (ports)
                more[n++] = (struct spec_pair){ "net.ipv4.ip_unprivileged_port_start", "0" };
        struct spec_pair *items = walk_alloc(w, c->sysctls.n + n, sizeof(*items));
        if (!items || !range) {
                walk_oom(w);
                return;
        }
        if (c->sysctls.n > 0)
                memcpy(items, c->sysctls.items, c->sysctls.n * sizeof(*items));
        memcpy(items + c->sysctls.n, more, n * sizeof(*items));
        c->sysctls = (struct spec_pairs){ items, c->sysctls.n + n };
}

static void default_ulimits(struct walk *w, struct spec_container *c) {
        static const struct spec_ulimit defaults[] = { { "nofile", RLIMIT_NOFILE, 1024, 524288 },
                                                       { "core", RLIMIT_CORE, 0, 0 },
                                                       { "memlock", RLIMIT_MEMLOCK, 8 << 20, 8 << 20 } };
        struct spec_ulimit *items = walk_alloc(w, c->n_ulimits + ARRAY_SIZE(defaults), sizeof(*items));
        size_t n = c->n_ulimits;

        if (!items)
                return;
        if (n > 0)
                memcpy(items, c->ulimits, n * sizeof(*items));
        for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
                bool given = false;

                for (size_t j = 0; j < c->n_ulimits; j++)
                        given = given || c->ulimits[j].resource == defaults[i].resource;
                if (!given)
                        items[n++] = defaults[i];
        }
        c->ulimits = items;
        c->n_ulimits = n;
}

static uint64_t caps_of(const struct spec_strings *list, bool *ret_all) {
        uint64_t set = 0;

        for (size_t i = 0; i < list->n; i++)
                if (strcmp(list->items[i], "ALL") == 0)
                        *ret_all = true;
                else
                        set |= UINT64_C(1) << spec_cap_value(list->items[i]);
        return set;
}

static void resolve_caps(struct walk *w, struct node *n, struct spec_container *c) {
        const uint64_t all = (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1;
        const uint64_t standard = UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_FOWNER |
                                  UINT64_C(1) << CAP_FSETID | UINT64_C(1) << CAP_KILL | UINT64_C(1) << CAP_NET_BIND_SERVICE |
                                  UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETUID;
        bool add_all = false, drop_all = false;
        uint64_t add = caps_of(&c->cap_add, &add_all), drop = caps_of(&c->cap_drop, &drop_all);

        for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
                if ((add & drop) >> cap & 1) {
                        const struct node *key = key_of(n, "cap_drop");

                        if (key)
                                walk_complain_at(w, DIAG_CONFLICT, key->mark, "cap_drop", "%s is in cap_add too",
                                                 spec_cap_name(cap));
                }
        c->capabilities = ((drop_all ? 0 : standard) | add | (add_all ? all : 0)) & ~drop;
}

static void check_command(struct walk *w, const struct node_entry *entry) {
        struct node *command = node_get(w->nodes, entry->value, "command"),
                    *entrypoint = node_get(w->nodes, entry->value, "entrypoint");

        /* What is there and wrong was complained about. */
        if ((command && (command->kind != NODE_SEQUENCE || command->n > 0)) ||
            (entrypoint && (entrypoint->kind != NODE_SEQUENCE || entrypoint->n > 0)))
                return;
        struct diag *d = command ? walk_complain_at(w, DIAG_BAD_VALUE, command->mark, "command", "there is nothing to run")
                                 : walk_complain(w, DIAG_MISSING_KEY, entry->key ? entry->key->mark : entry->value->mark,
                                                 "missing key \"command\"");
        walk_hint(w, d, "write command: [/bin/sh, -c, \"...\"]");
}

static void check_targets(struct walk *w, struct node *n, const struct spec_container *c) {
        struct node *list = node_get(w->nodes, n, "volumes");
        char below[40];

        for (size_t i = 0; list && i < c->n_volumes; i++)
                for (size_t j = 0; j < i; j++) {
                        const char *a = c->volumes[i].target, *b = c->volumes[j].target;

                        if (!a || !b || strcmp(a, b) != 0)
                                continue;
                        const struct node *later = node_get(w->nodes, list->entries[i].value, "target");
                        const struct node *first = node_get(w->nodes, list->entries[j].value, "target");
                        (void)snprintf(below, sizeof(below), "volumes[%zu].target", i);
                        struct diag *d = walk_complain_at(w, DIAG_DUPLICATE_TARGET, later->mark, below, "%s is mounted twice",
                                                          walk_quote(w, a));
                        if (d)
                                diag_note(w->diags, d, first->mark, "first mounted here");
                        break;
                }
}

/* Keys that say nothing of a container of the other type. */
static const struct {
        const char *key;
        enum spec_type type; /* whose it is */
        const char *words, *hint;
} type_keys[] = {
        { "max_runtime", TYPE_JOB, "only a job ends by itself", "write type: job, or remove it" },
        { "rerun", TYPE_JOB, "only a job ends by itself", "write type: job, or remove it" },
        { "schedule", TYPE_JOB, "only a job ends by itself", "write type: job, or remove it" },
        { "keep_runs", TYPE_JOB, "only a job ends by itself", "write type: job, or remove it" },
        { "update_config", TYPE_SERVICE, "a job is replaced by its next run", "remove it" },
        { "readiness", TYPE_SERVICE, "a job does not get ready, it completes", "remove it; max_runtime bounds a job" },
};

bool key_fits_type(const char *key, enum spec_type type) {
        for (size_t i = 0; i < ARRAY_SIZE(type_keys); i++)
                if (strcmp(type_keys[i].key, key) == 0)
                        return type_keys[i].type == type;
        return true;
}

static void check_type_keys(struct walk *w, const struct node *n, const struct spec_container *c) {
        for (size_t i = 0; i < ARRAY_SIZE(type_keys) && !w->partial; i++) {
                const struct node *key = c->type != type_keys[i].type ? key_of(n, type_keys[i].key) : NULL;

                if (key)
                        walk_hint(w, walk_complain_at(w, DIAG_CONFLICT, key->mark, type_keys[i].key, "%s", type_keys[i].words),
                                  "%s", type_keys[i].hint);
        }
}

/* Both say when a job runs again. */
static void check_schedule(struct walk *w, const struct node *n) {
        const struct node *rerun = key_of(n, "rerun"), *schedule = key_of(n, "schedule");

        if (!rerun || !schedule)
                return;
        struct diag *d =
                walk_complain_at(w, DIAG_CONFLICT, rerun->mark, "rerun", "a job with a schedule runs when its time comes");
        if (d)
                diag_note(w->diags, d, schedule->mark, "schedule given here");
        walk_hint(w, d, "remove one of them");
}

/* What there can be only one of, and what two at a time cannot share. */
static void check_replicas(struct walk *w, struct node *n, const struct spec_container *c) {
        const struct node *replicas = node_get(w->nodes, n, "replicas");

        if (replicas && c->type == TYPE_JOB && c->replicas != 1)
                walk_hint(w, walk_complain_at(w, DIAG_CONFLICT, replicas->mark, "replicas", "a job runs once"), "remove it");
        if (c->update_config.order == ORDER_START_FIRST && c->rootfs.mode == ROOTFS_PERSISTENT)
                refuse_with(w, n, "update_config.order", "rootfs.mode",
                            "an extra instance would not see what the others wrote: write order: stop-first");
}

void container_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec_container *c = at;
        struct node *n = entry->value;

        if (!w->partial) {
                check_name(w, entry->key, "container");
                check_command(w, entry);
                if (entry->key)
                        c->mark = entry->key->mark;
        }
        if (!node_get(w->nodes, n, "restart"))
                c->restart = c->type == TYPE_JOB ? RESTART_NO : RESTART_ALWAYS;
        /* With pid: container:X its /proc needs X's user namespace. */
        if (c->namespaces[NS_PID].mode == NS_CONTAINER && !node_at(w, n, "namespaces.user"))
                c->namespaces[NS_USER] = c->namespaces[NS_PID];
        check_namespaces(w, n, c);
        check_targets(w, n, c);
        devices_check(w, n, c);
        readiness_check(w, n, c);
        check_type_keys(w, n, c);
        check_schedule(w, n);
        check_replicas(w, n, c);
        resolve_caps(w, n, c);
        default_ulimits(w, c);
        default_sysctls(w, c);
}
