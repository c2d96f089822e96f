/* The logger is killed LOGGER_KILLS (30; a logger comes at most once a second) times under a flood of lines, the keeper KEEPER_KILLS (60) times, alone and with the
 * supervisor or the logger: what was not read is not lost, containers live, are taken over and can be stopped, and no end that was
 * not 0 is told as 0. And KEEPER_BREAKS (12) times the two are cut off from each other, and both live. */
#include "rig/rig.h"
#include "rig/story.h"

#include <ctrsup/keeper/protocol.h>

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { FLOODS = 3, STEADY = 6, BATCH_LINES = 2000, SETTLE_MS = 20000 };

/* The one after the process old: 0 when none came. */
static pid_t wait_for_next(struct rig *r, const char *name, pid_t old) {
        const uint64_t end = rig_now_usec() + 40000000;

        while (rig_now_usec() < end) {
                pid_t pid = host_find(r, name);

                if (pid > 0 && pid != old)
                        return pid;
                rig_sleep_usec(5000);
        }
        rig_note("no %s came after pid %d", name, (int)old);
        return 0;
}

/* What a logger has read and not written when it is killed goes with it: one piece of each stream a kill, no longer than one read.
 * Everything else is there once, or told of to the line: its count of what it left out it does not take along. */
static void look_at_floods(struct rig *r, unsigned kills) {
        struct story_lines log = { 0 }, limited = { 0 };
        bool good = true;

        for (int k = 0; k < FLOODS; k++) {
                struct story_lines one = { 0 };

                story_compare_lines(r, "flood", "f", k, &one);
                good = good && one.unended == 0 && one.gaps + one.repeats <= kills && one.torn <= (uint64_t)kills * 2 && one.longest <= BATCH_LINES;
                log.lines += one.lines;
                log.missing += one.missing;
                log.twice += one.twice;
                log.torn += one.torn;
                log.gaps += one.gaps;
                log.repeats += one.repeats;
                log.longest = one.longest > log.longest ? one.longest : log.longest;
        }
        rig_note("%llu lines, %llu missing in %u pieces, %llu twice in %u, the longest of them %llu lines; %llu torn", (unsigned long long)log.lines,
                 (unsigned long long)log.missing, log.gaps, (unsigned long long)log.twice, log.repeats, (unsigned long long)log.longest,
                 (unsigned long long)log.torn);
        rig_ok(r, good, "what was not read is not lost; of each log at most one batch a kill is missing or there twice");
        story_compare_limited(r, "flood", "r", 0, &limited);
        rig_note("under a rate limit: %llu lines, %llu told to be left out at %u places, %u other gaps (%llu lines), %llu lines told and not left out",
                 (unsigned long long)limited.lines, (unsigned long long)limited.dropped, limited.explained, limited.gaps,
                 (unsigned long long)limited.missing, (unsigned long long)limited.overtold);
        rig_ok(r, limited.unended == 0 && limited.explained > 0 && limited.overtold == 0 && limited.gaps + limited.repeats <= kills &&
                          limited.longest <= BATCH_LINES,
               "the counts of what is left out are exact, but for one batch a kill");
}

