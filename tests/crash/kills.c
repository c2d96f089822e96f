/* The supervisor is killed at random moments, KILLS (1000) times, while 50 containers run, end, write and are operated on: none is
 * lost, doubled or changed, no end is told wrongly, no log byte is missing. */
#include "rig/rig.h"
#include "rig/story.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEADY = 20, EXITS = 14, LINES = 8, BUSY = 8, CHECK_EVERY = 100, SETTLE_MS = 20000 };

struct load {
        pid_t steady[STEADY];
        int64_t restarts[EXITS];
        pid_t client;
};

static void make_stacks(struct rig *r, struct buf *steady, struct buf *exits, struct buf *lines) {
        story_head(r, steady, "steady");
        for (int n = 0; n < STEADY; n++)
                buf_printf(steady, "  s%d: {command: [/bin/beat, steady]}\n", n);
        story_head(r, exits, "exits");
        for (int n = 0; n < EXITS; n++) {
                story_data(r, "e", n);
                buf_printf(exits, "  e%d: {command: [/bin/beat, exits, /data, \"300\", \"1500\"], volumes: [{type: bind, source: %s/data/e%d, target: /data}]}\n",
                           n, r->work, n);
        }
        story_head(r, lines, "lines");
        for (int n = 0; n < LINES; n++)
                buf_printf(lines, "  l%d: {command: [/bin/beat, lines, \"%d\", \"80\"]}\n", n, 2000 + n * 1000);
}

static void make_busy(struct rig *r, struct buf *busy, unsigned variant) {
        story_head(r, busy, "busy");
        for (int n = 0; n < BUSY; n++) {
                story_data(r, "b", n);
                buf_printf(busy, "  b%d: {command: [/bin/beat, once, /data], environment: {VARIANT: \"%u\"}, volumes: [{type: bind, source: %s/data/b%d, target: /data}]}\n",
                           n, n % 2 ? 0 : variant, r->work, n);
        }
}

/* What an operator does meanwhile; whether he is answered is no matter here. */
static _Noreturn void operate(struct rig *r) {
        for (;;) {
                _cleanup_buf_ struct buf busy = BUF_NULL;
                char target[32];
                static const char *const methods[] = { "Stop", "Start", "Restart", "Start" };

                (void)snprintf(target, sizeof(target), "busy/b%u", rig_below(r, BUSY));
                unsigned what = rig_below(r, 6);
                if (what < ARRAY_SIZE(methods))
                        (void)rig_operate(r, methods[what], target, 500);
                else if (what == 4) {
                        make_busy(r, &busy, rig_below(r, 3));
                        (void)rig_do(r, "Apply", rig_document(buf_text(&busy)), 1000, NULL);
                } else
                        story_exec(r, target);
                rig_sleep_usec(rig_below(r, 60000));
        }
}

static bool remember(struct rig *r, struct load *l) {
        _cleanup_status_ struct status s = STATUS_NULL;

        if (rig_status(r, &s) < 0 || s.n != STEADY + EXITS + LINES + BUSY)
                return false;
        for (int n = 0; n < STEADY; n++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "s%d", n);
                const struct seen *seen = status_find(&s, "steady", name);
                l->steady[n] = seen ? seen->pid : 0;
        }
        return true;
}

/* A moment without anything under way, and the picture in it. */
static unsigned compare(struct rig *r, struct load *l) {
        _cleanup_status_ struct status s = STATUS_NULL;
        unsigned wrong = 0;

        (void)kill(l->client, SIGSTOP);
        if (!rig_wait_up(r, 10000) || !check_settles(r, CHECK_SETTLED, SETTLE_MS))
                wrong++;
        (void)kill(l->client, SIGCONT);
        if (rig_status(r, &s) < 0)
                return wrong + 1;
        if (s.n != STEADY + EXITS + LINES + BUSY) {
                rig_note("%zu containers are there, not %d", s.n, STEADY + EXITS + LINES + BUSY);
                wrong++;
        }
        for (int n = 0; n < STEADY; n++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "s%d", n);
                const struct seen *seen = status_find(&s, "steady", name);
                if (!seen || seen->pid != l->steady[n] || seen->restarts != 0) {
                        rig_note("steady/%s was pid %d, is %s with pid %d after %lld restarts", name, l->steady[n], seen ? seen->state : "gone",
                                 seen ? seen->pid : 0, seen ? (long long)seen->restarts : 0);
                        wrong++;
                }
        }
        for (int n = 0; n < EXITS; n++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "e%d", n);
                const struct seen *seen = status_find(&s, "exits", name);
                if (seen && seen->restarts < l->restarts[n]) {
                        rig_note("exits/%s had %lld restarts, now %lld", name, (long long)l->restarts[n], (long long)seen->restarts);
                        wrong++;
                }
                l->restarts[n] = seen ? seen->restarts : l->restarts[n];
        }
        return wrong;
}

