/* ctrsup-logger as the supervisor uses it: the real program, real pipes, the file driver and subscribers. Needs no root. */
#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/logline.h>
#include <ctrsup/logger/client.h>

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { DEADLINE_MSEC = 10000 };

static char logs[] = "/tmp/ctrsup-t-logs-XXXXXX";
static int n_tests, n_failed;

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

static void bail(const char *what, const struct err *err) {
        printf("Bail out! %s: %s\n", what, err->text);
        exit(1);
}

static uint64_t now_msec(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct logger_process {
        int control, pidfd;
        pid_t pid;
};

static struct logger_process start(void) {
        char program[PATH_MAX];
        struct logger_process p;
        struct err err = { 0 };

        (void)snprintf(program, sizeof(program), "%s/ctrsup-logger", getenv("CTRSUP_BIN") ?: "build/release/bin");
        const struct logger_spawn args = { .program = program, .logs = logs, .cgroup_fd = -1 };
        if (logger_spawn(&args, &p.control, &p.pidfd, &p.pid, &err) < 0)
                bail("start", &err);
        return p;
}

static int wait_for_exit(struct logger_process *p) {
        struct pollfd poll_ = { .fd = p->pidfd, .events = POLLIN };
        int status;

        if (poll(&poll_, 1, DEADLINE_MSEC) == 0)
                (void)kill(p->pid, SIGKILL);
        (void)waitpid(p->pid, &status, 0);
        (void)close(p->pidfd);
        p->control = close_fd(p->control);
        return status;
}

/* The next event of that kind, others on the way are counted into dropped[sink]. */
static bool await(const struct logger_process *p, enum logger_event_kind kind, struct logger_event *ret, uint64_t dropped[2]) {
        for (uint64_t end = now_msec() + DEADLINE_MSEC; now_msec() < end;) {
                struct pollfd poll_ = { .fd = p->control, .events = POLLIN };
                struct err err = { 0 };
                int r = logger_receive(p->control, ret, &err);

                if (r < 0) {
                        printf("# %s\n", err.text);
                        return false;
                }
                if (r > 0 && ret->kind == kind)
                        return true;
                if (r > 0 && ret->kind == LOGGER_EVENT_DROPPED && dropped)
                        dropped[ret->sink] += ret->dropped;
                if (r == 0)
                        (void)poll(&poll_, 1, 100);
        }
        return false;
}

static struct logger_stream stream(uint64_t id, const char *container) {
        return (struct logger_stream){ .id = id,
                                       .stack = "shop",
                                       .container = container,
                                       .replica = 1,
                                       .instance = "00112233445566778899aabbccddeeff",
                                       .tag = "shop/web",
                                       .driver = LOGGER_FILE,
                                       .file_max_size = 100 << 20,
                                       .file_max_files = 3,
                                       .level_prefix = true };
}

struct ends {
        int out, err; /* to write to */
        int out_read, err_read;
};

static struct ends add(const struct logger_process *p, const struct logger_stream *s) {
        struct err err = { 0 };
        int out[2], error[2];

        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(error, O_CLOEXEC) < 0)
                exit(1);
        if (logger_add(p->control, s, out[0], error[0], &err) < 0)
                bail("add", &err);
        return (struct ends){ out[1], error[1], out[0], error[0] };
}

static void say(int fd, const char *text) {
        for (size_t len = strlen(text); len > 0;) {
                ssize_t n = write(fd, text, len);

                if (n < 0)
                        exit(1);
                text += n;
                len -= (size_t)n;
        }
}

static void close_ends(struct ends *e) {
        (void)close(e->out), (void)close(e->err), (void)close(e->out_read), (void)close(e->err_read);
}

static char *content(const char *name) {
        char path[PATH_MAX];
        _cleanup_free_ char *text = calloc(1, 32 << 20);

        (void)snprintf(path, sizeof(path), "%s/shop/%s", logs, name);
        FILE *f = fopen(path, "re");
        if (f) {
                text[fread(text, 1, (32 << 20) - 1, f)] = '\0';
                (void)fclose(f);
        }
        return take_ptr(text);
}

