/* exec: a command inside a running container, with our streams or a terminal of its own. */
#include "daemon.h"
#include "session.h"
#include "target.h"
#include "terminal.h"
#include "verbs.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { INTERACTIVE = 1, TTY, USER, WORKDIR, ENVIRONMENT };

const struct args_option exec_options[] = {
        { INTERACTIVE, 'i', "interactive", NULL, "our standard input is the command's; else it has none" },
        { TTY, 't', "tty", NULL, "a terminal inside" },
        { USER, 'u', "user", "USER", "uid, name, uid:gid or name:group of the container; else the container's own" },
        { WORKDIR, 'w', "workdir", "DIR", "where to run; else the container's working_dir" },
        { ENVIRONMENT, 'e', "env", "NAME=VALUE", "one more variable" },
        { 0 },
};

struct exec {
        struct cli *cli;
        bool interactive, tty;
        const char *user, *working_dir;
        json_t *environment;
        struct session session;
        struct control_client *client;
        int pty_socket; /* the master comes from here */
};

/* What ctrsup itself could not do is 125: all other codes are the command's. */
static int fail(const struct cli *c, const struct err *err) {
        return cli_fail(c, EXIT_SELF, err);
}

static int read_options(struct exec *x, struct args *args, int *code) {
        int id;

        while ((id = args_next(args)) != ARGS_END) {
                *code = id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (id < 0)
                        return -1;
                switch (id) {
                case INTERACTIVE:
                        x->interactive = true;
                        break;
                case TTY:
                        x->tty = true;
                        break;
                case USER:
                        x->user = args->value;
                        break;
                case WORKDIR:
                        x->working_dir = args->value;
                        break;
                default: {
                        const char *equals = strchr(args->value, '=');

                        if (!equals || equals == args->value) {
                                (void)cli_usage(x->cli, "--env: expected NAME=VALUE, found \"%s\"", args->value);
                                return -1;
                        }
                        json_t *value = json_string(equals + 1);
                        if (!value ||
                            json_object_setn_new(x->environment, args->value, (size_t)(equals - args->value), value) < 0) {
                                (void)cli_usage(x->cli, "--env: \"%s\" is no UTF-8", args->value);
                                return -1;
                        }
                }
                }
        }
        return 0;
}

/* A daemon's refusal: the kernel's word about the command is 126 or 127, the rest is ours. */
static int refused(const struct cli *c, const struct control_answer *a) {
        _cleanup_buf_ struct buf details = BUF_NULL;
        struct err err = { 0 };
        int code = daemon_error_code(a, &err, &details);

        if (code == EXIT_KERNEL && err.code == ENOENT)
                return cli_fail(c, EXIT_NOT_FOUND, &err);
        if (code == EXIT_KERNEL && (err.code == EACCES || err.code == ENOEXEC || err.code == EISDIR || err.code == ENOTDIR))
                return cli_fail(c, EXIT_NOT_EXECUTABLE, &err);
        return fail(c, &err);
}

static int signal_number(const char *name) {
        if (strncmp(name, "SIG", 3) == 0)
                name += 3;
        for (int s = 1; s < NSIG; s++)
                if (sigabbrev_np(s) && strcmp(sigabbrev_np(s), name) == 0)
                        return s;
        return SIGKILL;
}

/* The command's own code, from an Exit of the interface. */
static int exit_code(const json_t *end) {
        const json_t *code = json_object_get(end, "code");
        const char *signal = json_string_value(json_object_get(end, "signal"));

        if (json_is_integer(code))
                return (int)json_integer_value(code) & 0xff;
        return signal ? EXIT_SIGNAL + signal_number(signal) : EXIT_SELF;
}

