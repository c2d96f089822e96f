/* What a probe makes of what a server or a command says; whole probes: tests/host/probe. */
#include "unit.h"

#include <ctrsup/observe/probe.h>

#include <stdlib.h>

static void assert_status(const char *reply, int expected, unsigned expected_code) {
        unsigned code = 0;

        assert_int_equal(probe_parse_status(reply, strlen(reply), &code), expected);
        if (expected == 1)
                assert_int_equal(code, expected_code);
        /* The same, a byte at a time: never another verdict, and refused as soon as it is not HTTP. */
        for (size_t n = 0; n < strlen(reply); n++) {
                int r = probe_parse_status(reply, n, &code);

                assert_true(r == 0 || r == expected);
                if (expected == 0)
                        assert_int_equal(r, 0);
        }
}

static void status_lines(void **state _unused_) {
        assert_status("HTTP/1.1 200 OK\r\n", 1, 200);
        assert_status("HTTP/1.0 404 Not Found\r\nServer: x\r\n", 1, 404);
        assert_status("HTTP/1.1 204\r\n", 1, 204);
        assert_status("HTTP/1.1 204\n", 1, 204);
        assert_status("HTTP/1.1 200 and on it goes", 0, 0);
        assert_status("", 0, 0);
        static const char *const wrong[] = { "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200 OK\r\n",
                                             "HTTP/1.1 20 OK\r\n",      "HTTP/1.1 2000 OK\r\n",
                                             "HTTP/1.1  200 OK\r\n",    "http/1.1 200\r\n",
                                             "HTTP/1.1 -20 OK\r\n",     "\r\n" };
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                assert_status(wrong[i], -EBADMSG, 0);
}

/* Any bytes: an answer, and none of them read beyond the end (the buffer is exact, for a sanitizer). */
static void random_replies(void **state _unused_) {
        srand(99);
        for (int round = 0; round < 20000; round++) {
                size_t size = (size_t)rand() % 40;
                char *reply = malloc(size ? size : 1);
                unsigned code = 0;

                assert_non_null(reply);
                for (size_t n = 0; n < size; n++)
                        reply[n] = rand() % 4 ? "HTTP/1.1 200 OK\r\n"[n % 17] : (char)rand();
                int r = probe_parse_status(reply, size, &code);
                assert_true(r == 0 || r == -EBADMSG || (r == 1 && code <= 999));
                free(reply);
        }
}

static void assert_clean(const char *text, bool one_line, size_t size, const char *expected) {
        char buf[64];

        probe_clean_text(text, strlen(text), one_line, buf, size);
        assert_string_equal(buf, expected);
}

/* No terminal and no line of a log is moved by what a container says. */
static void clean_text(void **state _unused_) {
        assert_clean("all well\n\n", false, 64, "all well");
        assert_clean("a\n\tb\n", false, 64, "a\n\tb");
        assert_clean("a\n\tb\n", true, 64, "a  b");
        assert_clean("\x1b[2Jx\x01\xff\r\n", false, 64, "?[2Jx??");
        assert_clean("0123456789", true, 5, "0123");
        assert_clean("", true, 1, "");
}

unit_main(cmocka_unit_test(status_lines), cmocka_unit_test(random_replies), cmocka_unit_test(clean_text));
