/* Capabilities, resource limits, sysctls, signals. */
#include "tables.h"

#include <ctrsup/base/num.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>

#include <ctype.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

static void upper(const char *text, char *ret, size_t size) {
        size_t i = 0;

        for (; text[i] && i + 1 < size; i++)
                ret[i] = (char)toupper((unsigned char)text[i]);
        ret[i] = '\0';
}

/* ---- capabilities ---- */

static bool check_cap(struct walk *w, const struct node *n) {
        const char *text = walk_text(w, n, "a capability");
        char name[40];

        if (!text)
                return false;
        if (strcmp(text, "ALL") == 0 || spec_cap_value(text) >= 0)
                return true;
        struct diag *d = walk_complain(w, DIAG_UNKNOWN_CAP, n->mark, "%s is not a capability", walk_quote(w, text));
        upper(text, name, sizeof(name));
        const char *bare = strncmp(name, "CAP_", 4) == 0 ? name + 4 : name;
        if (strcmp(bare, "ALL") == 0 || spec_cap_value(bare) >= 0) {
                walk_hint(w, d, "write %s", bare);
                return false;
        }
        struct suggest s = suggest_begin(bare);
        for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
                suggest_offer(&s, spec_cap_name(cap));
        if (s.best)
                walk_hint(w, d, "did you mean \"%s\"?", s.best);
        return false;
}

static void read_caps(struct walk *w, const struct field *f, struct node *n, void *at) {
        (void)f;
        if (n->kind != NODE_SEQUENCE) {
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a list, found %s", node_kind_words(n)),
                          "write [%s]", n->kind == NODE_SCALAR && *n->text ? n->text : "NET_ADMIN");
                return;
        }
        struct spec_strings list = { walk_alloc(w, n->n, sizeof(const char *)), 0 };
        for (uint32_t i = 0; list.items && i < n->n; i++) {
                struct path here = { .up = w->path, .index = i };

                w->path = &here;
                if (check_cap(w, n->entries[i].value))
                        list.items[list.n++] = walk_keep(w, n->entries[i].value->text);
                w->path = here.up;
        }
        *(struct spec_strings *)at = list;
}

static void put_caps(const struct field *f, const void *at, struct buf *out) {
        const struct spec_strings *list = at;

        (void)f;
        buf_putc(out, '[');
        for (size_t i = 0; i < list->n; i++)
                buf_printf(out, "%s%s", i ? ", " : "", list->items[i]);
        buf_putc(out, ']');
}

static json_t *caps_schema(const struct field *f) {
        json_t *names = json_pack("[s]", "ALL");

        (void)f;
        for (int cap = 0; names && cap <= CAP_LAST_CAP; cap++)
                json_array_append_new(names, json_string(spec_cap_name(cap)));
        return json_pack("{s:s,s:o}", "type", "array", "items", schema_or_variable(json_pack("{s:o}", "enum", names)));
}

const struct type type_caps = { .name = "list of capabilities", .read = read_caps, .put = put_caps, .schema = caps_schema };

/* ---- ulimits ---- */

static const struct field ulimit_fields[] = {
        { .key = "soft",
          .type = &type_int,
          AT(spec_ulimit, soft),
          .flags = FIELD_REQUIRED | FIELD_INFINITE,
          .doc = "what a process gets",
          .example = "1024" },
        { .key = "hard",
          .type = &type_int,
          AT(spec_ulimit, hard),
          .flags = FIELD_REQUIRED | FIELD_INFINITE,
          .doc = "how far it may raise that itself",
          .example = "524288" },
};

static void ulimit_short_form(const struct node *item, struct buf *hint) {
        if (item->kind == NODE_SCALAR && *item->text && strlen(item->text) < 24)
                buf_printf(hint, "write {soft: %s, hard: %s}", strcmp(item->text, "-1") == 0 ? "infinity" : item->text,
                           strcmp(item->text, "-1") == 0 ? "infinity" : item->text);
}

static void ulimit_finish(struct walk *w, const struct node_entry *entry, void *at) {
        const struct spec_ulimit *u = at;
        const struct node *soft = node_get(w->nodes, entry->value, "soft");

        if (soft && u->hard != USEC_INFINITY && u->soft > u->hard && node_get(w->nodes, entry->value, "hard"))
                walk_complain_at(w, DIAG_CONFLICT, soft->mark, "soft", "%s is above the hard limit", soft->text);
}

