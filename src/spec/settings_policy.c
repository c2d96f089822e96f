/* What the host's owner lets stack files ask for. */
#include <ctrsup/spec/settings.h>

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

static bool is_allowed_bind(const struct settings *s, const char *source) {
        for (size_t i = 0; i < s->policy.bind_roots.n; i++)
                if (is_below(source, s->policy.bind_roots.items[i]))
                        return true;
        return false;
}

static void check_binds(const struct settings *s, const struct spec *spec, const struct spec_container *c,
                        struct diag_list *diags) {
        for (size_t i = 0; i < c->n_volumes; i++) {
                const struct spec_volume *v = c->volumes + i;
                _cleanup_buf_ struct buf roots = BUF_NULL;
                char path[200];

                if (v->type != VOLUME_BIND || is_allowed_bind(s, v->source))
                        continue;
                (void)snprintf(path, sizeof(path), "containers.%s.volumes[%zu].source", c->name, i);
                struct diag *d = diag_add(diags, DIAG_POLICY_REFUSED, spec_mark(spec, path), path,
                                          "this host allows no bind mount of \"%s\"", v->source);
                for (size_t k = 0; k < s->policy.bind_roots.n; k++)
                        buf_printf(&roots, "%s%s", k ? ", " : "", s->policy.bind_roots.items[k]);
                if (s->policy.bind_roots.n > 0)
                        diag_hint(diags, d, "policy.bind_roots of ctrsup.conf allows what is below: %s", buf_text(&roots));
                else
                        diag_hint(diags, d, "policy.bind_roots of ctrsup.conf allows none; use a named volume");
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
                check_binds(s, spec, spec->containers + i, diags);
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
