/* Supervisors that meet: the second one says so and ends, and does not touch the first; of many at once one stays. */
#include "rig/rig.h"
#include "rig/story.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { AT_ONCE = 50 };

static unsigned count_of(const struct rig *r, const char *what) {
        char path[RIG_PATH * 2], line[512];
        unsigned n = 0;

        (void)snprintf(path, sizeof(path), "%s/supervisor.log", r->work);
        _cleanup_file_ FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                n += strstr(line, what) != NULL;
        return n;
}

/* What the second one does: its exit status; -1: it did not end. */
static int second(struct rig *r) {
        const pid_t first = r->supervisor;
        const uint64_t end = rig_now_usec() + 10000000;
        int status = 0;

        rig_start(r, NULL);
        pid_t pid = r->supervisor;
        r->supervisor = first;
        while (rig_now_usec() < end) {
                if (waitpid(pid, &status, WNOHANG) == pid)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
                rig_sleep_usec(500);
        }
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return -1;
}

/* AT_ONCE at the same time, none before: how many are left when all others have ended. The one is r->supervisor. */
static unsigned crowd(struct rig *r) {
        pid_t pids[AT_ONCE];
        const uint64_t end = rig_now_usec() + 30000000;
        unsigned left = AT_ONCE;

        for (int n = 0; n < AT_ONCE; n++) {
                rig_start(r, NULL);
                pids[n] = r->supervisor;
        }
        while (left > 1 && rig_now_usec() < end) {
                for (int n = 0; n < AT_ONCE; n++)
                        if (pids[n] > 0 && rig_has_ended(pids[n])) {
                                pids[n] = 0;
                                left--;
                        }
                rig_sleep_usec(2000);
        }
        r->supervisor = 0;
        for (int n = 0; n < AT_ONCE; n++)
                if (pids[n] > 0)
                        r->supervisor = pids[n];
        return left;
}

static pid_t pid_of_it(struct rig *r) {
        _cleanup_status_ struct status s = STATUS_NULL;
        const struct seen *seen = rig_status(r, &s) < 0 ? NULL : status_find(&s, "one", "c");

        return seen ? seen->pid : 0;
}

static int test(struct rig *r) {
        const unsigned rounds = rig_count("CROWDS", 20);
        _cleanup_buf_ struct buf stack = BUF_NULL;
        unsigned n, left = 1;

        story_head(r, &stack, "one");
        buf_puts(&stack, "  c: {command: [/bin/beat, steady]}\n");
        rig_start(r, NULL);
        bool up = rig_wait_up(r, 10000) && rig_apply(r, buf_text(&stack), 20000) == 0;
        const pid_t pid = pid_of_it(r);
        if (!rig_ok(r, up && pid > 0, "a supervisor and a container run"))
                return rig_finish(r);
        int status = second(r);
        rig_ok(r, status == 1, "a second one ends with status 1 (it was %d)", status);
        rig_ok(r, count_of(r, "another supervisor (pid ") == 1, "with a sentence that names the first");
        rig_ok(r, !rig_has_ended(r->supervisor) && pid_of_it(r) == pid && check_settles(r, CHECK_SETTLED, 10000), "which goes on as it was");
        for (n = 0; n < rounds && left == 1; n++) {
                rig_kill(r);
                left = crowd(r);
                if (left == 1 && (!rig_wait_up(r, 10000) || !check_settles(r, CHECK_SETTLED, 10000) || pid_of_it(r) != pid))
                        left = 0;
        }
        rig_ok(r, left == 1, "of %d at once one stays, with the container as it was: %u rounds", AT_ONCE, n);
        rig_ok(r, count_of(r, "another supervisor") >= rounds * (AT_ONCE - 1), "and every other one says why it ends");
        rig_ok(r, rig_remove(r, "one", 20000) == 0 && check_settles(r, CHECK_EMPTY, 10000), "removed, nothing is left");
        return rig_finish(r);
}

int main(void) {
        return rig_main("crowd", test);
}
