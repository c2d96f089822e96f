/* A running container against its declaration: what somebody changed behind our back. Looks only. */
#pragma once

#include <ctrsup/act/instance.h>

struct act_drift {
        const char *what;          /* "memory.max", "mount /data" */
        const char *declared, *is; /* in the host's words */
        bool heals;                /* limits_apply() sets it right; else a restart does */
};

/* Non-zero ends it and is returned. */
typedef int act_drift_fn(void *userdata, const struct act_drift *d);

/* Its limits; cgroup files are read and nothing else. limits: what the group was given; all: as in limits_compare(). */
int act_drift_limits(struct act_host *h, const struct act_instance *i, const struct spec_limits *limits, bool all, act_drift_fn *fn, void *userdata);
/* And where its main process is, its OOM score, its mounts: reads of /proc, of no file of the container. A volume whose target leads
 * through a link of its layers is known by the last part of its name only. */
int act_drift_process(struct act_host *h, const struct act_instance *i, const struct spec_container *c, pid_t pid, act_drift_fn *fn, void *userdata);
