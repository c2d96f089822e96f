/* What logread merges: things that give lines in the order of time. */
#pragma once

#include "logread.h"

struct logread_source {
        /* 1: *ret is the next line, valid until the next call on this source; 0: none now; -errno. */
        int (*next)(struct logread_source *s, struct logread_line *ret, struct err *err);
        struct logread_source *(*free)(struct logread_source *s);
        struct logread_line line; /* the one that waits for its turn */
        bool has_line;
};

int logread_open_file(struct logread_source **ret, const struct logread_target *t, const struct logread_options *o,
                      struct err *err);
/* One for all targets that are in the journal. */
int logread_open_journal(struct logread_source **ret, const struct logread_target *targets, size_t n,
                         const struct logread_options *o, struct err *err);
/* To poll for POLLIN, and to be told afterwards. -1: cannot be polled. */
int logread_journal_fd(struct logread_source *s);
void logread_journal_process(struct logread_source *s);
