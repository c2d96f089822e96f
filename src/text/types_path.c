/* Paths: of the host, made absolute, and of the container. */
#include <ctrsup/text/schema.h>

#include <limits.h>
#include <string.h>

/* Without doubled slashes, "." steps and a slash at the end. ".." stays: what it means depends on symbolic links. */
static void clean_path(const char *path, struct buf *out) {
        if (*path == '/')
                buf_putc(out, '/');
        while (*path) {
                size_t len = strcspn(path, "/");

                if (len > 0 && !(len == 1 && *path == '.')) {
                        if (out->len > 0 && out->data[out->len - 1] != '/')
                                buf_putc(out, '/');
                        buf_put(out, path, len);
                }
                path += len + (path[len] == '/');
        }
}

const char *walk_host_path(struct walk *w, struct node *n) {
        const char *text = walk_text(w, n, "a path");
        _cleanup_buf_ struct buf path = BUF_NULL, clean = BUF_NULL;

        if (!text)
                return NULL;
        if (!*text) {
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "expected a path, found empty text");
                return NULL;
        }
        if (*text == '~') {
                walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s: ~ is not expanded", walk_quote(w, text)),
                          "write ${HOME}%.200s", text + strcspn(text, "/"));
                return NULL;
        }
        if (*text != '/' && !w->base_dir) {
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not absolute", walk_quote(w, text));
                return NULL;
        }
        if (*text != '/')
                buf_printf(&path, "%s/", w->base_dir);
        buf_puts(&path, text);
        clean_path(buf_text(&path), &clean);
        if (clean.len >= PATH_MAX) {
                walk_complain(w, DIAG_TOO_LARGE, n->mark, "a path of %zu bytes, more than the %d allowed", clean.len,
                              PATH_MAX - 1);
                return NULL;
        }
        const char *rewritten = arena_strdup(w->nodes, buf_text(&clean));
        if (!rewritten)
                walk_oom(w);
        else
                n->text = rewritten;
        return walk_keep(w, buf_text(&clean));
}

static bool has_dot_dot(const char *path) {
        for (; *path; path += strspn(path, "/")) {
                size_t len = strcspn(path, "/");

                if (len == 2 && path[0] == '.' && path[1] == '.')
                        return true;
                path += len;
        }
        return false;
}

const char *walk_container_path(struct walk *w, const struct node *n) {
        const char *text = walk_text(w, n, "an absolute path in the container");
        _cleanup_buf_ struct buf clean = BUF_NULL;

        if (!text)
                return NULL;
        if (*text != '/') {
                struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not absolute", walk_quote(w, text));

                if (*text && *text != '~' && *text != '.')
                        walk_hint(w, d, "write /%.200s", text);
                return NULL;
        }
        if (has_dot_dot(text)) {
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s has a \"..\" in it", walk_quote(w, text));
                return NULL;
        }
        clean_path(text, &clean);
        if (clean.len >= PATH_MAX) {
                walk_complain(w, DIAG_TOO_LARGE, n->mark, "a path of %zu bytes, more than the %d allowed", clean.len,
                              PATH_MAX - 1);
                return NULL;
        }
        return walk_keep(w, buf_text(&clean));
}

static void read_host_path(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *path = walk_host_path(w, n);

        (void)f;
        if (path)
                *(const char **)at = path;
}

static void read_abs_path(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *path = walk_container_path(w, n);

        (void)f;
        if (path)
                *(const char **)at = path;
}

static json_t *host_path_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:i}", "type", "string", "minLength", 1);
}

static json_t *abs_path_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:s,s:s}", "type", "string", "pattern", "^/"));
}

const struct type type_host_path = { .name = "host path",
                                     .units = "relative to the stack file",
                                     .read = read_host_path,
                                     .put = type_put_text,
                                     .schema = host_path_schema };
const struct type type_abs_path = { .name = "path in the container",
                                    .units = "absolute",
                                    .read = read_abs_path,
                                    .put = type_put_text,
                                    .schema = abs_path_schema };