static const struct table ulimit_table = { FIELDS(ulimit_fields),
                                           .noun = "limit",
                                           .size = sizeof(struct spec_ulimit),
                                           .finish = ulimit_finish,
                                           .short_form = ulimit_short_form,
                                           .short_form_name = "Compose short form" };

static bool read_ulimit(struct walk *w, const struct node_entry *e, struct spec_ulimit *ret) {
        int resource = spec_ulimit_value(e->key->text);

        if (resource < 0) {
                struct suggest s = suggest_begin(e->key->text);
                struct diag *d = walk_complain(w, DIAG_UNKNOWN_KEY, e->key->mark, "unknown key");

                for (int i = 0; i < RLIM_NLIMITS; i++)
                        suggest_offer(&s, spec_ulimit_name(i));
                if (s.best)
                        walk_hint(w, d, "did you mean \"%s\"?", s.best);
                else
                        walk_hint(w, d, "the names are those of prlimit(1): nofile, nproc, core, memlock, stack and so on");
                return false;
        }
        schema_read(w, &ulimit_table, e, ret);
        ret->name = spec_ulimit_name(resource);
        ret->resource = resource;
        return true;
}

static void read_ulimits(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (n->kind != NODE_MAPPING) {
                if (!node_is_null(n))
                        walk_hint(w,
                                  walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n)),
                                  "write ulimits: %s", f->example);
                return;
        }
        struct spec_ulimit *items = walk_alloc(w, n->n, sizeof(*items));
        size_t count = 0;
        for (uint32_t i = 0; items && i < n->n; i++) {
                struct path here = { .up = w->path, .key = n->entries[i].key->text };

                w->path = &here;
                count += read_ulimit(w, &n->entries[i], &items[count]);
                w->path = here.up;
        }
        *(struct spec_ulimit **)at = items;
        *field_count(f, at) = count;
}

static void put_ulimits(const struct field *f, const void *at, struct buf *out) {
        const struct spec_ulimit *items = *(struct spec_ulimit *const *)at;

        buf_putc(out, '{');
        for (size_t i = 0; i < field_count_get(f, at); i++) {
                buf_printf(out, "%s%s: {soft: ", i ? ", " : "", items[i].name);
                type_int.put(&ulimit_fields[0], &items[i].soft, out);
                buf_puts(out, ", hard: ");
                type_int.put(&ulimit_fields[1], &items[i].hard, out);
                buf_putc(out, '}');
        }
        buf_putc(out, '}');
}

static json_t *ulimits_schema(const struct field *f) {
        json_t *one = json_pack("{s:s,s:b,s:[s,s],s:{s:o,s:o}}", "type", "object", "additionalProperties", 0, "required", "soft",
                                "hard", "properties", "soft", type_int.schema(&ulimit_fields[0]), "hard",
                                type_int.schema(&ulimit_fields[1]));
        json_t *all = json_object();

        (void)f;
        for (int i = 0; one && all && i < RLIM_NLIMITS; i++)
                json_object_set(all, spec_ulimit_name(i), one);
        json_decref(one);
        return json_pack("{s:s,s:b,s:o}", "type", "object", "additionalProperties", 0, "properties", all);
}

const struct type type_ulimits = { .name = "map of limits",
                                   .units = "{soft, hard}, numbers or infinity",
                                   .read = read_ulimits,
                                   .put = put_ulimits,
                                   .schema = ulimits_schema };

/* ---- sysctls ---- */

/* Per network or ipc namespace; everything else would change the host. */
static bool is_namespaced(const char *name) {
        static const char *const prefixes[] = { "net.", "kernel.msg", "kernel.shm", "fs.mqueue." };

        for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
                if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0 && name[strlen(prefixes[i])])
                        return true;
        return strcmp(name, "kernel.sem") == 0;
}

/* The name becomes a path: letters, digits, _ and -, single dots between. */
static bool is_sysctl_name(const char *name) {
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-' && !(*p == '.' && p > name && p[-1] != '.' && p[1]))
                        return false;
        return *name && strlen(name) <= 128;
}

