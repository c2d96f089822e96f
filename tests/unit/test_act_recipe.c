/* Stack file text in, recipe out; failure in, words out. All pure. */
#include "unit.h"

#include <ctrsup/act/recipe_make.h>
#include <ctrsup/spec/load.h>

#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

struct made {
        struct stack stack;
        struct diag_list diags;
        struct recipe_plan *plan;
        struct buf bytes;
        struct recipe_view view;
};

static void load(struct made *m, const char *text) {
        *m = (struct made){ 0 };
        assert_int_equal(diag_list_init(&m->diags, "stack.yaml"), 0);
        if (stack_load(text, strlen(text), &(struct stack_source){ .file = "stack.yaml", .base_dir = "/base" }, &m->diags,
                       &m->stack) < 0) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                diag_print(&m->diags, text, &out);
                fail_msg("%s", buf_text(&out));
        }
}

static struct recipe_input input_of(const struct made *m) {
        static const int tasks[] = { 30, 31 };
        static const char *const dirs[8] = { "/vol/0", "/vol/1", "/vol/2", "/vol/3" };
        const struct spec_container *c = spec_find(m->stack.spec, "web");
        bool disk = c->rootfs.mode == ROOTFS_EPHEMERAL || c->rootfs.mode == ROOTFS_PERSISTENT,
             host = c->namespaces[NS_USER].mode == NS_HOST;

        return (struct recipe_input){
                .spec = m->stack.spec,
                .container = c,
                .replica = 2,
                .id = { 0xab, [15] = 0x01 },
                .root_uid = host ? 0 : 524288,
                .root_gid = host ? 0 : 524288,
                .userns_fd = host ? -EBADF : 20,
                .filter_fd = 23,
                .cgroup_fd = 21,
                .kill_fd = 22,
                .tasks_fds = tasks,
                .n_tasks_fds = 2,
                .upper_dir = disk ? "/state/upper" : NULL,
                .volume_dirs = dirs,
                .notify_dir = spec_notifies(c) ? "/run/ctrsup/notify/ab" : NULL,
                .stdio = { { 10, false }, { 11, true }, { 12, true } },
                .peer_pidfds = { 40, 41, 42, 43, 44, 45, 46, 47 },
        };
}

static void make_from(struct made *m, const struct recipe_input *in) {
        struct err err = { 0 };
        size_t n;

        if (recipe_make(in, &m->plan, &err) < 0)
                fail_msg("%s", err.text);
        assert_int_equal(recipe_finish(recipe_plan_recipe(m->plan), &m->bytes), 0);
        (void)recipe_fds(recipe_plan_recipe(m->plan), &n);
        uint32_t op;
        if (recipe_open(m->bytes.data, m->bytes.len, n, &m->view, &op) < 0)
                fail_msg("the keeper would refuse operation %u", op);
}

static void make(struct made *m, const char *text) {
        load(m, text);
        struct recipe_input in = input_of(m);
        make_from(m, &in);
}

static void done(struct made *m) {
        m->plan = recipe_plan_free(m->plan);
        buf_done(&m->bytes);
        stack_done(&m->stack);
        diag_list_done(&m->diags);
}

static const struct recipe_op *find(const struct made *m, enum recipe_op_kind kind, size_t nth) {
        for (uint32_t i = 0; i < m->view.header->n_ops; i++)
                if (m->view.ops[i].kind == kind && nth-- == 0)
                        return &m->view.ops[i];
        return NULL;
}

static size_t count(const struct made *m, enum recipe_op_kind kind) {
        size_t n = 0;

        while (find(m, kind, n))
                n++;
        return n;
}

static void put_env(const struct made *m, struct buf *out) {
        for (uint32_t i = 0; i < m->view.header->n_envp; i++)
                buf_printf(out, "%s\n", recipe_string(&m->view, m->view.envp[i]));
}

#define HEAD "name: shop\ncontainers:\n  web:\n    rootfs: {layers: [{dir: one}, {dir: two}]}\n"
#define RUN "    command: [serve, \"-f\"]\n"

