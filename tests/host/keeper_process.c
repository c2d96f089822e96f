/* Who a container's process is, what it inherits, what it cannot have; and the words when it cannot start. */
#include "host/keeper_rig.h"

#define ROOT "    rootfs: {layers: [{dir: base}]}\n"
#define NO_CAPS \
        "CapInh=0000000000000000\nCapPrm=0000000000000000\nCapEff=0000000000000000\nCapBnd=00000000000004fb\nCapAmb=0000000000000000\n"

static void expect(const char *body, const char *want, const char *what) {
        static struct rig_box b;

        rig_run(&b, body, NULL);
        rig_has(&b, want, what);
        rig_free(&b);
}

static void test_users(void) {
        static const struct {
                const char *keys, *want;
        } cases[] = {
                { "user: \"0\"", "uid=0\ngid=0\neuid=0\negid=0\n" },
                { "user: root", "uid=0\ngid=0\n" },
                { "user: \"70\"", "uid=70\ngid=71\n" },
                { "user: app", "uid=70\ngid=71\neuid=70\negid=71\n" },
                { "user: \"70:0\"", "uid=70\ngid=0\n" },
                { "user: \"app:extra\"", "uid=70\ngid=106\n" },
                { "user: \"12345\"", "uid=12345\ngid=0\n" },
                { "user: \"65534:65534\"", "uid=65534\ngid=65534\n" },
                { "user: app", "groups=105\n" }, /* listed in /etc/group */
                { "user: \"app:app\"", "groups=\n" },
                { "user: app, group_add: [extra, \"200\"]", "groups=105,106,200\n" },
        };
        char body[512], what[128];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void)snprintf(body, sizeof(body), ROOT "    <<: {%s}\n    command: [probe, ids]\n", cases[i].keys);
                (void)snprintf(what, sizeof(what), "%s", cases[i].keys);
                expect(body, cases[i].want, what);
        }
        expect(ROOT "    user: ghost\n    command: [probe]\n", "become user ghost: no such user in the container's /etc/passwd",
               "a user nobody knows");
        expect(ROOT "    user: \"app:ghosts\"\n    command: [probe]\n", "no such group in the container's /etc/group",
               "a group nobody knows");
        expect(ROOT
               "    user: \"70\"\n    user_mapping: {uids: [{container: 0, host: 1200029696, size: 65536}]}\n    command: [probe, ids]\n",
               "uid=70\n", "an explicit mapping");
}

static void test_capabilities(void) {
        static const struct {
                const char *keys, *want;
        } cases[] = {
                { "user: \"0\"",
                  "CapInh=0000000000000000\nCapPrm=00000000000004fb\nCapEff=00000000000004fb\nCapBnd=00000000000004fb\nCapAmb=0000000000000000\nNoNewPrivs=1\n" },
                { "cap_drop: [ALL]", "CapPrm=0000000000000000\nCapEff=0000000000000000\nCapBnd=0000000000000000\n" },
                { "cap_drop: [ALL], cap_add: [NET_ADMIN]",
                  "CapPrm=0000000000001000\nCapEff=0000000000001000\nCapBnd=0000000000001000\n" },
                { "no_new_privileges: false", "NoNewPrivs=0\n" },
                { "user: app", NO_CAPS "NoNewPrivs=1\n" },
                { "user: app, no_new_privileges: false", NO_CAPS "NoNewPrivs=0\n" },
        };
        char body[512];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                (void)snprintf(body, sizeof(body), ROOT "    <<: {%s}\n    command: [probe, caps]\n", cases[i].keys);
                expect(body, cases[i].want, cases[i].keys);
        }
}

