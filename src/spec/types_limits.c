/* Limits and namespaces: CPUs, weights, lists of CPUs, huge pages, ids, whose namespace. */
#include "tables.h"

#include <ctrsup/base/enumtab.h>
#include <ctrsup/base/num.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>

#include <inttypes.h>
#include <string.h>

/* ---- cpus ---- */

static void hint_cpus(struct walk *w, struct diag *d, const char *text) {
        size_t digits = strspn(text, "0123456789");
        char fixed[NUM_TEXT_MAX];
        uint64_t n;

        if (digits == 0 || digits > 9)
                return;
        n = strtoull(text, NULL, 10);
        if (strcmp(text + digits, "m") == 0)
                walk_hint(w, d, "%s in Kubernetes is %s here", text, num_format_milli(fixed, n));
        else if (strcmp(text + digits, "%") == 0)
                walk_hint(w, d, "%s in systemd is %s here", text, num_format_milli(fixed, n * 10));
}

static void read_cpus(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a number of CPUs");
        uint64_t value;

        if (!text)
                return;
        if (strcmp(text, "max") == 0) {
                *(uint64_t *)at = SIZE_INFINITY;
                return;
        }
        if (!node_is_bare(n) || num_parse_milli(text, &value) == -EINVAL) {
                struct diag *d =
                        walk_complain(w, DIAG_BAD_VALUE, n->mark, "expected a number of CPUs, found %s", walk_quote(w, text));

                hint_cpus(w, d, text);
                if (d && !d->hint)
                        walk_hint(w, d,
                                  num_parse_milli(text, &value) == 0 ? "remove the quotes"
                                                                     : "write a decimal with up to three places, such as 1.5");
                return;
        }
        if (num_parse_milli(text, &value) < 0 || value < (uint64_t)f->min || value > UINT64_C(1000000) * 1000) {
                walk_hint(w, walk_complain(w, DIAG_OUT_OF_RANGE, n->mark, "%.40s is out of range, the least is 0.01", text),
                          "write max for no limit");
                return;
        }
        n->flags |= NODE_LITERAL;
        *(uint64_t *)at = value;
}

static void put_cpus(const struct field *f, const void *at, struct buf *out) {
        char text[NUM_TEXT_MAX];

        (void)f;
        buf_puts(out, *(const uint64_t *)at == SIZE_INFINITY ? "max" : num_format_milli(text, *(const uint64_t *)at));
}

static json_t *cpus_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[{s:s,s:f},{s:s},{s:s}]}", "anyOf", "type", "number", "minimum", 0.01, "const", "max", "$ref",
                         "#/definitions/variable");
}

const struct type type_cpus = {
        .name = "number of CPUs", .units = "CPUs, decimal", .plain = sizeof(uint64_t), .read = read_cpus, .put = put_cpus, .schema = cpus_schema
};

/* ---- cpu_weight ---- */

/* Compose's cpu_shares as a weight, by the formula of runc and crun: 2 -> 1, 1024 -> 100, 262144 -> 10000, a parabola in log2. */
static unsigned weight_of_shares(uint64_t shares) {
        static const struct {
                uint64_t shares;
                unsigned weight;
        } points[] = {
                { 2, 1 },       { 16, 5 },       { 64, 12 },      { 128, 21 },      { 256, 35 },
                { 512, 59 },    { 1024, 100 },   { 2048, 174 },   { 4096, 303 },    { 8192, 532 },
                { 16384, 942 }, { 32768, 1681 }, { 65536, 3023 }, { 131072, 5478 }, { 262144, 10000 },
        };
        size_t i = 1;

        /* Exact at the powers that people use, straight between them: it is a hint. */
        while (i + 1 < ARRAY_SIZE(points) && points[i].shares < shares)
                i++;
        if (shares >= points[i].shares)
                return points[i].weight;
        return points[i - 1].weight + (unsigned)((points[i].weight - points[i - 1].weight) * (shares - points[i - 1].shares) /
                                                 (points[i].shares - points[i - 1].shares));
}

static void read_cpu_weight(struct walk *w, const struct field *f, struct node *n, void *at) {
        uint64_t shares;

        if (n->kind == NODE_SCALAR && strcmp(n->text, "idle") == 0) {
                *(int64_t *)at = CPU_WEIGHT_IDLE;
                return;
        }
        if (n->kind == NODE_SCALAR && node_is_bare(n) && num_parse_u64(n->text, &shares) == 0 && shares > (uint64_t)f->max) {
                walk_hint(w,
                          walk_complain(w, DIAG_OUT_OF_RANGE, n->mark,
                                        "%.40s is out of range, expected a whole number from 1 to 10000 or idle", n->text),
                          "if that is Compose's cpu_shares, the weight is about %u", weight_of_shares(shares));
                return;
        }
        type_int.read(w, f, n, at);
        if (*(const int64_t *)at == 1024)
                walk_warn(w, DIAG_BAD_VALUE, n->mark, "1024 looks like Compose's cpu_shares",
                          "the same share is cpu_weight: 100");
}

