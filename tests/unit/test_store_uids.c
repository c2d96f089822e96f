#include "unit.h"

#include <ctrsup/store/uids.h>

#include <sys/wait.h>
#include <unistd.h>

#include "store_tmp.h"

enum { BASE = 0x10000000 };

static uint32_t take(const struct tmp *t, const char *stack, const char *container) {
        uint32_t first = 0;
        struct err err;

        if (uids_take(t->fd, BASE, 8, NULL, 0, stack, container, &first, &err) < 0)
                fail_msg("%s", err.text);
        return first;
}

/* The same block every time, another one for every other name, and again free when the name is gone. */
static void sticky_and_distinct(void **state) {
        struct tmp *t = *state;

        assert_int_equal(take(t, "shop", "api"), BASE);
        assert_int_equal(take(t, "shop", "db"), BASE + UIDS_BLOCK);
        assert_int_equal(take(t, "blog", "api"), BASE + 2 * UIDS_BLOCK);
        assert_int_equal(take(t, "shop", "db"), BASE + UIDS_BLOCK);
        assert_int_equal(uids_release(t->fd, "shop", "api", NULL), 0);
        assert_int_equal(take(t, "shop", "db"), BASE + UIDS_BLOCK);
        assert_int_equal(take(t, "new", "x"), BASE);
        assert_int_equal(uids_release(t->fd, "shop", NULL, NULL), 0);
        assert_int_equal(take(t, "new", "y"), BASE + UIDS_BLOCK);
        assert_int_equal(uids_release(t->fd, "nobody", NULL, NULL), 0);
}

static void ranges_of_others_are_left_out(void **state) {
        static const struct uid_range taken[] = { { BASE - 10, 11 }, { BASE + 2 * UIDS_BLOCK + 5, 1 } };
        struct tmp *t = *state;
        uint32_t first = 0;
        struct err err;

        assert_int_equal(uids_take(t->fd, BASE, 8, taken, 2, "shop", "a", &first, &err), 0);
        assert_int_equal(first, BASE + UIDS_BLOCK);
        assert_int_equal(uids_take(t->fd, BASE, 8, taken, 2, "shop", "b", &first, &err), 0);
        assert_int_equal(first, BASE + 3 * UIDS_BLOCK);

        struct uid_range late = { BASE + UIDS_BLOCK, UIDS_BLOCK }; /* given away by hand, later */
        assert_int_equal(uids_take(t->fd, BASE, 8, &late, 1, "shop", "a", &first, &err), -EADDRINUSE);
        assert_non_null(strstr(err.text, "host ids of shop/a"));
}

static void no_blocks_left(void **state) {
        struct tmp *t = *state;
        uint32_t first = 0;
        char name[16];
        struct err err;

        for (int i = 0; i < 8; i++) {
                (void)snprintf(name, sizeof(name), "c%d", i);
                (void)take(t, "shop", name);
        }
        assert_int_equal(uids_take(t->fd, BASE, 8, NULL, 0, "shop", "c8", &first, &err), -ENOSPC);
        assert_string_equal(err.text, "no host ids are left for shop/c8: all 8 blocks are given");
        assert_int_equal(uids_take(t->fd, UINT32_MAX - 3 * UIDS_BLOCK + 1, 8, NULL, 0, "s", "d", &first, &err), 0);
        assert_int_equal(uids_take(t->fd, UINT32_MAX - UIDS_BLOCK + 1, 8, NULL, 0, "s", "e", &first, &err),
                         -ENOSPC); /* past 2^32 */
}

