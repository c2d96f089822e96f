/* The combinations within limits, restart_policy and user_mapping. */
#include "tables.h"

#include <ctrsup/base/num.h>

#include <string.h>

static void check_below(struct walk *w, struct node *limits, const char *key, uint64_t value, uint64_t memory) {
        const struct node *n = node_get(w->nodes, limits, key);

        if (n && value != SIZE_INFINITY && value > memory)
                walk_hint(w, walk_complain_at(w, DIAG_CONFLICT, n->mark, key, "%s is above limits.memory", n->text),
                          "it has to be at most limits.memory");
}

/* The kernel takes no quota below 1 ms. */
static void check_quota(struct walk *w, struct node *limits, const struct spec_limits *l) {
        const struct node *cpus = node_get(w->nodes, limits, "cpus");
        char text[NUM_TEXT_MAX], least[NUM_TEXT_MAX];

        if (!cpus || l->cpus_milli == SIZE_INFINITY || l->cpus_milli * l->cpu_period_usec / 1000 >= 1000)
                return;
        walk_hint(w,
                  walk_complain_at(w, DIAG_CONFLICT, cpus->mark, "cpus",
                                   "%s of a period of %s is less than 1ms, the kernel's least", cpus->text,
                                   num_format_duration(text, l->cpu_period_usec)),
                  "with this period the least is %s",
                  num_format_milli(least, (1000000 + l->cpu_period_usec - 1) / l->cpu_period_usec));
}

void limits_finish(struct walk *w, const struct node_entry *entry, void *at) {
        const struct spec_limits *l = at;

        if (l->memory != SIZE_INFINITY) {
                check_below(w, entry->value, "memory_high", l->memory_high, l->memory);
                check_below(w, entry->value, "memory_low", l->memory_low, l->memory);
                check_below(w, entry->value, "memory_min", l->memory_min, l->memory);
        }
        check_quota(w, entry->value, l);
}

void io_max_finish(struct walk *w, const struct node_entry *entry, void *at) {
        (void)at;
        if (!node_get(w->nodes, entry->value, "read_bps") && !node_get(w->nodes, entry->value, "write_bps") &&
            !node_get(w->nodes, entry->value, "read_iops") && !node_get(w->nodes, entry->value, "write_iops"))
                walk_complain(w, DIAG_ONE_OF, entry->value->mark,
                              "one of read_bps, write_bps, read_iops and write_iops is needed");
}

void restart_policy_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec_restart_policy *p = at;
        const struct node *max_delay = node_get(w->nodes, entry->value, "max_delay");

        if (p->max_delay_usec >= p->delay_usec)
                return;
        if (max_delay)
                walk_complain_at(w, DIAG_CONFLICT, max_delay->mark, "max_delay", "%s is below delay", max_delay->text);
        else
                p->max_delay_usec = p->delay_usec; /* a longer first wait than the default cap is its own cap */
}

/* ---- user mapping ---- */

void id_map_finish(struct walk *w, const struct node_entry *entry, void *at) {
        const struct spec_id_map *m = at;
        uint64_t last = UINT32_MAX - 1;

        if (m->size == 0)
                return; /* size is missing or wrong, and somebody said so */
        if (m->size - 1 > last - m->container || m->size - 1 > last - m->host)
                walk_complain(w, DIAG_OUT_OF_RANGE, entry->value->mark, "the range ends above 4294967294");
        else if (m->host == 0 && node_get(w->nodes, entry->value, "host"))
                walk_hint(w, walk_complain_at(w, DIAG_POLICY_REFUSED, entry->value->mark, "host", "0 is the host's root"),
                          "write namespaces: {user: host} for no user namespace");
}

static bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
        return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

static void check_ranges(struct walk *w, struct node *list, const char *key, const struct spec_id_map *maps, size_t n) {
        char below[40];
        bool root = false;

        for (size_t i = 0; i < n; i++) {
                root = root || maps[i].container == 0;
                for (size_t j = 0; j < i; j++) {
                        bool inside = overlap(maps[i].container, maps[i].size, maps[j].container, maps[j].size);

                        if (!inside && !overlap(maps[i].host, maps[i].size, maps[j].host, maps[j].size))
                                continue;
                        (void)snprintf(below, sizeof(below), "%s[%zu]", key, i);
                        struct diag *d = walk_complain_at(w, DIAG_OVERLAP, list->entries[i].value->mark, below,
                                                          "the %s ids overlap", inside ? "container" : "host");
                        if (d)
                                diag_note(w->diags, d, list->entries[j].value->mark, "with these");
                        break;
                }
        }
        if (!root)
                walk_hint(w, walk_complain_at(w, DIAG_MISSING_KEY, list->mark, key, "container id 0 is not mapped"),
                          "one range has to start with container: 0");
}

void user_mapping_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec_container *c = at;
        struct node *uids = node_get(w->nodes, entry->value, "uids"), *gids = node_get(w->nodes, entry->value, "gids");

        if (c->n_uids > 0)
                check_ranges(w, uids, "uids", c->uids, c->n_uids);
        if (c->n_gids > 0)
                check_ranges(w, gids, "gids", c->gids, c->n_gids);
        if (!uids && gids && !w->partial)
                walk_complain(w, DIAG_MISSING_KEY, entry->key ? entry->key->mark : entry->value->mark, "missing key \"uids\"");
        if (!gids) {
                c->gids = c->uids;
                c->n_gids = c->n_uids;
        }
}