/* ctrsup's own variables unless the file sets them, then the file's; nothing of the supervisor's. */
static void test_environment(void **state _unused_) {
        struct made m;
        _cleanup_buf_ struct buf out = BUF_NULL;

        make(&m, HEAD RUN "    environment: {PORT: 8080, EMPTY: \"\"}\n");
        put_env(&m, &out);
        assert_string_equal(
                buf_text(&out),
                "container=ctrsup\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOSTNAME=web-2\nCTRSUP_STACK=shop\n"
                "CTRSUP_CONTAINER=web\nCTRSUP_REPLICA=2\nCTRSUP_INSTANCE_ID=ab000000000000000000000000000001\nPORT=8080\nEMPTY=\n");
        done(&m);
        buf_reset(&out);
        make(&m, HEAD RUN "    hostname: other\n    environment: {PATH: /opt/bin, HOSTNAME: mine, container: docker}\n");
        put_env(&m, &out);
        assert_string_equal(
                buf_text(&out),
                "CTRSUP_STACK=shop\nCTRSUP_CONTAINER=web\nCTRSUP_REPLICA=2\nCTRSUP_INSTANCE_ID=ab000000000000000000000000000001\n"
                "PATH=/opt/bin\nHOSTNAME=mine\ncontainer=docker\n");
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_COMMAND, 0)->str[0]), "/opt/bin");
        done(&m);
}

/* Who has something to say is told where, and how often; the folder is read-only, and where no volume can be. */
static void test_notify(void **state _unused_) {
        struct made m;
        _cleanup_buf_ struct buf out = BUF_NULL;

        make(&m, HEAD RUN "    healthcheck: {notify: {}, timeout: 20s}\n    environment: {WATCHDOG_PID: 7}\n");
        put_env(&m, &out);
        assert_non_null(strstr(buf_text(&out), "NOTIFY_SOCKET=/dev/ctrsup/notify\nWATCHDOG_USEC=20000000\nWATCHDOG_PID=7\n"));
        const struct recipe_op *bind = find(&m, RECIPE_BIND, 0);
        assert_string_equal(recipe_string(&m.view, bind->str[0]), "/run/ctrsup/notify/ab");
        assert_int_equal(bind->flags, RECIPE_RDONLY | RECIPE_NOSUID | RECIPE_NODEV | RECIPE_NOEXEC);
        size_t n = 0;
        while (strcmp(recipe_string(&m.view, find(&m, RECIPE_ATTACH, n)->str[0]), "/dev/ctrsup") != 0)
                n++;
        assert_int_equal(find(&m, RECIPE_ATTACH, n)->num[0], bind->num[0]);
        done(&m);
        buf_reset(&out);
        make(&m, HEAD RUN "    readiness: {type: notify}\n");
        put_env(&m, &out);
        assert_non_null(strstr(buf_text(&out), "NOTIFY_SOCKET=/dev/ctrsup/notify\n"));
        assert_null(strstr(buf_text(&out), "WATCHDOG"));
        done(&m);
        buf_reset(&out);
        make(&m, HEAD RUN "    healthcheck: {notify: {}}\n    readiness: {type: started}\n    init: true\n");
        put_env(&m, &out);
        assert_non_null(strstr(buf_text(&out), "WATCHDOG_PID=\n")); /* filled in by who becomes the command */
        done(&m);
}

/* Entrypoint before command; the label names the instance. */
static void test_arguments(void **state _unused_) {
        struct made m;

        make(&m, HEAD "    entrypoint: [/entry, x]\n" RUN);
        assert_int_equal(m.view.header->n_argv, 4);
        assert_string_equal(recipe_string(&m.view, m.view.argv[0]), "/entry");
        assert_string_equal(recipe_string(&m.view, m.view.argv[3]), "-f");
        assert_string_equal(recipe_plan_label(m.plan), "shop/web.2");
        done(&m);
}

static void explain(const struct made *m, const struct keeper_failure *f, const char *want, const char *hint, unsigned line) {
        struct err err = { 0 };
        struct mark mark;

        int r = recipe_explain(m->plan, f, &mark, &err);
        assert_int_equal(r, -err.code);
        assert_string_equal(err.text, want);
        if (hint && !strstr(err.hint, hint))
                fail_msg("hint of \"%s\": %s", err.text, err.hint);
        assert_int_equal(mark.line, line);
}

static uint32_t index_of(const struct made *m, enum recipe_op_kind kind, size_t nth) {
        return (uint32_t)(find(m, kind, nth) - m->view.ops);
}

