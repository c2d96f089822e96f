/* A plan in words: for a terminal, for a pipe, and as the Plan type of io.ctrsup.Manager.
 *
 *     shop: revision 7, 4 containers (1 new, 2 changed, 1 unchanged)      terminal
 *      + cache    new
 *      ~ api      replace  command  [/bin/a] → [/bin/b]
 *                          limits.memory  512M → 1G
 *      ~ sidecar  replace  follows api (namespaces.net)
 *      · db       unchanged
 *
 *     shop: revision 7: 1 new, 2 changed, 1 unchanged                     pipe: one line a change, ASCII
 *     + shop/cache: new
 *     ~ shop/api: replace: command: [/bin/a] -> [/bin/b]
 *
 * The client has a plan only as JSON: plan_from_json() makes the same struct of it, without actions.
 */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/err.h>
#include <ctrsup/plan/plan.h>

#include <jansson.h>

enum explain_style { EXPLAIN_TERMINAL, EXPLAIN_PIPE, _EXPLAIN_STYLE_MAX };

/* Adds to out; all containers, also the unchanged ones. Values longer than 60 characters are cut in both styles. */
void plan_explain(const struct plan *p, enum explain_style style, struct buf *out);
/* Only the first line, without line break: "shop: revision 7, 4 containers (1 new, 3 unchanged)". */
void plan_explain_head(const struct plan *p, enum explain_style style, struct buf *out);
/* New reference, NULL: out of memory. */
json_t *plan_to_json(const struct plan *p);
/* 0, -EBADMSG (words in err), -ENOMEM. */
int plan_from_json(const json_t *json, struct plan **ret, struct err *err);
