/* The mount table and /proc/self/cgroup as any text: the readers stay within it, and what they make keeps its invariants. */
#include <ctrsup/kernel/cgroup_stat.h>
#include <ctrsup/kernel/cgroup_where.h>
#include <ctrsup/kernel/mountinfo.h>

#include "kernel/cgroup_cpulist.h"
#include "kernel/cgroup_tree.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

/* Texts are separated by NUL: mountinfo, cgroup, controllers, a CPU list. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *texts[4] = { 0 };
        size_t at = 0;

        for (size_t i = 0; i < 4; i++) {
                const uint8_t *end = at < size ? memchr(data + at, '\0', size - at) : NULL;
                size_t len = at >= size ? 0 : end ? (size_t)(end - data) - at : size - at;

                texts[i] = strndup((const char *)data + (at < size ? at : 0), len);
                require(texts[i] != NULL);
                at += len + 1;
        }

        struct mountinfo_line line;
        for (const char *rest = texts[0]; mountinfo_next(&rest, &line);) {
                require(strlen(line.point) < sizeof(line.point) && rest <= texts[0] + strlen(texts[0]));
                require(mountinfo_find(texts[0], line.point, &line));
        }

        struct cgroup_where w = CGROUP_WHERE_NULL;
        if (cgroup_where_parse(&w, texts[0], texts[1], texts[2], NULL) == 0) {
                require(w.n_hierarchies >= 1 && w.n_hierarchies <= CGROUP_HIERARCHY_MAX);
                for (size_t i = 0; i < w.n_hierarchies; i++) {
                        char *path = NULL;

                        require(w.hierarchies[i].mount && w.hierarchies[i].root && w.hierarchies[i].self &&
                                w.hierarchies[i].mount[0] == '/');
                        if (cgroup_hierarchy_locate(&w.hierarchies[i], texts[3], &path, NULL) == 0)
                                require(strncmp(path, w.hierarchies[i].mount, strlen(w.hierarchies[i].mount)) == 0);
                        free(path);
                }
                for (enum cgroup_controller c = 0; c < _CGROUP_CONTROLLER_MAX; c++)
                        require(w.controllers[c] >= CGROUP_NOWHERE && w.controllers[c] < (int)w.n_hierarchies);
                cgroup_where_done(&w);
        }
        char *path = NULL;
        if (cgroup_where_self_unified(texts[1], &path, NULL) == 0)
                require(path[0] == '/');
        free(path);

        struct cpulist list;
        if (cpulist_parse(texts[3], &list) == 0)
                require(cpulist_find_missing(&list, &list) == -1);

        uint64_t value = 0;
        require(cgroup_text_field(texts[1], "populated", &value) <= 0);
        require(cgroup_pressure_parse(texts[1], &value) <= 0);
        for (size_t i = 0; i < 4; i++)
                free(texts[i]);
        return 0;
}
