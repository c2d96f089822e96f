#include "unit.h"

#include <cli/cli.h>
#include <cli/progress.h>
#include <ctrsup/base/num.h>

#include <locale.h>
#include <stdio.h>
#include <wchar.h>

static json_t *transition(const char *container, int replica, const char *from, const char *to, const char *message,
                          double seconds) {
        return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s?, s:f}", "time", "2026-11-24T00:00:00Z", "stack", "shop",
                         "container", container, "replica", replica, "from", from, "to", to, "message", message, "duration",
                         seconds);
}

static bool take(struct progress *p, const char *container, int replica, const char *to, const char *message, double seconds,
                 uint64_t now) {
        json_t *t = transition(container, replica, "pending", to, message, seconds);
        bool news = progress_take(p, t, now);

        json_decref(t);
        return news;
}

/* One that may stay there for `within` seconds. */
static void take_within(struct progress *p, const char *container, const char *to, const char *message, double within) {
        json_t *t = transition(container, 1, "pending", to, message, 0);

        (void)json_object_set_new(t, "within", json_real(within));
        (void)progress_take(p, t, 0);
        json_decref(t);
}

static void fill(struct progress *p) {
        progress_expect(p, "web", 0);
        (void)take(p, "db", 1, "ready", NULL, 1.2, 1000000);
        (void)take(p, "api", 2, "starting", NULL, 0, 1000000);
        (void)take(p, "job", 1, "failed", "exited with status 1", 0.3, 2000000);
}

/* The picture for a terminal: a mark, the name, the state, what there is to say; time goes on in those that wait. */
static void a_picture(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        const struct progress_style style = { .columns = 80, .rows = 24, .unicode = true };

        fill(&p);
        progress_draw(&p, &style, 4000000, &out);
        assert_string_equal(buf_text(&out), " · web       waiting\033[K\n"
                                            " ✓ db        ready      1.2s\033[K\n"
                                            " ⠋ api.2     starting   3s\033[K\n"
                                            " ✗ job       failed     exited with status 1\033[K\n");
        assert_int_equal(p.lines, 4);
        /* drawn over, not below; erased when something else is to be printed */
        buf_reset(&out);
        progress_draw(&p, &style, 4100000, &out);
        assert_int_equal(strncmp(buf_text(&out), "\033[4A\r", 5), 0);
        assert_non_null(strstr(buf_text(&out), "⠙ api.2"));
        buf_reset(&out);
        progress_erase(&p, &out);
        assert_string_equal(buf_text(&out), "\033[4A\r\033[J");
        buf_reset(&out);
        progress_erase(&p, &out);
        assert_string_equal(buf_text(&out), "");
        assert_false(p.failed);
}

/* What is waited for: whom, how long at most, and when it is tried again; only what changes by time alone keeps a clock going. */
static void what_is_waited_for(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)take(&p, "web", 1, "pending", "waits for api to be healthy", 0, 0);
        (void)take(&p, "old", 1, "pending", "restored", 0, 0);
        assert_false(progress_moves(&p));
        take_within(&p, "job", "backoff", "exited with status 1 (attempt 2)", 8);
        assert_true(progress_moves(&p));
        take_within(&p, "api", "running", "waits for its health check", 29.9999);
        take_within(&p, "far", "running", NULL, 90);
        progress_draw(&p, &(struct progress_style){ .columns = 80 }, 3200000, &out);
        assert_string_equal(buf_text(&out), " . web       waiting    for api to be healthy\033[K\n"
                                            " . old       pending    restored\033[K\n"
                                            " x job       backoff    5s  exited with status 1 (attempt 2)\033[K\n"
                                            " - api       running    3s of 30s  waits for its health check\033[K\n"
                                            " - far       running    3s of 1m 30s\033[K\n");
        buf_reset(&out);
        progress_draw(&p, &(struct progress_style){ .columns = 80 }, 9000000, &out);
        assert_non_null(strstr(buf_text(&out), "backoff    0s  exited")); /* late, and not for 300,000 years */
}

/* Without UTF-8 the marks are ASCII, and with colour only the mark is coloured. */
static void marks_follow_the_terminal(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;

        fill(&p);
        progress_draw(&p, &(struct progress_style){ .columns = 80 }, 1000000, &out);
        for (const char *s = buf_text(&out); *s; s++)
                assert_true((unsigned char)*s < 0x80);
        assert_non_null(strstr(buf_text(&out), " x job"));
        buf_reset(&out);
        progress_draw(&p, &(struct progress_style){ .columns = 80, .unicode = true, .color = true }, 1000000, &out);
        assert_non_null(strstr(buf_text(&out), " \033[31m✗\033[0m job"));
}

/* Columns on the screen of a line: escape sequences take none. */
static unsigned columns_of(const char *line, size_t len) {
        _cleanup_buf_ struct buf plain = BUF_NULL, scratch = BUF_NULL;

        for (size_t i = 0; i < len; i++) {
                if (line[i] == '\033') {
                        while (i < len && !((line[i] >= 'A' && line[i] <= 'Z') || line[i] == 'm'))
                                i++;
                        continue;
                }
                if (line[i] != '\r')
                        buf_putc(&plain, line[i]);
        }
        return progress_put_cut(&scratch, buf_text(&plain), 100000);
}

