/* What the keeper's host tests share: a real keeper, real layers in a directory of their own, cgroup leaves, and containers
 * written as stack files. A test program includes this once. */
#pragma once

#include <ctrsup/act/filter.h>
#include <ctrsup/act/recipe_make.h>
#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/sys.h>
#include <ctrsup/kernel/userns.h>
#include <ctrsup/keeper/client.h>
#include <ctrsup/spec/load.h>

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

enum { RIG_TIMEOUT_MSEC = 20000, RIG_UID = 1200029696, RIG_OUTPUT = 256 * 1024, RIG_NODES = 32 };

struct rig {
        char dir[64], run[96], cgroup[128], program[PATH_MAX], probe_path[PATH_MAX];
        struct keeper_client *client;
        bool ephemeral;
        unsigned generation;
        int userns, other_userns;
        int tests, failures;
        uint64_t launched_usec; /* when the last launch was begun, cgroup and pipe being there */
};

/* A container from launch to its end. */
struct rig_box {
        struct stack stack;
        struct diag_list diags;
        struct recipe_plan *plan;
        uint8_t id[KEEPER_ID_SIZE];
        bool started, failed, exited;
        struct keeper_failure failure;
        struct keeper_exit exit;
        pid_t pid;
        int pidfd, output; /* read end */
        char cgroup[192];
        char text[RIG_OUTPUT]; /* what it wrote */
};

static struct rig rig;

static _unused_ void rig_result(bool good, const char *format, ...) _printf_(2, 3);
static _unused_ void rig_result(bool good, const char *format, ...) {
        va_list ap;

        rig.failures += !good;
        printf("%sok %d - ", good ? "" : "not ", ++rig.tests);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        (void)fflush(stdout);
}

static _unused_ void rig_show(const char *text) {
        for (const char *line = text; *line;) {
                int n = (int)strcspn(line, "\n");
                printf("#   %.*s\n", n, line);
                line += n + (line[n] == '\n');
        }
}

/* The box's output has this text; shows the output when not. */
static _unused_ void rig_has(const struct rig_box *b, const char *want, const char *what) {
        bool good = strstr(b->text, want) != NULL;

        rig_result(good, "%s", what);
        if (!good) {
                printf("# wanted: %s\n# got:\n", want);
                rig_show(b->text);
        }
}

static _unused_ void rig_has_not(const struct rig_box *b, const char *bad, const char *what) {
        bool good = strstr(b->text, bad) == NULL;

        rig_result(good, "%s", what);
        if (!good)
                rig_show(b->text);
}

static _unused_ void rig_is(const struct rig_box *b, const char *want, const char *what) {
        bool good = strcmp(b->text, want) == 0;

        rig_result(good, "%s", what);
        if (!good) {
                printf("# wanted:\n");
                rig_show(want);
                printf("# got:\n");
                rig_show(b->text);
        }
}

_Noreturn static _unused_ void rig_bail(const char *what, const char *why) {
        printf("Bail out! %s: %s\n", what, why);
        exit(1);
}

static _unused_ void rig_sh(const char *format, ...) _printf_(1, 2);
static _unused_ void rig_sh(const char *format, ...) {
        char command[8192];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(command, sizeof(command), format, ap);
        va_end(ap);
        if (system(command) != 0)
                rig_bail("command failed", command);
}

static int rig_remove_one(const char *path, const struct stat *st _unused_, int type _unused_, struct FTW *f _unused_) {
        return remove(path);
}

static int rig_rmdir_one(const char *path, const struct stat *st _unused_, int type, struct FTW *f _unused_) {
        return type == FTW_DP || type == FTW_D ? rmdir(path) : 0;
}

/* Kills and waits for the end of all in a group of ours. */
static _unused_ void rig_empty_cgroup(const char *path) {
        char file[256], text[128];

        (void)snprintf(file, sizeof(file), "%s/cgroup.kill", path);
        (void)io_write_text(AT_FDCWD, file, "1");
        (void)snprintf(file, sizeof(file), "%s/cgroup.events", path);
        _cleanup_fd_ int fd = open(file, O_RDONLY | O_CLOEXEC);
        for (int i = 0; fd >= 0 && i < 100; i++) {
                struct pollfd p = { .fd = fd, .events = POLLPRI };
                ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
                text[n > 0 ? n : 0] = '\0';
                if (strstr(text, "populated 0"))
                        return;
                (void)poll(&p, 1, 100);
        }
}

