/* The last step on both sides of the socket: resolved nodes -> spec. Private to spec. */
#pragma once

#include <ctrsup/spec/spec.h>
#include <ctrsup/text/schema.h>

/* w: everything but arena, which becomes the spec's. 0, -EBADMSG when there are errors in w->diags (also earlier ones), -ENOMEM.
 */
int spec_read(struct walk *w, const char *file, struct node *root, struct spec **ret);
