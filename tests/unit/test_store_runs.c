/* Run records: what one supervisor writes the next one reads, in this boot only, and nothing else stands in the way. */
#include "unit.h"

#include <ctrsup/store/runs.h>

#include "store_tmp.h"

#include <signal.h>
#include <sys/stat.h>

static struct run some_run(void) {
        struct run r = {
                .instance = { .stack = "shop",
                              .container = "api",
                              .replica = 2,
                              .generation = 17,
                              .revision = 4,
                              .phase = PHASE_BACKOFF,
                              .desire = DESIRE_RUN,
                              .kept = true,
                              .again = true,
                              .leaving = true,
                              .cause = CAUSE_UNHEALTHY,
                              .killed = true,
                              .launching = true,
                              .oom = true,
                              .hook = HOOK_POST_STOP,
                              .hooks_ended = 1,
                              .ran = true,
                              .ready_early = true,
                              .unhealthy_early = true,
                              .unnamed = true,
                              .stop_signal = SIGINT,
                              .pid = 4711,
                              .started_usec = 123456789,
                              .started_real_usec = 1700000000000000,
                              .deadline_usec = 987654321,
                              .stop_grace_usec = USEC_INFINITY,
                              .stop_limit_usec = 987654322,
                              .attempts = 3,
                              .kills = 2,
                              .restarts = 12,
                              .last_exit = { .reason = EXIT_KILLED, .code = -1, .signal = SIGSEGV },
                              .message = "killed by SIGSEGV" },
                .start_ticks = 55,
                .oom_kills = 6,
                .log = 2,
                .root_uid = 268435456,
                .root_gid = 268435457,
                .guessed = true,
                .health = HEALTH_UNHEALTHY,
                .health_succeeded = true,
                .health_failures = 3,
                .health_reason = "HTTP 503",
                .memory_peak = 4096,
                .launched_real_usec = 1699999999999999,
                .last_end = { .real_usec = 1700000000000001,
                              .launched_real_usec = 1699999999999998,
                              .uptime_usec = 77,
                              .memory_peak = UINT64_MAX,
                              .memory_max = 67108864,
                              .by = END_BY_POLICY,
                              .asked = END_BY_REPLACE,
                              .shared_peak = 1,
                              .words = "killed by SIGTERM",
                              .cause = "unhealthy",
                              .step = "mount",
                              .hint = "try less",
                              .probe = "HTTP 500",
                              .asked_probe = "HTTP 502" },
                .watchdog_usec = 20000000,
                .reloading = true,
                .stopping = true,
                .status = "loading 3 of 10",
        };

        for (size_t n = 0; n < sizeof(r.instance.id); n++)
                r.instance.id[n] = (uint8_t)(n * 17);
        return r;
}

static void everything_comes_back(void **state) {
        struct tmp *t = *state;
        struct run in = some_run(), out = { 0 };
        struct err err = { 0 };

        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), -ENOENT);
        assert_int_equal(runs_write(t->fd, &in, &err), 0);
        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), 0);
        assert_memory_equal(&in, &out, sizeof(in));
        in.instance.phase = PHASE_READY;
        in.instance.deadline_usec = USEC_INFINITY;
        assert_int_equal(runs_write(t->fd, &in, &err), 0);
        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), 0);
        assert_memory_equal(&in, &out, sizeof(in));
}

/* Words cut within a character are no reason to lose the record. */
static void message_that_is_cut(void **state) {
        struct tmp *t = *state;
        struct run in = some_run(), out = { 0 };
        struct err err = { 0 };

        memset(in.instance.message, 'x', sizeof(in.instance.message) - 2);
        in.instance.message[MESSAGE_SIZE - 2] = (char)0xc3;
        assert_int_equal(runs_write(t->fd, &in, &err), 0);
        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), 0);
        assert_int_equal(strlen(out.instance.message), MESSAGE_SIZE - 2);
}