static void put_cpu_weight(const struct field *f, const void *at, struct buf *out) {
        int64_t weight = *(const int64_t *)at;

        (void)f;
        if (weight == CPU_WEIGHT_IDLE)
                buf_puts(out, "idle");
        else if (weight > 0)
                buf_printf(out, "%" PRId64, weight);
}

static json_t *cpu_weight_schema(const struct field *f) {
        return json_pack("{s:[{s:s,s:I,s:I},{s:s},{s:s}]}", "anyOf", "type", "integer", "minimum", (json_int_t)f->min, "maximum",
                         (json_int_t)f->max, "const", "idle", "$ref", "#/definitions/variable");
}

const struct type type_cpu_weight = {
        .name = "whole number or idle", .plain = sizeof(int64_t), .read = read_cpu_weight, .put = put_cpu_weight, .schema = cpu_weight_schema
};

/* ---- lists of CPUs and memory nodes ---- */

enum { CPU_MAX = 8191 };

static bool eat_cpu(const char **text, uint64_t *ret) {
        size_t len = strspn(*text, "0123456789");
        char digits[8];

        if (len == 0 || len >= sizeof(digits))
                return false;
        memcpy(digits, *text, len);
        digits[len] = '\0';
        *text += len;
        return num_parse_u64(digits, ret) == 0 && *ret <= CPU_MAX;
}

/* "0-3,8" */
static bool is_cpu_list(const char *text) {
        for (;;) {
                uint64_t first, last;

                if (!eat_cpu(&text, &first))
                        return false;
                if (*text == '-') {
                        text++;
                        if (!eat_cpu(&text, &last) || last < first)
                                return false;
                }
                if (!*text)
                        return true;
                if (*text++ != ',')
                        return false;
        }
}

static void read_cpu_list(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a list such as 0-3,8");

        (void)f;
        if (!text)
                return;
        if (is_cpu_list(text)) {
                *(const char **)at = walk_keep(w, text);
                return;
        }
        walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a list of numbers and ranges", walk_quote(w, text)),
                  "write \"0-3,8\"");
}

static json_t *cpu_list_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[{s:s},{s:s,s:s},{s:s}]}", "anyOf", "type", "integer", "type", "string", "pattern",
                         "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$", "$ref", "#/definitions/variable");
}

const struct type type_cpu_list = {
        .name = "list of numbers", .units = "0-3,8", .read = read_cpu_list, .put = type_put_text, .schema = cpu_list_schema
};

/* ---- huge pages: {2M: 64M} ---- */

static bool read_page(struct walk *w, const struct node_entry *e, struct spec_hugetlb *ret) {
        static const struct field limit = { .key = "limit", .type = &type_size, .flags = FIELD_MAX };
        uint64_t page;

        if (num_parse_size(e->key->text, &page) < 0 || page < 4096 || (page & (page - 1))) {
                walk_hint(w,
                          walk_complain(w, DIAG_BAD_SIZE, e->key->mark, "%s is not the size of a huge page",
                                        walk_quote(w, e->key->text)),
                          "write {2M: 64M} or {1G: 2G}");
                return false;
        }
        ret->page_size = page;
        ret->limit = SIZE_INFINITY;
        type_size.read(w, &limit, e->value, &ret->limit);
        return true;
}

static void read_hugetlb(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (n->kind != NODE_MAPPING) {
                if (!node_is_null(n))
                        walk_hint(w,
                                  walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n)),
                                  "write hugetlb: %s", f->example);
                return;
        }
        struct spec_hugetlb *items = walk_alloc(w, n->n, sizeof(*items));
        size_t count = 0;
        for (uint32_t i = 0; items && i < n->n; i++) {
                struct path here = { .up = w->path, .key = n->entries[i].key->text };

                w->path = &here;
                count += read_page(w, &n->entries[i], &items[count]);
                w->path = here.up;
        }
        *(struct spec_hugetlb **)at = items;
        *field_count(f, at) = count;
}

