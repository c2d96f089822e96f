#include <ctrsup/text/render.h>

#include "utf8.h"

#include <ctype.h>
#include <string.h>

enum { FLOW_WIDTH = 100, QUOTE_MAX = 60 };

/* What some YAML reader may take for a boolean, null or a number. */
static bool looks_typed(const char *text) {
        static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "y", "n", "null", "~" };

        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (strcasecmp(words[i], text) == 0)
                        return true;
        const char *digits = text + (*text == '-' || *text == '+' || *text == '.');
        return isdigit((unsigned char)*digits) && text[strspn(text, "0123456789abcdefABCDEFxXo_.:+-")] == '\0';
}

/* Fit to stand without quotes, in flow and block style. */
static bool is_plain(const char *text) {
        size_t len = strlen(text);
        uint32_t cp;

        if (len == 0 || strchr(" ?:,[]{}#&*!|>'\"%@`<=", text[0]) ||
            (text[0] == '-' && (len == 1 || text[1] == ' ' || text[1] == '-')))
                return false;
        if (text[len - 1] == ' ' || text[len - 1] == ':' || strpbrk(text, ",[]{}") || strstr(text, ": ") || strstr(text, ":?") || strstr(text, " #"))
                return false;
        for (size_t i = 0, n; i < len; i += n) {
                n = utf8_decode(text + i, len - i, &cp);
                if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029 || cp >= 0xfeff)
                        return false;
        }
        return true;
}

static void put_escaped(const char *text, size_t len, struct buf *out) {
        static const char from[] = "\"\\\n\t\r", to[] = "\"\\ntr";

        for (size_t i = 0; i < len;) {
                uint32_t cp;
                size_t n = utf8_decode(text + i, len - i, &cp);
                const char *named = text[i] ? strchr(from, text[i]) : NULL;

                if (n == 0) {
                        cp = (unsigned char)text[i];
                        n = 1;
                        buf_printf(out, "\\x%02x", cp);
                } else if (named)
                        buf_printf(out, "\\%c", to[named - from]);
                else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
                        buf_printf(out, "\\x%02x", cp);
                else if (cp == 0x2028 || cp == 0x2029 || (cp >= 0xfeff && cp <= 0xffff))
                        buf_printf(out, "\\u%04x", cp);
                else
                        buf_put(out, text + i, n);
                i += n;
        }
}

static void put_in_quotes(const char *text, struct buf *out) {
        buf_putc(out, '"');
        put_escaped(text, strlen(text), out);
        buf_putc(out, '"');
}

void render_scalar(const char *text, struct buf *out) {
        if (is_plain(text) && !looks_typed(text))
                buf_puts(out, text);
        else
                put_in_quotes(text, out);
}

void render_quoted(const char *text, struct buf *out) {
        size_t len = strlen(text), end = len;

        if (len > QUOTE_MAX + 3)
                for (end = QUOTE_MAX; end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80; end--)
                        ;
        buf_putc(out, '"');
        for (size_t i = 0, n; i < end; i += n) {
                uint32_t cp;

                n = utf8_decode(text + i, end - i, &cp);
                if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
                        n = 1;
                        put_escaped(text + i, 1, out);
                } else
                        buf_put(out, text + i, n); /* quotes and backslashes stay: this is for people */
        }
        buf_puts(out, end < len ? "...\"" : "\"");
}

static void put_scalar(const struct node *n, struct buf *out) {
        if (node_is_null(n))
                buf_puts(out, "null");
        else if (n->flags & NODE_LITERAL)
                buf_puts(out, n->text);
        else
                render_scalar(n->text, out);
}

void render_flow(const struct node *n, struct buf *out) {
        if (n->kind == NODE_SCALAR) {
                put_scalar(n, out);
                return;
        }
        buf_putc(out, n->kind == NODE_MAPPING ? '{' : '[');
        for (uint32_t i = 0; i < n->n; i++) {
                if (i > 0)
                        buf_puts(out, ", ");
                if (n->entries[i].key) {
                        render_scalar(n->entries[i].key->text, out);
                        buf_puts(out, ": ");
                }
                render_flow(n->entries[i].value, out);
        }
        buf_putc(out, n->kind == NODE_MAPPING ? '}' : ']');
}

/* Short lists of scalars read best in one line. */
static bool fits_flow(const struct node *n) {
        size_t width = 0;

        if (n->kind == NODE_SCALAR || n->n == 0)
                return true;
        if (n->kind == NODE_MAPPING)
                return false;
        for (uint32_t i = 0; i < n->n; i++) {
                if (n->entries[i].value->kind != NODE_SCALAR)
                        return false;
                width += strlen(n->entries[i].value->text) + 2;
        }
        return width <= FLOW_WIDTH;
}

/* n in block style; the cursor already stands at the place of its first entry, `indent` columns in. */
static void render_block(const struct node *n, size_t indent, struct buf *out) {
        for (uint32_t i = 0; i < n->n; i++) {
                const struct node_entry *e = &n->entries[i];

                if (i > 0)
                        buf_printf(out, "%*s", (int)indent, "");
                if (e->key) {
                        render_scalar(e->key->text, out);
                        buf_putc(out, ':');
                } else
                        buf_putc(out, '-');
                if (fits_flow(e->value)) {
                        buf_putc(out, ' ');
                        render_flow(e->value, out);
                        buf_putc(out, '\n');
                } else if (e->key) {
                        buf_printf(out, "\n%*s", (int)indent + 2, "");
                        render_block(e->value, indent + 2, out);
                } else {
                        buf_putc(out, ' ');
                        render_block(e->value, indent + 2, out);
                }
        }
}

void render_yaml(const struct node *n, struct buf *out) {
        if (fits_flow(n)) {
                render_flow(n, out);
                buf_putc(out, '\n');
        } else
                render_block(n, 0, out);
}