static _unused_ void rig_clean(void) {
        if (rig.dir[0] == '\0')
                return;
        rig_empty_cgroup(rig.cgroup);
        if (rig.client)
                (void)keeper_client_quit(rig.client, true);
        if (rig.client) { /* wait for the end of its socket */
                struct pollfd p = { .fd = keeper_client_fd(rig.client), .events = POLLIN };
                struct keeper_event e = KEEPER_EVENT_NULL;
                int r = 0;
                while (r >= 0 && poll(&p, 1, RIG_TIMEOUT_MSEC) > 0) {
                        while ((r = keeper_client_read(rig.client, &e)) > 0)
                                keeper_event_done(&e);
                }
                rig.client = keeper_client_free(rig.client);
        }
        (void)nftw(rig.cgroup, rig_rmdir_one, 16, FTW_DEPTH | FTW_PHYS);
        (void)nftw(rig.dir, rig_remove_one, 16, FTW_DEPTH | FTW_PHYS);
        rig.dir[0] = '\0';
}

static _unused_ void rig_spawn_keeper(void) {
        struct err err = { 0 };
        const struct keeper_spawn spawn = { .program = rig.program, .runtime = rig.run, .ephemeral = rig.ephemeral, .cgroup_fd = -EBADF };

        if (keeper_client_spawn(&spawn, &rig.client, &err) < 0)
                rig_bail("start the keeper", err.text);
}

static _unused_ const char *rig_unified(void) {
        return access("/sys/fs/cgroup/unified/cgroup.procs", F_OK) == 0 ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
}

static _unused_ void rig_begin(bool ephemeral) {
        const struct id_map map = { 0, RIG_UID, 65536 };
        const char *bin = getenv("CTRSUP_BIN"), *probe = getenv("CTRSUP_PROBE");
        struct err err = { 0 };

        if (geteuid() != 0) {
                printf("ok 1 - keeper # SKIP needs root\n1..1\n");
                exit(0);
        }
        rig.ephemeral = ephemeral;
        (void)snprintf(rig.program, sizeof(rig.program), "%s/ctrsup-keeper", bin ? bin : "build/release/bin");
        (void)snprintf(rig.probe_path, sizeof(rig.probe_path), "%s/probe", probe ? probe : "build/release/probe");
        (void)snprintf(rig.dir, sizeof(rig.dir), "/var/tmp/ctrsup-keeper-%d", (int)getpid());
        (void)snprintf(rig.run, sizeof(rig.run), "%s/run", rig.dir);
        (void)snprintf(rig.cgroup, sizeof(rig.cgroup), "%s/ctrsup-keeper-%d", rig_unified(), (int)getpid());
        (void)atexit(rig_clean);
        rig_sh("umask 022; mkdir -p %s/run %s/base/bin %s/base/etc %s/base/tmp %s/base/proc %s/base/sys %s/base/dev %s/app/app && chmod 1777 %s/base/tmp && cp %s %s/base/bin/probe && cp $(command -v busybox) %s/base/bin/busybox && "
               "ln -s busybox %s/base/bin/sh && printf 'root:x:0:0::/:/bin/sh\\napp:x:70:71::/:/bin/sh\\n' >%s/base/etc/passwd && "
               "printf 'root:x:0:\\napp:x:71:\\nrender:x:105:app\\nextra:x:106:\\n' >%s/base/etc/group && echo one >%s/app/app/file && chown 5:6 %s/app/app/file",
               rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.probe_path, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir);
        if (mkdir(rig.cgroup, 0755) < 0)
                rig_bail("make a cgroup", strerror(errno));
        const struct id_map other = { 0, RIG_UID + 65536, 65536 };
        if (userns_new(&map, 1, &map, 1, &rig.userns, &err) < 0 || userns_new(&other, 1, &other, 1, &rig.other_userns, &err) < 0)
                rig_bail("make a user namespace", err.text);
        rig_spawn_keeper();
}

static _unused_ int rig_end(void) {
        rig_clean();
        printf("1..%d\n", rig.tests);
        return rig.failures > 0;
}

