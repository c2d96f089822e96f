/* OPERATIONS (2000; soak: 20,000) random operations on the real kernel against a model: apply of random stacks, stop, start, restart, remove, the end
 * of a payload, of the supervisor and of the keeper, some of them in the middle of another. After every tenth, when all is quiet, the
 * model says which containers must be up, by whom and in which variant, stopped, ended, or gone, and the checker says the rest.
 *
 * What an operation that was not answered did is not known: the model then allows what was before and what was asked, for the whole
 * container, and takes what it sees at the next look. */
#include "rig/rig.h"
#include "rig/story.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACKS = 3, SERVICES = 3, CONTAINERS = 4, VARIANTS = 4, CHECK_EVERY = 10, SETTLE_MS = 20000, CALL_MS = 20000 };
enum may { MAY_BE_GONE = 1, MAY_BE_STOPPED = 2, MAY_BE_UP = 4, MAY_BE_ENDED = 8 };

/* c0, c1: services that are always restarted; c2: one that is not; j3: a job, which ends at once with its variant % 2. */
struct expected {
        unsigned may, variants; /* masks; variants: of what may be declared */
        pid_t pid;              /* up as this process, and nothing was done since that may change it; 0: not so */
        bool cut;               /* a keeper was killed as it ended: how is not known */
};

struct play {
        struct rig *rig;
        struct expected all[STACKS][CONTAINERS];
        unsigned counts[10], unanswered, restarts;
        uint64_t looking_usec;
        bool keeper_killed;     /* since the last look: an end may be unknown */
        struct buf history;     /* since the last look */
};

static const char *const names[CONTAINERS] = { "c0", "c1", "c2", "j3" };

static bool is_job(int n) { return n >= SERVICES; }

static void say(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct play *p, const char *format, ...) {
        char text[256];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        buf_puts(&p->history, text);
}

/* --- in the middle of it --- */

/* Kills pid in a while: a process of ours, or 0. */
static pid_t kill_soon(struct play *p, pid_t victim) {
        const unsigned usec = rig_below(p->rig, 3) ? rig_below(p->rig, 8000) : rig_below(p->rig, 40000);
        pid_t pid = fork();

        if (pid == 0) {
                rig_sleep_usec(usec);
                (void)kill(victim, SIGKILL);
                _exit(0);
        }
        return pid;
}

static bool start_next(struct play *p) {
        rig_kill(p->rig);
        rig_start(p->rig, NULL);
        p->restarts++;
        return rig_wait_up(p->rig, 10000);
}

struct call {
        const char *method;
        json_t *parameters;
        bool must_work; /* what it asks for is there for sure */
};

/* 0: done; 1: refused; 2: not known; -1: broken */
static int call(struct play *p, const struct call *c) {
        struct rig *r = p->rig;
        char said[RIG_PATH] = "";
        const unsigned chance = rig_below(r, 100);
        const bool at_supervisor = chance < 25, at_keeper = chance >= 95;
        const pid_t keeper = at_keeper ? host_find(r, "ctrsup-keeper") : 0;
        const pid_t killer = at_supervisor ? kill_soon(p, r->supervisor) : keeper > 0 ? kill_soon(p, keeper) : 0;

        int e = rig_do(r, c->method, c->parameters, CALL_MS, said);
        if (killer > 0)
                (void)waitpid(killer, NULL, 0);
        p->keeper_killed = p->keeper_killed || keeper > 0;
        say(p, "%s%s: %s\n", at_supervisor ? ", the supervisor killed" : "", keeper > 0 ? ", the keeper killed" : "",
            e == 0 ? "done" : said);
        if (at_supervisor && !start_next(p))
                return -1;
        if (e == -2) {
                p->unanswered++;
                return at_supervisor ? 2 : -1;
        }
        return e == -1 ? (c->must_work ? -1 : 1) : 0;
}

/* --- the operations: each returns false when something is broken --- */

