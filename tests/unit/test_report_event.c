#include "unit.h"

#include <ctrsup/report/event.h>
#include <ctrsup/report/journal.h>
#include <ctrsup/report/notify.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct exit_info killed = { .reason = EXIT_KILLED, .code = -1, .signal = 9 };

static struct report_event exited(void) {
        return (struct report_event){
                .kind = REPORT_CONTAINER_EXITED,
                .real_usec = 1795480000123456,
                .stack = "shop",
                .container = "api",
                .replica = 2,
                .instance_id = (const uint8_t *)"0123456789abcdef",
                .exit = &killed,
                .uptime_usec = 3200000,
                .cpu_nsec = 77,
        };
}

/* Every kind has words, a name, a priority a journal knows, and the three forms. */
static void every_kind_speaks(void **state) {
        (void)state;
        for (int k = 0; k < _REPORT_KIND_MAX; k++) {
                struct report_event e = exited();
                struct buf entry = BUF_NULL, line = BUF_NULL;

                e.kind = (enum report_kind)k;
                e.message = "why";
                e.priority = 5;
                report_journal_entry(&e, &entry);
                report_line(&e, &line);
                json_t *j = report_json(&e);
                assert_non_null(j);
                assert_non_null(strstr(buf_text(&entry), "MESSAGE=shop/api.2: "));
                assert_non_null(strstr(buf_text(&entry), "\nSYSLOG_IDENTIFIER=ctrsupd\n"));
                assert_true(strlen(buf_text(&line)) > strlen("shop/api.2: \n"));
                assert_in_range(report_priority(&e), 0, 7);
                assert_string_equal(json_string_value(json_object_get(j, "kind")), report_kind_name(e.kind));
                json_decref(j);
                buf_done(&entry);
                buf_done(&line);
        }
}

/* The exact entry of one event: the names are what users' queries rely on. */
static void an_exit_in_the_journal(void **state) {
        struct report_event e = exited();
        struct buf out = BUF_NULL;

        (void)state;
        report_journal_entry(&e, &out);
        assert_string_equal(buf_text(&out), "MESSAGE=shop/api.2: killed by SIGKILL after 3.2s\n"
                                            "PRIORITY=4\n"
                                            "MESSAGE_ID=c62845bf74244f95b82feca9ee2d1ddc\n"
                                            "SYSLOG_IDENTIFIER=ctrsupd\n"
                                            "CTRSUP_STACK=shop\nCTRSUP_CONTAINER=api\nCTRSUP_REPLICA=2\n"
                                            "CTRSUP_INSTANCE_ID=30313233343536373839616263646566\n"
                                            "EXIT_CODE=killed\nEXIT_STATUS=KILL\n"
                                            "CTRSUP_UPTIME_USEC=3200000\nCPU_USAGE_NSEC=77\n");
        buf_done(&out);
}

/* A value with line breaks takes the binary form, and cannot smuggle a field in. */
static void line_breaks_are_data(void **state) {
        struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = "a\nPRIORITY=0" };
        struct buf out = BUF_NULL;

        (void)state;
        report_journal_entry(&e, &out);
        assert_memory_equal(out.data, "MESSAGE\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\nPRIORITY=3\n", 40);
        buf_done(&out);
}

