#include <ctrsup/text/interpolate.h>

#include <ctrsup/base/buf.h>

#include "utf8.h"

#include <stdarg.h>
#include <string.h>

struct pass {
        struct arena *arena;
        struct diag_list *diags;
        interpolate_lookup lookup;
        void *userdata;
};

/* A ${…} taken apart; all spans into the scalar's text. */
struct variable {
        char name[64];
        char kind;        /* 0, '-' or '?' */
        const char *rest; /* the default or the message */
        size_t rest_len;
        size_t len; /* of the whole, "${" to "}" */
};

static struct diag *complain(struct pass *p, const struct node *n, const struct path *path, enum diag_id id, const char *format,
                             ...) _printf_(5, 6);

static struct diag *complain(struct pass *p, const struct node *n, const struct path *path, enum diag_id id, const char *format,
                             ...) {
        _cleanup_buf_ struct buf where = BUF_NULL;
        char words[256];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(words, sizeof(words), format, ap);
        va_end(ap);
        utf8_disarm(words);
        path_put(path, &where);
        return diag_add(p->diags, id, n->mark, buf_text(&where), "%s", words);
}

/* text starts with "${". false: it is no variable, and there is a complaint. */
static bool take_apart(struct pass *p, const struct node *n, const struct path *path, const char *text, struct variable *ret) {
        static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
        size_t name = strspn(text + 2, name_characters);
        const char *behind = text + 2 + name, *end = strchr(behind, '}');
        char shown[80];

        (void)snprintf(shown, sizeof(shown), "%.*s", (int)strcspn(text, "}\n") + 1, text);
        if (name == 0 || name >= sizeof(ret->name) || strchr("0123456789", text[2]) || !end) {
                struct diag *d = complain(p, n, path, DIAG_BAD_VALUE, "\"%s\" is not a variable", shown);

                diag_hint(p->diags, d, "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ for a literal ${");
                return false;
        }
        *ret = (struct variable){ .len = (size_t)(end - text) + 1 };
        memcpy(ret->name, text + 2, name);
        if (behind == end)
                return true;
        if (*behind != ':' || !strchr("-?", behind[1]) || behind[1] == '\0') {
                struct diag *d = complain(p, n, path, DIAG_BAD_VALUE, "\"%s\" is not a variable", shown);

                diag_hint(p->diags, d, strchr("-?", *behind) ? "write ${%s:%c...}, with a colon" : "write ${%s}", ret->name,
                          *behind);
                return false;
        }
        ret->kind = behind[1];
        ret->rest = behind + 2;
        ret->rest_len = (size_t)(end - ret->rest);
        if (memmem(ret->rest, ret->rest_len, "${", 2)) {
                complain(p, n, path, DIAG_BAD_VALUE, "a variable inside the default of ${%s} is not supported", ret->name);
                return false;
        }
        return true;
}

/* false: it has no value, and there is a complaint. */
static bool put_variable(struct pass *p, const struct node *n, const struct path *path, const struct variable *v,
                         struct buf *out) {
        const char *value = p->lookup ? p->lookup(p->userdata, v->name) : NULL;

        if (value && (*value || !v->kind)) {
                buf_puts(out, value);
                return true;
        }
        if (v->kind == '-') {
                buf_put(out, v->rest, v->rest_len);
                return true;
        }
        struct diag *d = complain(p, n, path, DIAG_UNSET_VARIABLE, "variable \"%s\" is %s", v->name, value ? "empty" : "not set");
        if (v->kind == '?' && v->rest_len > 0) {
                char message[256];

                (void)snprintf(message, sizeof(message), "%.*s", (int)v->rest_len, v->rest);
                utf8_disarm(message);
                diag_hint(p->diags, d, "%s", message);
        } else
                diag_hint(p->diags, d, "give --set %s=VALUE, set it in the environment, or write ${%s:-default}", v->name,
                          v->name);
        return false;
}

static int replace(struct pass *p, struct node *n, const struct path *path) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        bool replaced = false, good = true;
        const char *text = n->text;

        if (!strstr(text, "${"))
                return 0;
        while (*text && good) {
                struct variable v;

                if (strncmp(text, "$${", 3) == 0) {
                        buf_puts(&out, "${");
                        text += 3;
                } else if (strncmp(text, "${", 2) == 0) {
                        good = take_apart(p, n, path, text, &v) && put_variable(p, n, path, &v, &out);
                        replaced = true;
                        text += good ? v.len : 0;
                } else
                        buf_putc(&out, *text++);
        }
        if (!good) {
                n->flags |= NODE_UNKNOWN;
                return 0;
        }
        n->text = buf_failed(&out) ? NULL : arena_strdup(p->arena, buf_text(&out));
        if (!n->text)
                return -ENOMEM;
        /* In {pids: "${N}"} the quotes are for the braces; what the variable brings may be a number. But nothing is not null. */
        if (replaced)
                n->flags &= ~(unsigned)NODE_QUOTED;
        if (node_is_null(n))
                n->flags |= NODE_QUOTED;
        return 0;
}

static int visit(struct pass *p, struct node *n, const struct path *path) {
        if (n->kind == NODE_SCALAR)
                return replace(p, n, path);
        for (uint32_t i = 0; i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];
                struct path here = { .up = path, .key = e->key ? e->key->text : NULL, .index = i };
                int r = visit(p, e->value, &here);

                if (r < 0)
                        return r;
        }
        return 0;
}

int interpolate_nodes(struct node *root, struct arena *a, struct diag_list *diags, interpolate_lookup lookup, void *userdata) {
        return visit(&(struct pass){ a, diags, lookup, userdata }, root, NULL);
}
