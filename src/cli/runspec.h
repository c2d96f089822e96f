/* `ctrsup run`'s options as the stack file they stand for. Pure. */
#pragma once

#include <ctrsup/base/buf.h>
#include <ctrsup/base/diag.h>

#include <stddef.h>

struct runspec {
        const char *name;               /* of the stack */
        const char **layers;            /* base first */
        size_t n_layers;
        const char **environment;       /* NAME=VALUE */
        size_t n_environment;
        const char *hostname, *memory, *cpus, *pids, *user, *working_dir, *net; /* NULL: not given */
        char **command;
        size_t n_command;
};

/* YAML text; nothing of a value is ever read as YAML or as a variable. */
void runspec_put(const struct runspec *r, struct buf *out);
/* A complaint about that text in terms of the command line: "--memory: …". */
void runspec_complain(const struct diag_list *diags, struct buf *out);