static void a_full_socket_never_waits(void **state) {
        char dir[] = "/tmp/ctrsup-report-XXXXXX", path[64];
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct reporter r = REPORTER_NULL;
        struct report_event e = exited();

        (void)state;
        assert_non_null(mkdtemp(dir));
        (void)snprintf(path, sizeof(path), "%s/s", dir);
        (void)strcpy(address.sun_path, path);
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(reporter_open_journal(&r, path, NULL), 0);
        for (int n = 0; n < 5000; n++) /* nobody reads: this would hang if it could */
                reporter_send(&r, &e);
        assert_true(r.dropped > 0 && r.dropped < 5000);

        char buf[4096];
        uint64_t kept = 5000 - r.dropped;
        for (uint64_t n = 0; n < kept; n++)
                assert_true(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
        reporter_send(&r, &e);
        assert_int_equal(r.dropped, 0); /* said with the next one that goes out */
        reporter_done(&r);
        close_fd(fd);
        (void)unlink(path);
        (void)rmdir(dir);
}

/* Who was refused what, for a person and for a search. */
static void a_refusal_names_who(void **state) {
        struct report_event e = { .kind = REPORT_CALL_REFUSED, .what = "io.ctrsup.Manager.Stop", .has_actor = true, .actor_uid = 1000, .actor_pid = 77 };
        _cleanup_buf_ struct buf words = BUF_NULL, entry = BUF_NULL, all = BUF_NULL;

        (void)state;
        report_words(&e, &words);
        assert_string_equal(buf_text(&words), "refused: uid 1000 (pid 77) may not call Stop");
        report_journal_entry(&e, &entry);
        assert_non_null(memmem(entry.data, entry.len, "CTRSUP_ACTOR_UID=1000\n", 22));
        assert_non_null(memmem(entry.data, entry.len, "CTRSUP_WHAT=io.ctrsup.Manager.Stop\n", 35));
        e.what = NULL;
        report_words(&e, &all);
        assert_string_equal(buf_text(&all), "refused: uid 1000 (pid 77) may not use the supervisor");
}

/* An end that was asked for is no warning; bad health is one. */
static void priorities_that_depend(void **state) {
        struct report_event e = exited();
        struct report_event health = { .kind = REPORT_CONTAINER_HEALTH, .health = "unhealthy" };

        (void)state;
        assert_int_equal(report_priority(&e), 4);
        e.change = &(struct step_change){ PHASE_STOPPING, PHASE_STOPPED };
        assert_int_equal(report_priority(&e), 6);
        assert_int_equal(report_priority(&health), 4);
        health.message = "exit status 1: one\ntwo";
        _cleanup_buf_ struct buf words = BUF_NULL, entry = BUF_NULL;
        report_words(&health, &words);
        assert_non_null(strstr(buf_text(&words), "health: unhealthy: exit status 1: one"));
        assert_null(strstr(buf_text(&words), "two"));
        report_journal_entry(&health, &entry);
        assert_non_null(memmem(entry.data, entry.len, "CTRSUP_HEALTH=unhealthy\n", 24));
        assert_non_null(memmem(entry.data, entry.len, "CTRSUP_PROBE_OUTPUT\n\x16\0\0\0\0\0\0\0exit status 1: one\ntwo\n", 51));
        health.health = "healthy";
        assert_int_equal(report_priority(&health), 5);
}

/* One line, whatever a container or a file's name put into it. */
static void lines_are_plain(void **state) {
        struct report_event e = { .kind = REPORT_NOTICE, .stack = "s", .message = "a\nb\x1b[2J\xc2\x9b" "31m gr\xc3\xbc\xc3\x9f" "e", .hint = "try\tthis" };
        struct buf out = BUF_NULL;

        (void)state;
        report_line(&e, &out);
        assert_string_equal(buf_text(&out), "s: a b [2J 31m gr\xc3\xbc\xc3\x9f" "e\n    hint: try this\n");
        buf_done(&out);
}

static void events_as_json(void **state) {
        struct report_event e = exited();
        json_t *j = report_json(&e);
        char *text = json_dumps(j, JSON_COMPACT);

        (void)state;
        assert_string_equal(text, "{\"time\":\"2026-11-24T00:26:40.123456Z\",\"kind\":\"container-exited\",\"stack\":\"shop\",\"container\":\"api\","
                                  "\"replica\":2,\"from\":null,\"to\":null,\"message\":\"killed by SIGKILL after 3.2s\",\"hint\":null,\"priority\":4,"
                                  "\"exit\":{\"code\":null,\"signal\":\"SIGKILL\",\"reason\":\"killed\"}}");
        free(text);
        json_decref(j);
        e = (struct report_event){ .kind = REPORT_NOTICE, .stack = "shop", .message = "no UTF-8: \xff" };
        j = report_json(&e); /* a file's name may be anything: the event is not lost for that */
        assert_string_equal(json_string_value(json_object_get(j, "stack")), "shop");
        assert_true(json_is_null(json_object_get(j, "message")));
        json_decref(j);
}

static void the_catalog_has_every_failure(void **state) {
        struct buf out = BUF_NULL;

        (void)state;
        report_catalog(&out);
        assert_non_null(strstr(buf_text(&out), "-- b4bf187a0e4b45c8863f509e2b29e842\nSubject: "));
        assert_non_null(strstr(buf_text(&out), "-- 6955837faf2a4160ba10ea53410ae9dc\n"));
        assert_non_null(strstr(buf_text(&out), "-- e3759575d1224c97957023d41670a108\n"));
        assert_null(strstr(buf_text(&out), "(null)"));
        buf_done(&out);
}

static void the_status_line(void **state) {
        struct instance a = { .phase = PHASE_READY }, b = { .phase = PHASE_BACKOFF, .stack = "shop", .container = "api", .replica = 2 };
        struct instance c = { .phase = PHASE_STOPPED, .desire = DESIRE_STOPPED };
        const struct instance *all[] = { &a, &b, &c };
        struct buf out = BUF_NULL;

        (void)state;
        notify_status_text(all, 3, 2, &out);
        assert_string_equal(buf_text(&out), "2 stacks, 1/2 ready; shop/api.2 backing off");
        buf_reset(&out);
        notify_status_text(NULL, 0, 0, &out);
        assert_string_equal(buf_text(&out), "no stacks");
        buf_done(&out);
}

/* At most once a second; what was held back is due later. */
static void the_status_is_rate_limited(void **state) {
        struct notify n = { 0 };

        (void)state;
        assert_int_equal(notify_status(&n, "one", 5 * USEC_PER_SEC), USEC_INFINITY);
        assert_string_equal(n.status, "one");
        assert_int_equal(notify_status(&n, "two", 5 * USEC_PER_SEC + 1), 6 * USEC_PER_SEC);
        assert_string_equal(n.status, "one");
        assert_int_equal(notify_status(&n, "two", 6 * USEC_PER_SEC), USEC_INFINITY);
        assert_string_equal(n.status, "two");
}

unit_main(cmocka_unit_test(every_kind_speaks), cmocka_unit_test(an_exit_in_the_journal), cmocka_unit_test(line_breaks_are_data),
          cmocka_unit_test(a_full_socket_never_waits), cmocka_unit_test(priorities_that_depend), cmocka_unit_test(a_refusal_names_who), cmocka_unit_test(lines_are_plain),
          cmocka_unit_test(events_as_json), cmocka_unit_test(the_catalog_has_every_failure), cmocka_unit_test(the_status_line),
          cmocka_unit_test(the_status_is_rate_limited));
