/* A record: a small JSON object in a file, with the number of its format. Shared by revisions.c, uids.c and runs.c. */
#pragma once

#include <ctrsup/base/err.h>

#include <jansson.h>

enum { RECORD_VERSION = 1, RECORD_OLDEST = 1, RECORD_MAX = 8 * 1024 * 1024 };

#define _cleanup_json_ _cleanup_(json_decrefp)

/* Adds "version" to object and writes it. */
int record_write(int fd, const char *name, json_t *object, struct err *err);
/* The same without a sync: whole after any death of its writer, perhaps gone after a power cut. For what is good for one boot. */
int record_write_volatile(int fd, const char *name, json_t *object, struct err *err);
/* -ENOENT; -EBADMSG: not a record, the words say why; -EPROTO: from a newer release. */
int record_read(int fd, const char *name, json_t **ret, struct err *err);
/* Renames a bad one to <name>.bad and says so in err, which holds why it is bad; returns -EBADMSG. */
int record_set_aside(int fd, const char *name, struct err *err);