/* -- containers -- */

struct rig_options {
        const char *peer; /* stack file text of more containers */
        const struct rig_box *share; /* whose pidfd stands for every shared namespace */
        const char *const *volume_dirs;
        int stdin_fd;     /* 0: /dev/null */
        bool host_user, other_user; /* other_user: a user namespace and ids of its own, not the rig's */
        const char *upper; /* NULL: a new one */
};

/* body: keys of container t, each line indented by 4. */
static _unused_ void rig_load(struct rig_box *b, const char *body, const struct rig_options *o) {
        char text[16384];

        (void)snprintf(text, sizeof(text), "name: rig\ncontainers:\n  t:\n%s%s", body, o->peer ? o->peer : "");
        if (diag_list_init(&b->diags, "rig.yaml") < 0)
                rig_bail("memory", "none");
        const struct stack_source source = { .file = "rig.yaml", .base_dir = rig.dir };
        if (stack_load(text, strlen(text), &source, &b->diags, &b->stack) < 0) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                diag_print(&b->diags, text, &out);
                rig_bail("stack file", buf_text(&out));
        }
}

static _unused_ void rig_new_id(struct rig_box *b) {
        _cleanup_fd_ int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

        if (io_read_full(fd, b->id, sizeof(b->id)) != sizeof(b->id))
                rig_bail("random", "none");
}

static _unused_ const char *rig_upper(const struct rig_box *b, const struct rig_options *o, char path[192]) {
        enum spec_rootfs_mode mode = spec_find(b->stack.spec, "t")->rootfs.mode;

        if (mode != ROOTFS_EPHEMERAL && mode != ROOTFS_PERSISTENT)
                return NULL;
        (void)snprintf(path, 192, "%s/upper.%u", rig.dir, rig.generation);
        if (o->upper)
                return o->upper;
        (void)mkdir(path, 0700);
        return path;
}

/* Launches; the caller then waits for what it wants with rig_wait(). */
static _unused_ int rig_filter(const struct spec_container *c) {
        static struct act_filters filters;
        struct err err = { 0 };
        int fd;

        if (act_filter(&filters, c, &fd, &err) < 0)
                rig_bail("compile a filter", err.text);
        return fd;
}

static _unused_ void rig_launch(struct rig_box *b, const char *body, const struct rig_options *o) {
        static const struct rig_options none = { 0 };
        char upper[192], kill_path[256];
        struct err err = { 0 };
        int output[2];

        *b = (struct rig_box){ .pidfd = -EBADF, .output = -EBADF };
        if (!o)
                o = &none;
        rig.generation++;
        rig_load(b, body, o);
        rig_new_id(b);
        (void)snprintf(b->cgroup, sizeof(b->cgroup), "%s/t.%u", rig.cgroup, rig.generation);
        (void)snprintf(kill_path, sizeof(kill_path), "%s/cgroup.kill", b->cgroup);
        (void)mkdir(b->cgroup, 0755);
        _cleanup_fd_ int leaf = open(b->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC), kill_fd = open(kill_path, O_WRONLY | O_CLOEXEC);
        _cleanup_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (pipe2(output, O_CLOEXEC) < 0)
                rig_bail("pipe", strerror(errno));
        b->output = output[0];
        uint32_t root = o->host_user ? 0 : o->other_user ? RIG_UID + 65536 : RIG_UID;
        int shared = o->share ? o->share->pidfd : -EBADF;
        const struct recipe_input in = {
                .spec = b->stack.spec,
                .container = spec_find(b->stack.spec, "t"),
                .replica = 1,
                .id = { b->id[0], b->id[1], b->id[2], b->id[3], b->id[4], b->id[5], b->id[6], b->id[7], b->id[8], b->id[9], b->id[10], b->id[11], b->id[12], b->id[13], b->id[14], b->id[15] },
                .root_uid = root,
                .root_gid = root,
                .userns_fd = o->host_user ? -EBADF : o->other_user ? rig.other_userns : rig.userns,
                .filter_fd = rig_filter(spec_find(b->stack.spec, "t")),
                .cgroup_fd = leaf,
                .kill_fd = kill_fd,
                .upper_dir = rig_upper(b, o, upper),
                .volume_dirs = o->volume_dirs,
                .stdio = { { o->stdin_fd > 0 ? o->stdin_fd : null, false }, { output[1], true }, { output[1], true } },
                .peer_pidfds = { shared, shared, shared, shared, shared, shared, shared, shared },
        };
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        rig.launched_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
        if (recipe_make(&in, &b->plan, &err) < 0)
                rig_bail("make the recipe", err.text);
        if (keeper_client_launch(rig.client, b->id, recipe_plan_label(b->plan), recipe_plan_recipe(b->plan), &err) < 0)
                rig_bail("launch", err.text);
        (void)close(output[1]);
}

