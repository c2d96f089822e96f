/* May it start? What it depends on is held against how that is, every time it is to start: at an apply, at boot, after a crash.
 *
 * A container is as far as the least of its instances. `depends_on` and `namespaces.*: container:X` count alike; the latter asks
 * that X is started.
 */
#pragma once

#include <ctrsup/state/status.h>

enum dependency {
        DEPENDENCY_MET,
        DEPENDENCY_COMING,      /* it is on its way, or is being tried again */
        DEPENDENCY_LOST,        /* it stays as it is until somebody says otherwise: failed, stopped, completed when it is to run */
        _DEPENDENCY_MAX,
};

/* instances: of the container that is depended on; none: COMING. *ret_least (may be NULL): the instance that decides, NULL: none. */
enum dependency dependency_of(enum spec_condition condition, const struct instance *const *instances, size_t n, const struct instance **ret_least);
/* "waits for db to be healthy", "waits for db, which failed: exited with status 1". least: the instance that decides; may be NULL. Returns
 * buf. */
const char *dependency_words(enum dependency d, enum spec_condition condition, const char *container, const struct instance *least,
                             char buf[MESSAGE_SIZE]);
