#include "session.h"

#include "terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>

int session_begin(struct session *s, int master, bool input, struct err *err) {
        sigset_t ours;

        *s = SESSION_NULL;
        s->master = master;
        s->input = input;
        (void)fcntl(master, F_SETFL, fcntl(master, F_GETFL) | O_NONBLOCK);
        (void)sigemptyset(&ours);
        (void)sigaddset(&ours, SIGWINCH);
        (void)sigaddset(&ours, SIGTERM);
        (void)sigaddset(&ours, SIGHUP);
        (void)sigaddset(&ours, SIGINT);
        (void)sigprocmask(SIG_BLOCK, &ours, &s->before);
        s->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
        if (s->signal_fd < 0)
                return err_sys(err, errno, "wait for signals");
        terminal_copy_size(STDOUT_FILENO, master);
        if (input && isatty(STDIN_FILENO)) {
                int r = terminal_raw(STDIN_FILENO, &s->saved);

                if (r < 0)
                        return err_sys(err, -r, "set the terminal to raw");
                s->raw = true;
        }
        return 0;
}

void session_done(struct session *s) {
        if (s->raw)
                terminal_restore(STDIN_FILENO, &s->saved);
        s->raw = false;
        s->master = close_fd(s->master);
        if (s->signal_fd >= 0)
                (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
        s->signal_fd = close_fd(s->signal_fd);
}

/* A terminal may take less than we have; our own output may wait, its input is a person's typing. */
static void write_all(int fd, const char *bytes, size_t len) {
        while (len > 0) {
                ssize_t n = write(fd, bytes, len);

                if (n < 0 && errno == EAGAIN) {
                        struct pollfd p = { .fd = fd, .events = POLLOUT };

                        if (poll(&p, 1, 1000) <= 0)
                                return; /* nobody reads on the other side: typing is dropped, as a terminal would */
                        continue;
                }
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return;
                bytes += n;
                len -= (size_t)n;
        }
}

/* False: the master has ended (EIO: the last one on the other side has closed it). */
static bool carry_output(struct session *s) {
        char bytes[16 * 1024];
        ssize_t n = read(s->master, bytes, sizeof(bytes));

        if (n > 0)
                write_all(STDOUT_FILENO, bytes, (size_t)n);
        return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The end of a pipe is told as a person would: ^D at the start of a line, which the other side may take or leave. */
static void carry_input(struct session *s) {
        char bytes[4096];
        ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

        if (n > 0) {
                write_all(s->master, bytes, (size_t)n);
        } else if (n == 0 || errno != EINTR) {
                s->input = false;
                if (n == 0)
                        write_all(s->master, "\004", 1);
        }
}

static int take_signal(struct session *s) {
        struct signalfd_siginfo info;

        while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
                if (info.ssi_signo != SIGWINCH)
                        return (int)info.ssi_signo;
                terminal_copy_size(STDOUT_FILENO, s->master);
        }
        return 0;
}

int session_carry(struct session *s, int other) {
        for (;;) {
                struct pollfd fds[] = {
                        { .fd = s->master, .events = POLLIN },
                        { .fd = s->signal_fd, .events = POLLIN },
                        { .fd = s->input ? STDIN_FILENO : -1, .events = POLLIN },
                        { .fd = other, .events = POLLIN },
                };

                if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return 0;
                }
                if (fds[0].revents && !carry_output(s)) {
                        s->master = close_fd(s->master);
                        return 0;
                }
                if (fds[1].revents) {
                        int signal = take_signal(s);

                        if (signal > 0)
                                return signal;
                }
                if (fds[2].revents)
                        carry_input(s);
                if (fds[3].revents)
                        return -EAGAIN;
        }
}

void session_drain(struct session *s) {
        char bytes[16 * 1024];
        ssize_t n;

        while (s->master >= 0 && (n = read(s->master, bytes, sizeof(bytes))) > 0)
                write_all(STDOUT_FILENO, bytes, (size_t)n);
}