static void become(struct play *p, int stack, int n, unsigned may, bool sure) {
        struct expected *e = &p->all[stack][n];

        e->may = sure ? may : e->may | may;
        /* A signal goes out before the record that it was asked for: one that nothing restarts may have ended by itself, it seems. */
        if (!sure && n == 2)
                e->may |= MAY_BE_ENDED;
        if (e->may != MAY_BE_UP)
                e->pid = 0;
}

static json_t *document(struct play *p, int stack, const int variants[CONTAINERS]) {
        struct rig *r = p->rig;
        _cleanup_buf_ struct buf text = BUF_NULL;
        char name[8];

        (void)snprintf(name, sizeof(name), "o%d", stack);
        story_head(r, &text, name);
        for (int n = 0; n < CONTAINERS; n++) {
                if (variants[n] < 0)
                        continue;
                if (is_job(n))
                        buf_printf(&text, "  %s: {type: job, command: [/bin/%s], environment: {VARIANT: \"%d\"}}\n", names[n],
                                   variants[n] % 2 ? "false" : "true", variants[n]);
                else
                        buf_printf(&text,
                                   "  %s: {command: [/bin/beat, once, /data, v%d], restart: %s, update_config: {failure_action: continue, monitor: 0s}, volumes: [{type: bind, source: %s/data/%s%s0, target: /data}]}\n",
                                   names[n], variants[n], n == 2 ? "\"no\"" : "always", r->work, name, names[n]);
        }
        return rig_document(buf_text(&text));
}

static bool apply(struct play *p, int stack) {
        int variants[CONTAINERS], n_there = 0;

        say(p, "apply o%d", stack);
        for (int n = 0; n < CONTAINERS; n++) {
                const unsigned known = p->all[stack][n].variants;

                /* As it was, half of the time. */
                variants[n] = rig_below(p->rig, 2) && known ? __builtin_ctz(known) : (int)rig_below(p->rig, VARIANTS);
                if (rig_below(p->rig, 4) == 0 || (n == CONTAINERS - 1 && n_there == CONTAINERS - 1))
                        variants[n] = -1;
                n_there += variants[n] >= 0;
        }
        if (n_there == 0)
                variants[0] = 0;
        for (int n = 0; n < CONTAINERS; n++)
                if (variants[n] >= 0)
                        say(p, " %s=v%d", names[n], variants[n]);
        int e = call(p, &(struct call){ "Apply", document(p, stack, variants), true });
        for (int n = 0; n < CONTAINERS && e >= 0; n++) {
                struct expected *x = &p->all[stack][n];
                const unsigned variant = variants[n] < 0 ? 0 : 1U << variants[n];

                /* One that ended by itself may stay so when it is declared as it was. */
                const bool same = x->variants == variant && (x->may & MAY_BE_ENDED);
                become(p, stack, n, variant ? MAY_BE_UP | (same ? MAY_BE_ENDED : 0) : MAY_BE_GONE, e == 0);
                if (x->variants != variant)
                        x->pid = 0;
                x->variants = e == 0 ? variant : x->variants | variant;
        }
        return e >= 0;
}

/* Method on a stack, or one container of it. */
static bool operate(struct play *p, const char *method, unsigned may) {
        const int stack = (int)rig_below(p->rig, STACKS), one = rig_below(p->rig, 3) ? (int)rig_below(p->rig, CONTAINERS) : -1;
        char target[16];
        bool there = false;

        (void)snprintf(target, sizeof(target), one < 0 ? "o%d" : "o%d/%s", stack, one < 0 ? "" : names[one]);
        for (int n = 0; n < CONTAINERS; n++)
                there = there || ((one < 0 || n == one) && !(p->all[stack][n].may & MAY_BE_GONE));
        say(p, "%s %s", method, target);
        int e = call(p, &(struct call){ method, json_pack("{s:[s]}", "targets", target), there });
        if (e < 0 || e == 1)
                return e == 1;
        for (int n = 0; n < CONTAINERS; n++) {
                struct expected *x = &p->all[stack][n];

                if ((one >= 0 && n != one) || x->may == MAY_BE_GONE)
                        continue;
                if (strcmp(method, "Restart") == 0)
                        x->pid = 0;
                become(p, stack, n, may | (x->may & MAY_BE_GONE), e == 0);
                x->cut = x->cut && (e != 0 || may != MAY_BE_UP);
        }
        return true;
}

