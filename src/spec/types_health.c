/* Ports, the parts of an HTTP request (what is refused here can never reach a wire), and a mapping that only has to be there. */
#include "tables.h"

#include <ctrsup/base/num.h>

#include <ctype.h>
#include <string.h>

enum { HTTP_TEXT_MAX = 1024, HTTP_HEADERS_MAX = 32, CODE_MIN = 100, CODE_MAX = 599 };

/* ---- what has no keys ---- */

static void read_empty(struct walk *w, const struct field *f, struct node *n, void *at) {
        if (node_is_null(n) || (n->kind == NODE_MAPPING && n->n == 0))
                *(bool *)at = true;
        else if (n->kind == NODE_MAPPING)
                walk_complain(w, DIAG_UNKNOWN_KEY, n->entries[0].key->mark, "%s has no keys", f->key);
        else
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n)),
                          "write {}");
}

static void put_empty(const struct field *f, const void *at, struct buf *out) {
        (void)f;
        if (*(const bool *)at)
                buf_puts(out, "{}");
}

static json_t *empty_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[s,s],s:i}", "type", "object", "null", "maxProperties", 0);
}

const struct type type_empty = { .name = "empty mapping", .read = read_empty, .put = put_empty, .schema = empty_schema };

/* ---- ports ---- */

static void read_port(struct walk *w, const struct field *f, struct node *n, void *at) {
        const struct field range = { .key = f->key, .min = 1, .max = 65535 };

        type_int.read(w, &range, n, at);
}

/* 0 is none: nothing is put for it. */
static void put_port(const struct field *f, const void *at, struct buf *out) {
        if (*(const uint64_t *)at > 0)
                type_int.put(f, at, out);
}

static json_t *port_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:s,s:i,s:i}", "type", "integer", "minimum", 1, "maximum", 65535));
}

const struct type type_port = {
        .name = "port", .units = "1 to 65535", .plain = sizeof(uint64_t), .read = read_port, .put = put_port, .schema = port_schema
};

/* ---- what is sent ---- */

static json_t *text_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[s,s]}", "type", "string", "integer");
}

/* Visible ASCII, and blanks where they are allowed: no line can be begun or ended. */
static bool is_sendable(const char *text, bool blanks) {
        for (const char *p = text; *p; p++)
                if (!(isgraph((unsigned char)*p) || (blanks && *p == ' ')) || p - text >= HTTP_TEXT_MAX)
                        return false;
        return true;
}

static void read_path(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a path");

        (void)f;
        if (!text)
                return;
        if (*text != '/')
                walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s does not start with /", walk_quote(w, text)),
                          "write /%.100s", text);
        else if (!is_sendable(text, false) || strchr(text, '#'))
                walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is no path of a URL", walk_quote(w, text)),
                          "write anything but letters, digits and /?&=._~- as %%XX; at most %d bytes", HTTP_TEXT_MAX);
        else
                *(const char **)at = walk_keep(w, text);
}

const struct type type_http_path = {
        .name = "path of a URL", .units = "starts with /", .read = read_path, .put = type_put_text, .schema = text_schema
};

static void read_host(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a host name");

        (void)f;
        if (!text)
                return;
        if (!*text || !is_sendable(text, false) || strpbrk(text, "/?#@"))
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is no value of a Host header", walk_quote(w, text));
        else
                *(const char **)at = walk_keep(w, text);
}

const struct type type_http_host = {
        .name = "host name", .units = "or HOST:PORT", .read = read_host, .put = type_put_text, .schema = text_schema
};

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text) {
        for (const char *p = text; *p; p++)
                if (!isalnum((unsigned char)*p) && !strchr("!#$%&'*+-.^_`|~", *p))
                        return false;
        return *text && strlen(text) <= 256;
}

