/* The environment of a container: ctrsup's own variables, each only when the file does not set it, then the file's in its
 * order. Nothing of the supervisor's own. */
#include "recipe_plan.h"

#include <ctrsup/kernel/exec.h>

#include <inttypes.h>
#include <string.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* With a shared uts namespace the name is that container's, of which there is one. */
const char *recipe_hostname(struct recipe_plan *p, unsigned replica) {
        const struct spec_container *c = p->container;

        for (size_t i = 0; c && i <= p->spec->n_containers; i++) {
                const struct spec_namespace *uts = &c->namespaces[NS_UTS];
                if (uts->mode == NS_HOST)
                        return NULL;
                if (uts->mode != NS_CONTAINER) {
                        if (c->hostname || c != p->container || (replica == 1 && c->replicas <= 1))
                                return c->hostname ? c->hostname : c->name;
                        const char *numbered = arena_printf(p->arena, "%s-%u", c->name, replica);
                        p->failed = p->failed || !numbered;
                        return numbered ? numbered : c->name;
                }
                c = spec_find(p->spec, uts->container);
        }
        return NULL;
}

static const char *find(const struct spec_pair *pairs, size_t n, const char *name) {
        for (size_t i = n; i-- > 0;)
                if (strcmp(pairs[i].key, name) == 0)
                        return pairs[i].value;
        return NULL;
}

struct putter {
        struct recipe_plan *plan;
        const struct recipe_env *env;
};

static void put_own(const struct putter *p, const char *name, const char *value) {
        const struct spec_pairs *given = &p->env->container->environment;

        if (value && !find(given->items, given->n, name) && !find(p->env->more, p->env->n_more, name))
                recipe_env(p->plan->recipe, name, value);
}

void recipe_plan_env(struct recipe_plan *p, const struct recipe_env *env) {
        static const char digits[] = "0123456789abcdef";
        const struct spec_pairs *given = &env->container->environment;
        const struct putter to = { p, env };
        char replica[16], usec[32], id[KEEPER_ID_SIZE * 2 + 1];

        (void)snprintf(replica, sizeof(replica), "%u", env->replica);
        for (size_t i = 0; i < KEEPER_ID_SIZE; i++) {
                id[2 * i] = digits[env->id[i] >> 4];
                id[2 * i + 1] = digits[env->id[i] & 15];
        }
        id[sizeof(id) - 1] = '\0';

        put_own(&to, "container", "ctrsup");
        put_own(&to, "PATH", DEFAULT_PATH);
        put_own(&to, "HOSTNAME", recipe_hostname(p, env->replica));
        put_own(&to, "CTRSUP_STACK", env->spec->name);
        put_own(&to, "CTRSUP_CONTAINER", env->container->name);
        put_own(&to, "CTRSUP_REPLICA", replica);
        put_own(&to, "CTRSUP_INSTANCE_ID", id);
        if (env->notifies)
                put_own(&to, "NOTIFY_SOCKET", RECIPE_NOTIFY_SOCKET);
        if (env->notifies && env->container->healthcheck.kind == HEALTHCHECK_NOTIFY) {
                (void)snprintf(usec, sizeof(usec), "%" PRIu64, env->container->healthcheck.timeout_usec);
                put_own(&to, "WATCHDOG_USEC", usec);
                put_own(&to, EXEC_WATCHDOG_PID, ""); /* filled in by who becomes the command */
        }
        for (size_t i = 0; i < given->n; i++)
                if (!find(env->more, env->n_more, given->items[i].key))
                        recipe_env(p->recipe, given->items[i].key, given->items[i].value);
        for (size_t i = 0; i < env->n_more; i++)
                recipe_env(p->recipe, env->more[i].key, env->more[i].value);

        const char *path = find(env->more, env->n_more, "PATH");
        if (!path)
                path = find(given->items, given->n, "PATH");
        p->path = arena_strdup(p->arena, path ? path : DEFAULT_PATH);
        if (!p->path)
                p->failed = true;
}
