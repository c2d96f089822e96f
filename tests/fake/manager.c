/* A supervisor that supervises nothing: what the client is tested against. It answers io.ctrsup.Manager through the real server, and
 * what it answers is chosen by the stack's or the target's name:
 *
 *     good      two containers, web and job: both come up
 *     bad       web fails, with words and lines of its log
 *     slow      nothing ever happens after the plan and web's start, which may take 30 s
 *     busy, denied, invalid, kernel, later    the error of that kind
 *     gone      no such target
 *     brief     as good; then all of it ends by itself (for the foreground)
 *     crash     the supervisor dies in the middle
 *
 * Exec is real: the command runs here, with the fds that came, or on a terminal of its own.
 *
 *     manager SOCKET                                          a daemon, until SIGTERM
 *     manager --foreground --runtime DIR --lifeline FD        as `ctrsup apply` starts one
 *     manager SOCKET MESSAGE_USEC STALL_USEC                  with other deadlines for its clients
 *     manager --run FD                                        prints the document it got
 */
#include <ctrsup/control/server.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <time.h>

struct fake {
        sd_event *event;
        struct control_server *server;
        struct control_call *events, *lines, *exec, *slow, *stopping;
        int lifeline;
        char *folder; /* of the socket, removed at the end */
        char stack[64];
        uint64_t message_usec, stall_usec;
};

enum { READERS = 64991 }; /* the group of those who may only look */

static json_t *container(const char *stack, const char *name, const char *state) {
        bool up = strcmp(state, "ready") == 0;

        return json_pack(
                "{s:s, s:s, s:i, s:s, s:n, s:o, s:i, s:o, s:o, s:n, s:n, s:{s:i, s:n, s:i}, s:{s:i, s:i, s:i}, s:[], s:{s:s, s:n, s:s}, s:i}",
                "stack", stack, "container", name, "replica", 1, "state", state, "health", "pid",
                up ? json_integer(4711) : json_null(), "restarts", 2, "exit",
                up ? json_null() : json_pack("{s:i, s:n, s:s}", "code", 1, "signal", "reason", "exited"), "started_at",
                up ? json_string("2020-01-01T00:00:00.000000Z") : json_null(), "next_attempt_at", "message", "limits", "memory",
                512 * 1024 * 1024, "cpus", "pids", 100, "usage", "memory", 96 * 1024 * 1024, "pids", 3, "cpu_usec", 1000,
                "addresses", "log", "driver", "file", "path", "tag", name, "revision", 1);
}

static json_t *transition(const char *stack, const char *name, const char *from, const char *to, const char *message) {
        return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s?, s:f}", "time", "2026-11-24T00:02:28.123456Z", "stack", stack,
                         "container", name, "replica", 1, "from", from, "to", to, "message", message, "duration", 1.25);
}

static json_t *result(const char *stack, const char *outcome, json_t *failures) {
        return json_pack("{s:{s:s, s:s, s:i, s:f, s:o}}", "result", "outcome", outcome, "stack", stack, "revision", 7, "duration",
                         2.5, "failures", failures ? failures : json_array());
}

static json_t *plan(const char *stack, bool changes) {
        json_t *list = json_array();
        static const char *const names[] = { "web", "job" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:[]}", "container", names[i], "symbol",
                                                            changes ? "+" : ".", "class", changes ? "new" : "unchanged", "keys"));
        return json_pack("{s:s, s:i, s:o, s:i, s:i, s:i, s:i}", "stack", stack, "revision", 7, "changes", list, "added",
                         changes ? 2 : 0, "changed", 0, "removed", 0, "unchanged", changes ? 0 : 2);
}

