/* The command line of ctrsupd. */
#pragma once

#include <ctrsup/base/err.h>

#include <stdbool.h>

enum daemon_mode {
        MODE_SERVICE,      /* all applied stacks, until told to stop */
        MODE_FOREGROUND,   /* one client's stacks, until its lifeline ends */
        MODE_RUN,          /* one container with the caller's streams, until it ends */
        MODE_CHECK_CONFIG, /* print the merged settings with their origins */
        MODE_HELP,
        MODE_VERSION,
};

struct options {
        enum daemon_mode mode;
        const char *config;   /* ctrsup.conf; NULL: the default place, which may be missing */
        const char *runtime;  /* --runtime: in place of paths.runtime */
        const char *state;    /* --state: in place of paths.state */
        int lifeline_fd;      /* MODE_FOREGROUND: SOCK_SEQPACKET to the client; "ready" goes out, EOF ends us */
        int document_fd;      /* MODE_RUN: the resolved stack document */
};

/* -EINVAL with words for a wrong command line. Pointers are into argv. */
int options_parse(int argc, char *argv[], struct options *ret, struct err *err);
const char *options_help(void);
