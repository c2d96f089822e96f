/* leash SECONDS CMD [ARG...]: run CMD for that long at most, and end all that it started, however far it went.
 *
 * CMD gets a process group of its own. What its processes leave becomes a child of this one (a subreaper), so when CMD ends it can
 * be found and is killed: other sessions, daemons, containers. SIGTERM, SIGINT, SIGHUP and the death of who started this, too, end
 * CMD: SIGTERM for its group, GRACE_SEC for it to clean up, then SIGKILL for every process.
 * Exit status: CMD's, 128 + n when signal n ended it; 124: no end in time; 125: this program failed; 127: CMD cannot be run.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GRACE_SEC 10
#define LAST_SEC 5 /* for processes that SIGKILL does not end at once */

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };

static double now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reaps what has ended; *status is CMD's once it did. False: there is no child any more. */
static int reap(pid_t cmd, int *status) {
        for (;;) {
                int s;
                pid_t pid = waitpid(-1, &s, WNOHANG);

                if (pid <= 0)
                        return pid == 0;
                if (pid == cmd)
                        *status = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
        }
}

/* Until CMD ended, a signal came, or the time is over: 0, the signal, SIGALRM. */
static int wait_for(pid_t cmd, const sigset_t *set, double deadline, int *status) {
        while (reap(cmd, status), *status < 0) {
                double rest = deadline - now();
                struct timespec t = { .tv_sec = (time_t)rest, .tv_nsec = (long)((rest - (double)(time_t)rest) * 1e9) };

                if (rest <= 0)
                        return SIGALRM;
                int sig = sigtimedwait(set, NULL, &t);
                if (sig > 0 && sig != SIGCHLD)
                        return sig;
        }
        return 0;
}

/* Kills the children, and those that become children by that, until there are none. */
static void kill_all(pid_t cmd, const sigset_t *set, int *status) {
        double deadline = now() + LAST_SEC;
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        while (reap(cmd, status) && now() < deadline) {
                FILE *f = fopen(path, "re");
                int pid;

                while (f && fscanf(f, "%d", &pid) == 1)
                        (void)kill(pid, SIGKILL);
                if (f)
                        (void)fclose(f);
                (void)sigtimedwait(set, NULL, &(struct timespec){ .tv_nsec = 20000000 });
        }
}

static pid_t start(char **argv, const sigset_t *before) {
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        (void)setpgid(0, 0);
        (void)sigprocmask(SIG_SETMASK, before, NULL);
        execvp(argv[0], argv);
        fprintf(stderr, "leash: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

int main(int argc, char **argv) {
        double limit = argc > 2 ? strtod(argv[1], NULL) : 0;
        int status = -1;
        sigset_t set, before;

        if (limit <= 0) {
                fprintf(stderr, "usage: leash SECONDS CMD [ARG...]\n");
                return 125;
        }
        (void)sigemptyset(&set);
        for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++) {
                (void)signal(handled[i], SIG_DFL); /* a shell's background job ignores SIGINT; the tests must not */
                (void)sigaddset(&set, handled[i]);
        }
        (void)signal(SIGQUIT, SIG_DFL);
        (void)sigprocmask(SIG_BLOCK, &set, &before);
        if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) {
                perror("leash");
                return 125;
        }
        pid_t cmd = start(argv + 2, &before);
        if (cmd < 0) {
                perror("leash: fork");
                return 125;
        }
        (void)setpgid(cmd, cmd);
        int why = wait_for(cmd, &set, now() + limit, &status);
        if (why) {
                (void)kill(-cmd, SIGTERM);
                double deadline = now() + GRACE_SEC;
                while (status < 0 && now() < deadline)
                        (void)wait_for(cmd, &set, deadline, &status);
        }
        kill_all(cmd, &set, &status);
        return why == SIGALRM ? 124 : why ? 128 + why : status;
}
