#include "unit.h"

#include <ctrsup/observe/ready.h>

#include <string.h>

static struct ready_message parse(const char *text) {
        struct ready_message m;

        assert_int_equal(ready_parse(text, strlen(text), &m), 0);
        return m;
}

/* Each line is one word; what libsystemd sends of its own accord is passed over. */
static void knows_the_words(void **state) {
        static const struct {
                const char *text;
                unsigned words;
        } cases[] = {
                { "READY=1", READY_READY },
                { "READY=1\n", READY_READY },
                { "RELOADING=1\nMONOTONIC_USEC=12\n", READY_RELOADING },
                { "STOPPING=1", READY_STOPPING },
                { "WATCHDOG=1", READY_WATCHDOG },
                { "WATCHDOG=trigger", READY_TRIGGER },
                { "MAINPID=1", READY_MAINPID },
                { "FDSTORE=1\nFDNAME=a", READY_FDSTORE },
                { "BARRIER=1", 0 },
                { "\n\nREADY=1\n\nWATCHDOG=1", READY_READY | READY_WATCHDOG },
                { "READY=0", 0 },
                { "READY=11", 0 },
                { "ready=1", 0 },
                { " READY=1", 0 },
                { "XREADY=1", 0 },
                { "READY", 0 },
                { "=", 0 },
                { "FDSTOREREMOVE=1", 0 },
                { "WATCHDOG=trigger ", 0 },
        };

        (void)state;
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++)
                assert_int_equal(parse(cases[n].text).words, cases[n].words);
}

/* Digits, as many as fit; 0 would be no time at all. */
static void reads_times(void **state) {
        static const struct {
                const char *text;
                uint64_t usec;
        } cases[] = {
                { "EXTEND_TIMEOUT_USEC=1", 1 },
                { "EXTEND_TIMEOUT_USEC=30000000", 30000000 },
                { "EXTEND_TIMEOUT_USEC=18446744073709551615", UINT64_MAX },
                { "EXTEND_TIMEOUT_USEC=18446744073709551616", 0 },
                { "EXTEND_TIMEOUT_USEC=99999999999999999999999999", 0 },
                { "EXTEND_TIMEOUT_USEC=", 0 },
                { "EXTEND_TIMEOUT_USEC=0", 0 },
                { "EXTEND_TIMEOUT_USEC=-1", 0 },
                { "EXTEND_TIMEOUT_USEC=1 ", 0 },
                { "EXTEND_TIMEOUT_USEC=1s", 0 },
                { "EXTEND_TIMEOUT_USEC=7\nEXTEND_TIMEOUT_USEC=9", 9 },
        };

        (void)state;
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
                struct ready_message m = parse(cases[n].text);

                assert_int_equal(m.words, cases[n].usec ? READY_EXTEND : 0);
                assert_int_equal(m.extend_usec, cases[n].usec);
        }
        assert_int_equal(parse("WATCHDOG_USEC=20000000\nWATCHDOG=1").watchdog_usec, 20000000);
        assert_int_equal(parse("WATCHDOG_USEC=x\nWATCHDOG=1").words, READY_WATCHDOG);
}

/* It is shown on terminals, in journals and in JSON: one line of printable text. */
static void cleans_the_status(void **state) {
        char text[READY_SIZE_MAX + 1], expected[READY_STATUS_SIZE];

        (void)state;
        assert_string_equal(parse("STATUS=loading 3 of 10\nREADY=1").status, "loading 3 of 10");
        assert_string_equal(parse("STATUS=a\x1b[31mb\t\xff").status, "a?[31mb ?");
        assert_int_equal(parse("STATUS=").words, READY_STATUS);
        assert_string_equal(parse("STATUS=").status, "");
        assert_string_equal(parse("STATUS=a\nSTATUS=b").status, "b");
        memset(text, 'x', sizeof(text));
        memcpy(text, "STATUS=", 7);
        text[READY_SIZE_MAX] = '\0';
        memset(expected, 'x', sizeof(expected));
        expected[READY_STATUS_SIZE - 1] = '\0';
        assert_string_equal(parse(text).status, expected);
}

/* All or nothing. */
static void refuses_what_is_no_message(void **state) {
        static char big[READY_SIZE_MAX + 2];
        struct ready_message m = { .words = 77 };

        (void)state;
        memset(big, '\n', sizeof(big));
        assert_int_equal(ready_parse("", 0, &m), -EBADMSG);
        assert_int_equal(ready_parse("", 1, &m), -EBADMSG);
        assert_int_equal(ready_parse("READY=1\0\0", 9, &m), -EBADMSG);
        assert_int_equal(ready_parse("READY=1\0STATUS=a", 16, &m), -EBADMSG);
        assert_int_equal(ready_parse(big, READY_SIZE_MAX + 1, &m), -EBADMSG);
        assert_int_equal(m.words, 77);
        assert_int_equal(ready_parse("READY=1", 8, &m), 0); /* with the NUL of the string */
        assert_int_equal(m.words, READY_READY);
        assert_int_equal(ready_parse(big, READY_SIZE_MAX, &m), 0);
}

unit_main(cmocka_unit_test(knows_the_words), cmocka_unit_test(reads_times), cmocka_unit_test(cleans_the_status),
          cmocka_unit_test(refuses_what_is_no_message));
