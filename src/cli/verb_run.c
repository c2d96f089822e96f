/* run: one command in a fresh container, supervised by a ctrsupd of its own with our streams; its exit code is ours. */
#include "document.h"
#include "programs.h"
#include "runspec.h"
#include "session.h"
#include "verbs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LAYER = 1, HOSTNAME, MEMORY, CPUS, PIDS, ENVIRONMENT, USER, WORKDIR, NET, TTY, INTERACTIVE };

const struct args_option run_options[] = {
        { LAYER, 0, "layer", "DIR", "a layer of its root; repeat it, base first" },
        { HOSTNAME, 0, "hostname", "NAME", "its host name" },
        { MEMORY, 0, "memory", "SIZE", "at most so much memory: 64M" },
        { CPUS, 0, "cpus", "N", "at most so many CPUs: 1.5" },
        { PIDS, 0, "pids", "N", "at most so many processes and threads" },
        { ENVIRONMENT, 'e', "env", "NAME=VALUE", "a variable" },
        { USER, 'u', "user", "USER", "uid, name, uid:gid or name:group of the container" },
        { WORKDIR, 'w', "workdir", "DIR", "where to run it" },
        { NET, 0, "net", "none|host", "loopback only (default), or the host's network" },
        { TTY, 't', "tty", NULL, "a terminal of its own" },
        { INTERACTIVE, 'i', "interactive", NULL, "our standard input is its: always so, taken for exec's sake" },
        { 0 },
};

struct run {
        struct cli *cli;
        struct runspec spec;
        bool tty;
};

static int fail(const struct cli *c, const struct err *err) {
        return cli_fail(c, EXIT_SELF, err);
}

static int add(const struct cli *c, const char ***list, size_t *n, const char *word) {
        const char **longer = reallocarray(*list, *n + 1, sizeof(*longer));

        if (!longer) {
                (void)cli_oom(c);
                return -1;
        }
        *list = longer;
        longer[(*n)++] = word;
        return 0;
}

static int take_option(struct run *r, const struct args *args, int id) {
        struct runspec *s = &r->spec;

        switch (id) {
        case LAYER:
                return add(r->cli, &s->layers, &s->n_layers, args->value);
        case ENVIRONMENT:
                if (!strchr(args->value, '=') || args->value[0] == '=') {
                        (void)cli_usage(r->cli, "--env: expected NAME=VALUE, found \"%s\"", args->value);
                        return -1;
                }
                return add(r->cli, &s->environment, &s->n_environment, args->value);
        case HOSTNAME:
                s->hostname = args->value;
                return 0;
        case MEMORY:
                s->memory = args->value;
                return 0;
        case CPUS:
                s->cpus = args->value;
                return 0;
        case PIDS:
                s->pids = args->value;
                return 0;
        case USER:
                s->user = args->value;
                return 0;
        case WORKDIR:
                s->working_dir = args->value;
                return 0;
        case NET:
                if (strcmp(args->value, "none") != 0 && strcmp(args->value, "host") != 0) {
                        (void)cli_usage(r->cli, "--net: expected none or host, found \"%s\"", args->value);
                        return -1;
                }
                s->net = args->value;
                return 0;
        case TTY:
                r->tty = true;
                return 0;
        default:
                return id == INTERACTIVE ? 0 : -1;
        }
}

/* The checked document in a memfd that the child inherits; -1 with *code. */
static int make_document(struct run *r, int *code) {
        _cleanup_document_ struct document d = DOCUMENT_NULL;
        _cleanup_variables_ struct variables none = VARIABLES_NULL;
        _cleanup_buf_ struct buf text = BUF_NULL, words = BUF_NULL;
        _cleanup_free_ char *here = realpath(".", NULL);
        struct err err = { 0 };

        runspec_put(&r->spec, &text);
        size_t len = text.len;
        char *taken = buf_take(&text);
        *code = taken && here ? document_parse(r->cli, "run", taken, len, here, &none, &d) : cli_oom(r->cli);
        if (*code == EXIT_DATA) {
                runspec_complain(&d.diags, &words);
                cli_note(&words);
                *code = EXIT_USAGE;
        }
        if (*code != EXIT_OK)
                return -1;
        json_t *json = stack_document(&d.stack);
        _cleanup_free_ char *bytes = json ? json_dumps(json, JSON_COMPACT) : NULL;
        json_decref(json);
        _cleanup_fd_ int fd = memfd_create("ctrsup-run", 0);
        if (!bytes || fd < 0 || write(fd, bytes, strlen(bytes)) != (ssize_t)strlen(bytes) || lseek(fd, 0, SEEK_SET) < 0) {
                err_sys(&err, bytes ? errno : ENOMEM, "make the document");
                *code = fail(r->cli, &err);
                return -1;
        }
        return take_fd(&fd);
}

