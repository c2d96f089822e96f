/* ctrsup-logger beside a real journald: every field, and what `ctrsup logs` reads back; journald stopped and gone. In a mount
 * namespace of its own, with a /run of its own. */
#include "cli/logread.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/logger/client.h>

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>
#include <time.h>

enum { DEADLINE_MSEC = 15000 };

#define INSTANCE "00112233445566778899aabbccddeeff"

static int n_tests, n_failed;
static pid_t journald;

static void result(bool good, const char *format, ...) _printf_(2, 3);
static void result(bool good, const char *format, ...) {
        va_list ap;

        n_failed += !good;
        printf("%sok %d - ", good ? "" : "not ", ++n_tests);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
        (void)fflush(stdout);
}

static uint64_t now_msec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int write_file(const char *path, const char *text) {
        FILE *f = fopen(path, "we");
        int r = f && fputs(text, f) >= 0 ? 0 : -1;

        return f ? fclose(f) | r : -1;
}

/* 0, or what is missing. */
static const char *set_up_run(void) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, "mode=755") < 0)
                return "no mount namespace";
        (void)mkdir("/run/systemd", 0755), (void)mkdir("/run/systemd/journal", 0755), (void)mkdir("/run/log", 0755);
        (void)mkdir("/run/log/journal", 0755), (void)mkdir("/run/empty", 0755), (void)mkdir("/run/systemd/journald.conf.d", 0755);
        (void)mount("/run/empty", "/var/log/journal", NULL, MS_BIND, NULL); /* where it is: no old journals of the host */
        if (write_file("/run/machine-id", "00112233445566778899aabbccddeeff\n") != 0 ||
            mount("/run/machine-id", "/etc/machine-id", NULL, MS_BIND, NULL) < 0)
                return "no /etc/machine-id to cover";
        if (write_file(
                    "/run/systemd/journald.conf.d/test.conf",
                    "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\nRuntimeMaxUse=256M\n") !=
            0)
                return "no journald.conf";
        return NULL;
}

static bool start_journald(void) {
        journald = fork();
        if (journald == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
                (void)execl("/lib/systemd/systemd-journald", "systemd-journald", NULL);
                (void)execl("/usr/lib/systemd/systemd-journald", "systemd-journald", NULL);
                _exit(127);
        }
        for (uint64_t end = now_msec() + DEADLINE_MSEC; now_msec() < end; (void)poll(NULL, 0, 5))
                if (access("/run/systemd/journal/stdout", F_OK) == 0 && logger_journal_is_there())
                        return true;
        return false;
}

static void stop_journald(void) {
        (void)kill(journald, SIGCONT);
        (void)kill(journald, SIGKILL);
        (void)waitpid(journald, NULL, 0);
}

struct process {
        int control, pidfd;
        pid_t pid;
};

static bool await(const struct process *p, enum logger_event_kind kind, struct logger_event *ret, uint64_t *dropped) {
        for (uint64_t end = now_msec() + DEADLINE_MSEC; now_msec() < end;) {
                struct pollfd q = { .fd = p->control, .events = POLLIN };
                int r = logger_receive(p->control, ret, NULL);

                if (r < 0 || (r > 0 && ret->kind == kind))
                        return r > 0;
                if (r > 0 && ret->kind == LOGGER_EVENT_DROPPED && dropped)
                        *dropped += ret->dropped;
                if (r == 0)
                        (void)poll(&q, 1, 100);
        }
        return false;
}

static uint64_t flush(const struct process *p) {
        struct logger_event e;
        uint64_t dropped = 0;

        (void)logger_flush(p->control, 5, NULL);
        (void)await(p, LOGGER_EVENT_FLUSHED, &e, &dropped);
        return dropped;
}

static void say(int fd, const char *text, size_t len) {
        while (len > 0) {
                ssize_t n = write(fd, text, len);

                if (n < 0)
                        return;
                text += n;
                len -= (size_t)n;
        }
}

#define say_text(fd, text) say(fd, text, strlen(text))

struct ends {
        int out, err;
};

static struct ends add(const struct process *p, uint64_t id, const char *container, uint64_t burst) {
        const struct logger_stream s = { .id = id,
                                         .stack = "shop",
                                         .container = container,
                                         .replica = 2,
                                         .instance = INSTANCE,
                                         .tag = "shop-tag",
                                         .image = "base-layer",
                                         .driver = LOGGER_JOURNALD,
                                         .rate_interval_usec = burst ? 300000 : 0,
                                         .rate_burst = burst,
                                         .level_prefix = true };
        struct err err = { 0 };
        int out[2], error[2];

        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0 || logger_add(p->control, &s, out[0], error[0], &err) < 0) {
                printf("Bail out! %s\n", err.text);
                exit(1);
        }
        (void)close(out[0]), (void)close(error[0]);
        return (struct ends){ out[1], error[1] };
}

