#include "runspec.h"

#include <string.h>

/* In double quotes, with every byte that means something to YAML or to interpolation escaped. */
static void put_quoted(struct buf *out, const char *text) {
        buf_putc(out, '"');
        for (const char *s = text; *s; s++) {
                if (*s == '"' || *s == '\\')
                        buf_printf(out, "\\%c", *s);
                else if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        buf_printf(out, "\\x%02x", (unsigned char)*s);
                else if (s[0] == '$' && s[1] == '{')
                        buf_puts(out, "$$");
                else
                        buf_putc(out, *s);
        }
        buf_putc(out, '"');
}

/* A number must stand without quotes; what is none stands in quotes and is refused with the words for its key. */
static void put_plain(struct buf *out, const char *text) {
        if (*text && strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.") == strlen(text))
                buf_puts(out, text);
        else
                put_quoted(out, text);
}

static void put_key(struct buf *out, const char *key, const char *value, bool plain) {
        if (!value)
                return;
        buf_printf(out, "    %s: ", key);
        if (plain)
                put_plain(out, value);
        else
                put_quoted(out, value);
        buf_putc(out, '\n');
}

static void put_limits(const struct runspec *r, struct buf *out) {
        const struct {
                const char *key, *value;
        } limits[] = { { "memory", r->memory }, { "cpus", r->cpus }, { "pids", r->pids } };

        if (!r->memory && !r->cpus && !r->pids)
                return;
        buf_puts(out, "    limits:\n");
        for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
                if (!limits[i].value)
                        continue;
                buf_printf(out, "      %s: ", limits[i].key);
                put_plain(out, limits[i].value);
                buf_putc(out, '\n');
        }
}

static void put_environment(const struct runspec *r, struct buf *out) {
        if (r->n_environment > 0)
                buf_puts(out, "    environment:\n");
        for (size_t i = 0; i < r->n_environment; i++) {
                const char *equals = strchr(r->environment[i], '=');
                _cleanup_free_ char *name = strndup(r->environment[i], equals ? (size_t)(equals - r->environment[i]) : 0);
                size_t last = i;

                /* The last one of a name counts: a key twice would be refused. */
                for (size_t k = i + 1; equals && k < r->n_environment; k++)
                        if (strncmp(r->environment[k], r->environment[i], (size_t)(equals - r->environment[i]) + 1) == 0)
                                last = k;
                if (!name)
                        out->failed = true;
                if (!name || last != i)
                        continue;
                buf_puts(out, "      ");
                put_quoted(out, name);
                buf_puts(out, ": ");
                put_quoted(out, equals ? equals + 1 : "");
                buf_putc(out, '\n');
        }
}

void runspec_put(const struct runspec *r, struct buf *out) {
        buf_printf(out, "name: %s\ncontainers:\n  main:\n    type: job\n    restart: \"no\"\n    rootfs:\n      layers:\n",
                   r->name);
        for (size_t i = 0; i < r->n_layers; i++) {
                buf_puts(out, "        - dir: ");
                put_quoted(out, r->layers[i]);
                buf_putc(out, '\n');
        }
        buf_puts(out, "    command:\n");
        for (size_t i = 0; i < r->n_command; i++) {
                buf_puts(out, "      - ");
                put_quoted(out, r->command[i]);
                buf_putc(out, '\n');
        }
        put_key(out, "hostname", r->hostname, false);
        put_key(out, "user", r->user, false);
        put_key(out, "working_dir", r->working_dir, false);
        put_limits(r, out);
        put_environment(r, out);
        if (r->net)
                buf_printf(out, "    namespaces:\n      net: %s\n", r->net);
}

static const char *option_of(const char *path) {
        static const struct {
                const char *path, *option;
        } options[] = {
                { "containers.main.rootfs.layers", "--layer" },
                { "containers.main.hostname", "--hostname" },
                { "containers.main.limits.memory", "--memory" },
                { "containers.main.limits.cpus", "--cpus" },
                { "containers.main.limits.pids", "--pids" },
                { "containers.main.environment", "--env" },
                { "containers.main.user", "--user" },
                { "containers.main.working_dir", "--workdir" },
                { "containers.main.namespaces.net", "--net" },
                { "containers.main.command", "the command" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(options); i++)
                if (strncmp(path, options[i].path, strlen(options[i].path)) == 0)
                        return options[i].option;
        return path;
}

void runspec_complain(const struct diag_list *diags, struct buf *out) {
        for (size_t i = 0; i < diags->n; i++) {
                const struct diag *d = &diags->items[i];

                buf_printf(out, "ctrsup: run: %s: %s\n", *d->path ? option_of(d->path) : "options", d->message);
                if (d->hint)
                        buf_printf(out, "    hint: %s\n", d->hint);
        }
}
