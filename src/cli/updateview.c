#include "updateview.h"

void updateview_put(const json_t *update, struct buf *out) {
        const char *stack = json_string_value(json_object_get(update, "stack")), *message = json_string_value(json_object_get(update, "message")),
                   *hint = json_string_value(json_object_get(update, "hint"));

        if (stack && message)
                buf_printf(out, "%s: %s\n", stack, message);
        if (stack && message && hint)
                buf_printf(out, "    hint: %s\n", hint);
}

void updateview_say_one(const struct cli *c, const json_t *update) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        updateview_put(update, &text);
        if (!c->quiet)
                cli_note(&text);
}

void updateview_say(const struct cli *c, const json_t *updates) {
        const json_t *update;
        size_t n;

        json_array_foreach (updates, n, update)
                updateview_say_one(c, update);
}
