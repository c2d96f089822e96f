/* What the host's owner lets stack files ask for. */
#include <ctrsup/spec/settings.h>

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* A path with ".." in it is below nothing: where it leads is not in its text. */
static bool is_below(const char *path, const char *root) {
        size_t len = strlen(root);

        while (len > 1 && root[len - 1] == '/')
                len--;
        if (len == 1)
                return true;
        return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0') && !strstr(path, "/../") &&
               !(strlen(path) >= 3 && strcmp(path + strlen(path) - 3, "/..") == 0);
}

static bool is_below_any(const char *path, const struct spec_strings *roots) {
        for (size_t i = 0; i < roots->n; i++)
                if (is_below(path, roots->items[i]))
                        return true;
        return false;
}

static void hint_roots(struct diag_list *diags, struct diag *d, const char *name, const struct spec_strings *roots, const char *otherwise) {
        _cleanup_buf_ struct buf words = BUF_NULL;

        for (size_t i = 0; i < roots->n; i++)
                buf_printf(&words, "%s%s", i ? ", " : "", roots->items[i]);
        if (roots->n > 0)
                diag_hint(diags, d, "policy.%s of ctrsup.conf allows %s%s", name, strcmp(name, "allow_devices") == 0 ? "" : "what is below: ", buf_text(&words));
        else
                diag_hint(diags, d, "policy.%s of ctrsup.conf allows none; %s", name, otherwise);
}

/* A layer shows the container a folder of the host, as a bind mount does. */
static void check_layers(const struct settings *s, const struct spec *spec, const struct spec_container *c, struct diag_list *diags) {
        for (size_t i = 0; i < c->rootfs.n_layers; i++) {
                const char *dir = c->rootfs.layers[i].dir;
                char path[200];

                if (!dir || is_below_any(dir, &s->policy.layer_roots))
                        continue;
                (void)snprintf(path, sizeof(path), "containers.%s.rootfs.layers[%zu].dir", c->name, i);
                struct diag *d = diag_add(diags, DIAG_POLICY_REFUSED, spec_mark(spec, path), path, "this host allows no layer \"%s\"", dir);
                hint_roots(diags, d, "layer_roots", &s->policy.layer_roots, "ask its owner");
        }
}

static void check_binds(const struct settings *s, const struct spec *spec, const struct spec_container *c,
                        struct diag_list *diags) {
        for (size_t i = 0; i < c->n_volumes; i++) {
                const struct spec_volume *v = c->volumes + i;
                char path[200];

                if (v->type != VOLUME_BIND || is_below_any(v->source, &s->policy.bind_roots))
                        continue;
                (void)snprintf(path, sizeof(path), "containers.%s.volumes[%zu].source", c->name, i);
                struct diag *d = diag_add(diags, DIAG_POLICY_REFUSED, spec_mark(spec, path), path,
                                          "this host allows no bind mount of \"%s\"", v->source);
                hint_roots(diags, d, "bind_roots", &s->policy.bind_roots, "use a named volume");
        }
}

static bool is_allowed(const char *path, const struct spec_strings *patterns) {
        for (size_t i = 0; i < patterns->n; i++)
                if (fnmatch(patterns->items[i], path, FNM_PATHNAME) == 0)
                        return true;
        return false;
}

static void check_devices(const struct settings *s, const struct spec *spec, const struct spec_container *c, struct diag_list *diags) {
        for (size_t i = 0; i < c->n_devices; i++) {
                char path[200];

                if (is_allowed(c->devices[i].source, &s->policy.allow_devices))
                        continue;
                (void)snprintf(path, sizeof(path), "containers.%s.devices[%zu].source", c->name, i);
                struct diag *d = diag_add(diags, DIAG_POLICY_REFUSED, spec_mark(spec, path), path,
                                          "this host lends no container the device \"%s\"", c->devices[i].source);
                hint_roots(diags, d, "allow_devices", &s->policy.allow_devices, "ask its owner");
        }
}

static void check_namespaces(const struct settings *s, const struct spec *spec, const struct spec_container *c,
                             struct diag_list *diags) {
        static const struct {
                enum spec_ns ns;
                const char *name;
        } privileged[] = { { NS_PID, "pid" }, { NS_NET, "net" }, { NS_USER, "user" } };

        if (s->policy.allow_privileged_namespaces)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(privileged); i++) {
                char path[200];

                if (c->namespaces[privileged[i].ns].mode != NS_HOST)
                        continue;
                (void)snprintf(path, sizeof(path), "containers.%s.namespaces.%s", c->name, privileged[i].name);
                struct diag *d = diag_add(diags, DIAG_POLICY_REFUSED, spec_mark(spec, path), path,
                                          "this host lends no container its own %s namespace", privileged[i].name);
                diag_hint(diags, d, "policy.allow_privileged_namespaces of ctrsup.conf is false");
        }
}

int settings_check_policy(const struct settings *s, const struct spec *spec, size_t n_others, struct diag_list *diags) {
        size_t before = diag_errors(diags), wanted = 0;

        for (size_t i = 0; i < spec->n_containers; i++) {
                wanted += spec->containers[i].replicas;
                check_layers(s, spec, spec->containers + i, diags);
                check_binds(s, spec, spec->containers + i, diags);
                check_devices(s, spec, spec->containers + i, diags);
                check_namespaces(s, spec, spec->containers + i, diags);
        }
        if (n_others + wanted > s->policy.max_containers) {
                struct diag *d = diag_add(diags, DIAG_POLICY_REFUSED, spec_mark(spec, "containers"), "containers",
                                          "this host runs %llu containers at most: %zu here and %zu in other stacks are more",
                                          (unsigned long long)s->policy.max_containers, wanted, n_others);
                diag_hint(diags, d, "policy.max_containers of ctrsup.conf");
        }
        return diag_errors(diags) > before ? -EACCES : 0;
}
