/* Memory and swap on cgroup v1, where memory.memsw.limit_in_bytes bounds the sum of both.
 *
 * The swap part is what is kept: memsw = memory + swap. The kernel refuses memory > memsw at every moment, so of the two
 * writes the one that makes room goes first. */
#include "cgroup_limit_impl.h"

#include <ctrsup/base/num.h>

#define MEMORY "memory.limit_in_bytes"
#define MEMSW "memory.memsw.limit_in_bytes"

static uint64_t add(uint64_t a, uint64_t b) {
        return a == SIZE_INFINITY || b == SIZE_INFINITY || a > SIZE_INFINITY - b ? SIZE_INFINITY : a + b;
}

static int write_bytes(const struct limit_job *j, const char *file, uint64_t bytes) {
        return limit_write_u64(j, file, bytes, "-1", (uint64_t)sysconf(_SC_PAGESIZE));
}

/* The kernel says only EBUSY when the group uses more than the new limit and nothing can be reclaimed. */
static int explain_busy(const struct limit_job *j, int r) {
        if (r == -EBUSY)
                (void)err_hint(j->err, "the container uses more than that now, and the kernel could not reclaim enough");
        return r;
}

int limit_memory_v1(const struct limit_job *j) {
        const uint64_t memory = j->s->value;
        uint64_t old_memory, old_memsw;
        int r;

        if (!j->group || j->drift || limit_file_exists(j, MEMSW) < 0) /* no swap accounting: nothing to keep */
                return explain_busy(j, write_bytes(j, MEMORY, memory));
        r = limit_read_u64(j, MEMORY, &old_memory);
        if (r >= 0)
                r = limit_read_u64(j, MEMSW, &old_memsw);
        if (r < 0)
                return r;

        uint64_t swap = old_memsw == SIZE_INFINITY ? SIZE_INFINITY : old_memsw - old_memory;
        uint64_t memsw = add(memory, swap);
        if (memsw > old_memsw) {
                r = write_bytes(j, MEMSW, memsw);
                return r < 0 ? r : explain_busy(j, write_bytes(j, MEMORY, memory));
        }
        r = explain_busy(j, write_bytes(j, MEMORY, memory));
        return r < 0 ? r : explain_busy(j, write_bytes(j, MEMSW, memsw));
}

int limit_swap_v1(const struct limit_job *j) {
        uint64_t memory;
        int r;

        if (limit_file_exists(j, MEMSW) < 0) {
                if (j->s->value == SIZE_INFINITY)
                        return 0;
                r = limit_complain_missing(j, MEMSW);
                if (j->err)
                        j->err->hint[0] = '\0';
                (void)err_hint(j->err, "boot with swapaccount=1, or with cgroup v2");
                return r;
        }
        if (!j->group)
                return 0;
        if (j->s->value == SIZE_INFINITY)
                return write_bytes(j, MEMSW, SIZE_INFINITY);
        r = limit_read_u64(j, MEMORY, &memory);
        if (r < 0)
                return r;
        if (memory == SIZE_INFINITY) {
                (void)err_set(
                        j->err, EOPNOTSUPP,
                        "the memory controller is bound to cgroup v1 at %s, which cannot bound swap where memory is not bounded",
                        j->t->where.hierarchies[j->t->where.controllers[CGROUP_MEMORY]].mount);
                return err_hint(j->err, "limit the memory too: v1 counts the sum of both");
        }
        return explain_busy(j, write_bytes(j, MEMSW, add(memory, j->s->value)));
}