static void put_hugetlb(const struct field *f, const void *at, struct buf *out) {
        const struct spec_hugetlb *items = *(struct spec_hugetlb *const *)at;
        char page[NUM_TEXT_MAX], limit[NUM_TEXT_MAX];

        buf_putc(out, '{');
        for (size_t i = 0; i < field_count_get(f, at); i++)
                buf_printf(out, "%s%s: %s", i ? ", " : "", num_format_size(page, items[i].page_size),
                           num_format_size(limit, items[i].limit));
        buf_putc(out, '}');
}

static json_t *hugetlb_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:b,s:{s:{s:[s,s]}}}", "type", "object", "additionalProperties", 0, "patternProperties",
                         "^[0-9]+[KMG]$", "type", "string", "integer");
}

const struct type type_hugetlb = {
        .name = "map of sizes", .units = "page size: bytes", .read = read_hugetlb, .put = put_hugetlb, .schema = hugetlb_schema
};

/* ---- ids of a map ---- */

static void read_id(struct walk *w, const struct field *f, struct node *n, void *at) {
        /* 4294967295 is no id: it is (uid_t)-1. */
        const struct field bounds = { .key = f->key, .type = &type_int, .min = f->min, .max = UINT32_MAX - 1 };
        int64_t value = -1;

        type_int.read(w, &bounds, n, &value);
        if (value >= 0)
                *(uint32_t *)at = (uint32_t)value;
}

static void put_id(const struct field *f, const void *at, struct buf *out) {
        (void)f;
        buf_printf(out, "%" PRIu32, *(const uint32_t *)at);
}

static json_t *id_schema(const struct field *f) {
        return schema_or_variable(json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)f->min, "maximum",
                                            (json_int_t)UINT32_MAX - 1));
}

const struct type type_id = { .name = "id", .plain = sizeof(uint32_t), .read = read_id, .put = put_id, .schema = id_schema };

/* ---- namespaces ---- */

static void read_namespace(struct walk *w, const struct field *f, struct node *n, void *at) {
        struct spec_namespace *ns = at;
        _cleanup_buf_ struct buf words = BUF_NULL, hint = BUF_NULL;
        const char *text = walk_text(w, n, "a word");

        if (!text)
                return;
        if (f->words[NS_CONTAINER] && strncmp(text, "container:", 10) == 0 && name_is_label(text + 10)) {
                *ns = (struct spec_namespace){ NS_CONTAINER, walk_keep(w, text + 10) };
                return;
        }
        int mode = enumtab_value(f->words, f->n_words, text);
        if (mode >= 0 && mode != NS_CONTAINER) {
                *ns = (struct spec_namespace){ (enum spec_ns_mode)mode, NULL };
                return;
        }
        struct suggest s = suggest_begin(text);
        for (size_t i = 0; i < f->n_words; i++)
                if (f->words[i]) {
                        buf_printf(&words, "%s%s", words.len ? ", " : "", f->words[i]);
                        suggest_offer(&s, f->words[i]);
                }
        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "expected %s%s, found %s",
                                       strchr(buf_text(&words), ',') ? "one of " : "", buf_text(&words), walk_quote(w, text));
        if (f->words[NS_CONTAINER] && strncmp(text, "service:", 8) == 0 && text[8])
                walk_hint(w, d, "write container:%.63s", text + 8);
        else if (w->foreign_value) {
                w->foreign_value(f, text, &hint);
                if (hint.len == 0 && s.best)
                        buf_printf(&hint, "did you mean \"%s\"?", s.best);
                walk_hint_buf(w, d, &hint);
        }
}

static void put_namespace(const struct field *f, const void *at, struct buf *out) {
        const struct spec_namespace *ns = at;

        if (ns->mode == NS_CONTAINER)
                buf_printf(out, "container:%s", ns->container);
        else
                buf_puts(out, enumtab_name(f->words, f->n_words, (int)ns->mode));
}

static json_t *namespace_schema(const struct field *f) {
        json_t *words = json_array();

        for (size_t i = 0; words && i < f->n_words; i++)
                if (f->words[i] && i != NS_CONTAINER)
                        json_array_append_new(words, json_string(f->words[i]));
        if (!f->words[NS_CONTAINER])
                return schema_or_variable(json_pack("{s:o}", "enum", words));
        return json_pack("{s:[{s:o},{s:s,s:s},{s:s}]}", "anyOf", "enum", words, "type", "string", "pattern",
                         "^container:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "$ref", "#/definitions/variable");
}

const struct type type_namespace = {
        .name = "namespace", .read = read_namespace, .put = put_namespace, .schema = namespace_schema
};
