/* What is mounted where: sources, targets, names of volumes. */
#include "tables.h"

#include <ctype.h>
#include <string.h>

static json_t *text_schema(const struct field *f) {
        (void)f;
        return json_pack("{s:s,s:i}", "type", "string", "minLength", 1);
}

/* A volume's name or a host path: the type, another key, decides; volume_finish() reads it then. */
static void read_source(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a volume name or a path");

        (void)f;
        if (text)
                *(const char **)at = walk_keep(w, text);
}

const struct type type_source = {
        .name = "volume name or host path", .read = read_source, .put = type_put_text, .schema = text_schema
};

static bool is_below(const char *path, const char *top) {
        size_t len = strlen(top);

        return strncmp(path, top, len) == 0 && (path[len] == '/' || !path[len]);
}

/* What ctrsup mounts itself, and what to use instead. */
static const struct {
        const char *top, *hint;
} own_mounts[] = {
        { "/dev/shm", "use shm_size" },
        { "/dev", "host devices are the key devices" },
        { "/proc", NULL },
        { "/sys", NULL },
};

static void read_target(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *path = walk_container_path(w, n);

        (void)f;
        if (!path)
                return;
        if (strcmp(path, "/") == 0) {
                walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "\"/\" is the root file system"),
                          "its content is rootfs.layers");
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(own_mounts); i++)
                if (is_below(path, own_mounts[i].top)) {
                        struct diag *d = walk_complain(w, DIAG_BAD_VALUE, n->mark,
                                                       "%s: nothing can be mounted below %s, which ctrsup mounts itself",
                                                       walk_quote(w, path), own_mounts[i].top);

                        if (own_mounts[i].hint)
                                walk_hint(w, d, "%s", own_mounts[i].hint);
                        return;
                }
        *(const char **)at = path;
}

static json_t *target_schema(const struct field *f) {
        (void)f;
        return schema_or_variable(json_pack("{s:s,s:s}", "type", "string", "pattern", "^/."));
}

const struct type type_target = {
        .name = "path in the container", .units = "absolute", .read = read_target, .put = type_put_text, .schema = target_schema
};

static void read_subpath(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a path below the volume");

        (void)f;
        if (!text)
                return;
        for (const char *step = text; *step; step += strspn(step, "/")) {
                size_t len = strcspn(step, "/");

                if (len == 0 || (len == 2 && strncmp(step, "..", 2) == 0)) {
                        walk_hint(w, walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s leaves the volume", walk_quote(w, text)),
                                  "write a relative path without \"..\"");
                        return;
                }
                step += len;
        }
        if (!*text)
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "expected a path below the volume, found empty text");
        else
                *(const char **)at = walk_keep(w, text);
}

const struct type type_subpath = { .name = "relative path", .read = read_subpath, .put = type_put_text, .schema = text_schema };

/* A name of a directory: no slash, no leading dot. */
static void read_volume_name(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_text(w, n, "a name");

        (void)f;
        if (!text)
                return;
        size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
        if (len == 0 || text[len] || len > 200 || !isalnum((unsigned char)text[0]))
                walk_complain(w, DIAG_BAD_NAME, n->mark,
                              "%s is not the name of a volume: letters, digits, _ . and -, at most 200", walk_quote(w, text));
        else
                *(const char **)at = walk_keep(w, text);
}

const struct type type_volume_name = { .name = "name", .read = read_volume_name, .put = type_put_text, .schema = text_schema };
