/* Health checks and readiness as a file declares them. What is refused: tests/bad/healthcheck-*, tests/bad/readiness. */
#include "spec_load.h"

#include <ctrsup/base/num.h>

static const struct spec_container *load_web(struct loaded *l, const char *keys) {
        char text[2048];

        (void)snprintf(text, sizeof(text), WEB "%s", keys);
        *l = load_good(text);
        return web_of(l);
}

/* Which key is there decides what is probed; what the file does not say is as the reference has it. */
static void kinds(void **state) {
        _cleanup_loaded_ struct loaded none = { 0 }, exec = { 0 }, http = { 0 }, tcp = { 0 }, notify = { 0 };
        const struct spec_container *c = load_web(&none, "");

        (void)state;
        assert_int_equal(c->healthcheck.kind, HEALTHCHECK_NONE);
        c = load_web(&exec, "    healthcheck: {exec: [pg_isready, -q]}\n");
        assert_int_equal(c->healthcheck.kind, HEALTHCHECK_EXEC);
        assert_int_equal(c->healthcheck.exec.n, 2);
        assert_int_equal(c->healthcheck.interval_usec, 30 * USEC_PER_SEC);
        assert_int_equal(c->healthcheck.timeout_usec, 30 * USEC_PER_SEC);
        assert_int_equal(c->healthcheck.retries, 3);
        assert_int_equal(c->healthcheck.start_period_usec, 0);
        assert_int_equal(c->healthcheck.start_interval_usec, 5 * USEC_PER_SEC);
        assert_int_equal(c->healthcheck.on_failure, ON_FAILURE_RESTART);
        c = load_web(&http, "    healthcheck: {http: {port: 8080, headers: {X-A: \"b c\"}}, on_failure: none, retries: 1}\n");
        assert_int_equal(c->healthcheck.kind, HEALTHCHECK_HTTP);
        assert_int_equal(c->healthcheck.http.port, 8080);
        assert_string_equal(c->healthcheck.http.path, "/");
        assert_string_equal(c->healthcheck.http.host, "localhost");
        assert_string_equal(c->healthcheck.http.status, "200-399");
        assert_string_equal(c->healthcheck.http.headers.items[0].value, "b c");
        assert_int_equal(c->healthcheck.on_failure, ON_FAILURE_NONE);
        c = load_web(&tcp, "    healthcheck: {tcp: {port: 5432}}\n");
        assert_int_equal(c->healthcheck.kind, HEALTHCHECK_TCP);
        assert_int_equal(c->healthcheck.tcp_port, 5432);
        assert_false(spec_notifies(c));
        c = load_web(&notify, "    healthcheck: {notify: {}, timeout: 20s}\n");
        assert_int_equal(c->healthcheck.kind, HEALTHCHECK_NOTIFY);
        assert_int_equal(c->healthcheck.timeout_usec, 20 * USEC_PER_SEC);
        assert_true(spec_notifies(c));
}

/* `defaults` may bring the timings and the container the probe. */
static void inherited(void **state) {
        _cleanup_loaded_ struct loaded l =
                load_good("name: a\ndefaults: {rootfs: {layers: [{dir: /r}]}, command: [x], healthcheck: {interval: 7s}}\n"
                          "containers:\n  web: {healthcheck: {tcp: {port: 1}}}\n");

        (void)state;
        assert_int_equal(web_of(&l)->healthcheck.kind, HEALTHCHECK_TCP);
        assert_int_equal(web_of(&l)->healthcheck.interval_usec, 7 * USEC_PER_SEC);
}