/* The error that goes with a name: 1 when there was one. */
static int refuse(struct control_call *call, const char *name) {
        if (strcmp(name, "busy") == 0)
                (void)control_error(call, "Busy", json_pack("{s:s}", "message", "another apply of busy is running"));
        else if (strcmp(name, "denied") == 0)
                (void)control_error(call, "NotPermitted", json_pack("{s:s}", "message", "the policy refuses it"));
        else if (strcmp(name, "later") == 0)
                (void)control_error(call, "Unsupported", json_pack("{s:s}", "message", "that is not supported yet"));
        else if (strcmp(name, "kernel") == 0)
                (void)control_error(call, "Failed",
                                    json_pack("{s:s, s:s, s:i, s:s}", "message",
                                              "containers.web.limits.memory: write memory.max: Device or resource busy", "hint",
                                              "try less", "errno", EBUSY, "place", "stack.yaml:9:15"));
        else if (strcmp(name, "invalid") == 0)
                (void)control_error(call, "InvalidDocument",
                                    json_pack("{s:[{s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:s}]}", "diagnostics", "file",
                                              "stack.yaml", "line", 14, "column", 5, "endLine", 14, "endColumn", 9, "path",
                                              "containers.web.hostname", "id", "bad-name", "severity", "error", "message",
                                              "\"A_B\" is no host name", "hint", "write a-b"));
        else if (strcmp(name, "gone") == 0)
                (void)control_error(call, "NoSuchTarget",
                                    json_pack("{s:s, s:s}", "target", name, "hint", "did you mean \"good\"?"));
        else
                return 0;
        return 1;
}

static const char *stack_of(struct fake *f, json_t *parameters) {
        const char *name =
                json_string_value(json_object_get(json_object_get(json_object_get(parameters, "document"), "stack"), "name"));

        (void)snprintf(f->stack, sizeof(f->stack), "%s", name ? name : "?");
        return f->stack;
}

static void say(struct fake *f, json_t *t) {
        if (f->events)
                (void)control_reply(f->events, json_pack("{s:O}", "event", t), true);
        json_decref(t);
}

static int apply(struct control_call *call, json_t *parameters, void *userdata) {
        struct fake *f = userdata;
        const char *stack = stack_of(f, parameters);

        if (refuse(call, stack))
                return 0;
        if (!control_call_more(call))
                return control_reply(call, json_pack("{s:o}", "plan", plan(stack, true)), false);
        (void)control_reply(call, json_pack("{s:o}", "plan", plan(stack, true)), true);
        if (strcmp(stack, "crash") == 0)
                _exit(3);
        if (strcmp(stack, "slow") == 0) {
                json_t *t = transition(stack, "web", "pending", "starting", "waits for its health check");

                (void)json_object_set_new(t, "within", json_real(30));
                (void)control_reply(call, json_pack("{s:o}", "transition", t), true);
                f->slow = control_call_ref(call);
                return 0;
        }
        bool bad = strcmp(stack, "bad") == 0;
        (void)control_reply(call, json_pack("{s:o}", "transition", transition(stack, "web", "pending", "starting", NULL)), true);
        (void)control_reply(call, json_pack("{s:o}", "transition", transition(stack, "job", "running", "completed", NULL)), true);
        (void)control_reply(
                call,
                json_pack("{s:o}", "transition",
                          transition(stack, "web", "starting", bad ? "failed" : "ready", bad ? "exited with status 1" : NULL)),
                true);
        if (f->lines)
                (void)control_reply(f->lines,
                                    json_pack("{s:{s:s, s:s, s:i, s:s, s:s}}", "line", "stack", stack, "container", "web",
                                              "replica", 1, "stream", "stdout", "text", "hello from web"),
                                    true);
        json_t *failures =
                bad ? json_pack("[{s:s, s:i, s:s, s:n, s:[s, s]}]", "container", "web", "replica", 1, "message",
                                "exited with status 1 (3 attempts)", "hint", "lines", "panic: no such file", "at main.c:3")
                    : NULL;
        return control_reply(call, result(stack, bad ? "failed" : "done", failures), false);
}

static int make_plan(struct control_call *call, json_t *parameters, void *userdata) {
        const char *stack = stack_of(userdata, parameters);

        return refuse(call, stack)
                       ? 0
                       : control_reply(call, json_pack("{s:o}", "plan", plan(stack, strcmp(stack, "same") != 0)), false);
}

static json_t *describe_daemon(void) {
        return json_pack("{s:s, s:i, s:b, s:s, s:s, s:n, s:i}", "version", CTRSUP_VERSION, "pid", (int)getpid(), "foreground", 0,
                         "started_at", "2020-01-01T00:00:00.000000Z", "socket", "/fake", "cgroup_root", "stacks", 1);
}