/* At every width from 1 column on no line is as wide as the terminal, so none wraps and the redraw stays exact. */
static void fits_every_width(void **state _unused_) {
        for (unsigned columns = 5; columns < 100; columns++) {
                _cleanup_progress_ struct progress p = PROGRESS_NULL;
                _cleanup_buf_ struct buf out = BUF_NULL;
                unsigned lines = 0;

                fill(&p);
                (void)take(
                        &p, "a-container-with-a-name-that-is-sixty-three-characters-long-xyz", 1, "backoff",
                        "日本語のメッセージ that goes on for longer than any terminal is wide, really, it does not end before column 100",
                        1, 0);
                progress_draw(&p, &(struct progress_style){ .columns = columns, .unicode = true, .color = columns % 2 }, 9000000,
                              &out);
                for (const char *at = buf_text(&out), *end; (end = strchr(at, '\n')); at = end + 1, lines++)
                        assert_true(columns_of(at, (size_t)(end - at)) < columns);
                assert_int_equal(lines, 5);
        }
}

/* More containers than rows: what is bad or under way is shown, the rest is counted, and the picture never scrolls. */
static void fits_the_rows(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;

        for (int i = 0; i < 50; i++) {
                char name[16];

                (void)snprintf(name, sizeof(name), "c%02d", i);
                (void)take(&p, name, 1, i == 40 ? "failed" : i == 30 ? "starting" : "ready", NULL, 1, 0);
        }
        progress_draw(&p, &(struct progress_style){ .columns = 80, .rows = 10 }, 0, &out);
        assert_int_equal(p.lines, 9);
        assert_non_null(strstr(buf_text(&out), " c40"));
        assert_non_null(strstr(buf_text(&out), " c30"));
        assert_non_null(strstr(buf_text(&out), " 42 more"));
        /* a smaller picture wipes what was below */
        buf_reset(&out);
        progress_draw(&p, &(struct progress_style){ .columns = 80, .rows = 6 }, 0, &out);
        assert_non_null(strstr(buf_text(&out), "\033[J"));
        assert_int_equal(p.lines, 5);
}

/* Control characters in a message never reach the terminal. */
static void messages_cannot_drive_the_terminal(void **state _unused_) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        assert_int_equal(progress_put_cut(&out, "a\033[2Jb\rc\x7f", 80), 9);
        assert_string_equal(buf_text(&out), "a?[2Jb?c?");
        buf_reset(&out);
        assert_int_equal(progress_put_cut(&out, "bad \xff\xfe utf", 80), 10);
        assert_string_equal(buf_text(&out), "bad ?? utf");
        buf_reset(&out);
        assert_int_equal(progress_put_cut(&out, "日本", 3), 2);
        assert_string_equal(buf_text(&out), "日");
}

