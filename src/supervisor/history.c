#include "history.h"
#include "defer.h"
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

        return json_pack("{s:I, s:b, s:b, s:o, s:I, s:o, s:n}", "revision", (json_int_t)r->number, "current", current, "failed", (int)r->failed, "applied_at",
                         describe_time(r->applied_real_usec), "uid", (json_int_t)r->uid, "changes", changes, "error");
}

static json_t *describe_unreadable(uint64_t number, bool current, const struct err *err) {
        return json_pack("{s:I, s:b, s:n, s:n, s:n, s:n, s:s}", "revision", (json_int_t)number, "current", current, "failed", "applied_at", "uid",
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

static bool has_failed(const struct stack_entry *s, uint64_t number) {
        _cleanup_revision_ struct revision r = REVISION_NULL;

        return revisions_peek(s->manager->host.state_fd, s->name, number, &r, NULL) >= 0 && r.failed;
}

/* What an update that is not over came from; else the newest kept one before the current whose update did not fail; 0: there is none. */
static int find_before(const struct stack_entry *s, uint64_t *ret, struct err *err) {
        _cleanup_free_ uint64_t *numbers = NULL;
        size_t n = 0;

        *ret = s->fallback ? s->fallback->revision : 0;
        if (*ret > 0)
                return 0;
        int r = revisions_list(s->manager->host.state_fd, s->name, &numbers, &n, err);

        for (size_t k = 0; r >= 0 && k < n && *ret == 0; k++)
                if (numbers[k] < s->generation->revision && !has_failed(s, numbers[k]))
                        *ret = numbers[k];
        return r;
}

/* "there are 7 (current), 6, 5 (failed)" */
static void put_numbers(const struct stack_entry *s, struct buf *out) {
        _cleanup_free_ uint64_t *numbers = NULL;
        size_t n = 0;

        if (revisions_list(s->manager->host.state_fd, s->name, &numbers, &n, NULL) < 0)
                return;
        for (size_t k = 0; k < n; k++)
                buf_printf(out, "%s%ju%s%s", k ? ", " : "there are ", (uintmax_t)numbers[k],
                           numbers[k] == s->generation->revision ? " (current)" : "", has_failed(s, numbers[k]) ? " (failed)" : "");
}

static int answer_absent(const struct stack_entry *s, struct control_call *call, uint64_t number) {
        _cleanup_buf_ struct buf numbers = BUF_NULL;
        char target[NAME_SIZE + 96];

        if (number > 0)
                (void)snprintf(target, sizeof(target), "%s has no revision %ju", s->name, (uintmax_t)number);
        else
                (void)snprintf(target, sizeof(target), "%s has no revision before %ju that did not fail", s->name, (uintmax_t)s->generation->revision);
        put_numbers(s, &numbers);
        return control_error(call, "NoSuchTarget", json_pack("{s:s, s:o}", "target", target, "hint", describe_text(buf_text(&numbers))));
}

static int answer_revision(const struct stack_entry *s, struct control_call *call, uint64_t number) {
        _cleanup_revision_ struct revision revision = REVISION_NULL;
        struct err err = { 0 };
        uint64_t found = number;
        int r = number > 0 ? 0 : find_before(s, &found, &err);

        if (r >= 0 && found > 0)
                r = revisions_peek(s->manager->host.state_fd, s->name, found, &revision, &err);
        if (r == -ENOENT || (r >= 0 && found == 0))
                return answer_absent(s, call, number);
        if (r < 0) {
                if (!err.hint[0])
                        (void)err_hint(&err, "those that are: ctrsup history %s", s->name);
                return control_fail(call, &err);
        }
        return control_reply(call, json_pack("{s:I, s:O}", "revision", (json_int_t)found, "document", revision.document), false);
}

int history_method_document(struct control_call *call, json_t *parameters, void *userdata) {
        struct manager *m = userdata;
        const char *name = json_string_value(json_object_get(parameters, "stack"));
        const json_t *number = json_object_get(parameters, "revision");
        const struct stack_entry *s = name ? manager_find_stack(m, name) : NULL;

        if (defer_call(m, call, parameters, history_method_document))
                return 0;
        if (!name)
                return control_invalid_parameter(call, "stack");
        if (number && !json_is_null(number) && json_integer_value(number) < 1)
                return control_invalid_parameter(call, "revision");
        if (m->options->mode != MODE_SERVICE)
                return control_error(call, "Unsupported", json_pack("{s:s}", "message", "a foreground supervisor keeps no revisions"));
        if (!s || !s->generation)
                return control_error(call, "NoSuchTarget", json_pack("{s:s, s:n}", "target", name, "hint"));
        return answer_revision(s, call, (uint64_t)json_integer_value(number));
}