static int status(struct control_call *call, json_t *parameters, void *userdata _unused_) {
        const char *first = json_string_value(json_array_get(json_object_get(parameters, "targets"), 0));
        json_t *list = json_array();

        if (first && refuse(call, first)) {
                json_decref(list);
                return 0;
        }
        if (!first || strncmp(first, "good", 4) == 0)
                (void)json_array_append_new(list, container("good", "web", "ready"));
        if (!first || strncmp(first, "bad", 3) == 0)
                (void)json_array_append_new(list, container("bad", "web", "failed"));
        return control_reply(call, json_pack("{s:o, s:o}", "containers", list, "daemon", describe_daemon()), false);
}

/* Start, Stop, Restart, Remove, Wait: one transition, the result. */
static int operate(struct control_call *call, json_t *parameters, void *userdata _unused_) {
        const char *first = json_string_value(json_array_get(json_object_get(parameters, "targets"), 0)),
                   *method = strrchr(control_call_method(call), '.') + 1;
        char stack[64];

        if (!first)
                first = json_string_value(json_object_get(parameters, "stack"));
        (void)snprintf(stack, sizeof(stack), "%.*s", first ? (int)strcspn(first, "/") : 0, first ? first : "");
        if (refuse(call, stack))
                return 0;
        const char *to = strcmp(method, "Stop") == 0 ? "stopped" : strcmp(method, "Remove") == 0 ? "removed" : "ready";
        if (!control_call_more(call))
                return control_reply(call, NULL, false);
        (void)control_reply(
                call,
                json_pack("{s:o}", "transition",
                          transition(stack, "web", "ready", to, json_string_value(json_object_get(parameters, "signal")))),
                true);
        if (strcmp(stack, "slow") == 0)
                return control_reply(call, result(stack, "timeout", NULL), false);
        return control_reply(call, result(stack, strcmp(stack, "bad") == 0 ? "failed" : "done", NULL), false);
}

static int events(struct control_call *call, json_t *parameters, void *userdata) {
        struct fake *f = userdata;
        bool more = control_call_more(call) && json_is_true(json_object_get(parameters, "follow"));

        if (control_call_more(call)) {
                (void)control_reply(call, json_pack("{s:o}", "event", transition("good", "web", "pending", "starting", NULL)),
                                    true);
                (void)control_reply(
                        call,
                        json_pack("{s:o}", "event", transition("good", "web", "starting", "backoff", "exited with status 1")),
                        true);
        }
        if (!more)
                return control_reply(call, json_pack("{s:n}", "event"), false);
        (void)control_reply(call, json_pack("{s:n}", "event"), true);
        f->events = control_call_ref(call);
        if (strcmp(f->stack, "brief") == 0) {
                say(f, transition("brief", "web", "ready", "completed", NULL));
                say(f, transition("brief", "job", "ready", "completed", NULL));
        }
        return 0;
}

static int attach(struct control_call *call, json_t *parameters _unused_, void *userdata) {
        struct fake *f = userdata;

        f->lines = control_call_ref(call);
        return 0;
}

static int finish(struct control_call *call, json_t *parameters, void *userdata) {
        struct fake *f = userdata;
        bool force = json_is_true(json_object_get(parameters, "force"));

        /* "slow" is slow to stop too: only force ends it. */
        if (strcmp(f->stack, "slow") == 0 && !force) {
                if (f->slow)
                        (void)control_reply(
                                f->slow, json_pack("{s:o}", "transition", transition(f->stack, "web", "ready", "stopping", NULL)),
                                true);
                if (!f->stopping)
                        f->stopping = control_call_ref(call);
                return control_reply(
                        call, json_pack("{s:o}", "transition", transition(f->stack, "web", "ready", "stopping", NULL)), true);
        }
        say(f, transition(f->stack, "web", "stopping", "stopped", NULL));
        (void)control_reply(call, json_pack("{s:o}", "transition", transition(f->stack, "web", "stopping", "stopped", NULL)),
                            true);
        (void)control_reply(call, result(f->stack, "done", NULL), false);
        return sd_event_exit(f->event, 0);
}