/* Guessing would hand one container's files to another: a record that cannot be read stops everything, and stays as it is. */
static void bad_record_is_left_alone(void **state) {
        static const char *const bad[] = {
                "",
                "{}",
                "{\"version\":1}",
                "{\"version\":1,\"blocks\":{}}",
                "{\"version\":1,\"blocks\":[{\"first\":-1,\"stack\":\"a\",\"container\":\"b\"}]}",
                "{\"version\":1,\"blocks\":[{\"first\":4294967295,\"stack\":\"a\",\"container\":\"b\"}]}",
                "{\"version\":1,\"blocks\":[{\"first\":65536,\"stack\":7,\"container\":\"b\"}]}",
                "{\"version\":1,\"blocks\":[3]}",
        };
        struct tmp *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                uint32_t first = 0;
                struct err err = { 0 };

                tmp_file(t, "uids", bad[i]);
                assert_int_equal(uids_take(t->fd, BASE, 8, NULL, 0, "shop", "a", &first, &err), -EBADMSG);
                assert_string_not_equal(err.hint, "");
                assert_int_equal(uids_release(t->fd, "shop", NULL, NULL), -EBADMSG);
                assert_int_equal(first, 0);
        }
        tmp_file(t, "uids", "{\"version\":9,\"blocks\":[]}");
        uint32_t first = 0;
        assert_int_equal(uids_take(t->fd, BASE, 8, NULL, 0, "shop", "a", &first, NULL), -EPROTO);
}

/* Four supervisors at once: no block is given twice. */
static void shared_under_a_lock(void **state) {
        struct tmp *t = *state;
        int out[2];
        bool seen[64] = { false };
        uint32_t first;

        assert_int_equal(pipe(out), 0);
        for (int p = 0; p < 4; p++)
                if (fork() == 0) {
                        for (int i = 0; i < 10; i++) {
                                char name[16];

                                (void)snprintf(name, sizeof(name), "c%d-%d", p, i);
                                if (uids_take(t->fd, BASE, 64, NULL, 0, "shop", name, &first, NULL) < 0)
                                        first = 0;
                                (void)!write(out[1], &first, sizeof(first));
                        }
                        _exit(0);
                }
        (void)close(out[1]);
        int n = 0;
        for (; read(out[0], &first, sizeof(first)) == sizeof(first); n++) {
                assert_in_range(first, BASE, BASE + 63 * UIDS_BLOCK);
                assert_false(seen[(first - BASE) / UIDS_BLOCK]);
                seen[(first - BASE) / UIDS_BLOCK] = true;
        }
        assert_int_equal(n, 40);
        (void)close(out[0]);
        while (wait(NULL) > 0)
                ;
}

/* Borrowed blocks differ as long as both are held, in and between processes; one that was given back, or whose holder died, is free. */
static void borrowed_while_held(void **state) {
        struct tmp *t = *state;
        uint32_t a = 0, b = 0, c = 0;
        int lock_a = -1, lock_b = -1, lock_c = -1, status = -1;

        assert_int_equal(uids_borrow(t->fd, BASE, 2, NULL, 0, &a, &lock_a, NULL), 0);
        pid_t pid = fork();
        if (pid == 0)
                _exit(uids_borrow(t->fd, BASE, 2, NULL, 0, &b, &lock_b, NULL) == 0 && b != a ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_int_equal(uids_borrow(t->fd, BASE, 2, NULL, 0, &b, &lock_b, NULL), 0); /* the child's, who is gone */
        assert_int_not_equal(a, b);
        assert_int_equal(uids_borrow(t->fd, BASE, 2, NULL, 0, &c, &lock_c, NULL), -ENOSPC);
        uids_return(t->fd, a, lock_a);
        assert_int_equal(uids_borrow(t->fd, BASE, 2, NULL, 0, &c, &lock_c, NULL), 0);
        assert_int_equal(c, a);
        uids_return(t->fd, b, lock_b);
        uids_return(t->fd, c, lock_c);
}

static void subid_files(void **state _unused_) {
        _cleanup_free_ struct uid_range *r = NULL;
        size_t n = 0;

        assert_int_equal(
                uids_parse_subids(
                        "root:100000:65536\n# comment\n\nbroken\na:b:c\nu:5:0\n1000:4294967295:1\nx:99999999999:1\nlast:7:3", &r,
                        &n),
                0);
        assert_int_equal(n, 3);
        assert_int_equal(r[0].first, 100000);
        assert_int_equal(r[0].count, 65536);
        assert_int_equal(r[2].first, 7);
}

unit_main(tmp_test(sticky_and_distinct), tmp_test(ranges_of_others_are_left_out), tmp_test(no_blocks_left),
          tmp_test(bad_record_is_left_alone), tmp_test(shared_under_a_lock), tmp_test(borrowed_while_held),
          cmocka_unit_test(subid_files));
