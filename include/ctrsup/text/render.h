/* Nodes -> YAML text that reads back as the same nodes: block style, quotes only where they are needed. */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/text/node.h>

void render_yaml(const struct node *n, struct buf *out);
/* One line, flow style: {type: volume, source: a}. For hints and for the plan's old -> new. */
void render_flow(const struct node *n, struct buf *out);
/* One scalar as it has to stand in a flow collection: quoted only where needed. */
void render_scalar(const char *text, struct buf *out);
/* Text for a message, in double quotes: control characters escaped, cut at about 60 characters. */
void render_quoted(const char *text, struct buf *out);