static void kill_loggers(struct rig *r) {
        const unsigned kills = rig_count("LOGGER_KILLS", 30);
        _cleanup_buf_ struct buf stack = BUF_NULL;
        unsigned n = 0;

        story_head(r, &stack, "flood");
        for (int k = 0; k < FLOODS; k++)
                buf_printf(&stack, "  f%d: {command: [/bin/beat, flood, \"50\", \"10000\"]}\n", k);
        story_data(r, "r", 0);
        buf_printf(&stack,
                   "  r0:\n    command: [/bin/beat, flood, \"20\", \"5000\", /data]\n    volumes: [{type: bind, source: %s/data/r0, target: /data}]\n"
                   "    logging: {driver: file, rate_limit: {interval: 100ms, burst: 40}, file: {max_size: 1G}}\n",
                   r->work);
        rig_ok(r, rig_apply(r, buf_text(&stack), 20000) == 0, "a flood of lines");
        const uint64_t start = rig_now_usec();
        for (pid_t pid = wait_for_next(r, "ctrsup-logger", 0); n < kills && pid > 0; n++) {
                rig_sleep_usec(rig_below(r, 2) ? rig_below(r, 60000) : rig_below(r, 600000));
                (void)kill(pid, SIGKILL);
                pid = wait_for_next(r, "ctrsup-logger", pid);
        }
        rig_note("%u loggers killed in %.1f s", n, (double)(rig_now_usec() - start) / 1e6);
        rig_ok(r, n == kills, "another logger comes after each that is killed");
        rig_ok(r, rig_operate(r, "Stop", "flood", 20000) == 0 && check_settles(r, CHECK_SETTLED, SETTLE_MS), "the flood is stopped");
        look_at_floods(r, n);
        rig_ok(r, rig_remove(r, "flood", 20000) == 0, "removed");
}

static bool is_same(struct rig *r, const pid_t pids[STEADY]) {
        _cleanup_status_ struct status s = STATUS_NULL;

        if (rig_status(r, &s) < 0)
                return false;
        for (int k = 0; k < STEADY; k++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "k%d", k);
                const struct seen *seen = status_find(&s, "keep", name);
                if (!seen || !seen_is_up(seen) || (pids[k] && seen->pid != pids[k])) {
                        rig_note("keep/%s was pid %d, is %s with pid %d", name, pids[k], seen ? seen->state : "gone", seen ? seen->pid : 0);
                        return false;
                }
        }
        return true;
}

static void get_pids(struct rig *r, pid_t pids[STEADY]) {
        _cleanup_status_ struct status s = STATUS_NULL;

        (void)rig_status(r, &s);
        for (int k = 0; k < STEADY; k++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "k%d", k);
                const struct seen *seen = status_find(&s, "keep", name);
                pids[k] = seen ? seen->pid : 0;
        }
}

static void kill_keepers(struct rig *r) {
        const unsigned kills = rig_count("KEEPER_KILLS", 60);
        _cleanup_buf_ struct buf stack = BUF_NULL;
        struct story_lines log = { 0 };
        pid_t pids[STEADY];
        unsigned n, wrong = 0, zeros = 0, ends = 0;

        story_head(r, &stack, "keep");
        for (int k = 0; k < STEADY; k++)
                buf_printf(&stack, "  k%d: {command: [/bin/beat, %s]}\n", k, k == 0 ? "lines, \"5000\"" : "steady");
        rig_ok(r, rig_apply(r, buf_text(&stack), 20000) == 0, "containers that stay");
        get_pids(r, pids);
        const uint64_t start = rig_now_usec();
        for (n = 0; n < kills && wrong < 3; n++) {
                pid_t keeper = host_find(r, "ctrsup-keeper"), logger = host_find(r, "ctrsup-logger");

                rig_sleep_usec(rig_below(r, 40000));
                /* Later a logger may be the only one that still has a pipe: all three dead within the second in which no other logger
                 * comes, and without an FD store, nobody has. */
                const bool first_half = n < kills / 2;
                if (n == kills / 2) {
                        (void)wait_for_next(r, "ctrsup-logger", 0);
                        rig_sleep_usec(300000);
                }
                r->old_loggers = !first_half;
                if (first_half && n % 2 && logger > 0)
                        (void)kill(logger, SIGKILL);
                if (keeper > 0)
                        (void)kill(keeper, SIGKILL);
                if (!first_half && n % 2) {
                        rig_kill(r);
                        rig_start(r, NULL);
                }
                if (!rig_wait_up(r, 10000) || wait_for_next(r, "ctrsup-keeper", keeper) == 0)
                        wrong++;
                if (n % 10 != 9)
                        continue;
                if (!check_settles(r, CHECK_SETTLED, SETTLE_MS) || !is_same(r, pids)) {
                        rig_note("that was after kill %u", n + 1);
                        wrong++;
                }
                /* One that no keeper of today started: stopped, its end is 7 or unknown; and started again by the new one. */
                char target[16];
                _cleanup_status_ struct status s = STATUS_NULL;
                const int k = 1 + (int)rig_below(r, STEADY - 1);
                (void)snprintf(target, sizeof(target), "keep/k%d", k);
                const struct seen *seen = rig_operate(r, "Stop", target, 20000) == 0 && rig_status(r, &s) == 0 ? status_find(&s, "keep", target + 5) : NULL;
                ends++;
                zeros += seen && seen->code == 0;
                if (!seen || !seen_is_down(seen) || (seen->code != 7 && strcmp(seen->reason, "unknown") != 0)) {
                        rig_note("%s: stopped, it is %s, exit %s %d", target, seen ? seen->state : "not answered for", seen ? seen->reason : "", seen ? seen->code : -1);
                        wrong++;
                }
                if (rig_operate(r, "Start", target, 20000) != 0)
                        wrong++;
                get_pids(r, pids);
        }
        rig_note("%u keepers killed in %.1f s, %u ends looked at", n, (double)(rig_now_usec() - start) / 1e6, ends);
        rig_ok(r, wrong == 0, "containers live, are taken over, can be stopped and started");
        rig_ok(r, zeros == 0, "no end that was 7 is told as 0");
        rig_ok(r, rig_operate(r, "Stop", "keep", 20000) == 0 && check_settles(r, CHECK_SETTLED, SETTLE_MS), "all are stopped");
        story_compare_lines(r, "keep", "k", 0, &log);
        rig_note("%llu lines, %llu missing, %llu twice", (unsigned long long)log.lines, (unsigned long long)log.missing, (unsigned long long)log.twice);
        rig_ok(r, log.lines > 0 && log.unended == 0 && log.gaps + log.repeats <= n, "the log went on");
        rig_ok(r, rig_remove(r, "keep", 20000) == 0 && check_settles(r, CHECK_EMPTY, SETTLE_MS), "removed, nothing is left");
}

