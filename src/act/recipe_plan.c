#include "recipe_plan.h"

#include <stdarg.h>
#include <string.h>

struct recipe_plan *recipe_plan_new(const struct spec *spec, const struct spec_container *c, unsigned replica,
                                    const struct recipe_head *head) {
        struct arena *arena = arena_new();
        if (!arena)
                return NULL;

        struct recipe_plan *p = arena_new_of(arena, struct recipe_plan);
        const char *label = arena_printf(arena, "%s/%s.%u", spec->name, c->name, replica);
        struct recipe *recipe = recipe_new(head);
        if (!p || !label || !recipe) {
                recipe_free(recipe);
                arena_free(arena);
                return NULL;
        }
        p->arena = arena;
        p->recipe = recipe;
        p->spec = spec;
        p->container = c;
        p->label = label;
        p->exec = head->kind == RECIPE_EXEC;
        return p;
}

struct recipe_plan *recipe_plan_free(struct recipe_plan *p) {
        if (p) {
                recipe_free(p->recipe);
                arena_free(p->arena);
        }
        return NULL;
}

const struct recipe *recipe_plan_recipe(const struct recipe_plan *p) {
        return p->recipe;
}

void recipe_plan_sent(struct recipe_plan *p) {
        p->recipe = recipe_free(p->recipe);
}

const char *recipe_plan_label(const struct recipe_plan *p) {
        return p->label;
}

void recipe_plan_step(struct recipe_plan *p, const struct recipe_args *args, const char *key, const char *words, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, words);
        (void)vsnprintf(text, sizeof(text), words, ap);
        va_end(ap);
        size_t i = recipe_n_ops(p->recipe);
        recipe_add(p->recipe, args);
        if (i >= RECIPE_OPS_MAX) /* recipe_finish() tells */
                return;
        p->steps[i] = (struct recipe_step){
                .words = arena_strdup(p->arena, text),
                .key = arena_strdup(p->arena, key),
                .kind = args->kind,
        };
        p->n_steps = i + 1;
        if (!p->steps[i].words || !p->steps[i].key)
                p->failed = true;
}

bool recipe_path_is_written(const struct recipe_plan *p, const char *path) {
        for (size_t i = 0; i < p->spec->n_marks; i++)
                if (strcmp(p->spec->marks[i].path, path) == 0)
                        return true;
        return false;
}

bool recipe_key_is_written(const struct recipe_plan *p, const char *key) {
        char path[512];

        (void)snprintf(path, sizeof(path), "containers.%s.%s", p->container->name, key);
        return recipe_path_is_written(p, path);
}