static int on_child(sd_event_source *source _unused_, const siginfo_t *info, void *userdata) {
        struct fake *f = userdata;
        json_t *end = info->si_code == CLD_EXITED
                              ? json_pack("{s:i, s:n, s:s}", "code", info->si_status, "signal", "reason", "exited")
                              : json_pack("{s:n, s:o, s:s}", "code", "signal",
                                          json_sprintf("SIG%s", sigabbrev_np(info->si_status)), "reason", "killed");

        (void)control_reply(f->exec, json_pack("{s:n, s:o}", "pid", "exit", end), false);
        f->exec = control_call_unref(f->exec);
        return 0;
}

static void send_fd(int to, int fd) {
        union {
                char space[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { 0 };
        char byte = 0;
        struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);

        *c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
        (void)sendmsg(to, &header, MSG_NOSIGNAL);
}

static void run_command(json_t *parameters) {
        json_t *words = json_object_get(parameters, "command"), *value;
        const char *name, *folder = json_string_value(json_object_get(parameters, "working_dir"));
        char *argv[64] = { 0 };
        sigset_t none;

        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < json_array_size(words) && i < 63; i++)
                argv[i] = strdup(json_string_value(json_array_get(words, i)));
        json_object_foreach (json_object_get(parameters, "environment"), name, value)
                (void)setenv(name, json_string_value(value), 1);
        if (folder && chdir(folder) < 0)
                _exit(125);
        (void)execvp(argv[0], argv);
        _exit(127);
}

static int exec_in(struct control_call *call, json_t *parameters, void *userdata) {
        struct fake *f = userdata;
        const char *target = json_string_value(json_object_get(parameters, "target"));
        const char *program = json_string_value(json_array_get(json_object_get(parameters, "command"), 0));
        int fds[3], master = -EBADF;
        char stack[64];
        pid_t pid;

        (void)snprintf(stack, sizeof(stack), "%.*s", (int)strcspn(target, "/"), target);
        if (refuse(call, stack))
                return 0;
        if (strcmp(program, "/missing") == 0)
                return control_error(call, "Failed",
                                     json_pack("{s:s, s:n, s:i, s:n}", "message", "run /missing: No such file or directory",
                                               "hint", "errno", ENOENT, "place"));
        if (strcmp(program, "/forbidden") == 0)
                return control_error(call, "Failed",
                                     json_pack("{s:s, s:n, s:i, s:n}", "message", "run /forbidden: Permission denied", "hint",
                                               "errno", EACCES, "place"));
        f->exec = control_call_ref(call);
        for (size_t i = 0; i < 3; i++)
                fds[i] = control_call_take_fd(call, i);
        if (json_is_true(json_object_get(parameters, "tty"))) {
                const struct winsize size = {
                        .ws_row = (unsigned short)json_integer_value(json_object_get(parameters, "rows")),
                        .ws_col = (unsigned short)json_integer_value(json_object_get(parameters, "columns")),
                };
                pid = forkpty(&master, NULL, NULL, &size);
                if (pid == 0)
                        run_command(parameters);
                send_fd(fds[0], master);
        } else {
                pid = fork();
                if (pid == 0) {
                        for (int i = 0; i < 3; i++)
                                (void)dup2(fds[i], i);
                        run_command(parameters);
                }
        }
        for (size_t i = 0; i < 3; i++)
                (void)close_fd(fds[i]);
        (void)close_fd(master);
        (void)control_reply(call, json_pack("{s:i, s:n}", "pid", (int)pid, "exit"), true);
        return sd_event_add_child(f->event, NULL, pid, WEXITED, on_child, f);
}

