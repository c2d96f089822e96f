/* The keeper's own life: it outlives the supervisor and keeps what that must hear; its death leaves no half container and no
 * dead one; what it cannot take it refuses; nothing is left in the host's mount table. And exec into a container. */
#include "host/keeper_rig.h"

#include <sys/resource.h>
#include <sys/un.h>

#define ROOT "    rootfs: {layers: [{dir: base}], mode: tmpfs}\n"
#define SLEEP ROOT "    command: [probe, out, up, and, sleep]\n"

static size_t count_mounts(void) {
        FILE *f = fopen("/proc/self/mountinfo", "re");
        size_t n = 0;

        for (int c; f && (c = fgetc(f)) != EOF;)
                n += c == '\n';
        if (f)
                (void)fclose(f);
        return n;
}

static bool is_alive(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return poll(&p, 1, 0) == 0;
}

static bool dies(int pidfd) {
        return rig_wait_readable(pidfd);
}

static bool reconnect(void) {
        struct err err = { 0 };

        rig.client = keeper_client_free(rig.client);
        return keeper_client_connect(rig.run, &rig.client, &err) == 0;
}

/* Reads until a message of this kind (for this box, unless NULL). */
static bool await(enum keeper_message_kind kind, const struct rig_box *b, struct keeper_event *ret) {
        for (;;) {
                int r = keeper_client_read(rig.client, ret);
                if (r < 0)
                        return false;
                if (r == 0) {
                        if (!rig_wait_readable(keeper_client_fd(rig.client)))
                                return false;
                        continue;
                }
                if (ret->message.kind == kind && (!b || memcmp(ret->message.id, b->id, sizeof(b->id)) == 0))
                        return true;
                keeper_event_done(ret);
        }
}

static void test_survives_supervisor(void) {
        static struct rig_box runs, ends;
        struct keeper_event e = KEEPER_EVENT_NULL;

        rig_launch(&runs, SLEEP, NULL);
        (void)rig_wait(&runs, &runs.started);
        rig_launch(&ends, ROOT "    command: [probe, out, up, and, trap]\n", NULL);
        (void)rig_wait(&ends, &ends.started);
        pid_t keeper = keeper_client_pid(rig.client);
        rig.client = keeper_client_free(rig.client);
        rig_read_line(&ends);
        rig_read_line(&ends);
        (void)sys_pidfd_send_signal(ends.pidfd, SIGTERM);
        rig_result(dies(ends.pidfd) && is_alive(runs.pidfd), "containers go on, and end, without a supervisor");
        rig_result(reconnect() && keeper_client_pid(rig.client) == keeper, "a new supervisor finds the same keeper");
        rig_result(await(KEEPER_EXITED, &ends, &e) && e.message.exit.status == 7, "  and is told the exit it missed");
        keeper_event_done(&e);
        (void)reconnect();
        rig_result(await(KEEPER_EXITED, &ends, &e), "  and told again by the next, as nobody forgot it");
        keeper_event_done(&e);
        (void)keeper_client_list(rig.client);
        bool running = await(KEEPER_LISTED, &runs, &e);
        rig_result(running && e.message.state == KEEPER_RUNNING && e.message.pid == runs.pid && e.fd >= 0 &&
                           strcmp(e.message.label, "rig/t.1") == 0,
                   "  LIST tells label, pid and pidfd of what runs");
        keeper_event_done(&e);
        (void)await(KEEPER_LIST_END, NULL, &e);
        (void)keeper_client_forget(rig.client, ends.id);
        (void)keeper_client_list(rig.client);
        bool found = false;
        while (keeper_event_done(&e), await(KEEPER_LISTED, NULL, &e)) {
                found = found || memcmp(e.message.id, ends.id, sizeof(ends.id)) == 0;
                if (memcmp(e.message.id, runs.id, sizeof(runs.id)) == 0)
                        break;
        }
        keeper_event_done(&e);
        rig_result(!found, "  FORGET drops it");
        rig_stop(&runs);
        rig_free(&ends);
        (void)rmdir(ends.cgroup);
}

