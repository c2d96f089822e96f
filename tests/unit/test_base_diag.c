#include "unit.h"

#include <ctrsup/base/diag.h>

static struct mark at(uint32_t line, uint32_t column) {
        return (struct mark){ .line = line, .column = column, .end_line = line, .end_column = column + 1 };
}

static int make_list(void **state) {
        static struct diag_list list;

        *state = &list;
        return diag_list_init(&list, "stack.yaml");
}

static int drop_list(void **state) {
        diag_list_done(*state);
        return 0;
}

static void assert_printed(const struct diag_list *list, const char *source, const char *expected) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        diag_print(list, source, &out);
        assert_string_equal(buf_text(&out), expected);
}

/* The worked examples of the command line's reference, to the letter. */
static void gnu_form(void **state) {
        struct diag_list *list = *state;

        struct diag *d = diag_add(list, DIAG_UNKNOWN_KEY, at(14, 5), "containers.api.enviroment", "unknown key");
        diag_hint(list, d, "did you mean \"%s\"?", "environment");
        d = diag_add(list, DIAG_DUPLICATE_KEY, at(19, 3), "containers.api", "key given twice");
        diag_note(list, d, at(12, 3), "first given here");
        d = diag_add(list, DIAG_CONFLICT, at(26, 23), "containers.web.namespaces.net", "\"host\" cannot be combined with ports");
        diag_note(list, d, at(24, 5), "ports given here");
        diag_hint(list, d, "remove ports");
        assert_printed(list, NULL,
                       "stack.yaml:14:5: error: containers.api.enviroment: unknown key\n"
                       "    hint: did you mean \"environment\"?\n"
                       "stack.yaml:19:3: error: containers.api: key given twice\n"
                       "    stack.yaml:12:3: note: first given here\n"
                       "stack.yaml:26:23: error: containers.web.namespaces.net: \"host\" cannot be combined with ports\n"
                       "    stack.yaml:24:5: note: ports given here\n"
                       "    hint: remove ports\n"
                       "stack.yaml: 3 errors\n");
        assert_int_equal(diag_errors(list), 3);
}

/* Without complaints nothing is printed, not even a count. */
static void nothing_to_say(void **state) {
        assert_printed(*state, "text\n", "");
        assert_int_equal(diag_errors(*state), 0);
}

/* No place and no path: only the file and the words. A warning alone refuses nothing. */
static void place_and_path_may_miss(void **state) {
        struct diag_list *list = *state;

        diag_warn(list, DIAG_INSECURE, MARK_NULL, NULL, "mode is %04o", 0644u);
        assert_printed(list, NULL, "stack.yaml: warning: mode is 0644\nstack.yaml: 1 warning\n");
        assert_int_equal(diag_errors(list), 0);
        diag_add(list, DIAG_TOO_LARGE, MARK_NULL, "", "larger than 1M");
        assert_printed(list, NULL,
                       "stack.yaml: warning: mode is 0644\nstack.yaml: error: larger than 1M\nstack.yaml: 1 error, 1 warning\n");
}

/* Printed in the file's order, whatever order they were found in; the first found of one place first. */
static void in_file_order(void **state) {
        struct diag_list *list = *state;

        diag_add(list, DIAG_BAD_VALUE, at(9, 2), "c", "third");
        diag_add(list, DIAG_BAD_VALUE, at(2, 8), "b", "second");
        diag_add(list, DIAG_BAD_VALUE, at(2, 3), "a", "first");
        diag_warn(list, DIAG_INSECURE, at(9, 2), "c", "fourth");
        assert_printed(list, NULL,
                       "stack.yaml:2:3: error: a: first\n"
                       "stack.yaml:2:8: error: b: second\n"
                       "stack.yaml:9:2: error: c: third\n"
                       "stack.yaml:9:2: warning: c: fourth\n"
                       "stack.yaml: 3 errors, 1 warning\n");
}

/* The caret stands below the column counted in characters: UTF-8 counts once, a tab stays a tab, CRLF is no text. */
static void caret_counts_characters(void **state) {
        struct diag_list *list = *state;
        static const char source[] = "first\n"
                                     "näme: ü x\r\n"
                                     "\tk: v\n"
                                     "last";

        diag_add(list, DIAG_BAD_VALUE, at(2, 9), "a", "one");
        diag_add(list, DIAG_BAD_VALUE, at(3, 2), "b", "two");
        diag_add(list, DIAG_BAD_VALUE, at(4, 1), "c", "three");
        assert_printed(list, source,
                       "stack.yaml:2:9: error: a: one\n"
                       "    näme: ü x\n"
                       "            ^\n"
                       "stack.yaml:3:2: error: b: two\n"
                       "    \tk: v\n"
                       "    \t^\n"
                       "stack.yaml:4:1: error: c: three\n"
                       "    last\n"
                       "    ^\n"
                       "stack.yaml: 3 errors\n");
}

