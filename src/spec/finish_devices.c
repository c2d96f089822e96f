/* Devices of the host in a container's /dev. */
#include "tables.h"

#include <ctrsup/text/render.h>

#include <string.h>

static bool is_below(const char *path, const char *dir) {
        size_t n = strlen(dir);

        return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* What is in every /dev: nothing may come to lie over it or in it. */
static bool is_own(const char *target) {
        static const char *const own[] = { "/dev/null",   "/dev/zero",   "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
                                           "/dev/ptmx",   "/dev/pts",    "/dev/shm",  "/dev/mqueue", "/dev/fd",      "/dev/stdin",
                                           "/dev/stdout", "/dev/stderr", "/dev/core", "/dev/ctrsup" };

        for (size_t i = 0; i < ARRAY_SIZE(own); i++)
                if (strcmp(target, own[i]) == 0 || is_below(target, own[i]))
                        return true;
        return false;
}

static bool has_dots(const char *path) {
        return strstr(path, "/../") || (strlen(path) >= 3 && strcmp(path + strlen(path) - 3, "/..") == 0);
}

static void check_permissions(struct walk *w, const struct node *n, const char *text) {
        unsigned seen = 0;

        for (const char *p = text; *p; p++) {
                const char *at = strchr("rwm", *p);
                unsigned bit = at ? 1U << (at - "rwm") : 0;

                if (!bit || (seen & bit)) {
                        walk_hint(w,
                                  walk_complain_at(w, DIAG_BAD_VALUE, n->mark, "permissions", "%s is not a part of rwm",
                                                   walk_quote(w, text)),
                                  "r and w are to read and write, m to make it: write rw");
                        return;
                }
                seen |= bit;
        }
        if (!*text)
                walk_hint(w, walk_complain_at(w, DIAG_BAD_VALUE, n->mark, "permissions", "there is nothing it may do with it"),
                          "write rw");
}

void device_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct spec_device *d = at;
        const struct node *source = node_get(w->nodes, entry->value, "source"),
                          *target = node_get(w->nodes, entry->value, "target"),
                          *permissions = node_get(w->nodes, entry->value, "permissions");

        if (d->source && source && (!is_below(d->source, "/dev") || has_dots(d->source))) {
                walk_hint(w,
                          walk_complain_at(w, DIAG_BAD_VALUE, source->mark, "source", "%s is not below /dev",
                                           walk_quote(w, d->source)),
                          "a device is named as /dev/fuse; other files are volumes");
                return;
        }
        const struct node *place = target ? target : source;
        if (!d->target)
                d->target = target ? NULL : d->source;
        if (d->target && place && (!is_below(d->target, "/dev") || is_own(d->target)))
                walk_hint(w,
                          walk_complain_at(w, DIAG_BAD_VALUE, place->mark, target ? "target" : "source",
                                           is_own(d->target) ? "%s is there already" : "%s is not below /dev",
                                           walk_quote(w, d->target)),
                          "devices are made in the container's own /dev");
        if (permissions && d->permissions)
                check_permissions(w, permissions, d->permissions);
}

void device_short_form(const struct node *item, struct buf *hint) {
        char text[400], *save = NULL;

        if (item->kind != NODE_SCALAR || item->text[0] != '/' || strlen(item->text) >= sizeof(text))
                return;
        (void)strcpy(text, item->text);
        const char *source = strtok_r(text, ":", &save), *target = strtok_r(NULL, ":", &save),
                   *permissions = strtok_r(NULL, ":", &save);
        buf_puts(hint, "write {source: ");
        render_scalar(source, hint);
        if (target && strcmp(source, target) != 0) {
                buf_puts(hint, ", target: ");
                render_scalar(target, hint);
        }
        if (permissions)
                buf_printf(hint, ", permissions: %s", permissions);
        buf_putc(hint, '}');
}

void devices_check(struct walk *w, struct node *container, const struct spec_container *c) {
        const struct node *list = node_get(w->nodes, container, "devices");
        char below[40];

        for (size_t i = 0; list && i < c->n_devices; i++)
                for (size_t j = 0; j < i; j++) {
                        const char *a = c->devices[i].target, *b = c->devices[j].target;

                        if (!a || !b || (strcmp(a, b) != 0 && !is_below(a, b) && !is_below(b, a)))
                                continue;
                        (void)snprintf(below, sizeof(below), "devices[%zu]", i);
                        struct diag *d = walk_complain_at(w, DIAG_DUPLICATE_TARGET, list->entries[i].value->mark, below,
                                                          "%s cannot be there beside %s", a, b);
                        if (d)
                                diag_note(w->diags, d, list->entries[j].value->mark, "first given here");
                        break;
                }
}