static void close_ends(struct ends *e) {
        (void)close(e->out), (void)close(e->err);
}

/* The entry whose MESSAGE is `text`, polled for: journald stores a moment later. */
static sd_journal *find(const char *match, const char *text) {
        for (uint64_t end = now_msec() + DEADLINE_MSEC; now_msec() < end; (void)poll(NULL, 0, 20)) {
                sd_journal *j = NULL;
                const void *data;
                size_t len;

                if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) < 0)
                        continue;
                (void)sd_journal_set_data_threshold(j, 0);
                (void)sd_journal_add_match(j, match, 0);
                SD_JOURNAL_FOREACH(j)
                if (sd_journal_get_data(j, "MESSAGE", &data, &len) >= 0 && len - 8 == strlen(text) &&
                    memcmp((const char *)data + 8, text, len - 8) == 0)
                        return j;
                sd_journal_close(j);
        }
        return NULL;
}

/* NULL expected: the entry has no such field. */
static bool has(sd_journal *j, const char *field, const char *expected) {
        const void *data;
        size_t len, skip = strlen(field) + 1;

        if (!j)
                return false;
        if (sd_journal_get_data(j, field, &data, &len) < 0)
                return !expected;
        if (expected && len - skip == strlen(expected) && memcmp((const char *)data + skip, expected, len - skip) == 0)
                return true;
        printf("# %.*s, wanted %s\n", (int)len, (const char *)data, expected ?: "nothing");
        return false;
}

static void fields(const struct process *p) {
        static const char *const expected[][2] = {
                { "PRIORITY", "6" },
                { "SYSLOG_IDENTIFIER", "shop-tag" },
                { "CONTAINER_NAME", "shop-web-2" },
                { "CONTAINER_ID", "001122334455" },
                { "CONTAINER_ID_FULL", INSTANCE },
                { "CONTAINER_TAG", "shop-tag" },
                { "IMAGE_NAME", "base-layer" },
                { "CTRSUP_STACK", "shop" },
                { "CTRSUP_CONTAINER", "web" },
                { "CTRSUP_REPLICA", "2" },
                { "CTRSUP_INSTANCE_ID", INSTANCE },
                { "CONTAINER_PARTIAL_MESSAGE", NULL },
                { "MESSAGE_ID", NULL },
                { "_TRANSPORT", "journal" },
                { "_COMM", "ctrsup-logger" },
        };
        struct ends e = add(p, 1, "web", 0);
        struct logger_event event;

        say_text(e.out, "to stdout\n");
        (void)flush(p); /* two pipes have no order between them */
        say_text(e.err, "to stderr\n");
        (void)flush(p);
        say_text(e.out, "<5>a notice\n");
        say(e.out, "nul\0 and \xff bytes\nCTRSUP_STACK=forged\n", 38);
        (void)flush(p);
        sd_journal *j = find("CTRSUP_CONTAINER=web", "to stdout");
        for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
                result(has(j, expected[i][0], expected[i][1]), "%s is %s", expected[i][0], expected[i][1] ?: "not there");
        sd_journal_close(j);
        j = find("CTRSUP_CONTAINER=web", "to stderr");
        result(has(j, "PRIORITY", "3"), "stderr has priority 3");
        sd_journal_close(j);
        j = find("CTRSUP_CONTAINER=web", "a notice");
        result(has(j, "PRIORITY", "5"), "<5> is taken for the priority");
        sd_journal_close(j);
        j = find("CTRSUP_CONTAINER=web", "CTRSUP_STACK=forged");
        result(has(j, "CTRSUP_STACK", "shop"), "a payload cannot forge a field");
        sd_journal_close(j);
        close_ends(&e);
        (void)await(p, LOGGER_EVENT_EOF, &event, NULL);
}

