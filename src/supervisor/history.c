#include "history.h"
#include "describe.h"

#include <ctrsup/store/revisions.h>

static json_t *containers_of(const json_t *document) {
        return json_object_get(json_object_get(document, "stack"), "containers");
}

json_t *history_changes(const json_t *old, const json_t *new) {
        json_t *before = containers_of(old), *after = containers_of(new), *value;
        json_t *added = json_array(), *changed = json_array(), *removed = json_array();
        const char *name;

        json_object_foreach (after, name, value) {
                const json_t *was = json_object_get(before, name);

                if (!was || !json_equal(was, value))
                        (void)json_array_append_new(was ? changed : added, json_string(name));
        }
        json_object_foreach (before, name, value)
                if (!json_object_get(after, name))
                        (void)json_array_append_new(removed, json_string(name));
        return json_pack("{s:o, s:o, s:o}", "added", added, "changed", changed, "removed", removed);
}

/* before NULL: what came before is not kept, or cannot be read; nothing is said of the change then. */
static json_t *describe_revision(const struct revision *r, const struct revision *before, bool current) {
        json_t *changes = before ? history_changes(before->document, r->document)
                        : r->number == 1 ? history_changes(NULL, r->document) : json_null();

        return json_pack("{s:I, s:b, s:o, s:I, s:o, s:n}", "revision", (json_int_t)r->number, "current", current, "applied_at",
                         describe_time(r->applied_real_usec), "uid", (json_int_t)r->uid, "changes", changes, "error");
}

static json_t *describe_unreadable(uint64_t number, bool current, const struct err *err) {
        return json_pack("{s:I, s:b, s:n, s:n, s:n, s:s}", "revision", (json_int_t)number, "current", current, "applied_at", "uid",
                         "changes", "error", err->text);
}

/* Newest first. Looks only: a record that cannot be read stays where it is. */
static int describe_history(const struct stack_entry *s, json_t *rows, struct err *err) {
        int state_fd = s->manager->host.state_fd;
        uint64_t wanted = s->generation ? s->generation->revision : 0;
        _cleanup_revision_ struct revision before = REVISION_NULL;
        _cleanup_free_ uint64_t *numbers = NULL;
        size_t n = 0;
        int r = revisions_list(state_fd, s->name, &numbers, &n, err);

        if (r < 0)
                return r;
        while (n-- > 0) {
                struct revision revision = REVISION_NULL;
                struct err why = { 0 };
                bool current = numbers[n] == wanted, ok = revisions_peek(state_fd, s->name, numbers[n], &revision, &why) >= 0;
                bool follows = ok && before.document && before.number + 1 == numbers[n];

                r = json_array_insert_new(rows, 0, ok ? describe_revision(&revision, follows ? &before : NULL, current)
                                                      : describe_unreadable(numbers[n], current, &why));
                revision_done(&before);
                before = revision;
                if (r < 0)
                        return err_oom(err);
        }
        return 0;
}

int history_method(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const char *name = json_string_value(json_object_get(parameters, "stack"));
        const struct stack_entry *s = name ? manager_find_stack(m, name) : NULL;
        struct err err = { 0 };

        if (!name)
                return control_invalid_parameter(call, "stack");
        if (!s)
                return control_error(call, "NoSuchTarget", json_pack("{s:s, s:n}", "target", name, "hint"));
        json_t *rows = json_array();
        /* A foreground supervisor keeps none. */
        int r = m->options->mode == MODE_SERVICE ? describe_history(s, rows, &err) : 0;
        if (r < 0) {
                json_decref(rows);
                return control_fail(call, &err);
        }
        return control_reply(call, json_pack("{s:o}", "revisions", rows), false);
}
