/* Which system calls a container may make, and what of its system it does not see.
 *
 * A profile file is read where the stack file is (load.c), and travels in the document: `seccomp: {file: NAME, profile: JSON}`. */
#include "tables.h"

#include <ctrsup/base/hash.h>
#include <ctrsup/seccomp/read.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>

#include <inttypes.h>
#include <string.h>

/* What both sides of the socket take; the file itself may have more blanks and comments. */
enum { PROFILE_MAX = 64 * 1024, SAID_MAX = 5, PATHS_MAX = 100 };

static const char *const modes[] = { [SECCOMP_DEFAULT] = "default", [SECCOMP_UNCONFINED] = "unconfined" };

const char *seccomp_file(const struct node *n) {
        /* a word that is none of ours is a slip of the pen, not a file of the folder */
        return n->kind == NODE_SCALAR && strpbrk(n->text, "/.") ? n->text : NULL;
}

static void complain(struct walk *w, const struct node *n, const struct diag *found, const char *words) {
        struct diag *d = walk_complain(w, found->id, n->mark, "%s", words);

        if (found->hint)
                walk_hint(w, d, "%s", found->hint);
}

/* What was found in the profile, said where the stack file names it. */
static void pass_on(struct walk *w, const struct node *n, const char *file, const struct diag_list *found, bool warn) {
        const char *base = strrchr(file, '/');

        base = base ? base + 1 : file;
        for (size_t i = 0, said = 0; i < found->n && said < SAID_MAX; i++, said++) {
                const struct diag *d = &found->items[i];
                _cleanup_buf_ struct buf words = BUF_NULL;

                buf_printf(&words, "%s:", base);
                if (d->mark.line > 0)
                        buf_printf(&words, "%u:%u:", d->mark.line, d->mark.column);
                buf_printf(&words, " %s%s%s", d->path, *d->path ? ": " : "", d->message);
                if (d->severity == DIAG_WARNING && warn)
                        walk_warn(w, d->id, n->mark, buf_text(&words), "it is passed over: look for a slip of the pen");
                else if (d->severity == DIAG_ERROR)
                        complain(w, n, d, buf_text(&words));
        }
}

/* false: there was a complaint. */
static bool check_profile(struct walk *w, const struct node *n, const char *file, const char *text, size_t len, bool warn) {
        static const struct seccomp_machine nowhere = { .major = UINT32_MAX };
        _cleanup_arena_ struct arena *a = arena_new();
        struct seccomp_profile profile;
        struct diag_list found;

        if (!a || diag_list_init(&found, file) < 0) {
                walk_oom(w);
                return false;
        }
        int r = seccomp_profile_read(text, len, &nowhere, a, &found, &profile);
        if (r == -ENOMEM)
                walk_oom(w);
        else
                pass_on(w, n, file, &found, warn);
        diag_list_done(&found);
        return r == 0;
}

static int put_pair(struct walk *w, struct node *n, const char *key, const char *value) {
        struct node *k = node_scalar(w->nodes, key, 0, n->mark), *v = node_scalar(w->nodes, value, NODE_QUOTED, n->mark);

        return k && v ? node_add(w->nodes, n, k, v) : -ENOMEM;
}

/* What is between JSON's values. */
static const char *without_blanks(struct arena *a, const char *text, size_t len) {
        char *out = arena_strndup(a, text, len), *to = out;
        bool quoted = false;

        for (size_t i = 0; out && i < len; i++) {
                if (text[i] == '"')
                        quoted = !quoted;
                else if (!quoted && strchr(" \t\r\n", text[i]))
                        continue;
                *to++ = text[i];
                if (quoted && text[i] == '\\' && i + 1 < len)
                        *to++ = text[++i];
        }
        if (to)
                *to = '\0';
        return out;
}

bool seccomp_resolve(struct walk *w, struct node *n, const char *file, const char *text, size_t len) {
        if (!check_profile(w, n, file, text, len, true))
                return false;
        const char *kept = without_blanks(w->nodes, text, len);
        struct node resolved = { .kind = NODE_MAPPING, .mark = n->mark };

        if (kept && strlen(kept) > PROFILE_MAX) {
                walk_complain(w, DIAG_TOO_LARGE, n->mark, "the profile is longer than %d bytes without its blanks", PROFILE_MAX);
                return false;
        }
        if (!kept || put_pair(w, &resolved, "file", file) < 0 || put_pair(w, &resolved, "profile", kept) < 0) {
                walk_oom(w);
                return false;
        }
        *n = resolved;
        return true;
}

