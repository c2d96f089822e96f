#include "cli/logread.h"

#include <ctrsup/base/cleanup.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

static char dir[64];

static int init(void **state) {
        (void)state;
        (void)strcpy(dir, "/tmp/ctrsup-logread-XXXXXX");
        (void)setenv("TZ", "UTC", 1);
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw) {
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

static int done(void **state) {
        (void)state;
        return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name) {
        static char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

/* A record at second `at` of the epoch. */
static void append(const char *name, unsigned at, enum logline_stream stream, bool partial, const char *text) {
        char head[LOGLINE_HEAD_MAX];
        FILE *f = fopen(path_of(name), "ae");

        assert_non_null(f);
        (void)logline_format_head(head, at * UINT64_C(1000000), stream, partial);
        (void)fprintf(f, "%s%s\n", head, text);
        assert_int_equal(fclose(f), 0);
}

static struct logread_target target(char path[PATH_MAX], const char *container) {
        (void)snprintf(path, PATH_MAX, "%s/%s.1.log", dir, container);
        return (struct logread_target){
                .stack = "shop", .container = container, .replica = 1, .driver = LOGREAD_FILE, .path = path
        };
}

/* "web:one|db:two|" */
static int collect(void *userdata, const struct logread_line *l) {
        struct buf *b = userdata;

        buf_printf(b, "%s%s:%.*s|", l->container, l->partial ? "+" : "", (int)l->len, l->text);
        return 0;
}

static const char *read_all(const struct logread_target *t, size_t n, struct logread_options o) {
        static char text[65536];
        _cleanup_buf_ struct buf b = BUF_NULL;
        struct err err = { 0 };

        if (logread_run(t, n, &o, collect, &b, &err) != 0)
                fail_msg("%s", err.text);
        (void)snprintf(text, sizeof(text), "%s", buf_text(&b));
        return text;
}

/* Old files first; two containers by time; a line that is no record is passed over. */
static void merged(void **state) {
        (void)state;
        char a[PATH_MAX], b[PATH_MAX];
        struct logread_target t[] = { target(a, "web"), target(b, "db") };

        append("web.1.log.2", 1, LOGLINE_STDOUT, false, "one");
        append("web.1.log.1", 3, LOGLINE_STDOUT, false, "three");
        append("web.1.log", 5, LOGLINE_STDERR, false, "five");
        append("db.1.log", 2, LOGLINE_STDOUT, false, "two");
        FILE *f = fopen(path_of("db.1.log"), "ae");
        (void)fputs("a line of somebody else\n", f);
        (void)fclose(f);
        append("db.1.log", 4, LOGLINE_STDOUT, true, "fo");
        append("db.1.log", 4, LOGLINE_STDOUT, false, "ur");
        assert_string_equal(read_all(t, 2, LOGREAD_OPTIONS), "web:one|db:two|web:three|db+:fo|db:ur|web:five|");
        assert_string_equal(read_all(t, 1, LOGREAD_OPTIONS), "web:one|web:three|web:five|");
}

static void limits(void **state) {
        (void)state;
        char a[PATH_MAX], none[PATH_MAX];
        struct logread_target t[] = { target(a, "web"), target(none, "none") };
        struct logread_options o = LOGREAD_OPTIONS;

        for (unsigned i = 0; i < 100; i++) {
                char text[16];

                (void)snprintf(text, sizeof(text), "%u", i);
                append(i < 40 ? "web.1.log.2" : i < 70 ? "web.1.log.1" : "web.1.log", i, LOGLINE_STDOUT, false, text);
        }
        o.tail = 3;
        assert_string_equal(read_all(t, 2, o), "web:97|web:98|web:99|");
        o.tail = 31; /* one more than the newest file has */
        assert_memory_equal(read_all(t, 1, o), "web:69|web:70|", 14);
        o.tail = UINT64_C(1000000000000);
        assert_memory_equal(read_all(t, 1, o), "web:0|", 6);
        o.tail = 0;
        assert_string_equal(read_all(t, 1, o), "");
        o = LOGREAD_OPTIONS;
        o.since_usec = 41 * UINT64_C(1000000);
        o.until_usec = 43 * UINT64_C(1000000);
        assert_string_equal(read_all(t, 1, o), "web:41|web:42|web:43|");
        o.tail = 1;
        assert_string_equal(read_all(t, 1, o), "web:43|");
        assert_string_equal(read_all(t + 1, 1, o), ""); /* a log that is not there is empty */
}

/* stdout is info, stderr err, "<N>" says otherwise and is not shown; the rest of a cut line has the first piece's. */
static void priorities(void **state) {
        (void)state;
        char a[PATH_MAX];
        struct logread_target t = target(a, "web");
        struct logread_options o = LOGREAD_OPTIONS;

        append("web.1.log", 1, LOGLINE_STDOUT, false, "info");
        append("web.1.log", 2, LOGLINE_STDERR, false, "error");
        append("web.1.log", 3, LOGLINE_STDOUT, false, "<4>warning");
        append("web.1.log", 4, LOGLINE_STDERR, false, "<7>debug");
        append("web.1.log", 5, LOGLINE_STDOUT, true, "<2>cut ");
        append("web.1.log", 6, LOGLINE_STDOUT, false, "<6>rest");
        o.max_priority = 4;
        assert_string_equal(read_all(&t, 1, o), "web:error|web:warning|web+:cut |web:<6>rest|");
        o.max_priority = 2;
        assert_string_equal(read_all(&t, 1, o), "web+:cut |web:<6>rest|");
}

static int stop_at_two(void *userdata, const struct logread_line *l) {
        return *(unsigned *)userdata += l->len == 3, *(unsigned *)userdata == 2 ? 42 : 0;
}

static void callback_ends(void **state) {
        (void)state;
        char a[PATH_MAX];
        struct logread_target t = target(a, "web");
        struct logread_options o = LOGREAD_OPTIONS;
        unsigned n = 0;

        for (unsigned i = 0; i < 5; i++)
                append("web.1.log", i, LOGLINE_STDOUT, false, "abc");
        assert_int_equal(logread_run(&t, 1, &o, stop_at_two, &n, NULL), 42);
        assert_int_equal(n, 2);
}

struct follower {
        struct logread_target target;
        struct logread_options options;
        int report; /* each line read: one byte */
        struct buf got;
        int result;
};

static int note(void *userdata, const struct logread_line *l) {
        struct follower *f = userdata;

        (void)collect(&f->got, l);
        return write(f->report, "x", 1) == 1 ? 0 : -1;
}

static void *run_follower(void *arg) {
        struct follower *f = arg;

        f->result = logread_run(&f->target, 1, &f->options, note, f, NULL);
        return NULL;
}

static void await_lines(int fd, size_t n) {
        char c;

        for (; n > 0; n--)
                assert_int_equal(read(fd, &c, 1), 1);
}

/* Lines written while following come, before, over and after two rotations at once; the stop fd ends it. */
static void follows(void **state) {
        (void)state;
        char path[PATH_MAX], from[PATH_MAX];
        int report[2], stop[2];
        pthread_t thread;

        assert_int_equal(pipe(report), 0);
        assert_int_equal(pipe(stop), 0);
        struct follower f = { .target = target(path, "web"), .options = LOGREAD_OPTIONS, .report = report[1] };
        f.options.follow = true;
        f.options.stop_fd = stop[0];
        f.options.tail = 1;
        append("web.1.log", 1, LOGLINE_STDOUT, false, "old");
        append("web.1.log", 2, LOGLINE_STDOUT, false, "last");
        assert_int_equal(pthread_create(&thread, NULL, run_follower, &f), 0);
        await_lines(report[0], 1);
        append("web.1.log", 3, LOGLINE_STDOUT, false, "new");
        await_lines(report[0], 1);
        for (unsigned i = 4; i < 6; i++) {
                append("web.1.log", i * 10, LOGLINE_STDOUT, false, "before");
                (void)snprintf(from, sizeof(from), "%s", path_of("web.1.log.1"));
                (void)rename(from, path_of("web.1.log.2"));
                (void)snprintf(from, sizeof(from), "%s", path_of("web.1.log"));
                assert_int_equal(rename(from, path_of("web.1.log.1")), 0);
                append("web.1.log", i * 10 + 1, LOGLINE_STDOUT, false, "after");
        }
        await_lines(report[0], 4);
        assert_int_equal(write(stop[1], "x", 1), 1);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(f.result, 0);
        assert_string_equal(buf_text(&f.got), "web:last|web:new|web:before|web:after|web:before|web:after|");
        buf_done(&f.got);
        for (int i = 0; i < 2; i++)
                (void)close(report[i]), (void)close(stop[i]);
}

static void assert_format(const struct logread_line *l, enum logread_output output, bool names, bool terminal,
                          const char *expected) {
        _cleanup_buf_ struct buf b = BUF_NULL;

        logread_format(&b, l, output, names, terminal);
        assert_string_equal(buf_text(&b), expected);
}

static void formats(void **state) {
        (void)state;
        struct logread_line l = { .stack = "shop",
                                  .container = "web",
                                  .replica = 2,
                                  .realtime_usec = UINT64_C(1795478548123456),
                                  .priority = 6,
                                  .text = "hi \"there\"",
                                  .len = 10 };

        assert_format(&l, LOGREAD_SHORT, true, false, "Nov 24 00:02:28 shop/web.2: hi \"there\"\n");
        assert_format(&l, LOGREAD_SHORT, false, false, "Nov 24 00:02:28 hi \"there\"\n");
        assert_format(&l, LOGREAD_CAT, true, false, "hi \"there\"\n");
        assert_format(
                &l, LOGREAD_JSON, true, true,
                "{\"time\":\"2026-11-24T00:02:28.123456Z\",\"stack\":\"shop\",\"container\":\"web\",\"replica\":2,\"priority\":6,\"partial\":false,"
                "\"text\":\"hi \\\"there\\\"\"}\n");
        l.partial = true;
        assert_format(&l, LOGREAD_CAT, false, false, "hi \"there\"");
}

/* A log cannot drive the reader's terminal: no titles, cursor, clipboard; colours and tabs pass. Files get the bytes as they are. */
static void terminal_is_safe(void **state) {
        (void)state;
        static const char evil[] = "\x1b]0;title\x07\x1b[31mred\x1b[0m\t\x1b[2J\xc2\x9b"
                                   "5n\r\x7f\xc3\xa4";
        const struct logread_line l = { .stack = "s", .container = "c", .text = evil, .len = sizeof(evil) - 1 };

        assert_format(&l, LOGREAD_CAT, false, true, "\\x1b]0;title\\x07\x1b[31mred\x1b[0m\t\\x1b[2J\\x9b5n\\x0d\\x7f\xc3\xa4\n");
        assert_format(&l, LOGREAD_CAT, false, false,
                      "\x1b]0;title\x07\x1b[31mred\x1b[0m\t\x1b[2J\xc2\x9b"
                      "5n\r\x7f\xc3\xa4\n");
        /* C1 also as the single bytes of an 8-bit charset, and in JSON, which is looked at on terminals, too. */
        static const char c1[] = "\x9b" "2J\xe4\xc2\x80\xc2\x9f\xc2\xa0";
        const struct logread_line other = { .stack = "s", .container = "c", .text = c1, .len = sizeof(c1) - 1 };
        _cleanup_buf_ struct buf json = BUF_NULL;

        assert_format(&other, LOGREAD_CAT, false, true, "\\x9b2J\xe4\\x80\\x9f\xc2\xa0\n");
        logread_format(&json, &other, LOGREAD_JSON, false, true);
        assert_non_null(strstr(buf_text(&json), "\"text\":\"\xef\xbf\xbd" "2J\xef\xbf\xbd\\u0080\\u009f\xc2\xa0\"}"));
}

static void json_is_utf8(void **state) {
        (void)state;
        static const char text[] = "a\0b\x1f\xff\xc0\xaf\xed\xa0\x80\xf0\x9f\x98\x80\xe2\x82";
        const struct logread_line l = { .stack = "s", .container = "c", .text = text, .len = sizeof(text) - 1 };
        _cleanup_buf_ struct buf b = BUF_NULL;

        logread_format(&b, &l, LOGREAD_JSON, false, false);
        assert_non_null(
                strstr(buf_text(&b),
                       "\"text\":\"a\\u0000b\\u001f\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                       "\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\"}"));
}

static void times(void **state) {
        (void)state;
        const uint64_t now = UINT64_C(1795478548) * 1000000; /* 2026-11-24 00:02:28 UTC */
        static const struct {
                const char *text;
                uint64_t seconds; /* UINT64_MAX: refused */
        } cases[] = {
                { "now", 1795478548 },
                { "today", 1795478400 },
                { "yesterday", 1795392000 },
                { "10m", 1795477948 },
                { "-10m", 1795477948 },
                { "1h30m ago", 1795473148 },
                { "@1795478548", 1795478548 },
                { "2026-11-24", 1795478400 },
                { "2026-11-24 00:02", 1795478520 },
                { "2026-11-24 00:02:28", 1795478548 },
                { "2026-11-24T00:02:28Z", 1795478548 },
                { "00:01", 1795478460 },
                { "0:02:28", 1795478548 },
                { "", UINT64_MAX },
                { "soon", UINT64_MAX },
                { "10", UINT64_MAX },
                { "@x", UINT64_MAX },
                { "2026-11-24 00:02:28 x", UINT64_MAX },
                { "2026-13-01", UINT64_MAX },
                { "99999999999h", UINT64_MAX },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                uint64_t usec = UINT64_MAX;
                int r = logread_parse_time(cases[i].text, now, &usec);

                if (cases[i].seconds == UINT64_MAX)
                        assert_int_equal(r, -EINVAL);
                else if (r != 0 || usec != cases[i].seconds * 1000000)
                        fail_msg("%s: %d, %llu", cases[i].text, r, (unsigned long long)usec);
        }
        assert_int_equal(logread_parse_priority("err"), 3);
        assert_int_equal(logread_parse_priority("7"), 7);
        assert_int_equal(logread_parse_priority("8"), -EINVAL);
        assert_int_equal(logread_output_parse("cat"), LOGREAD_CAT);
        assert_int_equal(logread_output_parse("cats"), -EINVAL);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, init, done)
        const struct CMUnitTest tests[] = {
                test(merged),  test(limits),           test(priorities),   test(callback_ends), test(follows),
                test(formats), test(terminal_is_safe), test(json_is_utf8), test(times),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
