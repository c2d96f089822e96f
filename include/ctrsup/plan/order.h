/* Who must be up before whom: by depends_on, and by `namespaces.*: container:X`, where X has to run before anybody can join it. */
#pragma once

#include <ctrsup/spec/spec.h>

/* Indices into s->containers, providers before followers, otherwise in the file's order. ret has room for s->n_containers.
 * -ELOOP: *ret_at (may be NULL) is a container on the circle. -ENOMEM. */
int order_containers(const struct spec *s, size_t *ret, size_t *ret_at);
/* Does c join a namespace of provider? *ret_key (may be NULL): by which key, "namespaces.net". */
bool order_shares(const struct spec_container *c, const char *provider, const char **ret_key);
/* Is c started anew with provider: because it shares a namespace, or depends_on says restart? */
bool order_follows(const struct spec_container *c, const char *provider, const char **ret_key);
/* Does c start after provider and stop before it? */
bool order_depends(const struct spec_container *c, const char *provider);