static void test_inheritance(void) {
        static struct rig_box b;

        rig_run(&b, ROOT "    environment: {PORT: 8080, PATH: /bin}\n    command: [probe, env]\n", NULL);
        char want[512], hex[33];
        for (int i = 0; i < 16; i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", b.id[i]);
        (void)snprintf(
                want, sizeof(want),
                "container=ctrsup\nHOSTNAME=t\nCTRSUP_STACK=rig\nCTRSUP_CONTAINER=t\nCTRSUP_REPLICA=1\nCTRSUP_INSTANCE_ID=%s\nPORT=8080\nPATH=/bin\n",
                hex);
        rig_is(&b, want, "environment: ctrsup's own and the file's, nothing else");
        rig_free(&b);
        rig_run(&b, ROOT "    command: [probe, fds, and, cwd, and, reopen]\n", NULL);
        rig_is(&b, "0 1 2\ncwd=/\nreopen=ok\n", "fds 0, 1, 2 and no more; /dev/stdout can be opened again");
        rig_free(&b);
        expect(ROOT "    user: app\n    command: [probe, reopen]\n", "reopen=ok\n", "  also by a user that is not root");
        rig_run(&b, ROOT "    command: [probe, session]\n", NULL);
        rig_is(&b,
               "sid_is_pid=1\npgrp_is_pid=1\numask=0022\noom_score_adj=0\ndumpable=1\npdeathsig=0\ntty=0\nSigBlk=0000000000000000\nSigIgn=0000000000000000\nSigCgt=0000000000000000\n",
               "a session of its own, umask 022, oom_score_adj 0, no signal blocked or ignored, does not die with the keeper");
        rig_free(&b);
        expect(ROOT
               "    umask: \"0077\"\n    oom_score_adj: 500\n    working_dir: /tmp\n    command: [probe, cwd, and, session]\n",
               "umask=0077\noom_score_adj=500\n", "umask and oom_score_adj of the file");
        expect(ROOT "    working_dir: /tmp\n    command: [probe, cwd]\n", "cwd=/tmp\n", "working_dir");
        expect(ROOT
               "    ulimits: {nofile: {soft: 64, hard: 128}, core: {soft: 0, hard: 0}, fsize: {soft: 4096, hard: 8192}}\n    command: [probe, limits]\n",
               "nofile=64:128\ncore=0:0\n", "ulimits");
        expect(ROOT "    ulimits: {nofile: {soft: 3, hard: 3}}\n    command: [probe, limits]\n", "nofile=3:3\n",
               "  so small that the launch itself could not live with them");
}

static void test_init(void) {
        static struct rig_box b;

        rig_run(&b, ROOT "    init: true\n    command: [probe, ids, and, fds, and, read, /proc/1/comm, and, exit, \"5\"]\n",
                NULL);
        rig_has(&b, "pid=2\nppid=1\n", "init: true, the command is not PID 1");
        rig_has(&b, "groups=\n0 1 2\nctrsup-init\n", "  PID 1 is ours, and leaves no fd to it");
        rig_result(b.exit.code == CLD_EXITED && b.exit.status == 5, "  its exit code is the command's");
        rig_free(&b);
        rig_run(&b, ROOT "    init: true\n    command: [probe, signal, \"9\"]\n", NULL);
        rig_result(b.exit.code == CLD_EXITED && b.exit.status == 137, "  a signal is 128 + n");
        rig_free(&b);
        rig_launch(&b, ROOT "    init: true\n    command: [probe, trap]\n", NULL);
        if (rig_wait(&b, &b.started)) {
                rig_read_line(&b);
                (void)sys_pidfd_send_signal(b.pidfd, SIGTERM);
                (void)rig_wait(&b, &b.exited);
                rig_result(b.exit.status == 7, "  signals are passed on");
        }
        rig_stop(&b);
        rig_run(&b,
                ROOT
                "    init: true\n    command: [sh, -c, \"(busybox true & busybox true &); for i in $(busybox seq 200); do busybox ps -o stat,comm >/tmp/ps; busybox grep -q ^Z /tmp/ps || break; done; busybox grep -c ^Z /tmp/ps; probe read /proc/1/comm\"]\n",
                NULL);
        rig_has(&b, "0\nctrsup-init\n", "  orphans are reaped");
        rig_free(&b);
        expect(ROOT "    init: true\n    command: [nothere]\n",
               "execute nothere: no such command\nhint: looked in /usr/local/sbin:",
               "  a command that is not there is a failed start, as without");
}

static void test_exits(void) {
        static struct rig_box b;

        rig_run(&b, ROOT "    command: [probe, exit, \"42\"]\n", NULL);
        rig_result(b.started && b.exit.code == CLD_EXITED && b.exit.status == 42, "exit code 42");
        rig_free(&b);
        rig_run(&b, ROOT "    namespaces: {pid: host}\n    command: [probe, signal, \"15\"]\n", NULL);
        rig_result(b.exit.code == CLD_KILLED && b.exit.status == 15, "death by signal 15");
        rig_free(&b);
        rig_run(&b, ROOT "    command: [probe, spin, \"60\"]\n", NULL);
        long usec = b.exit.usage.ru_utime.tv_sec * 1000000 + b.exit.usage.ru_utime.tv_usec +
                    b.exit.usage.ru_stime.tv_sec * 1000000 + b.exit.usage.ru_stime.tv_usec;
        rig_result(usec >= 10000 && b.exit.usage.ru_maxrss > 0, "rusage comes with it (%ld us of CPU)", usec);
        rig_free(&b);
}

static void test_words(void) {
        rig_sh("cd %s/base && printf '#!/no/such/interpreter\\n' >script && chmod 755 script && printf x >plain && chmod 644 plain && printf x >garbage && chmod 755 garbage && echo x >%s/notdir",
               rig.dir, rig.dir);
        expect(ROOT "    command: [nothere]\n",
               "rig.yaml:5:5: start rig/t: execute nothere: no such command\nhint: looked in /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin of the container\n",
               "no such command, with its place and where it was looked for");
        expect(ROOT "    command: [/script]\n", "execute /script: its interpreter or dynamic loader is not in the layers\n",
               "a script whose interpreter is missing");
        expect(ROOT "    command: [/plain]\n", "execute /plain: it is not executable\n", "a file that is not executable");
        expect(ROOT "    command: [/garbage]\n", "execute /garbage: it is not a program\n", "a file that is no program");
        expect(ROOT "    working_dir: /nowhere\n    command: [probe]\n",
               "rig.yaml:5:18: start rig/t: enter working directory /nowhere: no such directory in the container\n",
               "no such working directory");
        expect("    rootfs: {layers: [{dir: base}, {dir: missing}]}\n    command: [probe]\n", "open layer 2 of 2, ",
               "a missing layer, which one");
        expect("    rootfs: {layers: [{dir: base}, {dir: missing}]}\n    command: [probe]\n",
               "/missing: no such directory\nhint: layers are directories of this host", "  with the cure");
        expect("    rootfs: {layers: [{dir: base}, {dir: notdir}]}\n    command: [probe]\n", "/notdir: it is not a directory\n",
               "a layer that is a file");
        expect("    rootfs: {layers: [{dir: base}, {dir: base}]}\n    command: [probe]\n", "mount overlay (2 layers, top ",
               "the same layer twice");
        expect(ROOT "    volumes: [{type: tmpfs, target: /etc/passwd}]\n    command: [probe]\n",
               "mount tmpfs at /etc/passwd: a directory is to be mounted, in the container there is a file\n",
               "a directory over a file");
        expect(ROOT
               "    volumes: [{type: tmpfs, target: /x, noexec: true}, {type: bind, source: base/bin, target: /y, noexec: true}]\n    command: [/y/probe]\n",
               "execute /y/probe: it is on a mount that is noexec\n", "a command on a noexec mount");
        expect(ROOT "    volumes: [{type: bind, source: /proc, target: /p}]\n    command: [probe]\n",
               "open bind /proc: its file system has no idmapped mounts\nhint: write bind: {idmap: false}",
               "a file system without idmapped mounts");
        expect(ROOT "    sysctls: {net.core.nothere: 1}\n    command: [probe]\n",
               "set sysctl net.core.nothere to 1: the kernel has no such sysctl here\n", "an unknown sysctl");
}

/* CVE-2024-21626: none of a thousand numbers is a way out, since nothing of ours is open any more. */
static void test_escape_by_cwd(void) {
        static struct rig_box b;
        char body[256];
        int outside = 0;

        for (int fd = 0; fd < 40; fd++) {
                (void)snprintf(body, sizeof(body),
                               ROOT "    working_dir: /proc/self/fd/%d\n    command: [probe, cwd, and, list, .]\n", fd);
                rig_run(&b, body, NULL);
                if (!b.failed)
                        outside++;
                rig_free(&b);
        }
        rig_result(outside == 0, "working_dir: /proc/self/fd/N starts nowhere for N below 40");
}

int main(void) {
        rig_begin(false);
        test_users();
        test_capabilities();
        test_inheritance();
        test_init();
        test_exits();
        test_words();
        test_escape_by_cwd();
        return rig_end();
}
