/* Named volumes: <state>/volumes/<name>. Owners on disk are the container's ids as they are: volumes are idmapped when mounted. */
#pragma once

#include <ctrsup/base/err.h>
#include <ctrsup/spec/spec.h>

#include <stdbool.h>

/* Makes the volume when it is new (owner and mode of v; *ret_created then), or finds it; an external one must be there. */
int volumes_ensure(int state_fd, const struct spec_named_volume *v, bool *ret_created, struct err *err);
/* Where it is, below the state directory: "volumes/shop_data" into buf. Returns buf. */
enum { VOLUME_PATH_SIZE = 300 };
const char *volumes_path(const char *name, char buf[VOLUME_PATH_SIZE]);
/* Names of the volumes there are. One malloc'ed block. */
int volumes_list(int state_fd, char ***ret, size_t *ret_n, struct err *err);
/* Out of the way at once (store/trash.h). -ENOENT. */
int volumes_remove(int state_fd, const char *name, struct err *err);
