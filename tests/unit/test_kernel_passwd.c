#include "unit.h"

#include <ctrsup/kernel/passwd.h>

static int find(const char *text, const char *name, struct passwd_user *u) {
        return passwd_find_name(text, strlen(text), name, u);
}

/* Forty ways to write an id; root only by "0". */
static void test_ids(void **state _unused_) {
        static const struct {
                const char *text;
                int want; /* -1: refused */
        } cases[] = {
                { "0", 0 },           { "1", 1 },
                { "70", 70 },         { "1000", 1000 },
                { "65533", 65533 },   { "65534", 65534 },
                { "", -1 },           { " ", -1 },
                { "65535", -1 },      { "65536", -1 },
                { "99999", -1 },      { "100000", -1 },
                { "131072", -1 },     { "4294967295", -1 },
                { "4294967296", -1 }, { "18446744073709551616", -1 },
                { "-1", -1 },         { "-0", -1 },
                { "+0", -1 },         { "+1", -1 },
                { "00", -1 },         { "007", -1 },
                { "0x0", -1 },        { "0x10", -1 },
                { "1e3", -1 },        { "1.0", -1 },
                { "1,0", -1 },        { " 0", -1 },
                { "0 ", -1 },         { "\t0", -1 },
                { "0\n", -1 },        { "\"1\"", -1 },
                { "root", -1 },       { "0root", -1 },
                { "1_000", -1 },      { "0b1", -1 },
                { "٠", -1 },          { "1000000000000", -1 },
                { "0:0", -1 },        { "\x01", -1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                unsigned got = 12345678;
                bool ok = passwd_parse_id(cases[i].text, strlen(cases[i].text), &got);
                if (ok != (cases[i].want >= 0) || (ok && got != (unsigned)cases[i].want))
                        fail_msg("\"%s\": %d %u", cases[i].text, ok, got);
        }
}

static void test_names(void **state _unused_) {
        static const char *const good[] = { "root",      "_apt",     "www-data",  "a", "systemd-network",
                                            "user.name", "machine$", "postgres9", "aB" };
        static const char *const bad[] = { "", "0", "1abc", "-x", ".x", "A", "a b", "a:b", "a/b", "a$b", "é", "a\n", "$" };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (!passwd_name_is_valid(good[i], strlen(good[i])))
                        fail_msg("%s is refused", good[i]);
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (passwd_name_is_valid(bad[i], strlen(bad[i])))
                        fail_msg("%s is taken", bad[i]);
        char longest[PASSWD_NAME_MAX + 1];
        memset(longest, 'a', sizeof(longest));
        assert_true(passwd_name_is_valid(longest, PASSWD_NAME_MAX - 1));
        assert_false(passwd_name_is_valid(longest, PASSWD_NAME_MAX));
}

/* The first line of the exact format that matches; the file need not end in a newline. */
static void test_passwd(void **state _unused_) {
        const char *text =
                "root:x:0:0:root:/root:/bin/sh\n\nbroken\napp:x:4294967296:1::/:/bin/sh\napp:x:-1:1::/:\napp:x:70\napp:x:70:71:a:/:/bin/sh:more\n"
                "app:x:70:71:A,B:/home/app:/bin/sh\napp:x:80:81:::\nlast:x:9:9::/:";
        struct passwd_user u;

        assert_int_equal(find(text, "app", &u), 0);
        assert_int_equal(u.uid, 70);
        assert_int_equal(u.gid, 71);
        assert_int_equal(find(text, "last", &u), 0);
        assert_int_equal(u.uid, 9);
        assert_int_equal(find(text, "broken", &u), -ENOENT);
        assert_int_equal(find(text, "", &u), -ENOENT);
        assert_int_equal(find("", "root", &u), -ENOENT);
        assert_int_equal(passwd_find_uid(text, strlen(text), 80, &u), 0);
        assert_string_equal(u.name, "app");
        assert_int_equal(passwd_find_uid(text, strlen(text), 81, &u), -ENOENT);
        assert_int_equal(passwd_find_name(text, 10, "root", &u), -ENOENT); /* cut in the line */
}

static void test_groups(void **state _unused_) {
        const char *text =
                "root:x:0:\nvideo:x:44:app,other\nrender:x:105:other,app\napps:x:106:apple,xapp,app2\nbad:x:107:app:x\nlast:x:108:app";
        gid_t gids[4] = { 0 };
        size_t n = 0;
        gid_t gid;

        group_collect(text, strlen(text), "app", gids, 4, &n);
        assert_int_equal(n, 3);
        assert_int_equal(gids[0], 44);
        assert_int_equal(gids[1], 105);
        assert_int_equal(gids[2], 108);
        n = 0;
        group_collect(text, strlen(text), "app", gids, 1, &n);
        assert_int_equal(n, 1);
        assert_int_equal(group_find_name(text, strlen(text), "apps", &gid), 0);
        assert_int_equal(gid, 106);
        assert_int_equal(group_find_name(text, strlen(text), "bad", &gid), -ENOENT);
        assert_int_equal(group_find_name(text, strlen(text), "app", &gid), -ENOENT);
}

/* The host's own file: large ids, any name, the numbers themselves. */
static void test_host_groups(void **state _unused_) {
        const char *text = "root:x:0:\nDomain Admins:x:1912800512:\nbad:x:4294967295:\nworse:x:-1:\nbad:x:99999:a\nshort:x:7\nlast:x:4294967294:";
        static const char *const wrong[] = { "", "-1", "+1", "01", "4294967295", "99999999999", "1 ", "0x1", "adm" };
        gid_t gid = 1;

        assert_int_equal(group_find_on_host(text, strlen(text), "root", &gid), 0);
        assert_int_equal(gid, 0);
        assert_int_equal(group_find_on_host(text, strlen(text), "Domain Admins", &gid), 0);
        assert_int_equal(gid, 1912800512);
        assert_int_equal(group_find_on_host(text, strlen(text), "bad", &gid), 0);
        assert_int_equal(gid, 99999);
        assert_int_equal(group_find_on_host(text, strlen(text), "last", &gid), 0);
        assert_int_equal(gid, 4294967294);
        assert_int_equal(group_find_on_host(text, strlen(text), "worse", &gid), -ENOENT);
        assert_int_equal(group_find_on_host(text, strlen(text), "short", &gid), -ENOENT);
        assert_true(group_parse_host_id("0", &gid) && gid == 0);
        assert_true(group_parse_host_id("4294967294", &gid) && gid == 4294967294);
        for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
                if (group_parse_host_id(wrong[i], &gid))
                        fail_msg("\"%s\" is taken", wrong[i]);
}

unit_main(cmocka_unit_test(test_ids), cmocka_unit_test(test_names), cmocka_unit_test(test_passwd), cmocka_unit_test(test_groups),
          cmocka_unit_test(test_host_groups));