/* One fd by SCM_RIGHTS, if it is there; -EBADF: it is not. */
static int receive_master(int socket_fd) {
        union {
                char space[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control;
        char byte;
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        int fd = -EBADF;

        if (recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0)
                return -EBADF;
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(&fd, CMSG_DATA(c), sizeof(int));
        return fd;
}

/* The terminal has come, or will not: 0, or an exit code. */
static int adopt_master(struct exec *x) {
        int master = x->pty_socket >= 0 ? receive_master(x->pty_socket) : -EBADF;
        struct err err = { 0 };

        x->pty_socket = close_fd(x->pty_socket);
        return master >= 0 && session_begin(&x->session, master, x->interactive, &err) < 0 ? fail(x->cli, &err) : 0;
}

/* The replies that are there: -1 go on, else the exit code. */
static int take_replies(struct exec *x) {
        for (;;) {
                _cleanup_control_answer_ struct control_answer answer = CONTROL_ANSWER_NULL;
                struct err err = { 0 };
                int r = control_client_receive(x->client, &answer, &err);

                if (r == 0)
                        return -1;
                if (r < 0 || answer.error) {
                        session_done(&x->session);
                        return r < 0 ? fail(x->cli, &err) : refused(x->cli, &answer);
                }
                const json_t *end = json_object_get(answer.parameters, "exit");
                if (json_is_object(end)) {
                        /* A short command is over before its terminal is looked at. */
                        if (x->session.master < 0)
                                (void)adopt_master(x);
                        session_drain(&x->session);
                        return exit_code(end);
                }
                if (!answer.continues)
                        return EXIT_SELF;
        }
}

/* Until the exit has come, also when the terminal has ended before. */
static int carry(struct exec *x) {
        struct err err = { 0 };

        for (;;) {
                int code = take_replies(x);

                if (code >= 0)
                        return code;
                if (x->session.master >= 0) {
                        int r = session_carry(&x->session, control_client_fd(x->client));

                        if (r > 0) {
                                session_done(&x->session);
                                (void)signal(r, SIG_DFL);
                                (void)raise(r);
                                return EXIT_SIGNAL + r;
                        }
                        continue;
                }
                struct pollfd fds[] = {
                        { .fd = control_client_fd(x->client), .events = control_client_events(x->client) },
                        { .fd = x->pty_socket, .events = POLLIN },
                };
                if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR) {
                        err_sys(&err, errno, "poll");
                        return fail(x->cli, &err);
                }
                if (x->pty_socket >= 0 && fds[1].revents) {
                        code = adopt_master(x);
                        if (code)
                                return code;
                }
        }
}

static int send_call(struct exec *x, json_t *parameters, const int *fds, size_t n) {
        struct err err = { 0 };
        const struct control_request request = {
                .method = CONTROL_METHOD("Exec"), .parameters = parameters, .more = true, .fds = fds, .n_fds = n
        };
        int r = control_client_send(x->client, &request, &err);

        json_decref(parameters);
        return r < 0 ? fail(x->cli, &err) : 0;
}

static int start(struct exec *x, json_t *parameters) {
        _cleanup_fd_ int null = -EBADF, far = -EBADF;
        struct err err = { 0 };
        int pair[2];

        if (!x->tty) {
                null = open("/dev/null", O_RDONLY | O_CLOEXEC);
                return send_call(x, parameters, (int[]){ x->interactive ? STDIN_FILENO : null, STDOUT_FILENO, STDERR_FILENO }, 3);
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                err_sys(&err, errno, "make a socket");
                json_decref(parameters);
                return fail(x->cli, &err);
        }
        x->pty_socket = pair[0];
        far = pair[1];
        return send_call(x, parameters, &far, 1);
}

static json_t *words_json(char **words, int n) {
        json_t *array = json_array();

        for (int i = 0; array && i < n; i++)
                if (json_array_append_new(array, json_string(words[i])) < 0) {
                        json_decref(array);
                        return NULL;
                }
        return array;
}

static int run(struct exec *x, struct args *args) {
        struct target target;
        struct err err = { 0 };
        int code;

        if (read_options(x, args, &code) < 0)
                return code;
        char **words = args_words(args);
        int n = args_n_words(args);
        if (n < 2)
                return cli_usage(x->cli,
                                 n == 0 ? "which TARGET, and which command? exec TARGET -- CMD..."
                                        : "which command? exec %s -- CMD...",
                                 words[0]);
        if (target_parse(words[0], &target, &err) < 0)
                return cli_fail(x->cli, EXIT_USAGE, &err);
        if (!target.container[0])
                return cli_usage(x->cli, "\"%s\" is a stack: name a container of it, %s/CONTAINER", words[0], words[0]);
        if (x->tty && x->interactive && !isatty(STDIN_FILENO))
                cli_say(x->cli, "standard input is no terminal");
        if (daemon_connect(x->cli, target.stack, &x->client, &err) < 0)
                return fail(x->cli, &err);
        /* A terminal inside is the one outside, as far as escape sequences go. */
        const char *term = getenv("TERM");
        if (x->tty && term && !json_object_get(x->environment, "TERM"))
                (void)json_object_set_new(x->environment, "TERM", json_string(term));
        json_t *command = words_json(words + 1, n - 1);
        if (!command) {
                err_set(&err, EINVAL, "the command is no UTF-8");
                return fail(x->cli, &err);
        }
        json_t *parameters = json_pack("{s:s, s:o, s:O, s:s?, s:s?, s:b}", "target", words[0], "command", command, "environment",
                                       x->environment, "user", x->user, "working_dir", x->working_dir, "tty", x->tty);
        struct winsize size;
        if (parameters && x->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
                (void)json_object_set_new(parameters, "rows", json_integer(size.ws_row));
                (void)json_object_set_new(parameters, "columns", json_integer(size.ws_col));
        }
        if (!parameters) {
                err_oom(&err);
                return fail(x->cli, &err);
        }
        code = start(x, parameters);
        return code ? code : carry(x);
}

int verb_exec(struct cli *c, struct args *args) {
        struct exec x = { .cli = c, .environment = json_object(), .session = SESSION_NULL, .pty_socket = -EBADF };
        int code = run(&x, args);

        session_done(&x.session);
        control_client_free(x.client);
        close_fd(x.pty_socket);
        json_decref(x.environment);
        return code;
}