static bool remove_stack(struct play *p) {
        const int stack = (int)rig_below(p->rig, STACKS);
        char name[8];
        bool there = false;

        (void)snprintf(name, sizeof(name), "o%d", stack);
        for (int n = 0; n < CONTAINERS; n++)
                there = there || !(p->all[stack][n].may & MAY_BE_GONE);
        say(p, "remove %s", name);
        int e = call(p, &(struct call){ "Remove", json_pack("{s:s}", "stack", name), there });
        for (int n = 0; n < CONTAINERS && e >= 0; n++) {
                become(p, stack, n, MAY_BE_GONE, e <= 1);
                if (e <= 1)
                        p->all[stack][n].variants = 0;
        }
        return e >= 0;
}

static bool kill_payload(struct play *p) {
        _cleanup_status_ struct status s = STATUS_NULL;
        const int stack = (int)rig_below(p->rig, STACKS), n = (int)rig_below(p->rig, SERVICES);
        char name[8];

        (void)snprintf(name, sizeof(name), "o%d", stack);
        if (rig_status(p->rig, &s) < 0) {
                say(p, "kill o%d/%s: no answer\n", stack, names[n]);
                return false;
        }
        const struct seen *seen = status_find(&s, name, names[n]);
        say(p, "kill o%d/%s, pid %d\n", stack, names[n], seen ? seen->pid : 0);
        if (!seen || !seen_is_up(seen) || seen->pid <= 0)
                return true;
        p->all[stack][n].pid = 0;
        if (n == 2)
                p->all[stack][n].may |= MAY_BE_ENDED;
        const pid_t pid = seen->pid;
        (void)kill(pid, SIGKILL);
        /* A start of what is still believed to be up is done at once; where nothing else starts it again, that is not asked. */
        for (const uint64_t end = rig_now_usec() + 2000000; n == 2 && rig_now_usec() < end; rig_sleep_usec(2000)) {
                _cleanup_status_ struct status now = STATUS_NULL;

                if (rig_status(p->rig, &now) == 0 && (!(seen = status_find(&now, name, names[n])) || seen->pid != pid))
                        break;
        }
        return true;
}

static bool kill_supervisor(struct play *p) {
        say(p, "the supervisor killed\n");
        rig_sleep_usec(rig_below(p->rig, 30000));
        return start_next(p);
}

static bool kill_keeper(struct play *p) {
        pid_t keeper = host_find(p->rig, "ctrsup-keeper");

        say(p, "the keeper (pid %d) killed\n", keeper);
        p->keeper_killed = true;
        if (keeper > 0)
                (void)kill(keeper, SIGKILL);
        return true;
}

static bool any_apply(struct play *p) { return apply(p, (int)rig_below(p->rig, STACKS)); }
static bool any_stop(struct play *p) { return operate(p, "Stop", MAY_BE_STOPPED); }
static bool any_start(struct play *p) { return operate(p, "Start", MAY_BE_UP); }
static bool any_restart(struct play *p) { return operate(p, "Restart", MAY_BE_UP); }

static const struct {
        const char *name;
        unsigned weight; /* of 100 */
        bool (*run)(struct play *p);
} operations[] = {
        { "apply", 26, any_apply },         { "stop", 14, any_stop },
        { "start", 16, any_start },         { "restart", 8, any_restart },
        { "remove", 6, remove_stack },      { "kill of a payload", 14, kill_payload },
        { "kill of the supervisor", 12, kill_supervisor }, { "kill of the keeper", 4, kill_keeper },
};

/* --- the look --- */