/* A hook's container is the container's own, but for what the hook says itself. */
static void test_hook(void **state _unused_) {
        const struct spec_pair more[] = { { "A", "hook" }, { "CTRSUP_EXIT_CODE", "3" } };
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct made m;

        load(&m, HEAD "    entrypoint: [/entry]\n" RUN "    init: true\n    user: \"5\"\n    environment: {A: main, B: main}\n"
                      "    post_stop: [{command: [sweep, all], user: ghost, working_dir: /w}, {command: [x]}]\n");
        const struct spec_hooks *hooks = &spec_find(m.stack.spec, "web")->hooks[HOOK_POST_STOP];
        struct recipe_input in = input_of(&m);
        in.hook = &hooks->items[0];
        in.hook_key = "post_stop[0]";
        in.environment = more;
        in.n_environment = ARRAY_SIZE(more);
        make_from(&m, &in);
        assert_int_equal(m.view.header->n_argv, 2);
        assert_string_equal(recipe_string(&m.view, m.view.argv[0]), "sweep");
        assert_int_equal(find(&m, RECIPE_COMMAND, 0)->flags & RECIPE_INIT, 0);
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_IDENTITY, 0)->str[0]), "ghost");
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_CHDIR, 0)->str[0]), "/w");
        assert_non_null(find(&m, RECIPE_OVERLAY, 0));
        put_env(&m, &out);
        assert_non_null(strstr(buf_text(&out), "B=main\nA=hook\nCTRSUP_EXIT_CODE=3\n"));
        assert_null(strstr(buf_text(&out), "A=main"));
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, ENOENT, index_of(&m, RECIPE_COMMAND, 0), 0 },
                "start shop/web: execute sweep: no such command", "looked in", 10);
        explain(&m,
                &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, EINVAL, index_of(&m, RECIPE_IDENTITY, 0), KEEPER_DETAIL_NO_USER },
                "start shop/web: become user ghost: no such user in the container's /etc/passwd", "write a number", 10);
        m.plan = recipe_plan_free(m.plan);
        buf_reset(&m.bytes);
        in.hook = &hooks->items[1];
        make_from(&m, &in);
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_IDENTITY, 0)->str[0]), "5");
        done(&m);
}

/* Namespaces: new ones by SPAWN, shared ones joined before the user namespace is entered, the host's neither. */
static void test_namespaces(void **state _unused_) {
        struct made m;
        const uint64_t all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

        make(&m, HEAD RUN);
        assert_int_equal(find(&m, RECIPE_SPAWN, 0)->num[0], all);
        assert_int_equal(count(&m, RECIPE_JOIN), 0);
        assert_non_null(find(&m, RECIPE_LOOPBACK, 0));
        assert_true(find(&m, RECIPE_USER, 0) < find(&m, RECIPE_SPAWN, 0));
        done(&m);
        make(&m, HEAD RUN "    namespaces: {pid: host, net: host, uts: host, ipc: host, cgroup: host, user: host}\n");
        assert_int_equal(find(&m, RECIPE_SPAWN, 0)->num[0], CLONE_NEWNS);
        assert_null(find(&m, RECIPE_USER, 0));
        assert_null(find(&m, RECIPE_HOSTNAME, 0));
        assert_null(find(&m, RECIPE_LOOPBACK, 0));
        assert_int_equal(find(&m, RECIPE_LAYER, 0)->flags & RECIPE_IDMAP, 0);
        done(&m);
        make(&m, HEAD RUN
             "    namespaces: {net: \"container:x\", uts: \"container:x\"}\n  x:\n    rootfs: {layers: [{dir: one}]}\n    command: [x]\n    hostname: xhost\n");
        assert_int_equal(find(&m, RECIPE_SPAWN, 0)->num[0], all & ~(uint64_t)(CLONE_NEWNET | CLONE_NEWUTS));
        assert_int_equal(count(&m, RECIPE_JOIN), 2);
        assert_true(find(&m, RECIPE_JOIN, 1) < find(&m, RECIPE_USER, 0));
        _cleanup_buf_ struct buf out = BUF_NULL;
        put_env(&m, &out);
        assert_non_null(strstr(buf_text(&out), "HOSTNAME=xhost\n"));
        done(&m);
        make(&m, HEAD RUN "    namespaces: {time: private}\n    time_offsets: {boottime: -1s}\n");
        assert_true(find(&m, RECIPE_TIME, 0)->num[1] == (uint64_t)-1000000);
        done(&m);
}

