#include "pager.h"

#include <string.h>
#include <sys/wait.h>

/* What the user asked for, by our own variable first; "" or "cat" is a way to say none. */
static const char *choose(void) {
        const char *names[] = { "CTRSUP_PAGER", "PAGER" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *pager = getenv(names[i]);

                if (pager)
                        return strcmp(pager, "cat") == 0 ? "" : pager;
        }
        return "less";
}

/* Without the pager the text must not be lost: then this is it. */
static void copy(void) {
        char bytes[16 * 1024];
        ssize_t n;

        while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0)
                for (ssize_t done = 0; done < n;) {
                        ssize_t m = write(STDOUT_FILENO, bytes + done, (size_t)(n - done));

                        if (m <= 0)
                                return;
                        done += m;
                }
}

pid_t pager_begin(const struct cli *c) {
        const char *pager = choose();
        int fds[2];

        if (!c->out_tty || c->no_pager || !*pager || pipe(fds) < 0)
                return 0;
        pid_t pid = fork();
        if (pid < 0) {
                (void)close_fd(fds[0]);
                (void)close_fd(fds[1]);
                return 0;
        }
        if (pid == 0) {
                (void)dup2(fds[0], STDIN_FILENO);
                (void)close_fd(fds[0]);
                (void)close_fd(fds[1]);
                /* As systemd: quit when it fits, colours, no wrapping, no clearing, ^C ends it. */
                (void)setenv("LESS", "FRSXMK", 0);
                if (strpbrk(pager, " \t|&;<>()$\"'"))
                        (void)execl("/bin/sh", "sh", "-c", pager, NULL);
                else
                        (void)execlp(pager, pager, NULL);
                copy();
                _exit(0);
        }
        (void)dup2(fds[1], STDOUT_FILENO);
        (void)close_fd(fds[0]);
        (void)close_fd(fds[1]);
        return pid;
}

void pager_end(pid_t pager) {
        if (pager <= 0)
                return;
        (void)close(STDOUT_FILENO);
        while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
                ;
}