/* A place outside the text, an empty line, a line too long to help: no source is shown, and nothing is read past the end. */
static void source_is_left_out(void **state) {
        struct diag_list *list = *state;
        char source[400];

        memset(source, 'x', sizeof(source));
        memcpy(source, "a\n\n", 3);
        source[sizeof(source) - 1] = '\0';
        diag_add(list, DIAG_BAD_VALUE, at(2, 1), "a", "empty line");
        diag_add(list, DIAG_BAD_VALUE, at(3, 5), "b", "long line");
        diag_add(list, DIAG_BAD_VALUE, at(900, 5), "c", "no such line");
        assert_printed(list, source,
                       "stack.yaml:2:1: error: a: empty line\n"
                       "stack.yaml:3:5: error: b: long line\n"
                       "stack.yaml:900:5: error: c: no such line\n"
                       "stack.yaml: 3 errors\n");
}

/* A column behind the line's end puts the caret behind the last character. */
static void caret_stays_in_the_line(void **state) {
        struct diag_list *list = *state;

        diag_add(list, DIAG_BAD_VALUE, at(1, 50), "a", "behind");
        assert_printed(list, "ab\ncd\n", "stack.yaml:1:50: error: a: behind\n    ab\n      ^\nstack.yaml: 1 error\n");
}

/* After DIAG_MAX the rest is counted; hints on those nobody sees are taken all the same. Warnings have their own room. */
static void collects_up_to_the_cap(void **state) {
        struct diag_list *list = *state;
        _cleanup_buf_ struct buf out = BUF_NULL;
        size_t lines = 0;

        for (uint32_t i = 1; i <= 50; i++) {
                struct diag *d = diag_add(list, DIAG_BAD_VALUE, at(i, 1), "k", "wrong %u", i);

                assert_non_null(d);
                diag_hint(list, d, "hint %u", i);
        }
        diag_warn(list, DIAG_INSECURE, at(60, 1), "k", "also this");
        diag_print(list, NULL, &out);
        assert_int_equal(diag_errors(list), 50);
        assert_non_null(strstr(buf_text(&out), "wrong 20\n"));
        assert_null(strstr(buf_text(&out), "wrong 21\n"));
        assert_null(strstr(buf_text(&out), "hint 21\n"));
        assert_non_null(strstr(buf_text(&out), "stack.yaml:60:1: warning: k: also this\n"));
        assert_non_null(strstr(buf_text(&out), "stack.yaml: 50 errors, 1 warning (the first 20 are shown)\n"));
        for (const char *p = buf_text(&out); (p = strchr(p, '\n')); p++)
                lines++;
        assert_int_equal(lines, DIAG_MAX * 2 + 2);
}

/* Everything is copied: the caller's strings may go. */
static void copies_everything(void **state) {
        struct diag_list *list = *state;
        char path[] = "containers.web", words[] = "wrong";

        diag_hint(list, diag_add(list, DIAG_BAD_VALUE, at(1, 1), path, "%s", words), "%s", words);
        memset(path, '#', sizeof(path) - 1);
        memset(words, '#', sizeof(words) - 1);
        assert_printed(list, NULL, "stack.yaml:1:1: error: containers.web: wrong\n    hint: wrong\nstack.yaml: 1 error\n");
}

static void standard_input_has_a_name(void **state _unused_) {
        struct diag_list list;

        assert_int_equal(diag_list_init(&list, "-"), 0);
        assert_string_equal(list.file, "<stdin>");
        diag_list_done(&list);
}

/* Running out of memory is never read as "no errors". */
static void out_of_memory_counts(void **state) {
        struct diag_list *list = *state;

        list->failed = true;
        assert_int_equal(diag_errors(list), 1);
        assert_printed(list, NULL, "stack.yaml: out of memory\n");
}

/* Ids are stable words: every one has its own, spelled as in the reference. */
static void ids_have_names(void **state _unused_) {
        for (int i = 0; i < _DIAG_ID_MAX; i++) {
                const char *name = diag_id_name((enum diag_id)i);

                assert_string_not_equal(name, "?");
                assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
                for (int k = 0; k < i; k++)
                        assert_string_not_equal(name, diag_id_name((enum diag_id)k));
        }
        assert_string_equal(diag_id_name(DIAG_UNKNOWN_KEY), "unknown-key");
        assert_string_equal(diag_id_name(DIAG_UNSET_VARIABLE), "unset-variable");
        assert_string_equal(diag_severity_name(DIAG_ERROR), "error");
        assert_string_equal(diag_severity_name(DIAG_WARNING), "warning");
}

#define with_list(f) cmocka_unit_test_setup_teardown(f, make_list, drop_list)

unit_main(with_list(gnu_form), with_list(nothing_to_say), with_list(place_and_path_may_miss), with_list(in_file_order),
          with_list(caret_counts_characters), with_list(source_is_left_out), with_list(caret_stays_in_the_line),
          with_list(collects_up_to_the_cap), with_list(copies_everything), cmocka_unit_test(standard_input_has_a_name),
          with_list(out_of_memory_counts), cmocka_unit_test(ids_have_names));