/* Soon after the start as often as later: it is adopting then. */
static uint64_t moment(struct rig *r) {
        return rig_below(r, 10) < 4 ? rig_below(r, 30000) : rig_below(r, 180000);
}

static int test(struct rig *r) {
        const unsigned kills = rig_count("KILLS", 1000);
        _cleanup_buf_ struct buf steady = BUF_NULL, exits = BUF_NULL, lines = BUF_NULL, busy = BUF_NULL;
        struct load l = { 0 };
        unsigned ended = 0, wrong = 0, done = 0;

        make_stacks(r, &steady, &exits, &lines);
        make_busy(r, &busy, 0);
        r->restless = "exits";
        rig_start(r, NULL);
        bool up = rig_wait_up(r, 10000) && rig_apply(r, buf_text(&steady), 60000) == 0 && rig_apply(r, buf_text(&lines), 60000) == 0 &&
                  rig_apply(r, buf_text(&busy), 60000) == 0;
        (void)rig_do(r, "Apply", rig_document(buf_text(&exits)), 10000, NULL); /* looked at between two runs it has failed */
        if (!rig_ok(r, up && remember(r, &l), "50 containers are up"))
                return rig_finish(r);
        l.client = fork();
        if (l.client == 0)
                operate(r);

        const uint64_t start = rig_now_usec();
        for (unsigned n = 1; n <= kills && wrong < 5; n++) {
                done = n;
                rig_sleep_usec(moment(r));
                if (rig_has_ended(r->supervisor)) {
                        rig_note("kill %u: the supervisor had ended by itself", n);
                        ended++;
                        r->supervisor = 0;
                }
                rig_kill(r);
                rig_start(r, NULL);
                if (n % CHECK_EVERY == 0 || n == kills) {
                        unsigned now = compare(r, &l);
                        if (now > 0)
                                rig_note("that was after kill %u", n);
                        wrong += now;
                }
        }
        rig_note("%u kills in %.1f s", done, (double)(rig_now_usec() - start) / 1e6);
        (void)kill(l.client, SIGKILL);
        (void)waitpid(l.client, NULL, 0);
        rig_ok(r, ended == 0, "no supervisor ended by itself");
        rig_ok(r, wrong == 0, "none lost, doubled, or in another process; no restart counter went back");

        (void)rig_wait_up(r, 10000);
        r->restless = NULL;
        rig_ok(r, rig_operate(r, "Stop", "exits", 30000) == 0 && rig_operate(r, "Stop", "lines", 30000) == 0, "they can be stopped");
        rig_ok(r, check_settles(r, CHECK_SETTLED, SETTLE_MS), "and settle");
        struct story told = { 0 };
        for (int n = 0; n < EXITS; n++)
                story_compare_exits(r, "exits", "e", n, &told);
        rig_note("%u runs ended and were told, %u of them twice; %u were killed as they started", told.ends, told.twice, told.cut);
        rig_ok(r, told.ends > 0 && told.wrong == 0 && told.unknown == 0, "every end is told, with the status it had");
        for (int n = 0; n < BUSY; n++)
                story_count_doubled(r, "b", n, &told);
        rig_ok(r, told.doubled == 0, "no run met another one of its container");
        struct story_lines log = { 0 };
        for (int n = 0; n < LINES; n++)
                story_compare_lines(r, "lines", "l", n, &log);
        rig_note("%llu lines in %d logs", (unsigned long long)log.lines, LINES);
        rig_ok(r, log.lines > 0 && log.missing == 0 && log.torn == 0 && log.twice == 0 && log.unended == 0, "every line is in its log, once");
        static const char *const stacks[] = { "steady", "exits", "lines", "busy" };
        bool removed = true;
        for (size_t n = 0; n < ARRAY_SIZE(stacks); n++)
                removed = rig_remove(r, stacks[n], 30000) == 0 && removed;
        rig_ok(r, removed && check_settles(r, CHECK_EMPTY, SETTLE_MS), "removed, nothing is left");
        return rig_finish(r);
}

int main(void) {
        return rig_main("kills", test);
}
