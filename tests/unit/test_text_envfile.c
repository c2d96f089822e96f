#include "unit.h"

#include <ctrsup/text/envfile.h>

static void assert_file(const char *text, const char *expected) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct envfile file;
        struct err err = { 0 };
        char found[1024] = "";

        if (envfile_read(text, strlen(text), a, &file, &err) < 0)
                fail_msg("%s: %s", text, err.text);
        for (size_t i = 0; i < file.n; i++) {
                strcat(strcat(found, file.items[i].key), "=<");
                strcat(strcat(found, file.items[i].value), ">");
        }
        assert_string_equal(found, expected);
}

static void assert_refused(const char *text, size_t len, const char *words) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct envfile file;
        struct err err = { 0 };

        assert_int_equal(envfile_read(text, len, a, &file, &err), -EBADMSG);
        if (!strstr(err.text, words))
                fail_msg("expected \"%s\" in \"%s\"", words, err.text);
}

/* As systemd reads EnvironmentFile=: comments, quotes, joined lines; nothing is expanded. */
static void files(void **state) {
        (void)state;
        assert_file("", "");
        assert_file("# c\n; c\n\n  \nA=1\n", "A=<1>");
        assert_file("A=1", "A=<1>");
        assert_file("A=\nB=  x y  \r\n", "A=<>B=<x y>");
        assert_file("A=\"x  y\" \nB='$HOME \\n'\n", "A=<x  y>B=<$HOME \\n>");
        assert_file("A=\"q\\\"q\\\\ \\$ \\x\"\n", "A=<q\"q\\ $ \\x>");
        assert_file("A=one\\\ntwo\nB=x\n", "A=<onetwo>B=<x>");
        assert_file("A=\"two\nlines\"\nB=1\n", "A=<two\nlines>B=<1>");
        assert_file("A=a=b#c\nA=2\n", "A=<a=b#c>A=<2>");
        assert_file("  A =1\n", "A=<1>");
        assert_file("A=x\\ ", "A=<x >");
        assert_file("A=$HOME ${X}\n", "A=<$HOME ${X}>");
}

/* What is no such file is refused with the line. */
static void refused(void **state) {
        (void)state;
        assert_refused("A=1\nB\n", 6, "line 2: no \"=\"");
        assert_refused("export A=1\n", 11, "line 1: \"export A\" is not a name");
        assert_refused("1A=1\n", 5, "is not a name");
        assert_refused("=1\n", 3, "is not a name");
        assert_refused("A=\"x\n\n", 6, "line 1: a quote is not closed");
        assert_refused("A='x' y\n", 8, "behind the closing quote");
        assert_refused("A=\"1\n2\" x\n", 10, "line 2: text behind");
        assert_refused("A=1\0\n", 5, "NUL");
        assert_refused("A=\xff\n", 4, "not UTF-8");
}

unit_main(cmocka_unit_test(files), cmocka_unit_test(refused));