/* Only returns when it failed. */
static int exec_daemon(const struct cli *c, const char *program, int document) {
        struct err err = { 0 };
        char number[16];

        (void)snprintf(number, sizeof(number), "%d", document);
        (void)execl(program, "ctrsupd", "--run", number, NULL);
        err_sys(&err, errno, "start %s", program);
        return fail(c, &err);
}

/* A terminal of ours for the child's session: 0 the child's side is its controlling terminal and its streams. */
static int enter_terminal(int master) {
        char name[64];

        if (setsid() < 0 || ptsname_r(master, name, sizeof(name)) != 0)
                return -1;
        int slave = open(name, O_RDWR); /* becomes the controlling terminal: a session leader without one opened it */
        if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
                return -1;
        return slave > 2 ? close(slave) : 0;
}

static int wait_code(pid_t pid) {
        int status = 0;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return EXIT_SELF;
        return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

static int run_with_terminal(struct run *r, const char *program, int document) {
        _cleanup_session_ struct session session = SESSION_NULL;
        _cleanup_fd_ int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), pidfd = -EBADF;
        struct err err = { 0 };

        if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
                err_sys(&err, errno, "make a terminal");
                return fail(r->cli, &err);
        }
        pid_t pid = fork();
        if (pid < 0) {
                err_sys(&err, errno, "start the supervisor");
                return fail(r->cli, &err);
        }
        if (pid == 0) {
                if (enter_terminal(master) < 0)
                        _exit(EXIT_SELF);
                _exit(exec_daemon(r->cli, program, document));
        }
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (session_begin(&session, take_fd(&master), true, &err) < 0)
                (void)fail(r->cli, &err); /* our end closes below, and the child's session ends by SIGHUP */
        else {
                int sig = session_carry(&session, pidfd);

                if (sig > 0)
                        (void)kill(pid, sig);
                session_drain(&session);
        }
        session_done(&session);
        return wait_code(pid);
}

static int run(struct run *r, struct args *args) {
        _cleanup_free_ char *program = NULL;
        struct err err = { 0 };
        int id, code;

        while ((id = args_next(args)) != ARGS_END) {
                if (id < 0)
                        return id == ARGS_HELP ? EXIT_OK : EXIT_USAGE;
                if (take_option(r, args, id) < 0)
                        return EXIT_USAGE;
        }
        r->spec.command = args_words(args);
        r->spec.n_command = (size_t)args_n_words(args);
        if (r->spec.n_command == 0)
                return cli_usage(r->cli, "which command? run --layer DIR -- CMD...");
        if (r->spec.n_layers == 0)
                return cli_usage(r->cli, "at least one --layer DIR is needed: its root file system");
        _cleanup_fd_ int document = make_document(r, &code);
        if (document < 0)
                return code;
        if (geteuid() != 0) {
                err_set(&err, EPERM, "only root can make a container");
                err_hint(&err, "run it as root (sudo ctrsup run ...)");
                return fail(r->cli, &err);
        }
        if (programs_find_daemon(&program, &err) < 0)
                return fail(r->cli, &err);
        return r->tty ? run_with_terminal(r, program, document) : exec_daemon(r->cli, program, document);
}

int verb_run(struct cli *c, struct args *args) {
        char name[32];
        struct run r = { .cli = c, .spec = { .name = name } };

        (void)snprintf(name, sizeof(name), "run-%d", (int)getpid());
        int code = run(&r, args);
        free(r.spec.layers);
        free(r.spec.environment);
        return code;
}