/* The records' texts with their stream and flag, joined: "oF:one|eF:two|". Binary bytes as they are. */
static char *texts(const char *name) {
        _cleanup_free_ char *all = content(name);
        char *out = calloc(1, strlen(all) * 2 + 16), *at = out;

        for (char *line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
                struct logline l;

                if (logline_parse(&l, line, strlen(line), false) < 0)
                        at += sprintf(at, "BROKEN:%s|", line);
                else
                        at += sprintf(at, "%c%c:%.*s|", l.stream == LOGLINE_STDOUT ? 'o' : 'e', l.partial ? 'P' : 'F',
                                      (int)l.text_len, l.text);
        }
        return out;
}

static void lines(void) {
        struct logger_process p = start();
        const struct logger_stream s = stream(1, "lines");
        struct ends e = add(&p, &s);
        struct logger_event event;

        say(e.out, "one\n\n<3>bad ");
        say(e.out, "news\n");
        (void)logger_flush(p.control, 77, NULL);
        result(await(&p, LOGGER_EVENT_FLUSHED, &event, NULL) && event.id == 77, "a flush is answered");
        say(e.err, "no line break at the end");
        close_ends(&e);
        result(await(&p, LOGGER_EVENT_EOF, &event, NULL) && event.id == 1, "the end of both pipes is told");
        _cleanup_free_ char *got = texts("lines.1.log");
        result(strcmp(got, "oF:one|oF:|oF:<3>bad news|eF:no line break at the end|") == 0,
               "lines of both streams are in the file: %s", got);

        (void)logger_stats(p.control, 0, NULL);
        bool good = await(&p, LOGGER_EVENT_STATS, &event, NULL);
        result(good && event.stats.lines == 4 && event.stats.bytes == 41 && event.stats.streams == 0,
               "4 lines, %" PRIu64 " bytes are counted", event.stats.bytes);
        (void)logger_quit(p.control, NULL);
        int status = wait_for_exit(&p);
        result(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it quits when told");
}

static void long_lines(void) {
        enum { LENGTH = 3 * LOGLINE_MAX + 100 };
        struct logger_process p = start();
        const struct logger_stream s = stream(1, "long");
        struct ends e = add(&p, &s);
        struct logger_event event;
        _cleanup_free_ char *line = malloc(LENGTH + 2);

        memset(line, 'x', LENGTH);
        (void)strcpy(line + LENGTH, "\n");
        say(e.out, line);
        say(e.out, "next\n");
        close_ends(&e);
        (void)await(&p, LOGGER_EVENT_EOF, &event, NULL);
        _cleanup_free_ char *got = texts("long.1.log");
        char expected[64] = "";
        for (char *piece = strtok(got, "|"); piece; piece = strtok(NULL, "|"))
                (void)sprintf(expected + strlen(expected), "%.2s%zu ", piece, strlen(piece) - 3);
        result(strcmp(expected, "oP49152 oP49152 oP49152 oF100 oF4 ") == 0, "a line of 144K comes in pieces: %s", expected);
        (void)logger_quit(p.control, NULL);
        (void)wait_for_exit(&p);
}

static void rate_limit(void) {
        struct logger_process p = start();
        struct logger_stream s = stream(1, "rate");
        uint64_t dropped[2] = { 0 };
        struct logger_event event;

        s.rate_interval_usec = 200000;
        s.rate_burst = 10;
        struct ends e = add(&p, &s);
        for (int i = 0; i < 1000; i++)
                say(e.out, "a line\n");
        struct logger_event first;
        result(await(&p, LOGGER_EVENT_DROPPED, &first, NULL), "drops are told while the container runs");
        dropped[first.sink] += first.dropped;
        s.rate_burst = 100000;
        (void)logger_update(p.control, &s, NULL);
        say(e.err, "after the change\n");
        close_ends(&e);
        (void)await(&p, LOGGER_EVENT_EOF, &event, dropped);

        _cleanup_free_ char *got = texts("rate.1.log");
        uint64_t passed = 0, noted = 0;
        for (char *piece = strtok(got, "|"); piece; piece = strtok(NULL, "|"))
                if (strstr(piece, "ctrsup: "))
                        noted += strtoull(strstr(piece, "ctrsup: ") + 8, NULL, 10);
                else
                        passed++;
        result(dropped[1] == 0 && passed + dropped[0] == 1001 && passed >= 10,
               "every line is written or counted: %" PRIu64 " + %" PRIu64, passed, dropped[0]);
        result(noted == dropped[0], "the log says how many were suppressed (%" PRIu64 ")", noted);
        (void)logger_quit(p.control, NULL);
        (void)wait_for_exit(&p);
}

/* Lines for whoever watches; a watcher that does not read holds up nobody. */
static void subscribers(void) {
        struct logger_process p = start();
        const struct logger_stream s = stream(1, "watched"), other = stream(2, "other");
        struct ends e = add(&p, &s), o = add(&p, &other);
        int good[2], slow[2], one[2];
        struct logger_event event;
        char buf[4096];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, good) < 0 || pipe2(slow, O_CLOEXEC) < 0 ||
            pipe2(one, O_CLOEXEC) < 0)
                exit(1);
        (void)logger_subscribe(p.control, 10, NULL, NULL, good[1], NULL);
        (void)logger_subscribe(p.control, 11, "shop", NULL, slow[1], NULL);
        (void)logger_subscribe(p.control, 12, "shop", "other", one[1], NULL);
        (void)close(good[1]), (void)close(slow[1]), (void)close(one[1]);
        say(e.out, "hello\n");
        say(o.err, "<4>there\n");
        ssize_t n = 0;
        struct pollfd readable = { .fd = good[0], .events = POLLIN };
        while (n < (ssize_t)sizeof(buf) - 1 && !memmem(buf, (size_t)n, "there\n", 6) && poll(&readable, 1, DEADLINE_MSEC) > 0) {
                ssize_t m = read(good[0], buf + n, sizeof(buf) - 1 - (size_t)n);

                if (m <= 0)
                        break;
                n += m;
                if (memmem(buf, (size_t)n, "hello\n", 6) && memmem(buf, (size_t)n, "there\n", 6))
                        break;
        }
        buf[n] = '\0';
        struct logline l = { 0 };
        char *first = strstr(buf, "shop watched 1 ");
        result(first && logline_parse(&l, first, strcspn(first, "\n"), true) == 0 && l.text_len == 5 &&
                       memcmp(l.text, "hello", 5) == 0,
               "a subscriber gets lines with names: %.*s", first ? (int)strcspn(first, "\n") : 0, first);

        _cleanup_free_ char *flood = malloc(1 << 20);
        memset(flood, 'f', 1 << 20);
        for (size_t i = 99; i < 1 << 20; i += 100)
                flood[i] = '\n';
        flood[(1 << 20) - 1] = '\0';
        (void)close(good[0]);
        uint64_t began = now_msec();
        for (int i = 0; i < 4; i++)
                say(e.out, flood), say(e.out, "\n");
        (void)logger_flush(p.control, 1, NULL);
        result(await(&p, LOGGER_EVENT_FLUSHED, &event, NULL),
               "4M pass a subscriber who does not read, and one that went away, in %d ms", (int)(now_msec() - began));
        (void)logger_stats(p.control, 1, NULL);
        (void)await(&p, LOGGER_EVENT_STATS, &event, NULL);
        result(event.stats.dropped_subscriber > 1000 && event.stats.dropped_sink == 0,
               "what the slow one missed is counted (%" PRIu64 ")", event.stats.dropped_subscriber);
        (void)fcntl(one[0], F_SETFL, O_NONBLOCK);
        n = read(one[0], buf, sizeof(buf) - 1);
        buf[n > 0 ? n : 0] = '\0';
        result(n > 0 && strncmp(buf, "shop other 1 ", 13) == 0 && strchr(buf, '\n') == buf + n - 1,
               "a subscriber to one container gets no other's");

        /* Read the slow one's backlog until a new line comes through: before it stands how many were missed. */
        _cleanup_free_ char *backlog = calloc(1, 1 << 20);
        (void)fcntl(slow[0], F_SETFL, O_NONBLOCK);
        size_t got = 0;
        for (uint64_t end = now_msec() + DEADLINE_MSEC; !strstr(backlog, " ping\n") && now_msec() < end;) {
                n = read(slow[0], backlog + got, (1 << 20) - 1 - got);
                got += n > 0 ? (size_t)n : 0;
                if (n <= 0) {
                        struct pollfd wait = { .fd = slow[0], .events = POLLIN };

                        say(o.out, "ping\n");
                        (void)poll(&wait, 1, 50);
                }
        }
        uint64_t missed = 0;
        for (const char *at = backlog; (at = strstr(at, "<4>ctrsup: ")); at++)
                missed += strtoull(at + strlen("<4>ctrsup: "), NULL, 10);
        (void)logger_stats(p.control, 0, NULL);
        (void)await(&p, LOGGER_EVENT_STATS, &event, NULL);
        result(missed > 1000 && missed == event.stats.dropped_subscriber,
               "the slow one is told how many it missed (%" PRIu64 " of %" PRIu64 ")", missed, event.stats.dropped_subscriber);
        bool whole = true;
        for (char *line = strtok(backlog, "\n"); line; line = strtok(NULL, "\n"))
                whole = whole && (logline_parse(&l, line, strlen(line), true) == 0 || line + strlen(line) == backlog + got);
        result(whole, "and no line it got is torn");
        close_ends(&e), close_ends(&o);
        (void)close(slow[0]), (void)close(one[0]);
        (void)logger_quit(p.control, NULL);
        (void)wait_for_exit(&p);
}