/* The keeper lives and the supervisor's connection to it does not: a second one takes over. What the supervisor had of its containers it
 * watches by itself from then on, and hears of their ends from both. */
static void break_connections(struct rig *r) {
        const unsigned breaks = rig_count("KEEPER_BREAKS", 12);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_buf_ struct buf stack = BUF_NULL;
        unsigned wrong = 0;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/keeper.sock", r->work);
        story_head(r, &stack, "cut");
        for (int k = 0; k < 4; k++)
                buf_printf(&stack, "  c%d: {command: [/bin/beat, steady]}\n", k);
        rig_ok(r, rig_apply(r, buf_text(&stack), 20000) == 0, "containers for a keeper that is cut off");
        const pid_t keeper = host_find(r, "ctrsup-keeper"), supervisor = r->supervisor;
        for (unsigned n = 0; n < breaks && wrong == 0; n++) {
                _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                struct keeper_message hello;

                if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || recv(fd, &hello, sizeof(hello), 0) <= 0)
                        wrong++;
                if (rig_operate(r, "Restart", "cut", 20000) != 0 || !check_settles(r, CHECK_SETTLED, SETTLE_MS))
                        wrong++;
        }
        rig_ok(r, wrong == 0 && !rig_supervisor_has_ended(r) && r->supervisor == supervisor,
               "a supervisor that is cut off from its keeper comes back");
        rig_ok(r, host_find(r, "ctrsup-keeper") == keeper, "to the same one");
        if (r->supervisor == 0)
                rig_start(r, NULL);
        rig_ok(r, rig_wait_up(r, 10000) && rig_remove(r, "cut", 20000) == 0, "removed");
}

static int test(struct rig *r) {
        rig_configure(r, "reconcile = { interval = \"1s\"; };");
        rig_start(r, NULL);
        if (!rig_ok(r, rig_wait_up(r, 10000), "a supervisor runs"))
                return rig_finish(r);
        kill_loggers(r);
        kill_keepers(r);
        break_connections(r);
        return rig_finish(r);
}

int main(void) {
        return rig_main("helpers", test);
}