static _unused_ void rig_take_event(struct rig_box *b, struct keeper_event *e) {
        const struct keeper_message *m = &e->message;

        if (memcmp(m->id, b->id, sizeof(b->id)) == 0) {
                if (m->kind == KEEPER_STARTED) {
                        b->started = true;
                        b->pid = m->pid;
                        (void)close_fd(b->pidfd);
                        b->pidfd = take_fd(&e->fd);
                } else if (m->kind == KEEPER_FAILED) {
                        b->failed = true;
                        b->failure = m->failure;
                } else if (m->kind == KEEPER_EXITED) {
                        b->exited = true;
                        b->exit = m->exit;
                }
        }
        keeper_event_done(e);
}

static _unused_ bool rig_wait_readable(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        return poll(&p, 1, RIG_TIMEOUT_MSEC) > 0;
}

/* Until *flag of the box (or its failure). */
static _unused_ bool rig_wait(struct rig_box *b, const bool *flag) {
        while (!*flag && !b->failed) {
                struct keeper_event e = KEEPER_EVENT_NULL;
                if (!rig_wait_readable(keeper_client_fd(rig.client)))
                        return false;
                int r = keeper_client_read(rig.client, &e);
                if (r < 0)
                        rig_bail("the keeper", strerror(-r));
                if (r > 0)
                        rig_take_event(b, &e);
        }
        return *flag;
}

static _unused_ void rig_read_output(struct rig_box *b) {
        ssize_t n = io_read_full(b->output, b->text, sizeof(b->text) - 1);

        b->text[n > 0 ? n : 0] = '\0';
}

/* One line of output of a container that goes on. */
static _unused_ void rig_read_line(struct rig_box *b) {
        size_t n = 0;

        while (n + 1 < sizeof(b->text) && rig_wait_readable(b->output) && read(b->output, b->text + n, 1) == 1)
                if (b->text[n++] == '\n')
                        break;
        b->text[n] = '\0';
}

static _unused_ void rig_explain(struct rig_box *b) {
        struct err err = { 0 };
        struct mark mark;

        (void)recipe_explain(b->plan, &b->failure, &mark, &err);
        (void)snprintf(b->text, sizeof(b->text), "rig.yaml:%u:%u: %s\nhint: %s\n", mark.line, mark.column, err.text, err.hint);
}

/* Launch, wait for the end, forget. b->text is the output, or the words of the failure. */
static _unused_ void rig_run(struct rig_box *b, const char *body, const struct rig_options *o) {
        rig_launch(b, body, o);
        if (rig_wait(b, &b->exited))
                rig_read_output(b);
        else if (b->failed)
                rig_explain(b);
        (void)keeper_client_forget(rig.client, b->id);
        (void)rmdir(b->cgroup);
}

static _unused_ void rig_free(struct rig_box *b) {
        b->plan = recipe_plan_free(b->plan);
        stack_done(&b->stack);
        diag_list_done(&b->diags);
        b->pidfd = close_fd(b->pidfd);
        b->output = close_fd(b->output);
}

/* Ends one that runs. */
static _unused_ void rig_stop(struct rig_box *b) {
        rig_empty_cgroup(b->cgroup);
        if (b->started && !b->exited)
                (void)rig_wait(b, &b->exited);
        (void)keeper_client_forget(rig.client, b->id);
        (void)rmdir(b->cgroup);
        rig_free(b);
}

/* A link or file of /proc/<pid> of a box, into text. */
static _unused_ const char *rig_ns(pid_t pid, const char *ns, char text[64]) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
        ssize_t n = readlink(path, text, 63);
        text[n > 0 ? n : 0] = '\0';
        return text;
}