/* A flood of one container does not keep another's line from its file. */
static void fairness(void) {
        struct logger_process p = start();
        const struct logger_stream a = stream(1, "flood"), b = stream(2, "quiet");
        struct ends e = add(&p, &a), q = add(&p, &b);
        struct logger_event event;

        pid_t flooder = fork();
        if (flooder == 0) {
                static char block[65536];

                memset(block, 'x', sizeof(block));
                for (size_t i = 127; i < sizeof(block); i += 128)
                        block[i] = '\n';
                for (;;)
                        if (write(e.out, block, sizeof(block)) < 0)
                                _exit(0);
        }
        (void)poll(NULL, 0, 100);
        uint64_t worst = 0;
        for (int i = 0; i < 20; i++) {
                char line[32], *all = NULL;
                uint64_t began = now_msec();

                (void)snprintf(line, sizeof(line), "quiet line %d\n", i);
                say(q.out, line);
                line[strlen(line) - 1] = '\0';
                do {
                        free(all);
                        all = content("quiet.1.log");
                } while (!strstr(all, line) && now_msec() - began < DEADLINE_MSEC);
                free(all);
                if (now_msec() - began > worst)
                        worst = now_msec() - began;
        }
        (void)kill(flooder, SIGKILL);
        (void)waitpid(flooder, NULL, 0);
        result(worst < 500, "beside a flood a quiet container's line is written in %d ms at most", (int)worst);
        close_ends(&e), close_ends(&q);
        (void)await(&p, LOGGER_EVENT_EOF, &event, NULL);
        (void)logger_quit(p.control, NULL);
        (void)wait_for_exit(&p);
}

