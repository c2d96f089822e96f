#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* --- TAP --- */

bool rig_ok(struct rig *r, bool good, const char *format, ...) {
        va_list args;

        r->n_tests++;
        r->n_failed += !good;
        printf("%sok %u - ", good ? "" : "not ", r->n_tests);
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        printf("\n");
        if (!good)
                rig_note("to repeat: CRASH_SEED=%llu build/release/crash/%s", (unsigned long long)r->seed, r->name);
        (void)fflush(stdout);
        return good;
}

void rig_note(const char *format, ...) {
        va_list args;

        printf("# ");
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        printf("\n");
        (void)fflush(stdout);
}

int rig_finish(struct rig *r) {
        printf("1..%u\n", r->n_tests);
        return r->n_failed == 0 && r->n_tests > 0 ? 0 : 1;
}

unsigned rig_count(const char *variable, unsigned otherwise) {
        const char *text = getenv(variable);

        return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* --- time and chance --- */

uint64_t rig_now_usec(void) {
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void rig_sleep_usec(uint64_t usec) {
        struct timespec left = { (time_t)(usec / 1000000), (long)(usec % 1000000) * 1000 };

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                continue;
}

/* splitmix64 */
uint64_t rig_random(struct rig *r) {
        uint64_t z = (r->random += 0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
}

/* --- the supervisor --- */

pid_t rig_spawn(const char *const *argv, const char *output) {
        posix_spawn_file_actions_t actions;
        pid_t pid = 0;

        posix_spawn_file_actions_init(&actions);
        if (output) {
                posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0644);
                posix_spawn_file_actions_adddup2(&actions, 1, 2);
        }
        int e = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        if (e != 0) {
                rig_note("cannot run %s: %s", argv[0], strerror(e));
                return 0;
        }
        return pid;
}

bool rig_has_ended(pid_t pid) {
        return waitpid(pid, NULL, WNOHANG) != 0;
}

bool rig_supervisor_has_ended(struct rig *r) {
        int status = 0;

        if (r->supervisor > 0 && waitpid(r->supervisor, &status, WNOHANG) == 0)
                return false;
        r->crashed = r->crashed || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL);
        r->supervisor = 0;
        return true;
}

long rig_log_size(const struct rig *r) {
        char path[RIG_PATH * 2];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/supervisor.log", r->work);
        return stat(path, &st) < 0 ? 0 : (long)st.st_size;
}

void rig_configure(struct rig *r, const char *settings) {
        char path[RIG_PATH * 2];

        (void)snprintf(path, sizeof(path), "%s/ctrsup.conf", r->work);
        FILE *f = fopen(path, "we");
        if (!f)
                exit(2);
        fprintf(f,
                "cgroup = { root = \"/%s\"; };\npaths = { stacks = \"%s/stacks.d\"; logs = \"%s/logs\"; };\n"
                "control = { socket = \"%s\"; };\nlog = { target = \"stderr\"; level = \"debug\"; };\n%s\n",
                r->tag, r->work, r->work, r->socket, settings);
        fclose(f);
}

void rig_start(struct rig *r, const char *const *wrapper) {
        char program[RIG_PATH * 2], config[RIG_PATH * 2], runtime[RIG_PATH * 2], state[RIG_PATH * 2], log[RIG_PATH * 2];
        const char *argv[64];
        size_t n = 0;

        (void)snprintf(program, sizeof(program), "%s/ctrsupd", r->bin);
        (void)snprintf(config, sizeof(config), "%s/ctrsup.conf", r->work);
        (void)snprintf(runtime, sizeof(runtime), "%s/run", r->work);
        (void)snprintf(state, sizeof(state), "%s/state", r->work);
        (void)snprintf(log, sizeof(log), "%s/supervisor.log", r->work);
        while (wrapper && *wrapper && n < 48)
                argv[n++] = *wrapper++;
        argv[n++] = program;
        argv[n++] = "--config";
        argv[n++] = config;
        argv[n++] = "--runtime";
        argv[n++] = runtime;
        argv[n++] = "--state";
        argv[n++] = state;
        argv[n] = NULL;
        r->supervisor = rig_spawn(argv, log);
        r->n_started++;
}

void rig_kill(struct rig *r) {
        if (rig_supervisor_has_ended(r))
                return;
        (void)kill(r->supervisor, SIGKILL);
        while (waitpid(r->supervisor, NULL, 0) < 0 && errno == EINTR)
                continue;
        r->supervisor = 0;
}

bool rig_wait_up(struct rig *r, unsigned limit_ms) {
        const uint64_t end = rig_now_usec() + (uint64_t)limit_ms * 1000;

        do {
                _cleanup_(json_decrefp) json_t *reply = rig_call(r, "Status", json_pack("{s:[s]}", "targets", "no-such-stack"), limit_ms, NULL);
                _cleanup_control_client_ struct control_client *c = NULL;

                if (reply || control_client_connect(r->socket, &c, NULL) >= 0)
                        return true;
                if (rig_supervisor_has_ended(r)) {
                        rig_note("the supervisor ended at its start");
                        return false;
                }
                rig_sleep_usec(1000);
        } while (rig_now_usec() < end);
        rig_note("the supervisor does not answer within %u ms", limit_ms);
        return false;
}

/* --- setting up, and the end --- */

static int run(const char *const *argv) {
        int status = 0;
        pid_t pid = rig_spawn(argv, NULL);

        if (pid <= 0 || waitpid(pid, &status, 0) < 0)
                return -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void find_builds(struct rig *r) {
        char self[RIG_PATH] = "";
        const char *bin = getenv("CTRSUP_BIN"), *probe = getenv("CTRSUP_PROBE");

        if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
                exit(2);
        for (int up = 0; up < 2; up++) /* build/release/crash/x -> build/release */
                *strrchr(self, '/') = '\0';
        (void)snprintf(r->bin, sizeof(r->bin), bin ? "%s" : "%s/bin", bin ?: self);
        (void)snprintf(r->probe, sizeof(r->probe), probe ? "%s" : "%s/probe", probe ?: self);
}

static bool make_work(struct rig *r) {
        char path[RIG_PATH * 2], from[RIG_PATH * 2], top[RIG_PATH * 2];
        static const char *const folders[] = { "run", "state", "stacks.d", "logs", "data" };

        (void)snprintf(r->tag, sizeof(r->tag), "ctrsup-c%d", (int)getpid());
        (void)snprintf(r->work, sizeof(r->work), "/var/tmp/%s", r->tag);
        (void)snprintf(r->socket, sizeof(r->socket), "%s/run/ctrsup.sock", r->work);
        (void)snprintf(r->layer, sizeof(r->layer), "%s/busybox", r->work);
        if (mkdir(r->work, 0755) < 0 || chmod(r->work, 0755) < 0)
                return false;
        for (size_t n = 0; n < ARRAY_SIZE(folders); n++) {
                (void)snprintf(path, sizeof(path), "%s/%s", r->work, folders[n]);
                if (mkdir(path, 0755) < 0)
                        return false;
        }
        (void)snprintf(top, sizeof(top), "%s/../../../examples/busybox.sh", r->bin);
        if (run((const char *const[]){ access(top, X_OK) == 0 ? top : "examples/busybox.sh", r->layer, NULL }) != 0)
                return false;
        (void)snprintf(from, sizeof(from), "%s/beat", r->probe);
        (void)snprintf(path, sizeof(path), "%s/bin/beat", r->layer);
        if (run((const char *const[]){ "cp", from, path, NULL }) != 0)
                return false;
        rig_configure(r, "");
        return true;
}

static pid_t test_pid; /* for the signal handler alone */

static void pass_on(int signal) {
        (void)signal;
        if (test_pid > 0)
                (void)kill(test_pid, SIGKILL);
}

static void show_log(const struct rig *r) {
        char path[RIG_PATH * 2];

        (void)snprintf(path, sizeof(path), "%s/supervisor.log", r->work);
        rig_note("the last of %s:", path);
        (void)!run((const char *const[]){ "sh", "-c", "tail -n 40 \"$0\" | cut -c1-200 | sed 's/^/#   /'", path, NULL });
}

int rig_main(const char *name, int (*test)(struct rig *r)) {
        struct rig r = { .name = name };
        int status = 0;

        if (geteuid() != 0) {
                printf("ok 1 - %s # SKIP they need root\n", name);
                return 0;
        }
        find_builds(&r);
        const char *seed = getenv("CRASH_SEED");
        r.seed = r.random = seed && *seed ? strtoull(seed, NULL, 10) : rig_now_usec() ^ ((uint64_t)getpid() << 40);
        if (!make_work(&r)) {
                printf("Bail out! cannot set up %s: %s\n", r.work, strerror(errno));
                host_clean(&r);
                return 1;
        }
        rig_note("seed %llu", (unsigned long long)r.seed);
        (void)setenv("MALLOC_PERTURB_", "165", 0); /* who uses what was freed is not to find it as it was */
        (void)signal(SIGPIPE, SIG_IGN); /* it cleans up, whoever reads no further */
        (void)signal(SIGTERM, pass_on);
        (void)signal(SIGINT, pass_on);
        test_pid = fork();
        if (test_pid == 0) {
                (void)signal(SIGTERM, SIG_DFL);
                (void)signal(SIGINT, SIG_DFL);
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                exit(test(&r));
        }
        while (waitpid(test_pid, &status, 0) < 0 && errno == EINTR)
                continue;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                if (!WIFEXITED(status))
                        printf("not ok 999 - the test itself was ended by signal %d\n", WTERMSIG(status));
                show_log(&r);
        }
        if (!getenv("CRASH_KEEP"))
                host_clean(&r);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