static bool check_header(struct walk *w, const struct node_entry *e) {
        static const char *const ours[] = { "Host", "Connection", "Content-Length", "Transfer-Encoding" };
        const char *name = e->key->text;

        if (!is_token(name)) {
                walk_complain(w, DIAG_BAD_NAME, e->key->mark, "%s is not the name of a header", walk_quote(w, name));
                return false;
        }
        for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
                if (strcasecmp(name, ours[i]) == 0) {
                        struct diag *d = walk_complain(w, DIAG_CONFLICT, e->key->mark, "the probe sets %s itself", ours[i]);

                        if (i == 0)
                                walk_hint(w, d, "write host:");
                        return false;
                }
        const char *value = walk_text(w, e->value, "text");
        if (value && !is_sendable(value, true)) {
                walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, e->value->mark, "%s is no value of a header", walk_quote(w, value)),
                          "one line of ASCII, at most %d bytes", HTTP_TEXT_MAX);
                return false;
        }
        return value != NULL;
}

static void read_headers(struct walk *w, const struct field *f, struct node *n, void *at) {
        struct spec_pairs pairs = { NULL, 0 };

        (void)f;
        if (node_is_null(n))
                return;
        if (n->kind != NODE_MAPPING) {
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a mapping, found %s", node_kind_words(n)),
                          "write {NAME: value}");
                return;
        }
        if (n->n > HTTP_HEADERS_MAX) {
                walk_complain(w, DIAG_TOO_MANY, n->mark, "%u entries, more than the %d allowed", n->n, HTTP_HEADERS_MAX);
                return;
        }
        pairs.items = walk_alloc(w, n->n, sizeof(*pairs.items));
        for (uint32_t i = 0; pairs.items && i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                struct path here = { .up = w->path, .key = e->key->text };

                w->path = &here;
                if (check_header(w, e))
                        pairs.items[pairs.n++] = (struct spec_pair){ walk_keep(w, e->key->text), walk_keep(w, e->value->text) };
                w->path = here.up;
        }
        *(struct spec_pairs *)at = pairs;
}

static void put_headers(const struct field *f, const void *at, struct buf *out) {
        type_pairs.put(f, at, out);
}

static json_t *headers_schema(const struct field *f) {
        return type_pairs.schema(f);
}

const struct type type_http_headers = {
        .name = "map of text", .read = read_headers, .put = put_headers, .schema = headers_schema
};

/* ---- what is accepted ---- */

/* One "200" or "200-299" up to the comma or the end. */
static const char *parse_range(const char *text, unsigned *ret_low, unsigned *ret_high) {
        unsigned ends[2] = { 0 };
        int n = 0;

        do {
                for (int digit = 0; digit < 3; digit++, text++) {
                        if (!isdigit((unsigned char)*text))
                                return NULL;
                        ends[n] = ends[n] * 10 + (unsigned)(*text - '0');
                }
                n++;
        } while (n < 2 && *text == '-' && text++);
        *ret_low = ends[0];
        *ret_high = n == 2 ? ends[1] : ends[0];
        return *ret_low >= CODE_MIN && *ret_low <= *ret_high && *ret_high <= CODE_MAX && (!*text || *text == ',') ? text : NULL;
}

bool spec_http_accepts(const char *status, unsigned code) {
        unsigned low, high;

        for (const char *p = status; (p = parse_range(p, &low, &high)); p++) {
                if (code >= low && code <= high)
                        return true;
                if (!*p)
                        break;
        }
        return false;
}

static bool is_status(const char *text) {
        unsigned low, high;

        while ((text = parse_range(text, &low, &high)) && *text)
                text++;
        return text != NULL;
}

static void read_status(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "status codes");

        (void)f;
        if (!text)
                return;
        if (strlen(text) <= 256 && is_status(text))
                *(const char **)at = walk_keep(w, text);
        else
                walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s are no status codes", walk_quote(w, text)),
                          "write numbers from 100 to 599 and ranges, such as 200-299,401");
}

const struct type type_http_status = {
        .name = "status codes", .units = "200-299,401", .read = read_status, .put = type_put_text, .schema = text_schema
};