static void listed_and_removed(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ struct run_name *names = NULL;
        _cleanup_free_ char **stacks = NULL;
        struct run r = some_run();
        struct err err = { 0 };
        struct stat st;
        size_t n = 1;

        assert_int_equal(runs_stacks(t->fd, &stacks, &n, &err), 0);
        assert_int_equal(n, 0);
        assert_int_equal(runs_list(t->fd, "shop", &names, &n, &err), 0);
        assert_int_equal(n, 0);
        free(names);
        free(stacks);
        assert_int_equal(runs_write(t->fd, &r, &err), 0);
        (void)strcpy(r.instance.container, "web");
        r.instance.replica = 1;
        assert_int_equal(runs_write(t->fd, &r, &err), 0);
        tmp_file(t, "runs/shop/web.x", "");
        tmp_file(t, "runs/shop/Web.1", "");
        tmp_file(t, "runs/shop/.web.1.tmp", "");
        assert_int_equal(runs_stacks(t->fd, &stacks, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_int_equal(runs_list(t->fd, "shop", &names, &n, &err), 0);
        assert_int_equal(n, 2);
        assert_string_equal(names[0].container, "api");
        assert_int_equal(names[0].replica, 2);
        assert_string_equal(names[1].container, "web");
        assert_int_equal(runs_remove(t->fd, "shop", "web", 1, &err), 0);
        assert_int_equal(runs_remove(t->fd, "shop", "web", 1, &err), 0);
        assert_int_equal(runs_remove(t->fd, "nope", "web", 1, &err), 0);
        assert_int_equal(fstatat(t->fd, "runs/shop/web.1", &st, 0), -1);
        for (const char *const *left = (const char *const[]){ "web.x", "Web.1", ".web.1.tmp", NULL }; *left; left++) {
                char path[64];

                (void)snprintf(path, sizeof(path), "runs/shop/%s", *left);
                assert_int_equal(unlinkat(t->fd, path, 0), 0);
        }
        assert_int_equal(runs_remove(t->fd, "shop", "api", 2, &err), 0);
        assert_int_equal(fstatat(t->fd, "runs/shop", &st, 0), -1);
}

/* A release that knew of no last end wrote none, and its record is good. */
static void record_of_the_last_release(void **state) {
        struct tmp *t = *state;
        struct run r = some_run(), out = { 0 };
        struct err err = { 0 };
        char text[8192], *at;

        r.last_end = (struct last_end){ 0 };
        assert_int_equal(runs_write(t->fd, &r, &err), 0);
        int fd = openat(t->fd, "runs/shop/api.2", O_RDONLY);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        (void)close(fd);
        assert_true(n > 0);
        text[n] = '\0';
        assert_null(strstr(text, "\"last_end\""));
        while ((at = strstr(text, "\"end_"))) /* numbers, with the comma behind */
                memmove(at, strchr(at, ',') + 1, strlen(strchr(at, ',')));
        tmp_file(t, "runs/shop/api.2", text);
        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), 0);
        assert_true(out.last_end.real_usec == 0 && out.last_end.by == END_BY_ITSELF);
        assert_true(runs_equal(&r, &out));
        (void)strcpy(out.last_end.words, "x");
        assert_false(runs_equal(&r, &out));
}

/* What is wrong with a record, and what is answered. */
static void records_that_are_none(void **state) {
        struct tmp *t = *state;
        struct run r = some_run(), out = { 0 };
        struct err err = { 0 };
        struct stat st;
        char text[8192], *at;

        assert_int_equal(runs_write(t->fd, &r, &err), 0);
        int fd = openat(t->fd, "runs/shop/api.2", O_RDONLY);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        (void)close(fd);
        assert_true(n > 0);
        text[n] = '\0';

        /* of another boot: as if it were not there, and then it is not */
        char *copy = strdup(text);
        at = strstr(copy, "\"boot\":\"");
        assert_non_null(at);
        at[8] = at[8] == '0' ? '1' : '0';
        tmp_file(t, "runs/shop/api.2", copy);
        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), -ENOENT);
        assert_int_equal(fstatat(t->fd, "runs/shop/api.2", &st, 0), -1);
        free(copy);

        /* of a newer release: left alone */
        copy = strdup(text);
        at = strstr(copy, "\"version\":");
        at[10] = '9';
        tmp_file(t, "runs/shop/api.2", copy);
        assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), -EPROTO);
        assert_non_null(strstr(err.text, "shop/api"));
        assert_int_equal(fstatat(t->fd, "runs/shop/api.2", &st, 0), 0);
        free(copy);

        /* torn, empty, or with a value that cannot be: set aside */
        static const char *const spoil[][2] = {
                { "\"phase\":\"backoff\"", "\"phase\":\"walking\"" },
                { "\"hook\":4", "\"hook\":5" },
                { "\"pid\":4711", "\"pid\":-471" },
                { "\"kept\":true", "\"kept\":1   " },
                { "\"attempts\":3", "\"attempts\":x" },
                { "\"id\":\"00", "\"id\":\"zz" },
                { "\"desire\":\"run\"", "\"desire\":\"???\"" },
                { "\"by\":\"policy\"", "\"by\":\"polite\"" },
                { "\"cause\":\"unhealthy\"", "\"cause\":[        ] " },
        };
        for (size_t k = 0; k < ARRAY_SIZE(spoil) + 2; k++) {
                copy = strdup(text);
                if (k < ARRAY_SIZE(spoil)) {
                        at = strstr(copy, spoil[k][0]);
                        assert_non_null(at);
                        memcpy(at, spoil[k][1], strlen(spoil[k][1]));
                } else
                        copy[k == ARRAY_SIZE(spoil) ? 0 : strlen(copy) / 2] = '\0';
                tmp_file(t, "runs/shop/api.2", copy);
                err = (struct err){ 0 };
                assert_int_equal(runs_read(t->fd, "shop", "api", 2, &out, &err), -EBADMSG);
                assert_true(err.text[0] != '\0');
                assert_int_equal(fstatat(t->fd, "runs/shop/api.2", &st, 0), -1);
                assert_int_equal(fstatat(t->fd, "runs/shop/api.2.bad", &st, 0), 0);
                free(copy);
        }
}

unit_main(tmp_test(everything_comes_back), tmp_test(message_that_is_cut), tmp_test(listed_and_removed),
          tmp_test(record_of_the_last_release), tmp_test(records_that_are_none));
