/* JSON <-> nodes, by way of jansson, and the marks that keep the source's positions beside a document:
 * {"containers.web.command": "line,column,end_line,end_column", …}, keys as text/schema prints paths.
 */
#pragma once

#include <ctrsup/text/node.h>

#include <jansson.h>

/* The same caps as for YAML. marks may be NULL or no object: positions are unknown then. 0, -EBADMSG (complaints in diags),
 * -ENOMEM. */
int json_to_nodes(const json_t *value, const json_t *marks, struct arena *a, struct diag_list *diags, struct node **ret);
/* New references; NULL: out of memory. NODE_LITERAL scalars become numbers and booleans, null null, all others strings. */
json_t *json_from_nodes(const struct node *n);
/* The marks of every key and list item below n. A key with a scalar is marked at the scalar, one with more at the key. */
json_t *json_marks(const struct node *n);
