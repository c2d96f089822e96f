/* YAML text -> nodes, through libyaml's event interface and our own policy: UTF-8, one document, no tags, no tabs outside
 * scalars, unique keys, text keys only; anchors, aliases and "<<" are resolved here. Hostile input is decided in bounded time and
 * memory: at most YAML_MAX_SIZE bytes, YAML_MAX_DEPTH levels and YAML_MAX_NODES nodes after the aliases are expanded
 * (libyaml alone takes time quadratic in the nesting).
 */
#pragma once

#include <ctrsup/text/node.h>

enum { YAML_MAX_SIZE = 1024 * 1024, YAML_MAX_DEPTH = 32, YAML_MAX_NODES = 100000 };

/* 0: *ret is the root (an empty document is a plain null scalar); diags may still have got complaints that do not keep the
 * rest from being checked (a duplicate key). -EBADMSG: not to be read, diags say why. -ENOMEM. */
int yaml_read(const char *text, size_t len, struct arena *a, struct diag_list *diags, struct node **ret);