static void test_held(void) {
        struct keeper_event e = KEEPER_EVENT_NULL;
        int ends[2];
        char text[8] = "";

        if (pipe2(ends, O_CLOEXEC) < 0)
                return;
        (void)keeper_client_hold(rig.client, "log rig/t.1 stdout", ends[0]);
        rig_result(await(KEEPER_DONE, NULL, &e) && e.message.error == 0, "HOLD");
        keeper_event_done(&e);
        (void)close(ends[0]);
        (void)!write(ends[1], "kept", 4);
        (void)reconnect();
        (void)keeper_client_list(rig.client);
        rig_result(await(KEEPER_LISTED_FD, NULL, &e) && strcmp(e.message.name, "log rig/t.1 stdout") == 0,
                   "  LIST names it to the next supervisor");
        keeper_event_done(&e);
        (void)keeper_client_take(rig.client, "log rig/t.1 stdout");
        bool done = await(KEEPER_DONE, NULL, &e) && e.fd >= 0 && read(e.fd, text, sizeof(text)) == 4;
        rig_result(done && strcmp(text, "kept") == 0, "  TAKE gives it back with what was written meanwhile");
        keeper_event_done(&e);
        (void)keeper_client_release(rig.client, "log rig/t.1 stdout");
        (void)await(KEEPER_DONE, NULL, &e);
        keeper_event_done(&e);
        (void)keeper_client_take(rig.client, "log rig/t.1 stdout");
        rig_result(await(KEEPER_DONE, NULL, &e) && e.message.error == ENOENT, "  RELEASE lets it go");
        keeper_event_done(&e);
        (void)signal(SIGPIPE, SIG_IGN);
        rig_result(write(ends[1], "x", 1) < 0 && errno == EPIPE, "  for good");
        (void)close(ends[1]);
}

/* A hundred exits nobody reads: the socket is full, the keeper goes on. */
static void test_slow_supervisor(void) {
        enum { N = 600 };
        static struct rig_box b;
        struct keeper_event e = KEEPER_EVENT_NULL;
        size_t told = 0;

        rig_launch(&b, SLEEP, NULL);
        (void)rig_wait(&b, &b.started);
        int sent = 0;
        while (sent < N && keeper_client_list(rig.client) == 0) /* each answer is two packets; nobody reads them */
                sent++;
        struct keeper_client *stuck = rig.client;
        rig.client = NULL;
        struct err err = { 0 };
        rig_result(keeper_client_connect(rig.run, &rig.client, &err) == 0,
                   "a supervisor that does not read does not stop the keeper (%d requests)", sent);
        (void)keeper_client_free(stuck);
        (void)keeper_client_list(rig.client);
        if (await(KEEPER_LIST_END, NULL, &e))
                told++;
        keeper_event_done(&e);
        rig_result(told == 1, "  a new one is answered");
        rig_stop(&b);
}

/* Sends a launch with /dev/null for a recipe; the errno of the answer. */
static uint32_t refused_with(int sock, const uint8_t id[KEEPER_ID_SIZE]) {
        struct keeper_message m = { .kind = KEEPER_LAUNCH, .label = "rig/bad" };
        _cleanup_fd_ int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

        memcpy(m.id, id, KEEPER_ID_SIZE);
        if (io_send(sock, &m, sizeof(m), &file, 1) < 0)
                return 0;
        for (struct keeper_message got; rig_wait_readable(sock) && recv(sock, &got, sizeof(got), 0) > 0;)
                if (got.kind == KEEPER_FAILED && memcmp(got.id, id, KEEPER_ID_SIZE) == 0 &&
                    got.failure.stage == KEEPER_STAGE_KEEPER)
                        return got.failure.error;
        return 0;
}

static void test_refusals(void) {
        static struct rig_box b;
        struct keeper_event e = KEEPER_EVENT_NULL;
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        rig_launch(&b, SLEEP, NULL);
        (void)rig_wait(&b, &b.started);
        (void)keeper_client_quit(rig.client, false);
        rig_result(await(KEEPER_DONE, NULL, &e) && e.message.error == EBUSY, "QUIT is refused while something runs");
        keeper_event_done(&e);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", rig.run, KEEPER_SOCKET);
        rig.client = keeper_client_free(rig.client);
        _cleanup_fd_ int raw = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        (void)connect(raw, (struct sockaddr *)&address, sizeof(address));
        uint8_t other[KEEPER_ID_SIZE] = { 1 };
        rig_result(refused_with(raw, b.id) == EEXIST, "the same id twice is refused");
        rig_result(refused_with(raw, other) == EBADMSG, "a recipe that is no sealed memfd is refused");
        struct keeper_message got;
        (void)io_send(raw, "x", 1, NULL, 0);
        bool closed = false;
        for (ssize_t n; (n = recv(raw, &got, sizeof(got), 0)) >= 0;)
                if (n == 0) {
                        closed = true;
                        break;
                }
        rig_result(closed, "who sends garbage is dropped");
        rig_result(reconnect() && is_alive(b.pidfd), "  and the keeper and its containers are well");

        pid_t pid = fork();
        if (pid == 0) {
                char byte;
                if (setresuid(65534, 65534, 65534) < 0)
                        _exit(2);
                int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
                _exit(connect(s, (struct sockaddr *)&address, sizeof(address)) < 0 || recv(s, &byte, 1, 0) <= 0 ? 0 : 1);
        }
        siginfo_t info;
        (void)waitid(P_PID, (id_t)pid, &info, WEXITED);
        rig_result(info.si_status == 0, "another uid is not heard");
        rig_stop(&b);
}