/* One line a transition for a pipe: how long it took, or why, never both; nothing for "pending", which says nothing new. */
static void plain_lines(void **state _unused_) {
        static const struct {
                const char *container, *to, *message;
                int replica;
                double seconds;
                const char *line;
        } lines[] = {
                { "db", "starting", NULL, 1, 0.1, "shop/db: starting\n" },
                { "db", "ready", NULL, 1, 2.2, "shop/db: ready (2.2s)\n" },
                { "api", "completed", NULL, 2, 4.1, "shop/api.2: completed (4.1s)\n" },
                { "api", "failed", "exited with status 1", 2, 3, "shop/api.2: failed: exited with status 1\n" },
                { "api", "stopping", "stopping", 1, 3, "shop/api: stopping\n" },
                { "api", "pending", NULL, 1, 3, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                json_t *t =
                        transition(lines[i].container, lines[i].replica, "x", lines[i].to, lines[i].message, lines[i].seconds);

                progress_plain(t, &out);
                assert_string_equal(buf_text(&out), lines[i].line);
                json_decref(t);
        }
}

/* What is known already is no news, whichever channel it comes by again; nonsense is none either. */
static void news_is_told_once(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;
        json_t *nothing = json_object();

        assert_true(take(&p, "web", 1, "starting", NULL, 0, 0));
        assert_false(take(&p, "web", 1, "starting", NULL, 5, 9));
        assert_false(take(&p, "web", 1, "starting", "starting", 5, 9));
        assert_true(take(&p, "web", 1, "backoff", "exit 1", 0, 0));
        assert_true(take(&p, "web", 1, "backoff", "exit 2", 0, 0));
        assert_false(progress_take(&p, nothing, 0));
        assert_int_equal(p.n, 1);
        json_decref(nothing);
}

static bool take_on(struct progress *p, const char *message, double within, uint64_t now_usec) {
        json_t *t = transition("db", 1, "running", "running", message, 0);

        (void)json_object_set_new(t, "within", json_real(within));
        bool news = progress_take(p, t, now_usec);
        json_decref(t);
        return news;
}

/* What one says while it gets ready does not set its clock back; more time is no line of its own. */
static void the_clock_goes_on(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;

        take_within(&p, "db", "running", "waits for READY=1", 90);
        assert_true(take_on(&p, "loading 1 of 2", 70, 20 * USEC_PER_SEC));
        assert_int_equal(p.rows[0].since_usec, 0);
        assert_int_equal((int)p.rows[0].within, 90);
        assert_false(take_on(&p, "loading 1 of 2", 100, 30 * USEC_PER_SEC));
        assert_int_equal(p.rows[0].since_usec, 0);
        assert_int_equal((int)p.rows[0].within, 130);
        assert_true(take(&p, "db", 1, "ready", NULL, 40, 40 * USEC_PER_SEC));
        assert_int_equal(p.rows[0].since_usec, 40 * USEC_PER_SEC);
}

/* A stack is over when nothing of it will run again, and has failed when one of it has. */
static void over_and_failed(void **state _unused_) {
        _cleanup_progress_ struct progress p = PROGRESS_NULL;
        bool failed = true;

        assert_false(progress_is_over(&p, &failed));
        (void)take(&p, "a", 1, "completed", NULL, 0, 0);
        assert_true(progress_is_over(&p, &failed));
        assert_false(failed);
        (void)take(&p, "b", 1, "backoff", NULL, 0, 0);
        assert_false(progress_is_over(&p, &failed));
        (void)take(&p, "b", 1, "failed", NULL, 0, 0);
        assert_true(progress_is_over(&p, &failed));
        assert_true(failed);
}

/* The last words and the exit code of every outcome. */
static void results(void **state _unused_) {
        static const struct {
                const char *outcome, *text;
                int code;
        } outcomes[] = {
                { "done", "shop: revision 7 is ready (12.4s)\n", EXIT_OK },
                { "failed", "shop: revision 7 failed (12.4s)\n", EXIT_NEGATIVE },
                { "restored", "shop: rolled back to revision 6\nshop: revision 7 failed, revision 6 is running (12.4s)\n", EXIT_RESTORED },
                { "timeout", "shop: revision 7 is not ready yet; the work goes on: ctrsup status shop (12.4s)\n",
                  EXIT_TRY_AGAIN },
        };
        const struct progress_style style = { .columns = 80 };

        for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
                _cleanup_buf_ struct buf out = BUF_NULL;
                json_t *r = json_pack("{s:s, s:s, s:i, s:f, s:[], s:i}", "outcome", outcomes[i].outcome, "stack", "shop",
                                      "revision", 7, "duration", 12.4, "failures", "running", 6);

                progress_result(r, "ready", &style, &out);
                assert_string_equal(buf_text(&out), outcomes[i].text);
                assert_int_equal(progress_exit_code(r), outcomes[i].code);
                json_decref(r);
        }
        json_t *none = json_object();
        assert_int_equal(progress_exit_code(none), EXIT_BUG);
        json_decref(none);
}

/* What failed comes before the last line: why, its last lines with control characters replaced, and where to look, or the hint. */
static void failures_are_told(void **state _unused_) {
        _cleanup_buf_ struct buf out = BUF_NULL;
        json_t *r =
                json_pack("{s:s, s:s, s:n, s:f, s:[{s:s, s:i, s:s, s:n, s:[s]}, {s:s, s:i, s:s, s:s, s:[]}]}", "outcome",
                          "failed", "stack", "shop", "revision", "duration", 3.0, "failures", "container", "api", "replica", 2,
                          "message", "exited with status 1 (4 attempts)", "hint", "lines", "panic: \033[31mno", "container",
                          "web", "replica", 1, "message", "start shop/web: no layer", "hint", "make it", "lines");

        progress_result(r, "ready", &(struct progress_style){ .columns = 80 }, &out);
        assert_string_equal(buf_text(&out), "shop/api.2: exited with status 1 (4 attempts); last lines of its log:\n"
                                            "    panic: ?[31mno\n"
                                            "    see: ctrsup why shop/api.2, ctrsup logs shop/api.2 -n 50\n"
                                            "shop/web: start shop/web: no layer\n"
                                            "    hint: make it\n"
                                            "shop: failed (3.0s)\n");
        json_decref(r);
}

static int utf8(void **state _unused_) {
        return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_picture),
                cmocka_unit_test(what_is_waited_for),
                cmocka_unit_test(marks_follow_the_terminal),
                cmocka_unit_test(fits_every_width),
                cmocka_unit_test(fits_the_rows),
                cmocka_unit_test(messages_cannot_drive_the_terminal),
                cmocka_unit_test(plain_lines),
                cmocka_unit_test(news_is_told_once),
                cmocka_unit_test(the_clock_goes_on),
                cmocka_unit_test(over_and_failed),
                cmocka_unit_test(results),
                cmocka_unit_test(failures_are_told),
        };

        return cmocka_run_group_tests(tests, utf8, NULL);
}