static void read_resolved(struct walk *w, struct node *n, struct spec_seccomp *s) {
        const struct node *file = node_get(w->nodes, n, "file"), *profile = node_get(w->nodes, n, "profile");
        const char *name = file ? walk_text(w, file, "a file") : NULL,
                   *text = profile ? walk_text(w, profile, "a profile") : NULL;

        if (!file || !profile || n->n != 2) {
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a profile, found a mapping"),
                          "write default, unconfined or the path of a file");
                return;
        }
        if (!name || !text)
                return;
        if (strlen(text) > PROFILE_MAX)
                walk_complain(w, DIAG_TOO_LARGE, n->mark, "the profile is longer than %d bytes", PROFILE_MAX);
        else if (check_profile(w, n, name, text, strlen(text), false))
                *s = (struct spec_seccomp){ SECCOMP_FILE, walk_keep(w, name), walk_keep(w, text) };
}

static void read_seccomp(struct walk *w, const struct field *f, struct node *n, void *at) {
        struct spec_seccomp *s = at;

        (void)f;
        if (n->kind == NODE_MAPPING) {
                read_resolved(w, n, s);
                return;
        }
        const char *text = walk_text(w, n, "a profile");
        if (!text || (w->partial && seccomp_file(n))) /* of `defaults`: it is read where it comes to stand */
                return;
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
                if (strcmp(text, modes[m]) == 0) {
                        s->mode = (enum spec_seccomp_mode)m;
                        if (m == SECCOMP_UNCONFINED)
                                walk_warn(
                                        w, DIAG_INSECURE, n->mark, "every system call of the kernel is open to it",
                                        "write the capability that it needs into cap_add: that opens the calls that belong to it");
                        return;
                }
        struct suggest near = suggest_begin(text);
        for (size_t m = 0; m < ARRAY_SIZE(modes); m++)
                suggest_offer(&near, modes[m]);
        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a profile: default, unconfined or a file",
                                       walk_quote(w, text));
        if (near.best)
                walk_hint(w, d, "did you mean \"%s\"?", near.best);
        else
                walk_hint(w, d, "a file has a slash or a dot in its path: ./strict.json");
}

static void put_seccomp(const struct field *f, const void *at, struct buf *out) {
        const struct spec_seccomp *s = at;

        (void)f;
        if (s->mode == SECCOMP_UNCONFINED)
                buf_puts(out, modes[s->mode]);
        else if (s->mode == SECCOMP_FILE) /* so that one whose content changed is another */
                buf_printf(out, "%s (%016" PRIx64 ")", s->file, hash_of(s->profile, strlen(s->profile)));
}

static json_t *seccomp_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:[s,s]}", "type", "string", "object");
}

const struct type type_seccomp = { .name = "word or host path",
                                   .units = "default, unconfined or a path relative to the stack file",
                                   .read = read_seccomp,
                                   .put = put_seccomp,
                                   .schema = seccomp_schema };

/* ---- masked and read-only paths ---- */

static void read_hidden(struct walk *w, const struct field *f, struct node *n, void *at) {
        struct spec_paths paths = { .items = walk_alloc(w, n->n, sizeof(const char *)), .given = true };

        if (n->kind != NODE_SEQUENCE) {
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a list, found %s", node_kind_words(n)),
                          "write %s", f->example);
                return;
        }
        for (uint32_t i = 0; paths.items && i < n->n; i++) {
                const struct node *item = n->entries[i].value;
                struct path here = { .up = w->path, .index = i };

                w->path = &here;
                const char *path = walk_container_path(w, item);
                if (path && (strcmp(path, "/") == 0 || strcmp(path, "/dev") == 0))
                        walk_hint(w,
                                  walk_complain(w, DIAG_BAD_VALUE, item->mark, "%s is what the rest stands on",
                                                walk_quote(w, path)),
                                  "a root that nobody writes to is rootfs: {mode: read-only}");
                else if (path)
                        paths.items[paths.n++] = path;
                w->path = here.up;
        }
        if (n->n > PATHS_MAX)
                walk_complain(w, DIAG_TOO_MANY, n->mark, "%u items, more than the %d allowed", n->n, PATHS_MAX);
        *(struct spec_paths *)at = paths;
}

static void put_hidden(const struct field *f, const void *at, struct buf *out) {
        const struct spec_paths *paths = at;

        (void)f;
        if (!paths->given)
                return;
        buf_putc(out, '[');
        for (size_t i = 0; i < paths->n; i++) {
                buf_puts(out, i > 0 ? ", " : "");
                render_scalar(paths->items[i], out);
        }
        buf_putc(out, ']');
}

static json_t *hidden_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:{s:s}}", "type", "array", "items", "type", "string");
}

const struct type type_hidden = {
        .name = "list of paths in the container", .read = read_hidden, .put = put_hidden, .schema = hidden_schema
};