/* Ready is what the first success says, when there is a check and nothing else was said. */
static void readiness(void **state) {
        static const struct {
                const char *keys;
                enum spec_readiness_type type;
        } cases[] = {
                { "", READINESS_STARTED },
                { "    healthcheck: {tcp: {port: 1}}\n", READINESS_HEALTHCHECK },
                { "    healthcheck: {tcp: {port: 1}}\n    readiness: {type: started}\n", READINESS_STARTED },
                { "    healthcheck: {tcp: {port: 1}}\n    readiness: {type: healthcheck}\n", READINESS_HEALTHCHECK },
                { "    healthcheck: {notify: {}}\n", READINESS_HEALTHCHECK },
                { "    healthcheck: {tcp: {port: 1}}\n    readiness: {type: notify}\n", READINESS_NOTIFY },
                { "    readiness: {type: notify}\n", READINESS_NOTIFY },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_loaded_ struct loaded l = { 0 };

                assert_int_equal(spec_readiness_of(load_web(&l, cases[i].keys)), cases[i].type);
        }
        _cleanup_loaded_ struct loaded l = { 0 }, never = { 0 }, says = { 0 };
        assert_true(spec_notifies(load_web(&says, "    readiness: {type: notify}\n")));
        assert_int_equal(load_web(&l, "")->readiness.timeout_usec, 90 * USEC_PER_SEC);
        assert_true(load_web(&never, "    readiness: {timeout: infinity}\n")->readiness.timeout_usec == USEC_INFINITY);
}

/* A list of codes and ranges accepts what is in it and nothing else; what is no such list accepts nothing. */
static void codes(void **state) {
        (void)state;
        assert_true(spec_http_accepts("200-399", 200) && spec_http_accepts("200-399", 399));
        assert_false(spec_http_accepts("200-399", 199) || spec_http_accepts("200-399", 400));
        assert_true(spec_http_accepts("204,401,500-503", 204) && spec_http_accepts("204,401,500-503", 401) &&
                    spec_http_accepts("204,401,500-503", 502));
        assert_false(spec_http_accepts("204,401,500-503", 205) || spec_http_accepts("204,401,500-503", 504));
        static const char *const wrong[] = { "", "2", "20", "2000", "200-", "-200", "300-200", "200 ", "2xx", "600", "099", "," };
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                for (unsigned code = 0; code < 1000; code++)
                        assert_false(spec_http_accepts(wrong[i], code));
}

/* The same check is the same however it is written; any other key makes another one. */
static void equal(void **state) {
        static const char *const others[] = {
                "exec: [a]",
                "exec: [a, b]",
                "exec: [b]",
                "tcp: {port: 1}",
                "tcp: {port: 2}",
                "http: {port: 1}",
                "http: {port: 1, path: /a}",
                "http: {port: 1, host: a}",
                "http: {port: 1, status: 200}",
                "http: {port: 1, headers: {A: b}}",
                "http: {port: 1, headers: {A: c}}",
                "tcp: {port: 1}, interval: 1s",
                "tcp: {port: 1}, timeout: 1s",
                "tcp: {port: 1}, retries: 1",
                "tcp: {port: 1}, start_period: 1s",
                "tcp: {port: 1}, start_interval: 1s",
                "tcp: {port: 1}, on_failure: none",
                "notify: {}",
                "notify: {}, timeout: 1s",
        };
        struct loaded l[ARRAY_SIZE(others)];
        char keys[512];

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
                (void)snprintf(keys, sizeof(keys), "    healthcheck: {%s}\n", others[i]);
                (void)load_web(&l[i], keys);
        }
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                for (size_t j = 0; j < ARRAY_SIZE(others); j++)
                        assert_int_equal(spec_healthcheck_equal(&web_of(&l[i])->healthcheck, &web_of(&l[j])->healthcheck),
                                         i == j);
        _cleanup_loaded_ struct loaded said = { 0 };
        assert_true(spec_healthcheck_equal(&load_web(&said, "    healthcheck: {retries: 3, tcp: {port: 1}}\n")->healthcheck,
                                           &web_of(&l[3])->healthcheck));
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                loaded_done(&l[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(kinds), cmocka_unit_test(inherited), cmocka_unit_test(readiness),
                cmocka_unit_test(codes), cmocka_unit_test(equal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