/* The next supervisor, a new logger, and signals. */
static void lives(void) {
        struct logger_process p = start();
        const struct logger_stream s = stream(1, "lives");
        struct ends e = add(&p, &s);
        struct logger_event event;

        say(e.out, "first\n");
        (void)logger_flush(p.control, 1, NULL);
        (void)await(&p, LOGGER_EVENT_FLUSHED, &event, NULL);
        (void)kill(p.pid, SIGKILL);
        (void)wait_for_exit(&p);
        say(e.out, "while nobody reads\n");
        p = start();
        struct err err = { 0 };
        (void)logger_add(p.control, &s, e.out_read, e.err_read, &err);
        (void)logger_flush(p.control, 2, NULL);
        (void)await(&p, LOGGER_EVENT_FLUSHED, &event, NULL);
        _cleanup_free_ char *got = texts("lives.1.log");
        result(strcmp(got, "oF:first|oF:while nobody reads|") == 0, "a killed logger's successor reads on: %s", got);

        for (size_t i = 0; i < 4; i++)
                (void)kill(p.pid, (int[]){ SIGINT, SIGHUP, SIGQUIT, SIGPIPE }[i]);
        say(e.out, "after signals\n");
        (void)logger_remove(p.control, 1, NULL);
        result(await(&p, LOGGER_EVENT_EOF, &event, NULL) && event.id == 1,
               "it lives through a terminal's signals, and removes a stream with open pipes");
        free(got);
        got = texts("lives.1.log");
        result(strstr(got, "|oF:after signals|") != NULL, "what the pipe held at the removal is written");

        const struct logger_stream again = stream(2, "orphan");
        struct ends orphan = add(&p, &again);
        (void)logger_flush(p.control, 3, NULL);
        (void)await(&p, LOGGER_EVENT_FLUSHED, &event, NULL);
        p.control = close_fd(p.control);
        say(orphan.out, "nobody holds the control socket\n");
        struct pollfd exited = { .fd = p.pidfd, .events = POLLIN };
        result(poll(&exited, 1, 100) == 0, "without a supervisor it goes on while there are pipes");
        close_ends(&orphan);
        int status = wait_for_exit(&p);
        _cleanup_free_ char *last = texts("orphan.1.log");
        result(WIFEXITED(status) && WEXITSTATUS(status) == 0 && strcmp(last, "oF:nobody holds the control socket|") == 0,
               "and ends with the last of them");

        p = start();
        const struct logger_stream third = stream(3, "term");
        struct ends t = add(&p, &third);
        say(t.out, "complete\nunfinished");
        (void)logger_flush(p.control, 3, NULL);
        (void)await(&p, LOGGER_EVENT_FLUSHED, &event, NULL);
        (void)kill(p.pid, SIGTERM);
        status = wait_for_exit(&p);
        _cleanup_free_ char *term = texts("term.1.log");
        result(WIFEXITED(status) && WEXITSTATUS(status) == 0 && strcmp(term, "oF:complete|oF:unfinished|") == 0,
               "SIGTERM: what was read is written: %s", term);
        close_ends(&t);
        close_ends(&e);
}