static bool check_sysctl(struct walk *w, const struct node_entry *e) {
        const char *name = e->key->text, *value;

        if (!is_sysctl_name(name)) {
                walk_hint(w, walk_complain(w, DIAG_BAD_NAME, e->key->mark, "%s is not a sysctl", walk_quote(w, name)),
                          "write it with dots, such as net.core.somaxconn");
                return false;
        }
        if (!is_namespaced(name)) {
                walk_hint(w,
                          walk_complain(w, DIAG_NOT_NAMESPACED, e->key->mark, "%s is not namespaced: it would change the host",
                                        walk_quote(w, name)),
                          "allowed are net.*, kernel.msg*, kernel.sem, kernel.shm* and fs.mqueue.*");
                return false;
        }
        if (e->value->kind == NODE_SCALAR && node_is_null(e->value)) {
                walk_complain(w, DIAG_WRONG_TYPE, e->value->mark, "%.64s has no value", name);
                return false;
        }
        value = walk_text(w, e->value, "a value");
        if (!value)
                return false;
        size_t len = strlen(value);
        if (len == 0 || len > 64 || strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_ \t-") != len) {
                walk_complain(w, DIAG_BAD_VALUE, e->value->mark,
                              "%s is not the value of a sysctl: digits, a-z, _, - and blanks, at most 64", walk_quote(w, value));
                return false;
        }
        return true;
}

static void read_sysctls(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (n->kind != NODE_MAPPING) {
                if (!node_is_null(n))
                        walk_hint(w,
                                  walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n)),
                                  "write sysctls: %s", f->example);
                return;
        }
        struct spec_pairs pairs = { walk_alloc(w, n->n, sizeof(struct spec_pair)), 0 };
        for (uint32_t i = 0; pairs.items && i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                struct path here = { .up = w->path, .key = e->key->text };

                w->path = &here;
                if (check_sysctl(w, e))
                        pairs.items[pairs.n++] = (struct spec_pair){ walk_keep(w, e->key->text), walk_keep(w, e->value->text) };
                w->path = here.up;
        }
        *(struct spec_pairs *)at = pairs;
}

static json_t *sysctls_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:b,s:{s:{s:[s,s]}}}", "type", "object", "additionalProperties", 0, "patternProperties",
                         "^(net\\.|kernel\\.(msg|shm|sem)|fs\\.mqueue\\.)", "type", "string", "integer");
}

static void put_sysctls(const struct field *f, const void *at, struct buf *out) {
        type_pairs.put(f, at, out);
}

const struct type type_sysctls = { .name = "map of text", .read = read_sysctls, .put = put_sysctls, .schema = sysctls_schema };

/* ---- signals ---- */

static void read_signal(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a signal");
        char name[40] = "SIG";
        uint64_t number;

        (void)f;
        if (!text)
                return;
        int value = spec_signal_value(text);
        if (value >= 0) {
                *(int *)at = value;
                return;
        }
        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a signal", walk_quote(w, text));
        upper(text, name + 3, sizeof(name) - 3);
        const char *with = strncmp(name + 3, "SIG", 3) == 0 ? name + 3 : name;
        struct suggest s = suggest_begin(with);
        for (int i = 1; i < 32; i++)
                if (spec_signal_name(i))
                        suggest_offer(&s, spec_signal_name(i));
        if (num_parse_u64(text, &number) == 0 && number < 65 && spec_signal_name((int)number))
                walk_hint(w, d, "write %s", spec_signal_name((int)number));
        else if (spec_signal_value(with) >= 0)
                walk_hint(w, d, "write %s", with);
        else if (s.best)
                walk_hint(w, d, "did you mean \"%s\"?", s.best);
        else
                walk_hint(w, d, "write a name such as SIGTERM or SIGRTMIN+3");
}

static void put_signal(const struct field *f, const void *at, struct buf *out) {
        (void)f;
        if (*(const int *)at > 0)
                buf_puts(out, spec_signal_name(*(const int *)at));
}

static json_t *signal_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:s,s:s}", "type", "string", "pattern", "^SIG[A-Z0-9+]+$"));
}

const struct type type_signal = { .name = "signal", .plain = sizeof(int), .read = read_signal, .put = put_signal, .schema = signal_schema };