static void pieces(const struct process *p) {
        _cleanup_free_ char *line = malloc(LOGLINE_MAX + 1001);
        struct ends e = add(p, 2, "long", 0);
        struct logger_event event;

        memset(line, 'a', LOGLINE_MAX);
        memset(line + LOGLINE_MAX, 'b', 1000);
        line[LOGLINE_MAX + 1000] = '\n';
        say(e.out, line, LOGLINE_MAX + 1001);
        close_ends(&e);
        (void)await(p, LOGGER_EVENT_EOF, &event, NULL);
        line[LOGLINE_MAX + 1000] = '\0';
        sd_journal *j = find("CTRSUP_CONTAINER=long", line + LOGLINE_MAX);
        result(has(j, "CONTAINER_PARTIAL_MESSAGE", NULL), "the last piece of a long line is marked as whole");
        sd_journal_close(j);
        line[LOGLINE_MAX] = '\0';
        j = find("CTRSUP_CONTAINER=long", line);
        result(has(j, "CONTAINER_PARTIAL_MESSAGE", "true"), "the first one as CONTAINER_PARTIAL_MESSAGE");
        sd_journal_close(j);
}

static void suppressed(const struct process *p) {
        struct ends e = add(p, 3, "noisy", 10);
        uint64_t dropped = 0;
        struct logger_event event;

        for (int i = 0; i < 50; i++)
                say_text(e.out, "noise\n");
        for (uint64_t end = now_msec() + DEADLINE_MSEC; dropped < 40 && now_msec() < end; (void)poll(NULL, 0, 20))
                dropped += flush(p);
        sd_journal *j = find("MESSAGE_ID=c04739806c154e129a7e33cca325b1c6", "40 lines suppressed: more than 10 in 300ms");
        result(dropped == 40 && has(j, "N_DROPPED", "40") && has(j, "PRIORITY", "4") && has(j, "CTRSUP_CONTAINER", "noisy"),
               "one entry tells of 40 suppressed lines, while the container runs");
        sd_journal_close(j);
        close_ends(&e);
        (void)await(p, LOGGER_EVENT_EOF, &event, NULL);
}

static int note(void *userdata, const struct logread_line *l) {
        struct buf *b = userdata;

        buf_printf(b, "%s.%" PRIu32 "%s %d:%.*s|", l->container, l->replica, l->partial ? "+" : "", l->priority, (int)l->len,
                   l->text);
        return 0;
}

static void read_back(const struct process *p) {
        static const struct logread_target targets[] = { { "shop", "web", 2, LOGREAD_JOURNAL, NULL },
                                                         { "shop", "other", 0, LOGREAD_JOURNAL, NULL } };
        struct ends e = add(p, 4, "other", 0);
        struct logread_options o = LOGREAD_OPTIONS;
        _cleanup_buf_ struct buf b = BUF_NULL;
        struct err err = { 0 };

        say_text(e.out, "one\ntwo\n");
        (void)flush(p);
        sd_journal_close(find("CTRSUP_CONTAINER=other", "two"));
        /* What the supervisor says of a container is no line of the container. */
        (void)sd_journal_send("MESSAGE=started", "CTRSUP_STACK=shop", "CTRSUP_CONTAINER=other", "CTRSUP_REPLICA=2", NULL);
        sd_journal_close(find("CTRSUP_CONTAINER=other", "started"));

        int r = logread_run(targets + 1, 1, &o, note, &b, &err);
        result(r == 0 && strcmp(buf_text(&b), "other.2 6:one|other.2 6:two|") == 0, "logread reads a container's lines: %s",
               buf_text(&b));
        buf_reset(&b);
        o.tail = 1;
        r = logread_run(targets + 1, 1, &o, note, &b, &err);
        result(r == 0 && strcmp(buf_text(&b), "other.2 6:two|") == 0, "its last one: %s", buf_text(&b));
        buf_reset(&b);
        o.tail = LOGREAD_ALL;
        o.max_priority = 5;
        r = logread_run(targets, 2, &o, note, &b, &err);
        result(r == 0 && strcmp(buf_text(&b), "web.2 3:to stderr|web.2 5:a notice|") == 0,
               "of two containers the important ones: %s", buf_text(&b));

        /* Following: a child reads until it has seen the line, its result comes through the exit status. */
        o = LOGREAD_OPTIONS;
        o.follow = true;
        o.tail = 0;
        pid_t reader = fork();
        if (reader == 0) {
                struct buf seen = BUF_NULL;

                int until(void *userdata, const struct logread_line *l) {
                        (void)note(userdata, l);
                        return l->len == 4 && memcmp(l->text, "stop", 4) == 0 && strstr(buf_text(userdata), "followed") ? 7 : 0;
                }
                (void)alarm(DEADLINE_MSEC / 1000);
                int code = logread_run(targets + 1, 1, &o, until, &seen, NULL);
                _exit(code == 7 && strstr(buf_text(&seen), "other.2 6:followed|") && !strstr(buf_text(&seen), ":one|") ? 0 : 1);
        }
        int status = 0;
        for (uint64_t end = now_msec() + DEADLINE_MSEC; waitpid(reader, &status, WNOHANG) == 0 && now_msec() < end;
             (void)poll(NULL, 0, 50))
                say_text(e.out, "followed\nstop\n");
        result(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it follows the journal");
        close_ends(&e);
        struct logger_event event;
        (void)await(p, LOGGER_EVENT_EOF, &event, NULL);
}

/* All 20,000 lines arrive: the container is slowed, nothing is lost. */
static void burst(const struct process *p) {
        enum { LINES = 20000 };
        struct ends e = add(p, 6, "burst", 0);
        struct logger_event event;
        uint64_t dropped = 0, seen = 0;
        char line[128];

        for (int i = 0; i < LINES; i++)
                say(e.out, line,
                    (size_t)snprintf(line, sizeof(line),
                                     "burst line %d of many, with some words to make it as long as lines are\n", i));
        close_ends(&e);
        (void)await(p, LOGGER_EVENT_EOF, &event, &dropped);
        (void)snprintf(line, sizeof(line), "burst line %d of many, with some words to make it as long as lines are", LINES - 1);
        sd_journal_close(find("CTRSUP_CONTAINER=burst", line));
        sd_journal *j = NULL;
        if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) >= 0) {
                (void)sd_journal_add_match(j, "CTRSUP_CONTAINER=burst", 0);
                SD_JOURNAL_FOREACH(j)
                seen++;
        }
        sd_journal_close(j);
        result(seen == LINES && dropped == 0, "a burst of %d lines is stored whole (%" PRIu64 ", %" PRIu64 " dropped)", LINES,
               seen, dropped);
}

