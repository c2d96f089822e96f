/* ${NAME}, ${NAME:-default}, ${NAME:?message} in the values of a tree. Only "${" is special: $HOME is left alone, "$${" writes a
 * literal "${". Keys are never touched.
 */
#pragma once

#include <ctrsup/text/node.h>

typedef const char *(*interpolate_lookup)(void *userdata, const char *name);  /* NULL: not set */

/* 0, or -ENOMEM; unset variables and bad forms are complaints. */
int interpolate_nodes(struct node *root, struct arena *a, struct diag_list *diags, interpolate_lookup lookup, void *userdata);
