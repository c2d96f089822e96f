/* ctrsup-init: PID 1 of a container that asked for one. Starts the command, passes signals on to it, reaps whatever is
 * orphaned, and ends as the command ends: with its code, or 128 + the signal. Nothing else.
 *
 * It is executed from a sealed memfd, with the report pipe of the launch as fd 3: that way a command that cannot be executed
 * still fails the launch (kernel/exec.h). argv: "ctrsup-init", then the command.
 */
#include <ctrsup/kernel/exec.h>
#include <ctrsup/kernel/io.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FD_REPORT = 3, STAGE_INIT = 3 /* KEEPER_STAGE_INIT */, DETAIL_INTERPRETER = 3, EXIT_NOT_RUN = 127 };

static void report_failure(int error, enum exec_fault fault) {
        /* fault n is keeper_detail DETAIL_INTERPRETER + n - 1, see tests/unit/test_keeper_recipe.c */
        const struct exec_report report = {
                .kind = EXEC_REPORT_FAILED,
                .stage = STAGE_INIT,
                .error = (uint32_t)error,
                .op = UINT32_MAX,
                .detail = fault == EXEC_FAULT_NONE ? 0 : DETAIL_INTERPRETER + (uint32_t)fault - EXEC_FAULT_INTERPRETER,
        };

        (void)io_write_all(FD_REPORT, &report, sizeof(report));
}

static _Noreturn void run_command(char **argv, char **envp, const sigset_t *mask) {
        char watchdog_pid[EXEC_WATCHDOG_PID_SIZE];
        enum exec_fault fault;
        const char *path = "";

        for (char **e = envp; *e; e++)
                if (strncmp(*e, "PATH=", 5) == 0)
                        path = *e + 5;
        exec_fill_watchdog_pid(envp, watchdog_pid);
        (void)setpgid(0, 0); /* its own group, as a shell would give it: a signal from the terminal reaches it once */
        (void)tcsetpgrp(STDIN_FILENO, getpgrp());
        (void)sigprocmask(SIG_SETMASK, mask, NULL);
        int r = exec_search(path, argv, envp, &fault);
        report_failure(-r, fault);
        _exit(EXIT_NOT_RUN);
}

/* -1: others may still come; else the exit code to end with. */
static int reap(pid_t command) {
        for (;;) {
                int status;
                pid_t pid = waitpid(-1, &status, WNOHANG);
                if (pid <= 0)
                        return pid < 0 && errno == ECHILD ? EXIT_NOT_RUN : -1;
                if (pid == command)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
}

int main(int argc, char **argv, char **envp) {
        sigset_t all, before;

        if (argc < 2)
                return EXIT_NOT_RUN;
        (void)fcntl(FD_REPORT, F_SETFD, FD_CLOEXEC);
        (void)prctl(PR_SET_NAME, "ctrsup-init"); /* ps would show memfd:ctrsup-in */
        (void)sigfillset(&all);
        (void)sigprocmask(SIG_SETMASK, &all, &before);
        pid_t command = fork();
        if (command == 0)
                run_command(argv + 1, envp, &before);
        if (command < 0) {
                report_failure(errno, EXEC_FAULT_NONE);
                return EXIT_NOT_RUN;
        }
        (void)close(FD_REPORT);
        (void)close(STDIN_FILENO); /* the command's alone: its end must be seen by who writes */
        for (;;) {
                siginfo_t info;
                int sig = sigwaitinfo(&all, &info);
                if (sig < 0)
                        continue;
                if (sig == SIGCHLD) {
                        int code = reap(command);
                        if (code >= 0)
                                return code;
                } else {
                        (void)kill(command, sig);
                }
        }
}