/* As a supervisor does that took over from one who died in the middle of a change. */
static void told_again(void) {
        struct logger_process p = start();
        struct logger_stream s = stream(1, "told");
        struct logger_event event;

        struct ends e = add(&p, &s);
        s.file_max_size = 4096;
        s.file_max_files = 1;
        struct ends again = add(&p, &s);
        (void)await(&p, LOGGER_EVENT_REFUSED, &event, NULL);
        for (int i = 0; i < 200; i++)
                say(e.out, "a line of some length, so that the file is full soon\n");
        close_ends(&e), close_ends(&again);
        (void)await(&p, LOGGER_EVENT_EOF, &event, NULL);
        _cleanup_free_ char *rotated = texts("told.1.log.1");
        result(strstr(rotated, "a line"), "an id in use takes the settings it comes with");
        (void)logger_quit(p.control, NULL);
        (void)wait_for_exit(&p);
}

static void refusals(void) {
        struct logger_process p = start();
        struct logger_stream s = stream(1, "twice");
        struct ends e = add(&p, &s), again = add(&p, &s);
        struct logger_event event;
        struct err err = { 0 };

        result(await(&p, LOGGER_EVENT_REFUSED, &event, NULL) && event.id == 1 && event.code == EEXIST, "an id in use is refused");
        s.id = 2;
        s.stack = "..";
        struct ends bad = add(&p, &s);
        result(await(&p, LOGGER_EVENT_REFUSED, &event, NULL) && event.id == 2 && event.code == EINVAL,
               "a name that is a path is refused");
        (void)send(p.control, "garbage", 7, MSG_NOSIGNAL);
        result(await(&p, LOGGER_EVENT_REFUSED, &event, NULL) && event.code == EBADMSG, "garbage is refused, and lived through");
        (void)logger_stats(p.control, 99, NULL);
        result(await(&p, LOGGER_EVENT_REFUSED, &event, NULL) && event.id == 99 && event.code == ENOENT, "no such container");
        const struct logger_spawn missing = { .program = "/no/such/logger", .logs = logs, .cgroup_fd = -1 };
        int control, pidfd;
        pid_t pid;
        int r = logger_spawn(&missing, &control, &pidfd, &pid, &err);
        result(r == -ENOENT, "a program that is not there: %s", err.text);
        close_ends(&e), close_ends(&again), close_ends(&bad);
        (void)logger_quit(p.control, NULL);
        (void)wait_for_exit(&p);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

int main(void) {
        if (!mkdtemp(logs))
                return 1;
        (void)signal(SIGPIPE, SIG_IGN);
        lines();
        long_lines();
        rate_limit();
        subscribers();
        fairness();
        lives();
        refusals();
        told_again();
        printf("1..%d\n", n_tests);
        (void)nftw(logs, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        return n_failed > 0;
}
