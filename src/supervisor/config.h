/* ctrsup.conf and its drop-ins, read from the disk. */
#pragma once

#include <ctrsup/spec/settings.h>

/* file NULL: the default place and its drop-ins, each of which may be missing. -EBADMSG: complaints were added to out, as they are
 * to be printed; else err. */
int config_load(const char *file, struct settings **ret, struct buf *out, struct err *err);