static void test_keeper_killed(void) {
        static struct rig_box b, half;
        char fifo[160];

        rig_launch(&b, SLEEP, NULL);
        (void)rig_wait(&b, &b.started);
        rig_read_line(&b);
        pid_t keeper = keeper_client_pid(rig.client);
        _cleanup_fd_ int pidfd = sys_pidfd_open(keeper);
        (void)sys_pidfd_send_signal(pidfd, SIGKILL);
        (void)dies(pidfd);
        rig_result(is_alive(b.pidfd), "kill -9 of the keeper: a container that runs goes on");
        rig.client = keeper_client_free(rig.client);
        rig_spawn_keeper();
        rig_result(true, "  a new keeper starts at the same place");
        rig_empty_cgroup(b.cgroup);
        rig_result(dies(b.pidfd), "  and the container can be ended by its cgroup");
        b.started = false;
        rig_stop(&b);

        /* a launch that is not done: its stdin pipe is a FIFO-backed seed that cannot end, so it hangs in the middle */
        (void)snprintf(fifo, sizeof(fifo), "%s/hang", rig.dir);
        rig_sh("mkdir -p %s/hang/data %s/hangvol && busybox dd if=/dev/zero of=%s/hang/data/big bs=1M count=400 2>/dev/null",
               rig.dir, rig.dir, rig.dir);
        char dir[160];
        (void)snprintf(dir, sizeof(dir), "%s/hangvol", rig.dir);
        const char *dirs[] = { dir };
        rig_launch(
                &half,
                "    rootfs: {layers: [{dir: base}, {dir: hang}], mode: tmpfs}\n    volumes: [{type: volume, source: d, target: /data}]\n    command: [probe, sleep]\n",
                &(struct rig_options){ .volume_dirs = dirs, .peer = "volumes: {d: }\n" });
        keeper = keeper_client_pid(rig.client);
        char big[200], events[256], text[128] = "";
        (void)snprintf(big, sizeof(big), "%s/big", dir);
        (void)snprintf(events, sizeof(events), "%s/cgroup.events", half.cgroup);
        for (int i = 0; i < 20000 && access(big, F_OK) < 0; i++) /* until it copies */
                (void)usleep(100);
        _cleanup_fd_ int second = sys_pidfd_open(keeper);
        (void)sys_pidfd_send_signal(second, SIGKILL);
        (void)dies(second);
        for (int i = 0; i < 2000 && !strstr(text, "populated 0"); i++) {
                _cleanup_fd_ int fd = open(events, O_RDONLY | O_CLOEXEC);
                ssize_t n = io_read_full(fd, text, sizeof(text) - 1);
                text[n > 0 ? n : 0] = '\0';
                (void)usleep(1000);
        }
        rig_result(strstr(text, "populated 0") != NULL, "kill -9 of the keeper in the middle of a launch leaves nothing");
        rig.client = keeper_client_free(rig.client);
        rig_spawn_keeper();
        rig_free(&half);
        (void)rmdir(half.cgroup);
}

static void wait_populated(const char *cgroup) {
        char path[256], text[128] = "";

        (void)snprintf(path, sizeof(path), "%s/cgroup.events", cgroup);
        for (int i = 0; i < 20000 && !strstr(text, "populated 1"); i++) {
                _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? 0 : io_read_full(fd, text, sizeof(text) - 1);
                text[n > 0 ? n : 0] = '\0';
                (void)usleep(100);
        }
}

/* A leaf that has seen cgroup.kill: some kernels kill the preparer at birth (facts K1). That has to come back as words, at once;
 * on the others it just starts. And a launch that is killed half way is told the same way. */
