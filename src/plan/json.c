/* A plan as the Plan type of io.ctrsup.Manager, and back. */
#include <ctrsup/plan/explain.h>

#include <string.h>

static int set(json_t *object, const char *key, const char *text) {
        return json_object_set_new(object, key, text ? json_string(text) : json_null());
}

static json_t *keys_to_json(const struct spec_changes *keys) {
        json_t *list = json_array();

        for (size_t i = 0; i < keys->n; i++) {
                const struct spec_change *k = keys->items + i;
                json_t *o = json_object();

                if (set(o, "path", k->path) < 0 || set(o, "class", change_class_name(k->change)) < 0 ||
                    set(o, "old", k->old_text) < 0 || set(o, "new", k->new_text) < 0 || json_array_append(list, o) < 0) {
                        json_decref(o);
                        json_decref(list);
                        return NULL;
                }
                json_decref(o);
        }
        return list;
}

static json_t *change_to_json(const struct plan_change *c) {
        const char symbol[] = { plan_verb_symbol(c->verb), '\0' };
        json_t *o = json_object();

        if (set(o, "container", c->container) < 0 || set(o, "symbol", symbol) < 0 || set(o, "class", plan_change_word(c)) < 0 ||
            json_object_set_new(o, "keys", keys_to_json(&c->keys)) < 0 || set(o, "follows", c->follows) < 0 ||
            set(o, "follows_key", c->follows_key) < 0 || set(o, "reason", c->reason) < 0) {
                json_decref(o);
                return NULL;
        }
        return o;
}

json_t *plan_to_json(const struct plan *p) {
        json_t *changes = json_array();

        for (size_t i = 0; changes && i < p->n_changes; i++)
                if (json_array_append_new(changes, change_to_json(p->changes + i)) < 0) {
                        json_decref(changes);
                        return NULL;
                }
        return json_pack("{s:s, s:I, s:o, s:I, s:I, s:I, s:I}", "stack", p->stack, "revision", (json_int_t)p->revision, "changes",
                         changes, "added", (json_int_t)p->n_added, "changed", (json_int_t)p->n_changed, "removed",
                         (json_int_t)p->n_removed, "unchanged", (json_int_t)p->n_unchanged);
}

/* ---- and back */

/* The text of a key in the arena; NULL: null, not there, or (*failed) out of memory or no text. */
static const char *get(struct arena *a, const json_t *o, const char *key, bool *failed) {
        const json_t *value = json_object_get(o, key);

        if (!value || json_is_null(value))
                return NULL;
        const char *copy = json_is_string(value) ? arena_strdup(a, json_string_value(value)) : NULL;
        *failed |= !copy;
        return copy;
}

static const char *get_required(struct arena *a, const json_t *o, const char *key, bool *failed) {
        const char *text = get(a, o, key, failed);

        *failed |= !text;
        return text ? text : "";
}

static enum change_class class_of(const char *word, bool *failed) {
        for (int c = 0; c < _CHANGE_MAX; c++)
                if (strcmp(change_class_name((enum change_class)c), word) == 0)
                        return (enum change_class)c;
        *failed = true;
        return CHANGE_META;
}

static void keys_from_json(struct arena *a, const json_t *list, struct spec_changes *ret, bool *failed) {
        size_t i;
        const json_t *o;

        if (!json_is_array(list)) {
                *failed = true;
                return;
        }
        ret->items = arena_array_of(a, struct spec_change, json_array_size(list) + 1);
        *failed |= !ret->items;
        json_array_foreach(list, i, o) {
                if (*failed)
                        return;
                ret->items[ret->n++] = (struct spec_change){
                        .path = get_required(a, o, "path", failed),
                        .change = class_of(get_required(a, o, "class", failed), failed),
                        .old_text = get(a, o, "old", failed),
                        .new_text = get(a, o, "new", failed),
                };
        }
}

static enum plan_verb verb_of(const char *word, bool *failed) {
        if (strcmp(word, "meta") == 0)
                return PLAN_UPDATED;
        for (int v = 0; v < _PLAN_VERB_MAX; v++)
                if (strcmp(plan_change_word(&(struct plan_change){ .verb = (enum plan_verb)v, .class = CHANGE_LIVE }), word) == 0)
                        return (enum plan_verb)v;
        *failed = true;
        return PLAN_UNCHANGED;
}

static void change_from_json(struct arena *a, const json_t *o, struct plan_change *c, bool *failed) {
        c->container = get_required(a, o, "container", failed);
        c->follows = get(a, o, "follows", failed);
        c->follows_key = get(a, o, "follows_key", failed);
        c->reason = get(a, o, "reason", failed);
        *failed |= c->follows && !c->follows_key;
        keys_from_json(a, json_object_get(o, "keys"), &c->keys, failed);
        c->verb = verb_of(get_required(a, o, "class", failed), failed);
        c->class = c->verb == PLAN_REPLACED || c->verb == PLAN_NEW ? CHANGE_REPLACE : spec_changes_class(&c->keys);
}

static size_t get_count(const json_t *o, const char *key, bool *failed) {
        const json_t *value = json_object_get(o, key);

        *failed |= !json_is_integer(value) || json_integer_value(value) < 0;
        return (size_t)json_integer_value(value);
}

int plan_from_json(const json_t *json, struct plan **ret, struct err *err) {
        struct arena *a = arena_new();
        struct plan *p = a ? arena_new_of(a, struct plan) : NULL;
        const json_t *changes = json_object_get(json, "changes");
        bool failed = false;
        size_t i;
        const json_t *o;

        if (p)
                p->changes = arena_array_of(a, struct plan_change, json_array_size(changes) + 1);
        if (!p || !p->changes) {
                (void)arena_free(a);
                return err_oom(err);
        }
        p->arena = a;
        p->stack = get_required(a, json, "stack", &failed);
        p->revision = get_count(json, "revision", &failed);
        p->n_added = get_count(json, "added", &failed);
        p->n_changed = get_count(json, "changed", &failed);
        p->n_removed = get_count(json, "removed", &failed);
        p->n_unchanged = get_count(json, "unchanged", &failed);
        failed |= !json_is_array(changes);
        json_array_foreach(changes, i, o) change_from_json(a, o, p->changes + p->n_changes++, &failed);
        if (failed) {
                (void)arena_free(a);
                return err_set(err, EBADMSG, "this is no plan that this ctrsup understands");
        }
        *ret = p;
        return 0;
}
