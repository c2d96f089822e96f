/* ctrsup.conf and its drop-ins, read from the disk. */
#pragma once

#include <ctrsup/spec/load.h>
#include <ctrsup/spec/settings.h>

/* What is wrong with it, of all files. */
struct config_complaints {
        struct buf text;        /* as they are to be printed */
        json_t *list;           /* Diagnostic objects of the control interface; NULL: none */
        size_t n;
        char file[256];         /* of the first one, with its words */
        unsigned line;
        char words[512];
};

void config_complaints_done(struct config_complaints *c);
#define _cleanup_complaints_ _cleanup_(config_complaints_done)

/* file NULL: the default place and its drop-ins, each of which may be missing. -EBADMSG: complaints were added to c (starts as
 * { 0 }); else err. */
int config_load(const char *file, struct settings **ret, struct config_complaints *c, struct err *err);
