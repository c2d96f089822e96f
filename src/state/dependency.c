#include <ctrsup/state/dependency.h>

#include <stdio.h>

static enum dependency of_one(enum spec_condition condition, const struct instance *i) {
        if (i->leaving) /* up, but not for long */
                return DEPENDENCY_COMING;
        switch (i->phase) {
        case PHASE_RUNNING:
        case PHASE_UNHEALTHY:
                return condition == CONDITION_STARTED ? DEPENDENCY_MET : DEPENDENCY_COMING;
        case PHASE_READY:
                return condition == CONDITION_COMPLETED ? DEPENDENCY_COMING : DEPENDENCY_MET;
        case PHASE_COMPLETED: /* it did start */
                return condition == CONDITION_HEALTHY ? DEPENDENCY_LOST : DEPENDENCY_MET;
        case PHASE_FAILED:
                return DEPENDENCY_LOST;
        case PHASE_STOPPED:
                return i->desire == DESIRE_STOPPED ? DEPENDENCY_LOST : DEPENDENCY_COMING;
        case PHASE_PENDING:
        case PHASE_STARTING:
        case PHASE_STOPPING:
        case PHASE_BACKOFF:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                break;
        }
        return DEPENDENCY_COMING;
}

enum dependency dependency_of(enum spec_condition condition, const struct instance *const *instances, size_t n,
                              const struct instance **ret_least) {
        enum dependency worst = n > 0 ? DEPENDENCY_MET : DEPENDENCY_COMING;
        const struct instance *least = NULL;

        for (size_t k = 0; k < n; k++) {
                enum dependency d = of_one(condition, instances[k]);

                if (d > worst) {
                        worst = d;
                        least = instances[k];
                }
        }
        if (ret_least)
                *ret_least = least;
        return worst;
}

const char *dependency_words(enum dependency d, enum spec_condition condition, const char *container,
                             const struct instance *least, char buf[MESSAGE_SIZE]) {
        static const char *const to_be[] = { [CONDITION_AUTO] = "run",
                                             [CONDITION_STARTED] = "run",
                                             [CONDITION_HEALTHY] = "be healthy",
                                             [CONDITION_COMPLETED] = "complete" };

        if (!least && d == DEPENDENCY_LOST)
                (void)snprintf(buf, MESSAGE_SIZE, "waits for %s, of which there are to be none", container);
        else if (d != DEPENDENCY_LOST)
                (void)snprintf(buf, MESSAGE_SIZE, "waits for %s to %s", container, to_be[condition]);
        else if (least->phase == PHASE_STOPPED)
                (void)snprintf(buf, MESSAGE_SIZE, "waits for %s, which was stopped by an operator", container);
        else if (least->phase == PHASE_COMPLETED)
                (void)snprintf(buf, MESSAGE_SIZE, "waits for %s, which completed", container);
        else
                (void)snprintf(buf, MESSAGE_SIZE, "waits for %s, which failed%s%.400s", container, least->message[0] ? ": " : "",
                               least->message);
        return buf;
}