/* Of what runs: "once\0/data\0v3" says v3. */
static int variant_of(pid_t pid) {
        char path[64], text[128] = "";

        (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        const char *at = n > 3 ? text + n - 3 : "";
        return at[0] == 'v' ? atoi(at + 1) : -1;
}

static unsigned what_is(const struct seen *s) {
        return !s ? MAY_BE_GONE : seen_is_up(s) ? MAY_BE_UP : strcmp(s->state, "stopped") == 0 ? MAY_BE_STOPPED : MAY_BE_ENDED;
}

/* Whether one is as the model says; then what is seen is what is. */
static bool look_at(struct play *p, const struct status *s, int stack, int n) {
        struct expected *e = &p->all[stack][n];
        char name[8];

        (void)snprintf(name, sizeof(name), "o%d", stack);
        const struct seen *seen = status_find(s, name, names[n]);
        const unsigned is = what_is(seen);
        unsigned may = e->may;
        if ((may & MAY_BE_STOPPED) && is_job(n)) /* a stop leaves it what it is: completed */
                may |= MAY_BE_ENDED;
        if ((may & MAY_BE_UP) && is_job(n))
                may = (may & ~(unsigned)MAY_BE_UP) | MAY_BE_ENDED;
        if ((may & MAY_BE_UP) && n == 2 && p->keeper_killed)
                may |= MAY_BE_ENDED;
        bool good = is & may;
        if (!good)
                rig_note("%s/%s is %s (%s %d), the model's mask is %u", name, names[n], seen ? seen->state : "gone", seen ? seen->reason : "",
                         seen ? seen->code : 0, may);
        if (good && is == MAY_BE_UP) {
                const int variant = variant_of(seen->pid);

                if (e->pid && e->pid != seen->pid) {
                        rig_note("%s/%s was pid %d, and is pid %d though nothing was done to it", name, names[n], e->pid, seen->pid);
                        good = false;
                }
                if (variant < 0 || !(e->variants & (1U << variant))) {
                        rig_note("%s/%s runs variant %d, the model's mask is %u", name, names[n], variant, e->variants);
                        good = false;
                }
                e->variants = variant < 0 ? e->variants : 1U << variant;
        }
        e->cut = is == MAY_BE_ENDED && (e->cut || p->keeper_killed);
        if (good && is == MAY_BE_ENDED && is_job(n) && !e->cut) {
                const bool may_fail = e->variants & 0xa, may_succeed = e->variants & 0x5;

                good = strcmp(seen->state, "completed") == 0 ? may_succeed : may_fail;
                if (!good)
                        rig_note("%s/%s is %s (%s %d), its variants' mask is %u", name, names[n], seen->state, seen->reason, seen->code, e->variants);
        }
        e->pid = is == MAY_BE_UP ? seen->pid : 0;
        e->may = is == MAY_BE_ENDED && is_job(n) ? MAY_BE_UP : is == MAY_BE_ENDED ? MAY_BE_UP | MAY_BE_ENDED : is;
        if (is == MAY_BE_GONE)
                e->variants = 0;
        return good;
}

/* One that was killed just now may still have been said to be up when the checker looked. */
static bool has_stale(const struct status *s) {
        for (size_t n = 0; n < s->n; n++)
                if (seen_is_up(&s->items[n]) ? variant_of(s->items[n].pid) < 0 : !seen_is_down(&s->items[n]))
                        return true;
        return false;
}

static bool read_when_quiet(struct play *p, struct status *ret) {
        const uint64_t begin = rig_now_usec(), end = begin + SETTLE_MS * UINT64_C(1000);
        bool good;

        while ((good = check_settles(p->rig, CHECK_SETTLED, SETTLE_MS) && rig_status(p->rig, ret) == 0) && has_stale(ret) && rig_now_usec() < end) {
                status_done(ret);
                rig_sleep_usec(2000);
        }
        p->looking_usec += rig_now_usec() - begin;
        return good;
}

static bool look(struct play *p) {
        _cleanup_status_ struct status s = STATUS_NULL;

        if (!read_when_quiet(p, &s))
                return false;
        bool good = true;
        for (int stack = 0; stack < STACKS; stack++)
                for (int n = 0; n < CONTAINERS; n++)
                        good = look_at(p, &s, stack, n) && good;
        if (good) {
                p->keeper_killed = false;
                buf_reset(&p->history);
        }
        return good;
}

static void show_history(struct play *p) {
        const char *line = buf_text(&p->history);

        for (rig_note("since the last look:"); *line; line += *line == '\n') {
                rig_note("  %.*s", (int)strcspn(line, "\n"), line);
                line += strcspn(line, "\n");
        }
}

/* A stack's ids may be others when it comes back: what its payloads write to is everybody's. */
static void make_data(struct rig *r) {
        static const char *const files[] = { "lock", "count", "witness" };

        for (int stack = 0; stack < STACKS; stack++)
                for (int n = 0; n < SERVICES; n++) {
                        char prefix[8], path[RIG_PATH * 2];

                        (void)snprintf(prefix, sizeof(prefix), "o%d%s", stack, names[n]);
                        story_data(r, prefix, 0);
                        for (size_t f = 0; f < ARRAY_SIZE(files); f++) {
                                (void)snprintf(path, sizeof(path), "%s/data/%s0/%s", r->work, prefix, files[f]);
                                _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
                                if (fd < 0 || fchmod(fd, 0666) < 0)
                                        abort();
                        }
                }
}

static bool play_one(struct play *p) {
        unsigned at = rig_below(p->rig, 100), o = 0;

        while (at >= operations[o].weight)
                at -= operations[o++].weight;
        p->counts[o]++;
        return operations[o].run(p);
}

static int test(struct rig *r) {
        const unsigned wanted = rig_count("OPERATIONS", 2000);
        struct play p = { .rig = r, .history = BUF_NULL };
        struct story told = { 0 };
        unsigned n = 0;
        bool good = true, gone = true;

        for (int stack = 0; stack < STACKS; stack++)
                for (int k = 0; k < CONTAINERS; k++)
                        p.all[stack][k].may = MAY_BE_GONE;
        make_data(r);
        rig_configure(r, "reconcile = { interval = \"1s\"; };");
        r->old_loggers = true; /* keeper and supervisor may be killed at once */
        rig_start(r, NULL);
        if (!rig_ok(r, rig_wait_up(r, 10000), "a supervisor runs"))
                return rig_finish(r);
        const uint64_t start = rig_now_usec();
        while (good && n < wanted) {
                good = play_one(&p);
                n++;
                if (good && (n % CHECK_EVERY == 0 || n == wanted))
                        good = look(&p);
        }
        rig_note("%u operations in %.1f s (%.1f s of them until all was quiet), %u not answered, %u supervisors came after a kill", n, (double)(rig_now_usec() - start) / 1e6,
                 (double)p.looking_usec / 1e6, p.unanswered, p.restarts);
        for (size_t o = 0; o < ARRAY_SIZE(operations); o++)
                rig_note("  %5u times %s", p.counts[o], operations[o].name);
        if (!rig_ok(r, good && n == wanted, "after each ten operations all is as the model says, and the invariants hold"))
                show_history(&p);
        for (int stack = 0; stack < STACKS; stack++) {
                char name[8];

                (void)snprintf(name, sizeof(name), "o%d", stack);
                bool there = false;
                for (int k = 0; k < CONTAINERS; k++) {
                        char prefix[16];

                        there = there || p.all[stack][k].may != MAY_BE_GONE;
                        (void)snprintf(prefix, sizeof(prefix), "%s%s", name, names[k]);
                        if (!is_job(k))
                                story_count_doubled(r, prefix, 0, &told);
                }
                gone = (!there || rig_remove(r, name, 30000) == 0) && gone;
        }
        rig_ok(r, told.doubled == 0, "no run met another one of its container");
        rig_ok(r, gone && check_settles(r, CHECK_EMPTY, SETTLE_MS), "removed, nothing is left");
        buf_done(&p.history);
        return rig_finish(r);
}

int main(void) {
        return rig_main("operations", test);
}
