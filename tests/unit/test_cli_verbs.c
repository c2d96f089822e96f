/* The tables: every verb has its help, every option its words, and nothing stands in the way of a global one by accident. */
#include "unit.h"

#include <cli/verbs.h>

#include <ctype.h>

/* Every verb has one line that says what it does, and a help that has its usage, its options and the global ones. */
static void every_verb_has_help(void **state _unused_) {
        size_t n = 0;

        for (const struct verb *v = verbs; v->name; v++, n++) {
                _cleanup_buf_ struct buf help = BUF_NULL;
                char usage[128];

                assert_true(strlen(v->summary) > 5 && strlen(v->summary) < 90);
                assert_false(v->summary[strlen(v->summary) - 1] == '.');
                assert_ptr_equal(verb_find(v->name), v);
                help_verb(v, &help);
                (void)snprintf(usage, sizeof(usage), "ctrsup %s [OPTIONS]%s%s\n", v->name, *v->words ? " " : "", v->words);
                assert_int_equal(strncmp(buf_text(&help), usage, strlen(usage)), 0);
                assert_non_null(strstr(buf_text(&help), "--help"));
                assert_true(v->run || strstr(buf_text(&help), "Not supported yet"));
                for (const struct args_option *o = v->options; o && o->id != 0; o++) {
                        char option[64];

                        (void)snprintf(option, sizeof(option), "--%s", o->name);
                        assert_non_null(strstr(buf_text(&help), option));
                        assert_non_null(strstr(buf_text(&help), o->help));
                }
        }
        assert_true(n > 25);
}

/* No option twice in a verb; none hides a global one but those that mean to. */
static void options_do_not_collide(void **state _unused_) {
        for (const struct verb *v = verbs; v->name; v++)
                for (const struct args_option *o = v->options; o && o->id != 0; o++) {
                        assert_true(o->id > 0 && o->id < 1000);
                        assert_non_null(o->name);
                        assert_true(strlen(o->help) > 3);
                        for (const struct args_option *p = o + 1; p->id != 0; p++) {
                                assert_true(!o->letter || o->letter != p->letter);
                                assert_string_not_equal(o->name, p->name);
                        }
                        for (const struct args_option *g = args_global; g->id != 0; g++) {
                                assert_true(!o->letter || o->letter != g->letter);
                                assert_string_not_equal(o->name, g->name);
                        }
                }
}

/* The program's help names every verb on one line of its own, and says which come later. */
static void the_help_lists_all(void **state _unused_) {
        _cleanup_buf_ struct buf help = BUF_NULL;

        help_program(&help);
        const char *later = strstr(buf_text(&help), "Not supported yet:");
        assert_non_null(later);
        for (const struct verb *v = verbs; v->name; v++) {
                char line[32];

                (void)snprintf(line, sizeof(line), "\n  %s ", v->name);
                const char *at = strstr(buf_text(&help), line);
                assert_non_null(at);
                assert_int_equal(at > later, !v->run);
        }
        for (const char *at = buf_text(&help), *end; (end = strchr(at, '\n')); at = end + 1)
                assert_true(end - at <= 130);
}

static void version_comes_first(void **state _unused_) {
        _cleanup_buf_ struct buf text = BUF_NULL;

        help_version(&text);
        assert_int_equal(strncmp(buf_text(&text), "ctrsup " CTRSUP_VERSION "\n", sizeof("ctrsup " CTRSUP_VERSION "\n") - 1), 0);
}

static void near_words_are_suggested(void **state _unused_) {
        assert_string_equal(verb_suggest("aply"), "apply");
        assert_string_equal(verb_suggest("statsu"), "status");
        assert_null(verb_suggest("frobnicate"));
        assert_null(verb_find("Apply"));
}

/* Options stand anywhere, "--" ends them, the verb's own hide the global ones, values are taken in every form. */
static void options_stand_anywhere(void **state _unused_) {
        static const struct args_option own[] = { { 1, 'n', "lines", "N", "x" }, { 2, 'q', NULL, NULL, "own q" }, { 0 } };
        struct cli c = { .timeout_usec = 0 };
        char *argv[] = { (char *)"v", (char *)"one", (char *)"-n5", (char *)"-vv", (char *)"two", (char *)"--lines=6", (char *)"-q", (char *)"--timeout", (char *)"1m", (char *)"--",
                         (char *)"-n", NULL };
        _cleanup_args_ struct args a;

        args_init(&a, &c, 11, argv, own, false);
        assert_int_equal(args_next(&a), 1);
        assert_string_equal(a.value, "5");
        assert_int_equal(args_next(&a), 1);
        assert_string_equal(a.value, "6");
        assert_int_equal(args_next(&a), 2);
        assert_int_equal(args_next(&a), ARGS_END);
        assert_int_equal(c.verbose, 2);
        assert_false(c.quiet);
        assert_true(c.timeout_usec == 60000000);
        assert_int_equal(args_n_words(&a), 3);
        assert_string_equal(args_words(&a)[0], "one");
        assert_string_equal(args_words(&a)[1], "two");
        assert_string_equal(args_words(&a)[2], "-n");
}

/* Times as timeout(1) and as the stack file have them. */
static void durations(void **state _unused_) {
        static const struct { const char *text; uint64_t usec; } good[] = {
                { "0", 0 }, { "5", 5000000 }, { "1m30s", 90000000 }, { "250ms", 250000 }, { "infinity", UINT64_MAX },
        };
        static const char *const bad[] = { "", "x", "5 s", "-1", "1.5", "99999999999999999999", "1s1m" };
        struct cli c = { 0 };
        struct args a = { .cli = &c };
        uint64_t usec;

        for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
                assert_int_equal(args_duration(&a, "--timeout", good[i].text, &usec), 0);
                assert_true(usec == good[i].usec);
        }
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                assert_int_equal(args_duration(&a, "--timeout", bad[i], &usec), ARGS_WRONG);
}

unit_main(cmocka_unit_test(every_verb_has_help), cmocka_unit_test(options_do_not_collide), cmocka_unit_test(the_help_lists_all),
          cmocka_unit_test(version_comes_first), cmocka_unit_test(near_words_are_suggested), cmocka_unit_test(options_stand_anywhere),
          cmocka_unit_test(durations));