/* A journald that hangs, then one that is gone: the container writes on, each line is stored or counted, and it heals. */
static void without_journald(const struct process *p) {
        struct ends e = add(p, 7, "stuck", 0);
        struct logger_event event;
        uint64_t dropped = 0, began, slowest = 0, seen = 0, lines = 0;
        static char block[64 * 64 + 1];

        for (size_t i = 0; i < 64; i++)
                (void)snprintf(block + i * 64, 65, "%-63s\n", "a line of sixty-four bytes");
        (void)kill(journald, SIGSTOP);
        for (int i = 0; i < 200; i++) {
                began = now_msec();
                say(e.out, block, sizeof(block) - 1);
                lines += 64;
                if (now_msec() - began > slowest)
                        slowest = now_msec() - began;
        }
        result(slowest < 3000, "with journald stopped no write waits longer than %" PRIu64 " ms", slowest);
        (void)kill(journald, SIGCONT);
        sd_journal *j = NULL;
        for (uint64_t end = now_msec() + DEADLINE_MSEC; !j && now_msec() < end; lines++) {
                say_text(e.out, "healed\n");
                for (int i = 0; i < 20 && !j; i++) {
                        sd_journal *k = NULL;

                        (void)poll(NULL, 0, 20);
                        if (sd_journal_open(&k, SD_JOURNAL_LOCAL_ONLY) < 0)
                                continue;
                        (void)sd_journal_add_match(k, "CTRSUP_CONTAINER=stuck", 0),
                                (void)sd_journal_add_match(k, "MESSAGE=healed", 0);
                        if (sd_journal_next(k) > 0)
                                j = k;
                        else
                                sd_journal_close(k);
                }
        }
        result(j != NULL, "once it goes on, lines are stored again");
        sd_journal_close(j);
        close_ends(&e);
        (void)await(p, LOGGER_EVENT_EOF, &event, &dropped);
        for (uint64_t end = now_msec() + DEADLINE_MSEC; seen + dropped < lines && now_msec() < end; (void)poll(NULL, 0, 50)) {
                seen = 0;
                if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY) < 0)
                        continue;
                (void)sd_journal_add_match(j, "CTRSUP_CONTAINER=stuck", 0);
                SD_JOURNAL_FOREACH(j)
                seen++;
                sd_journal_close(j);
        }
        result(dropped > 0 && seen + dropped == lines, "every line is stored or counted: %" PRIu64 " + %" PRIu64 " of %" PRIu64,
               seen, dropped, lines);

        stop_journald();
        (void)unlink("/run/systemd/journal/socket"), (void)unlink("/run/systemd/journal/stdout");
        e = add(p, 8, "gone", 0);
        began = now_msec();
        for (int i = 0; i < 100; i++)
                say(e.out, block, sizeof(block) - 1);
        result(now_msec() - began < 2000, "without a journald 6,400 lines pass in %" PRIu64 " ms", now_msec() - began);
        result(!logger_journal_is_there(), "the journal is seen to be gone");
        int fd;
        struct err err = { 0 };
        int r = logger_direct_stream("t", 6, true, &fd, &err);
        result(r == -ENOENT, "a direct stream says so: %s", err.text);
        if (start_journald()) {
                for (uint64_t end = now_msec() + DEADLINE_MSEC; now_msec() < end;) {
                        say_text(e.out, "new journald\n");
                        sd_journal *k = NULL;
                        (void)poll(NULL, 0, 100);
                        if (sd_journal_open(&k, SD_JOURNAL_LOCAL_ONLY) < 0)
                                continue;
                        (void)sd_journal_add_match(k, "CTRSUP_CONTAINER=gone", 0),
                                (void)sd_journal_add_match(k, "MESSAGE=new journald", 0);
                        bool there = sd_journal_next(k) > 0;
                        sd_journal_close(k);
                        if (there) {
                                result(true, "the next journald is found");
                                break;
                        }
                }
        }
        close_ends(&e);
        (void)await(p, LOGGER_EVENT_EOF, &event, NULL);
}