static void test_killed_launch(void) {
        static struct rig_box b;
        char path[192];

        (void)snprintf(path, sizeof(path), "%s/t.%u", rig.cgroup, rig.generation + 1);
        rig_sh("mkdir %s && echo 1 >%s/cgroup.kill", path, path);
        rig_launch(&b, SLEEP, NULL);
        bool started = rig_wait(&b, &b.started);
        if (!started)
                rig_explain(&b);
        rig_result(started || (b.failed && strstr(b.text, "killed by signal 9 (Killed) before its command ran")),
                   "a launch into a leaf that was killed before: %s", started ? "starts" : "told in words");
        rig_stop(&b);
        rig_launch(&b, SLEEP, NULL);
        wait_populated(b.cgroup);   /* a kill of an empty leaf kills nobody on kernels without the fault */
        rig_empty_cgroup(b.cgroup); /* wherever the launch is by now */
        while (!b.failed && !b.exited && rig_wait(&b, &b.exited))
                ;
        rig_result(b.failed ? b.failure.detail == KEEPER_DETAIL_KILLED : b.exited && b.exit.code == CLD_KILLED,
                   "a launch that is killed ends as one that was killed");
        b.exited = true;
        rig_stop(&b);
}

static void test_ephemeral(void) {
        static struct rig_box b;

        (void)keeper_client_quit(rig.client, true);
        struct keeper_event e = KEEPER_EVENT_NULL;
        while (await(KEEPER_DONE, NULL, &e))
                keeper_event_done(&e);
        rig.client = keeper_client_free(rig.client);
        rig.ephemeral = true;
        rig_spawn_keeper();
        rig_launch(&b, SLEEP, NULL);
        (void)rig_wait(&b, &b.started);
        _cleanup_fd_ int keeper = sys_pidfd_open(keeper_client_pid(rig.client));
        rig.client = keeper_client_free(rig.client);
        rig_result(dies(b.pidfd) && dies(keeper), "an ephemeral keeper kills its containers and ends with its supervisor");
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", rig.run, KEEPER_SOCKET);
        rig_result(access(path, F_OK) < 0, "  and takes its socket away");
        rig_free(&b);
        (void)rmdir(b.cgroup);
        rig.ephemeral = false;
        rig_spawn_keeper();
}

