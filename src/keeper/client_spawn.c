/* Starting a keeper. It is exec'd as a daemon: the process we start prepares all, forks the one that stays and exits, so
 * that the keeper is nobody's child to reap and its socket answers when we go on. */
#include <ctrsup/keeper/client.h>

#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

static _Noreturn void exec_keeper(char **argv, int output) {
        char *envp[] = { NULL };
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(output, 2) < 0)
                _exit(126);
        (void)execve(argv[0], argv, envp);
        const char *reason = strerror(errno);
        (void)!write(2, reason, strlen(reason));
        _exit(127);
}

/* Its words, when it could not start: one line on stderr. */
static int read_complaint(int fd, char *text, size_t size) {
        ssize_t n = io_read_full(fd, text, size - 1);

        text[n < 0 ? 0 : n] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return n > 0;
}

static int run(char **argv, int cgroup_fd, struct err *err) {
        _cleanup_fd_ int output = -EBADF, input = -EBADF, pidfd = -EBADF;
        struct clone_args args = { .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
                                   .pidfd = (uintptr_t)&pidfd,
                                   .exit_signal = SIGCHLD };
        char words[256];
        siginfo_t info;
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0)
                return err_sys(err, errno, "make a pipe");
        output = ends[0];
        input = ends[1];
        if (cgroup_fd >= 0) {
                args.flags |= CLONE_INTO_CGROUP;
                args.cgroup = (uint64_t)(unsigned)cgroup_fd;
        }
        pid_t pid = sys_clone3(&args);
        if (pid == 0)
                exec_keeper(argv, input);
        if (pid < 0)
                return err_sys(err, errno, "start %s", argv[0]);
        input = close_fd(input);
        bool complained = read_complaint(output, words, sizeof(words));
        while (sys_waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED, NULL) < 0 && errno == EINTR)
                ;
        if (complained || info.si_code != CLD_EXITED || info.si_status != 0)
                return err_set(err, EIO, "start %s: %s", argv[0], complained ? words : "it ended at once");
        return 0;
}

int keeper_client_spawn(const struct keeper_spawn *spawn, struct keeper_client **ret, struct err *err) {
        char init[PATH_MAX], program[PATH_MAX];
        char *argv[9] = { 0 };
        size_t n = 0;

        if (strlen(spawn->program) >= sizeof(program))
                return err_set(err, ENAMETOOLONG, "start %s: the path is too long", spawn->program);
        (void)strcpy(program, spawn->program);
        if ((size_t)snprintf(init, sizeof(init), "%s%s", spawn->init ? spawn->init : dirname(program),
                             spawn->init ? "" : "/ctrsup-init") >= sizeof(init))
                return err_set(err, ENAMETOOLONG, "the path of ctrsup-init is too long");
        argv[n++] = (char *)spawn->program;
        argv[n++] = (char *)"--runtime";
        argv[n++] = (char *)spawn->runtime;
        argv[n++] = (char *)"--init";
        argv[n++] = init;
        argv[n++] = (char *)"--daemon";
        if (spawn->ephemeral)
                argv[n++] = (char *)"--ephemeral";
        int r = run(argv, spawn->cgroup_fd, err);
        return r < 0 ? r : keeper_client_connect(spawn->runtime, ret, err);
}
