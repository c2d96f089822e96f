#include <ctrsup/state/last_end.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/enumtab.h>

#include <assert.h>

static const char *const names[] = {
        [END_BY_ITSELF] = "itself",   [END_BY_POLICY] = "policy", [END_BY_STOP] = "stop",     [END_BY_RESTART] = "restart",
        [END_BY_REPLACE] = "replace", [END_BY_HOLD] = "hold",     [END_BY_REMOVE] = "remove",
};
static_assert(ARRAY_SIZE(names) == _END_BY_MAX, "a word for each");

const char *end_by_name(enum end_by by) {
        return enumtab_name(names, _END_BY_MAX, by);
}

int end_by_value(const char *word) {
        return enumtab_value(names, _END_BY_MAX, word);
}

enum end_by end_by_of(const struct instance *i, enum end_by asked) {
        if (i->phase != PHASE_STOPPING && !i->leaving)
                return END_BY_ITSELF;
        switch (i->desire) {
        case DESIRE_STOPPED:
                return END_BY_STOP;
        case DESIRE_HELD:
                return END_BY_HOLD;
        case DESIRE_GONE:
                return END_BY_REMOVE;
        case DESIRE_RUN:
        case _DESIRE_MAX:
                break;
        }
        if (i->again)
                return asked == END_BY_REPLACE ? END_BY_REPLACE : END_BY_RESTART;
        return i->cause != CAUSE_NONE ? END_BY_POLICY : END_BY_ITSELF;
}