static const struct control_method methods[] = {
        { CONTROL_METHOD("Apply"), apply, CONTROL_ADMIN },    { CONTROL_METHOD("Plan"), make_plan, CONTROL_ADMIN },
        { CONTROL_METHOD("Status"), status, CONTROL_READ },   { CONTROL_METHOD("Start"), operate, CONTROL_ADMIN },
        { CONTROL_METHOD("Stop"), operate, CONTROL_ADMIN },   { CONTROL_METHOD("Restart"), operate, CONTROL_ADMIN },
        { CONTROL_METHOD("Remove"), operate, CONTROL_ADMIN }, { CONTROL_METHOD("Wait"), operate, CONTROL_READ },
        { CONTROL_METHOD("Events"), events, CONTROL_READ },   { CONTROL_METHOD("Attach"), attach, CONTROL_READ },
        { CONTROL_METHOD("Exec"), exec_in, CONTROL_ADMIN },   { CONTROL_METHOD("Shutdown"), finish, CONTROL_ADMIN },
};

static enum control_right rights(const struct control_peer *peer, void *userdata _unused_) {
        return peer->uid == geteuid() ? CONTROL_ADMIN : control_peer_in_group(peer, READERS) ? CONTROL_READ : CONTROL_NONE;
}

static int on_lifeline(sd_event_source *source _unused_, int fd _unused_, uint32_t events_seen _unused_, void *userdata) {
        struct fake *f = userdata;

        return sd_event_exit(f->event, 0);
}

static void say_lifeline(const struct fake *f, const char *words) {
        if (f->lifeline >= 0)
                (void)send(f->lifeline, words, strlen(words) + 1, MSG_NOSIGNAL);
}

static int serve(struct fake *f, const char *path) {
        const struct control_server_args args = {
                .event = f->event,
                .methods = methods,
                .n_methods = ARRAY_SIZE(methods),
                .rights = rights,
                .userdata = f,
                .message_usec = f->message_usec,
                .stall_usec = f->stall_usec,
        };
        struct err err = { 0 };

        if (control_server_new(&args, &f->server, &err) < 0 || control_server_listen(f->server, path, (gid_t)-1, &err) < 0) {
                say_lifeline(f, err.text);
                (void)fprintf(stderr, "manager: %s\n", err.text);
                return 1;
        }
        say_lifeline(f, "ready");
        if (f->lifeline < 0) {
                (void)puts("ready");
                (void)fflush(stdout);
        }
        int r = sd_event_loop(f->event);
        control_call_unref(f->events);
        control_call_unref(f->lines);
        control_call_unref(f->slow);
        control_call_unref(f->stopping);
        control_server_free(f->server);
        if (f->folder)
                (void)rmdir(f->folder);
        return r < 0;
}

static int print_document(const char *number) {
        char text[65536];
        ssize_t n = read(atoi(number), text, sizeof(text));

        return n <= 0 || fwrite(text, 1, (size_t)n, stdout) != (size_t)n || putchar('\n') == EOF;
}

int main(int argc, char *argv[]) {
        struct fake f = { .lifeline = -EBADF };
        char path[256];
        sigset_t ours;

        if (argc == 3 && strcmp(argv[1], "--run") == 0)
                return print_document(argv[2]);
        (void)sigemptyset(&ours);
        (void)sigaddset(&ours, SIGTERM);
        (void)sigaddset(&ours, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &ours, NULL);
        if (sd_event_new(&f.event) < 0 || sd_event_add_signal(f.event, NULL, SIGTERM, NULL, NULL) < 0)
                return 1;
        if (argc == 6 && strcmp(argv[1], "--foreground") == 0) {
                f.lifeline = atoi(argv[5]);
                f.folder = argv[3];
                (void)fcntl(f.lifeline, F_SETFD, FD_CLOEXEC);
                (void)mkdir("/run/ctrsup", 0755);
                (void)mkdir("/run/ctrsup/fg", 0755);
                (void)snprintf(path, sizeof(path), "%s/ctrsup.sock", argv[3]);
                if (sd_event_add_io(f.event, NULL, f.lifeline, EPOLLIN, on_lifeline, &f) < 0)
                        return 1;
                return serve(&f, path);
        }
        if (argc == 4) { /* how long a client may take */
                f.message_usec = strtoull(argv[2], NULL, 10);
                f.stall_usec = strtoull(argv[3], NULL, 10);
        }
        return argc == 2 || argc == 4 ? serve(&f, argv[1]) : 64;
}
