#include <ctrsup/state/status.h>

#include <ctrsup/base/enumtab.h>

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static const char *const phases[] = {
        [PHASE_PENDING] = "pending", [PHASE_STARTING] = "starting",   [PHASE_RUNNING] = "running",
        [PHASE_READY] = "ready",     [PHASE_UNHEALTHY] = "unhealthy", [PHASE_STOPPING] = "stopping",
        [PHASE_STOPPED] = "stopped", [PHASE_COMPLETED] = "completed", [PHASE_FAILED] = "failed",
        [PHASE_BACKOFF] = "backoff",
};
static_assert(ARRAY_SIZE(phases) == _PHASE_MAX, "a word for every phase");

static const char *const desires[] = { [DESIRE_RUN] = "run", [DESIRE_STOPPED] = "stopped", [DESIRE_HELD] = "held", [DESIRE_GONE] = "gone" };
static_assert(ARRAY_SIZE(desires) == _DESIRE_MAX, "a word for every desire");

static const char *const reasons[] = {
        [EXIT_NONE] = "",   [EXIT_EXITED] = "exited",           [EXIT_KILLED] = "killed",   [EXIT_DUMPED] = "dumped",
        [EXIT_OOM] = "oom", [EXIT_NOT_STARTED] = "not-started", [EXIT_UNKNOWN] = "unknown",
};
static_assert(ARRAY_SIZE(reasons) == _EXIT_REASON_MAX, "a word for every reason");

void instance_init(struct instance *i, const char *stack, const char *container, uint32_t replica, const struct policy *policy) {
        *i = (struct instance){
                .replica = replica,
                .policy = *policy,
                .phase = PHASE_PENDING,
                .desire = DESIRE_RUN,
                .deadline_usec = USEC_INFINITY,
                .last_exit = EXIT_INFO_NULL,
        };
        (void)snprintf(i->stack, sizeof(i->stack), "%s", stack);
        (void)snprintf(i->container, sizeof(i->container), "%s", container);
}

struct policy policy_of(const struct spec_container *c) {
        struct policy p = {
                .type = c->type,
                .restart = c->restart,
                .restart_policy = c->restart_policy,
                .stop_signal = c->stop_signal,
                .stop_grace_usec = c->stop_grace_period_usec,
                .unhealthy_restarts = c->healthcheck.on_failure == ON_FAILURE_RESTART,
                .ready_timeout_usec = c->readiness.timeout_usec,
                .max_runtime_usec = c->max_runtime_usec,
                .scheduled = spec_is_scheduled(c),
                .numbered = c->replicas > 1,
                .ready_when_started = c->type == TYPE_SERVICE && spec_readiness_of(c) == READINESS_STARTED,
        };

        for (int h = 0; h < _HOOK_MAX; h++)
                p.hooks[h] = (uint32_t)c->hooks[h].n;
        return p;
}

const char *instance_target(const struct instance *i, bool only_one, char buf[TARGET_SIZE]) {
        if (only_one && i->replica == 1)
                (void)snprintf(buf, TARGET_SIZE, "%s/%s", i->stack, i->container);
        else
                (void)snprintf(buf, TARGET_SIZE, "%s/%s.%" PRIu32, i->stack, i->container, i->replica);
        return buf;
}

bool instance_is_down(const struct instance *i) {
        return !i->launching && !i->alive && !i->populated;
}

bool phase_is_settled(enum phase p) {
        return p != PHASE_PENDING && p != PHASE_STARTING && p != PHASE_STOPPING && p != PHASE_BACKOFF;
}

bool phase_is_up(enum phase p) {
        return p == PHASE_RUNNING || p == PHASE_READY || p == PHASE_UNHEALTHY;
}

