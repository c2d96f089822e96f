/* The devices of containers: what a stack file names, looked up on the host, and the filter that holds each container to its own. */
#pragma once

#include <ctrsup/act/recipe_make.h>
#include <ctrsup/kernel/device_filter.h>

enum { ACT_DEVICES_MAX = 32, ACT_DEVICE_FILTERS_MAX = 16 };

/* All zero: empty. Each is loaded once for all containers with the same list. */
struct act_device_filters {
        struct act_device_filter {
                struct device_rule rules[DEVICE_RULES_MAX];
                size_t n;
                int fd;
        } items[ACT_DEVICE_FILTERS_MAX];
        size_t n, next; /* next: to be replaced when all are in use */
        int missing;    /* errno: this host has no such filters; 0: it has, or nobody tried */
};

/* What is behind the container's devices: one for each. *ret_at: the one to blame. */
int act_devices_find(const struct spec_container *c, struct recipe_device ret[ACT_DEVICES_MAX], size_t *ret_at, struct err *err);
/* The leaf is held to the standard devices and those. A host that has no filters is not an error as long as the container asks for no
 * device: its /dev is its own, its layers and volumes are nodev, and it may make no node. */
int act_devices_confine(struct act_device_filters *f, int leaf_fd, const struct spec_container *c, const struct recipe_device *devices, struct err *err);
void act_device_filters_done(struct act_device_filters *f);