/* The writable layer of each mode. */
static void test_modes(void **state _unused_) {
        static const struct {
                const char *mode;
                bool disk, sealed, kept;
        } cases[] = { { "ephemeral", true, false, false },
                      { "persistent", true, false, true },
                      { "tmpfs", false, false, false },
                      { "read-only", false, true, false } };
        char text[512];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct made m;
                (void)snprintf(text, sizeof(text),
                               "name: shop\ncontainers:\n  web:\n    rootfs: {layers: [{dir: one}], mode: %s}\n" RUN,
                               cases[i].mode);
                make(&m, text);
                assert_int_equal(count(&m, RECIPE_UPPER), cases[i].disk);
                assert_int_equal(count(&m, RECIPE_SEAL), cases[i].sealed);
                assert_int_equal((find(&m, RECIPE_OVERLAY, 0)->flags & RECIPE_PERSISTENT) != 0, cases[i].kept);
                assert_int_equal((find(&m, RECIPE_OVERLAY, 0)->flags & RECIPE_VOLATILE) != 0, !cases[i].kept);
                done(&m);
        }
}

/* Volumes: attached parents first; flags; seeding only of whole named volumes; none over a system directory. */
static void test_volumes(void **state _unused_) {
        struct made m;
        struct err err = { 0 };
        struct recipe_plan *plan = NULL;

        make(&m, HEAD RUN "    volumes:\n"
                          "      - {type: tmpfs, target: /data/inner}\n"
                          "      - {type: bind, source: src, target: /data, read_only: true}\n"
                          "      - {type: volume, source: v, target: /v, read_only: true}\n"
                          "      - {type: volume, source: v, target: /w, volume: {nocopy: true}}\n"
                          "volumes: {v: }\n");
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_ATTACH, 0)->str[0]), "/data");
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_ATTACH, 1)->str[0]), "/data/inner");
        const struct recipe_op *bind = find(&m, RECIPE_BIND, 0), *volume = find(&m, RECIPE_BIND, 1);
        assert_string_equal(recipe_string(&m.view, bind->str[0]), "/base/src");
        assert_int_equal(bind->flags, RECIPE_IDMAP | RECIPE_RDONLY | RECIPE_NOSUID | RECIPE_NODEV);
        assert_string_equal(recipe_string(&m.view, volume->str[0]), "/vol/2");
        assert_int_equal(volume->flags & RECIPE_RDONLY, 0); /* filled first, then sealed by ATTACH */
        assert_int_equal(count(&m, RECIPE_SEED), 1);
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_ATTACH, 2)->str[0]), "/v");
        assert_true(find(&m, RECIPE_ATTACH, 2)->flags & RECIPE_RDONLY);
        done(&m);

        load(&m, HEAD RUN "    volumes: [{type: tmpfs, target: /data}]\n");
        struct recipe_input in = input_of(&m);
        static const char *const targets[] = { "/proc", "/proc/x", "/sys", "/dev/shm", "/" };
        struct spec_container bad = *in.container;
        struct spec_volume v = bad.volumes[0];
        bad.volumes = &v;
        in.container = &bad;
        for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
                v.target = targets[i];
                assert_int_equal(recipe_make(&in, &plan, &err), -EINVAL);
        }
        done(&m);
}

/* What the file does not say may give way to the host's limits, what it says may not. */
static void test_best_effort(void **state _unused_) {
        struct made m;

        make(&m, HEAD RUN "    ulimits: {nofile: {soft: 10, hard: 20}}\n    sysctls: {net.core.somaxconn: 5}\n");
        for (size_t i = 0; find(&m, RECIPE_RLIMIT, i); i++)
                assert_int_equal((find(&m, RECIPE_RLIMIT, i)->flags & RECIPE_BEST_EFFORT) != 0,
                                 find(&m, RECIPE_RLIMIT, i)->num[2] != 20);
        assert_string_equal(recipe_string(&m.view, find(&m, RECIPE_SYSCTL, 0)->str[0]), "net/core/somaxconn");
        done(&m);
}