const char *stop_cause_words(enum stop_cause c, const struct policy *p, char buf[NUM_TEXT_MAX]) {
        char time[NUM_TEXT_MAX];

        switch (c) {
        case CAUSE_NOT_READY:
                (void)snprintf(buf, NUM_TEXT_MAX, "not ready within %.40s", num_format_duration(time, p->ready_timeout_usec));
                break;
        case CAUSE_UNHEALTHY:
                (void)snprintf(buf, NUM_TEXT_MAX, "unhealthy");
                break;
        case CAUSE_MAX_RUNTIME:
                (void)snprintf(buf, NUM_TEXT_MAX, "still running after %.40s", num_format_duration(time, p->max_runtime_usec));
                break;
        case CAUSE_POST_START:
                (void)snprintf(buf, NUM_TEXT_MAX, "a post_start hook failed");
                break;
        case CAUSE_NONE:
        case _STOP_CAUSE_MAX:
                buf[0] = '\0';
                break;
        }
        return buf;
}

const char *instance_end_words(const struct instance *i, char buf[NUM_TEXT_MAX]) {
        if (i->cause == CAUSE_POST_START && i->message[0])
                return i->message; /* which, and how it ended */
        return i->cause != CAUSE_NONE ? stop_cause_words(i->cause, &i->policy, buf) : exit_info_words(&i->last_exit, buf);
}

bool exit_is_success(const struct exit_info *e) {
        return e->reason == EXIT_EXITED && e->code == 0;
}

struct exit_info exit_info_from_status(int status) {
        if (WIFEXITED(status))
                return (struct exit_info){ .reason = EXIT_EXITED, .code = WEXITSTATUS(status) };
        if (WIFSIGNALED(status))
                return (struct exit_info){ .reason = WCOREDUMP(status) ? EXIT_DUMPED : EXIT_KILLED,
                                           .code = -1,
                                           .signal = WTERMSIG(status) };
        return (struct exit_info){ .reason = EXIT_UNKNOWN, .code = -1 };
}

static const char *signal_words(int sig, char buf[16]) {
        const char *name = sigabbrev_np(sig);

        if (name)
                (void)snprintf(buf, 16, "SIG%s", name);
        else
                (void)snprintf(buf, 16, "signal %d", sig);
        return buf;
}

const char *exit_info_words(const struct exit_info *e, char buf[NUM_TEXT_MAX]) {
        char scratch[16];

        switch (e->reason) {
        case EXIT_EXITED:
                (void)snprintf(buf, NUM_TEXT_MAX, "exited with status %d", e->code);
                break;
        case EXIT_KILLED:
                (void)snprintf(buf, NUM_TEXT_MAX, "killed by %s", signal_words(e->signal, scratch));
                break;
        case EXIT_DUMPED:
                (void)snprintf(buf, NUM_TEXT_MAX, "killed by %s, core dumped", signal_words(e->signal, scratch));
                break;
        case EXIT_OOM:
                (void)snprintf(buf, NUM_TEXT_MAX, "killed for memory (%s)", signal_words(e->signal, scratch));
                break;
        case EXIT_NOT_STARTED:
                (void)snprintf(buf, NUM_TEXT_MAX, "did not start");
                break;
        case EXIT_UNKNOWN:
                (void)snprintf(buf, NUM_TEXT_MAX, "ended, nobody saw how");
                break;
        case EXIT_NONE:
        case _EXIT_REASON_MAX:
                (void)snprintf(buf, NUM_TEXT_MAX, "never ran");
                break;
        }
        return buf;
}

const char *phase_name(enum phase p) {
        return enumtab_name(phases, _PHASE_MAX, p);
}
enum phase phase_value(const char *word) {
        return (enum phase)enumtab_value(phases, _PHASE_MAX, word);
}
const char *desire_name(enum desire d) {
        return enumtab_name(desires, _DESIRE_MAX, d);
}
int desire_value(const char *word) {
        return enumtab_value(desires, _DESIRE_MAX, word);
}
const char *exit_reason_name(enum exit_reason r) {
        return enumtab_name(reasons, _EXIT_REASON_MAX, r);
}
int exit_reason_value(const char *word) {
        return enumtab_value(reasons, _EXIT_REASON_MAX, word);
}