static void exec(struct rig_box *b, const struct rig_box *in, const char *const *argv, int pty_socket, const char *user) {
        struct err err = { 0 };
        int output[2];

        *b = (struct rig_box){ .pidfd = -EBADF, .output = -EBADF };
        rig_new_id(b);
        _cleanup_fd_ int leaf = open(in->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (pipe2(output, O_CLOEXEC) < 0)
                rig_bail("pipe", strerror(errno));
        b->output = output[0];
        const struct spec_pair more[] = { { "TERM", "xterm" } };
        const struct recipe_exec_input input = {
                .spec = in->stack.spec,
                .container = spec_find(in->stack.spec, "t"),
                .replica = 1,
                .root_uid = RIG_UID,
                .root_gid = RIG_UID,
                .pidfd = in->pidfd,
                .filter_fd = rig_filter(spec_find(in->stack.spec, "t")),
                .cgroup_fd = leaf,
                .argv = argv,
                .environment = more,
                .n_environment = 1,
                .user = user,
                .stdio = { { null, false }, { output[1], true }, { output[1], true } },
                .pty_socket = pty_socket,
                .rows = 30,
                .columns = 90,
        };
        if (recipe_make_exec(&input, &b->plan, &err) < 0 ||
            keeper_client_launch(rig.client, b->id, "exec", recipe_plan_recipe(b->plan), &err) < 0)
                rig_bail("exec", err.text);
        (void)close(output[1]);
}

static void test_exec(void) {
        static struct rig_box b, x;
        int pair[2], master = -EBADF;
        size_t size, n;

        rig_launch(
                &b,
                ROOT
                "    volumes: [{type: tmpfs, target: /data}]\n    command: [probe, write, /data/x, inside, and, out, up, and, sleep]\n",
                NULL);
        (void)rig_wait(&b, &b.started);
        rig_read_line(&b);
        exec(&x, &b,
             (const char *const[]){ "probe", "read", "/data/x", "and", "ids", "and", "caps", "and", "fds", "and", "read",
                                    "/proc/self/cgroup", "and", "exit", "3", NULL },
             -EBADF, NULL);
        (void)rig_wait(&x, &x.exited);
        rig_read_output(&x);
        rig_has(&x, "insideuid=0\n", "exec: sees the container's mounts");
        rig_has(&x, "CapBnd=00000000000004fb\nCapAmb=0000000000000000\nNoNewPrivs=1\n0 1 2\n",
                "  has its capabilities, and no fd of ours");
        rig_has(&x, "0::/\n", "  is in its cgroup");
        rig_result(x.exit.code == CLD_EXITED && x.exit.status == 3, "  and its exit code comes back");
        (void)keeper_client_forget(rig.client, x.id);
        rig_free(&x);
        exec(&x, &b, (const char *const[]){ "probe", "ids", NULL }, -EBADF, "app");
        (void)rig_wait(&x, &x.exited);
        rig_read_output(&x);
        rig_has(&x, "uid=70\ngid=71\n", "  as another user");
        rig_free(&x);
        exec(&x, &b, (const char *const[]){ "nothere", NULL }, -EBADF, NULL);
        (void)rig_wait(&x, &x.exited);
        rig_explain(&x);
        rig_has(&x, "execute in rig/t: execute nothere: no such command\n", "  a command that is not there");
        rig_free(&x);

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return;
        exec(&x, &b,
             (const char *const[]){
                     "sh", "-c", "probe session and list /dev/pts and env; busybox stty size; read line; echo got $line", NULL },
             pair[1], NULL);
        char byte;
        bool came = rig_wait_readable(pair[0]) && io_receive(pair[0], &byte, 1, &size, &master, 1, &n) == 0 && n == 1;
        rig_result(came, "exec with a terminal: the master comes over the socket");
        if (came) {
                (void)!write(master, "hello\n", 6);
                (void)rig_wait(&x, &x.exited);
                size_t len = 0;
                for (ssize_t got; len < 8192 && rig_wait_readable(master) && (got = read(master, x.text + len, 8192 - len)) > 0;)
                        len += (size_t)got;
                x.text[len] = '\0';
                rig_has(&x, "tty=1\r\n", "  stdin is a terminal");
                rig_has(&x, "0 ptmx\r\n", "  one of the container's own devpts");
                rig_has(&x, "30 90\r\n", "  of the size asked for");
                rig_has(&x, "TERM=xterm\r\n", "  with the caller's TERM");
                rig_has(&x, "got hello\r\n", "  that can be read from");
        }
        (void)close_fd(master);
        (void)close(pair[0]);
        (void)close(pair[1]);
        rig_free(&x);
        rig_stop(&b);
}

static uint64_t cpu_nsec(pid_t pid) {
        char path[64];
        unsigned long long nsec = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        if (f)
                (void)!fscanf(f, "%llu", &nsec);
        return nsec;
}

/* Without a free fd whoever connects has to wait, and the keeper sleeps meanwhile instead of trying again and again. */
static void test_out_of_fds(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct ucred keeper;
        struct rlimit old, none;
        socklen_t size = sizeof(keeper);
        char byte;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", rig.run, KEEPER_SOCKET);
        _cleanup_fd_ int first = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), waits = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        rig.client = keeper_client_free(rig.client);
        if (connect(first, (struct sockaddr *)&address, sizeof(address)) < 0 || recv(first, &byte, 1, 0) <= 0 ||
            getsockopt(first, SOL_SOCKET, SO_PEERCRED, &keeper, &size) < 0 || prlimit(keeper.pid, RLIMIT_NOFILE, NULL, &old) < 0) {
                rig_result(false, "a keeper to take the fds from");
                return;
        }
        none = (struct rlimit){ 3, old.rlim_max };
        (void)prlimit(keeper.pid, RLIMIT_NOFILE, &none, NULL);
        uint64_t before = cpu_nsec(keeper.pid);
        (void)connect(waits, (struct sockaddr *)&address, sizeof(address));
        bool silent = poll(&(struct pollfd){ .fd = waits, .events = POLLIN }, 1, 500) == 0;
        uint64_t used = cpu_nsec(keeper.pid) - before;
        rig_result(silent && used < 50000000, "out of fds it pauses (%.1f ms of CPU in 500)", (double)used / 1e6);
        (void)prlimit(keeper.pid, RLIMIT_NOFILE, &old, NULL);
        rig_result(poll(&(struct pollfd){ .fd = waits, .events = POLLIN }, 1, RIG_TIMEOUT_MSEC) == 1 && recv(waits, &byte, 1, 0) == 1,
                   "  and hears who waited as soon as there is one");
        rig_result(reconnect(), "  and the next one");
}

int main(void) {
        size_t mounts = count_mounts();

        rig_begin(false);
        test_exec();
        test_survives_supervisor();
        test_held();
        test_slow_supervisor();
        test_refusals();
        test_out_of_fds();
        test_keeper_killed();
        test_killed_launch();
        test_ephemeral();
        rig_clean();
        rig_result(count_mounts() == mounts, "no mount is left on the host");
        return rig_end();
}