/* The filter is there before the privileges are gone; without no_new_privs the one it takes to install it stays until the command runs. */
static void test_filter(void **state _unused_) {
        struct made m;

        make(&m, HEAD RUN);
        assert_int_equal(recipe_fds(recipe_plan_recipe(m.plan), &(size_t){ 0 })[find(&m, RECIPE_SECCOMP, 0)->fd], 23);
        assert_true(index_of(&m, RECIPE_SECCOMP, 0) < index_of(&m, RECIPE_IDENTITY, 0));
        assert_int_equal(find(&m, RECIPE_IDENTITY, 0)->flags, RECIPE_NO_NEW_PRIVS);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, EINVAL, index_of(&m, RECIPE_SECCOMP, 0), 0 },
                "start shop/web: filter its system calls: the kernel refuses the filter", NULL, 3);
        done(&m);
        make(&m, HEAD RUN "    no_new_privileges: false\n");
        assert_int_equal(find(&m, RECIPE_IDENTITY, 0)->flags, RECIPE_ADMIN);
        done(&m);
        load(&m, HEAD RUN "    no_new_privileges: false\n");
        struct recipe_input in = input_of(&m);
        in.filter_fd = -EBADF;
        make_from(&m, &in);
        assert_null(find(&m, RECIPE_SECCOMP, 0));
        assert_int_equal(find(&m, RECIPE_IDENTITY, 0)->flags, 0);
        done(&m);
}

/* A device is made in /dev, after that is there, as it is on the host. */
static void test_devices(void **state _unused_) {
        static const struct recipe_device found[] = { { S_IFCHR | 0666, 10, 229 }, { S_IFBLK | 0660, 7, 1 } };
        struct made m;

        load(&m, HEAD RUN "    devices: [{source: /dev/fuse}, {source: /dev/loop1, target: /dev/my/disk}]\n");
        struct recipe_input in = input_of(&m);
        in.devices = found;
        make_from(&m, &in);
        const struct recipe_op *fuse = find(&m, RECIPE_DEVICE, 0), *disk = find(&m, RECIPE_DEVICE, 1);
        assert_string_equal(recipe_string(&m.view, fuse->str[0]), "fuse");
        assert_string_equal(recipe_string(&m.view, disk->str[0]), "my/disk");
        assert_int_equal(fuse->num[0], find(&m, RECIPE_DEV, 0)->num[0]);
        assert_int_equal(disk->num[1], S_IFBLK | 0660);
        assert_int_equal(disk->num[2], 7);
        assert_int_equal(disk->num[3], 1);
        assert_true(index_of(&m, RECIPE_DEVICE, 0) > index_of(&m, RECIPE_DEV, 0));
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PREPARE, EPERM, index_of(&m, RECIPE_DEVICE, 1), 0 },
                "start shop/web: make device /dev/my/disk: Operation not permitted", NULL, 6);
        done(&m);
}

static void test_words(void **state _unused_) {
        struct made m;

        make(&m,
             "name: shop\ncontainers:\n  web:\n    rootfs:\n      layers:\n        - {dir: /srv/base}\n        - {dir: /srv/app}\n"
             "    command: [serve]\n    user: ghost\n    volumes:\n      - {type: bind, source: /proc, target: /p}\n");
        recipe_plan_sent(m.plan);
        assert_null(recipe_plan_recipe(m.plan));
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PREPARE, ENOENT, index_of(&m, RECIPE_LAYER, 1), 0 },
                "start shop/web: open layer 2 of 2, /srv/app: no such directory", "check the path", 7);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PREPARE, EINVAL, index_of(&m, RECIPE_OVERLAY, 0), 0 },
                "start shop/web: mount overlay (2 layers, top /srv/app): Invalid argument", "dmesg", 5);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PREPARE, EINVAL, index_of(&m, RECIPE_BIND, 0), KEEPER_DETAIL_IDMAP },
                "start shop/web: open bind /proc: its file system has no idmapped mounts", "idmap: false", 11);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, ENOENT, index_of(&m, RECIPE_COMMAND, 0), 0 },
                "start shop/web: execute serve: no such command", "looked in /usr/local/sbin:", 8);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_INIT, ENOENT, RECIPE_NONE, 0 },
                "start shop/web: execute serve: no such command", "looked in", 8);
        explain(&m,
                &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, EINVAL, index_of(&m, RECIPE_IDENTITY, 0), KEEPER_DETAIL_NO_USER },
                "start shop/web: become user ghost: no such user in the container's /etc/passwd", "write a number", 9);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, 9, RECIPE_NONE, KEEPER_DETAIL_KILLED },
                "start shop/web: killed by signal 9 (Killed) before its command ran", "limits.memory", 3);
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_KEEPER, ENOSPC, RECIPE_NONE, 0 },
                "start shop/web: the keeper has no room for more than 4096 containers and execs", NULL, 3);
        done(&m);
}