static void direct(void) {
        struct err err = { 0 };
        int fd = -EBADF;
        char pid[16];

        int r = logger_direct_stream("direct-tag", 5, true, &fd, &err);
        result(r == 0, "a journal stream is opened %s", err.text);
        if (r < 0)
                return;
        /* journald accepts first and asks for credentials after: what comes between carries none, and counts as the opener's */
        say_text(fd, "opened\n");
        sd_journal_close(find("SYSLOG_IDENTIFIER=direct-tag", "opened"));
        pid_t writer = fork(); /* the fields are those of who writes, not of who opened */
        if (writer == 0) {
                (void)prctl(PR_SET_NAME, "writer", 0, 0, 0);
                say_text(fd, "directly\n<2>with a level\n");
                (void)poll(NULL, 0, 300);
                _exit(0);
        }
        (void)snprintf(pid, sizeof(pid), "%d", (int)writer);
        sd_journal *j = find("SYSLOG_IDENTIFIER=direct-tag", "directly");
        result(has(j, "PRIORITY", "5") && has(j, "_TRANSPORT", "stdout") && has(j, "CTRSUP_STACK", NULL),
               "its lines have tag and priority, and no fields of ours");
        result(has(j, "_PID", pid), "_PID is the writer's");
        sd_journal_close(j);
        j = find("SYSLOG_IDENTIFIER=direct-tag", "with a level");
        result(has(j, "PRIORITY", "2"), "a level prefix is honoured");
        sd_journal_close(j);
        (void)waitpid(writer, NULL, 0);
        (void)close(fd);
}

int main(void) {
        char program[PATH_MAX];
        const char *missing =
                geteuid() != 0 ? "needs root"
                : access("/lib/systemd/systemd-journald", X_OK) < 0 && access("/usr/lib/systemd/systemd-journald", X_OK) < 0
                        ? "no systemd-journald"
                        : set_up_run();

        if (missing) {
                printf("ok 1 - the journal gets every line # SKIP %s\n1..1\n", missing);
                return 0;
        }
        (void)signal(SIGPIPE, SIG_IGN);
        if (!start_journald()) {
                stop_journald();
                printf("ok 1 - the journal gets every line # SKIP systemd-journald does not start here\n1..1\n");
                return 0;
        }
        (void)snprintf(program, sizeof(program), "%s/ctrsup-logger", getenv("CTRSUP_BIN") ?: "build/release/bin");
        const struct logger_spawn args = { .program = program, .logs = "/run/logs", .cgroup_fd = -1 };
        struct process p;
        struct err err = { 0 };
        if (logger_spawn(&args, &p.control, &p.pidfd, &p.pid, &err) < 0) {
                printf("Bail out! %s\n", err.text);
                return 1;
        }
        fields(&p);
        pieces(&p);
        suppressed(&p);
        read_back(&p);
        direct();
        burst(&p);
        without_journald(&p);
        (void)logger_quit(p.control, NULL);
        (void)waitpid(p.pid, NULL, 0);
        stop_journald();
        printf("1..%d\n", n_tests);
        return n_failed > 0;
}
