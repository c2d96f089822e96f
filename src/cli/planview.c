#include "planview.h"

#include <ctrsup/plan/explain.h>
#include <ctrsup/plan/plan.h>

#include <string.h>

int planview_put(const struct cli *c, const json_t *plan, bool terminal, struct buf *out) {
        _cleanup_plan_ struct plan *p = NULL;
        struct err err = { 0 };
        int r = plan_from_json(plan, &p, &err);

        if (r < 0) {
                err_wrap(&err, "the daemon's plan");
                return cli_fail(c, r == -ENOMEM ? EXIT_KERNEL : EXIT_BUG, &err);
        }
        plan_explain(p, terminal ? EXPLAIN_TERMINAL : EXPLAIN_PIPE, out);
        return buf_failed(out) ? cli_oom(c) : EXIT_OK;
}

bool planview_has_changes(const json_t *plan) {
        static const char *const counts[] = { "added", "changed", "removed" };

        for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
                if (json_integer_value(json_object_get(plan, counts[i])) > 0)
                        return true;
        return false;
}

bool planview_replaces(const json_t *plan) {
        json_t *change;
        size_t i;

        json_array_foreach (json_object_get(plan, "changes"), i, change) {
                const char *symbol = json_string_value(json_object_get(change, "symbol"));

                if (symbol && strcmp(symbol, "~") == 0)
                        return true;
        }
        return false;
}

void planview_expect(const json_t *plan, struct progress *p, uint64_t now_usec) {
        json_t *change;
        size_t i;

        json_array_foreach (json_object_get(plan, "changes"), i, change) {
                const char *container = json_string_value(json_object_get(change, "container")),
                           *symbol = json_string_value(json_object_get(change, "symbol"));

                if (container && symbol && (strcmp(symbol, "+") == 0 || strcmp(symbol, "~") == 0 || strcmp(symbol, "-") == 0))
                        progress_expect(p, container, now_usec);
        }
}