/* Whatever comes back has words: every operation of a plan with many errnos and details, and numbers nobody sends. */
static void test_words_for_all(void **state _unused_) {
        static const uint32_t errors[] = { 0, EPERM, ENOENT, EACCES, EINVAL, ENOSPC, ENOMEM, EAGAIN, EMFILE, 9999 };
        struct made m;

        make(&m, HEAD RUN "    volumes: [{type: tmpfs, target: /t}]\n");
        for (uint32_t op = 0; op <= m.view.header->n_ops + 1; op++)
                for (size_t e = 0; e < ARRAY_SIZE(errors); e++)
                        for (uint32_t detail = 0; detail <= _KEEPER_DETAIL_MAX; detail++)
                                for (uint32_t stage = 0; stage <= _KEEPER_STAGE_MAX; stage++) {
                                        struct err err = { 0 };
                                        (void)recipe_explain(m.plan, &(struct keeper_failure){ stage, errors[e], op, detail },
                                                             NULL, &err);
                                        assert_true(strlen(err.text) > strlen("start shop/web: "));
                                        assert_null(strstr(err.text, "(null)"));
                                        assert_null(strstr(err.hint, "%s"));
                                }
        struct err err = { 0 };
        struct mark mark;
        (void)recipe_explain(NULL, &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, ENOENT, 7, 0 }, &mark, &err);
        assert_string_equal(err.text, "step 7 of the launch: No such file or directory");
        assert_int_equal(mark.line, 0);
        done(&m);
}

/* exec joins what the container does not share with the host. */
static void test_exec(void **state _unused_) {
        struct made m;
        struct err err = { 0 };
        struct recipe_view v;
        _cleanup_buf_ struct buf bytes = BUF_NULL;
        size_t n;

        load(&m, HEAD RUN "    namespaces: {net: host}\n    user: \"70\"\n");
        const struct recipe_exec_input in = { .spec = m.stack.spec,
                                              .container = spec_find(m.stack.spec, "web"),
                                              .replica = 1,
                                              .pidfd = 50,
                                              .filter_fd = 52,
                                              .cgroup_fd = 51,
                                              .argv = (const char *const[]){ "sh", NULL },
                                              .stdio = { { 10, false }, { 11, true }, { 12, true } },
                                              .pty_socket = -EBADF };
        assert_int_equal(recipe_make_exec(&in, &m.plan, &err), 0);
        assert_int_equal(recipe_finish(recipe_plan_recipe(m.plan), &bytes), 0);
        (void)recipe_fds(recipe_plan_recipe(m.plan), &n);
        assert_int_equal(recipe_open(bytes.data, bytes.len, n, &v, NULL), 0);
        for (uint32_t i = 0; i < v.header->n_ops; i++) {
                if (v.ops[i].kind == RECIPE_JOIN)
                        assert_int_equal(v.ops[i].num[0], CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                                                                  CLONE_NEWCGROUP | CLONE_NEWUSER);
                if (v.ops[i].kind == RECIPE_IDENTITY)
                        assert_string_equal(recipe_string(&v, v.ops[i].str[0]), "70");
        }
        explain(&m, &(struct keeper_failure){ KEEPER_STAGE_PAYLOAD, ENOENT, v.header->n_ops - 1, 0 },
                "execute in shop/web: execute sh: no such command", "looked in", 0);
        done(&m);
}

unit_main(cmocka_unit_test(test_environment), cmocka_unit_test(test_notify), cmocka_unit_test(test_arguments),
          cmocka_unit_test(test_hook), cmocka_unit_test(test_namespaces), cmocka_unit_test(test_modes),
          cmocka_unit_test(test_volumes), cmocka_unit_test(test_best_effort), cmocka_unit_test(test_filter), cmocka_unit_test(test_devices),
          cmocka_unit_test(test_words), cmocka_unit_test(test_words_for_all), cmocka_unit_test(test_exec));
